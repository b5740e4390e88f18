//! The process of the proxy: its arguments, its port, its end.
//!
//! Promise: it says `listening on http://ADDRESS` when it can be asked; after SIGTERM it takes nothing new, and ends with 0 when what was under way is done, at most
//! a second later.

use std::convert::Infallible;
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::run::{PROXY_VERB, Routes};

use super::pass::Front;

/// How long answers may go on after the signal to end.
const LAST: Duration = Duration::from_secs(1);
/// How long it waits to accept again where it could not.
const AGAIN: Duration = Duration::from_millis(100);

/// Runs the proxy until it is told to end. `args` is what stands behind the verb.
pub(crate) fn run(args: &[OsString]) -> ExitCode {
    let (address, routes) = match parse(args) {
        Ok(parsed) => parsed,
        Err(mistake) => {
            eprintln!("error: {PROXY_VERB}: {mistake}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let served = runtime
        .map_err(|e| format!("no runtime: {e}"))
        .and_then(|runtime| runtime.block_on(serve(address, routes)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(args: &[OsString]) -> Result<(SocketAddr, Routes), String> {
    let (mut host, mut port, mut routes) = (None, None, None);
    let mut rest = args.iter();
    while let Some(name) = rest.next() {
        let name = name.to_string_lossy();
        let value = rest
            .next()
            .and_then(|value| value.to_str())
            .ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_ref() {
            "--host" => {
                let address = value.parse::<IpAddr>();
                host =
                    Some(address.map_err(|_| format!("--host is `{value}`, not an IP address"))?);
            }
            "--port" => {
                let number = value.parse::<u16>();
                port = Some(number.map_err(|_| format!("--port is `{value}`, not a port"))?);
            }
            "--routes" => {
                let read = serde_json::from_str::<Routes>(value);
                routes = Some(read.map_err(|e| format!("--routes is not understood: {e}"))?);
            }
            other => {
                return Err(format!(
                    "there is no option `{other}`: it takes --host, --port and --routes"
                ));
            }
        }
    }
    let missing = |name: &str| format!("{name} is missing");
    let host = host.ok_or_else(|| missing("--host"))?;
    let port = port.ok_or_else(|| missing("--port"))?;
    let routes = routes.ok_or_else(|| missing("--routes"))?;
    Ok((SocketAddr::new(host, port), routes))
}

async fn serve(address: SocketAddr, routes: Routes) -> Result<(), String> {
    let handlers = signal(SignalKind::terminate())
        .and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    let (mut term, mut interrupt) = handlers.map_err(|e| format!("cannot handle signals: {e}"))?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|e| format!("cannot bind {address}: {e}"))?;
    let front = Arc::new(Front::new(routes));
    for target in front.upstream.all() {
        eprintln!("{} at {}", target.role, target.address);
    }
    let address = listener.local_addr().unwrap_or(address);
    eprintln!("listening on http://{address}");
    let closing = GracefulShutdown::new();
    let name = loop {
        let accepted = tokio::select! {
            _ = term.recv() => break "SIGTERM",
            _ = interrupt.recv() => break "SIGINT",
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // No descriptors are left; those who wait are still there in a moment.
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        // Tokens are small and must not wait for each other.
        let _ = stream.set_nodelay(true);
        let front = front.clone();
        let service = service_fn(move |request| {
            let front = front.clone();
            async move { Ok::<_, Infallible>(front.answer(request).await) }
        });
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
        let connection = closing.watch(connection);
        tokio::spawn(async move {
            // A client that goes away is no event.
            let _ = connection.await;
        });
    };
    eprintln!("{name}: ending");
    drop(listener);
    let _ = tokio::time::timeout(LAST, closing.shutdown()).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<OsString> {
        line.iter().map(OsString::from).collect()
    }

    #[test]
    fn arguments_are_those_that_a_conductor_gives() {
        let routes = Routes::Any(vec!["127.77.0.1:80".to_owned()]);
        let line = routes.own_proxy("harness", "127.77.0.1", 1999);
        let line: Vec<OsString> = line.iter().skip(2).map(OsString::from).collect();
        let read = parse(&line).unwrap();
        assert_eq!(read, ("127.77.0.1:1999".parse().unwrap(), routes));
    }

    #[test]
    fn mistakes_are_one_sentence() {
        for (line, expected) in [
            (&["--port", "1"][..], "--host is missing"),
            (&["--port", "x"], "--port is `x`, not a port"),
            (&["--host"], "--host needs a value"),
            (&["--routes", "{"], "--routes is not understood"),
            (&["--route", "x"], "there is no option `--route`"),
        ] {
            let error = parse(&words(line)).unwrap_err();
            assert!(error.contains(expected), "{line:?}: {error}");
        }
    }
}
