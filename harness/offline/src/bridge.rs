//! The process of the bridge: its arguments, its port, its end.
//!
//! Promise: it listens only if the program of the job exists. After SIGTERM or SIGINT it ends the runs, waits until their
//! supervisors have ended, and ends with 0.

use std::ffi::OsString;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;

use crate::VERB;
use crate::folder::Folders;
use crate::http::{Bridge, answer};
use crate::job::OfflineJob;

/// How long runs may take to end when the bridge does.
const LAST: Duration = Duration::from_secs(4);

struct Arguments {
    address: SocketAddr,
    folder: PathBuf,
    job: OfflineJob,
}

/// Runs the bridge until it is told to end.
pub(crate) fn run(args: &[OsString]) -> ExitCode {
    let arguments = match parse(args) {
        Ok(arguments) => arguments,
        Err(mistake) => {
            say(&format!("error: {mistake}"));
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let served = runtime
        .map_err(|e| format!("no runtime: {e}"))
        .and_then(|runtime| runtime.block_on(serve(arguments)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn parse(args: &[OsString]) -> Result<Arguments, String> {
    let (mut host, mut port, mut folder, mut job) = (None, None, None, None);
    for arg in args {
        let shown = arg.to_string_lossy();
        let text = arg
            .to_str()
            .ok_or_else(|| format!("`{shown}` is not valid UTF-8"))?;
        let (name, value) = text.split_once('=').ok_or_else(|| {
            format!("unexpected argument `{shown}`; {VERB} is started by its deployment")
        })?;
        match name {
            "--host" => {
                host = Some(
                    value
                        .parse::<IpAddr>()
                        .map_err(|_| format!("--host is `{value}`, not an IP address"))?,
                )
            }
            "--port" => {
                port = Some(
                    value
                        .parse::<u16>()
                        .map_err(|_| format!("--port is `{value}`, not a port"))?,
                )
            }
            "--folder" => folder = Some(PathBuf::from(value)),
            "--job" => {
                job = Some(
                    serde_json::from_str::<OfflineJob>(value)
                        .map_err(|e| format!("--job is no job: {e}"))?,
                )
            }
            _ => {
                return Err(format!(
                    "unknown option `{name}`; {VERB} is started by its deployment"
                ));
            }
        }
    }
    let missing = |name: &str| format!("{name} is missing; {VERB} is started by its deployment");
    let job = job.ok_or_else(|| missing("--job"))?;
    job.check().map_err(|e| e.to_string())?;
    Ok(Arguments {
        address: SocketAddr::new(
            host.ok_or_else(|| missing("--host"))?,
            port.ok_or_else(|| missing("--port"))?,
        ),
        folder: folder.ok_or_else(|| missing("--folder"))?,
        job,
    })
}

async fn serve(arguments: Arguments) -> Result<(), String> {
    let handlers = signal(SignalKind::terminate())
        .and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    let (mut term, mut interrupt) = handlers.map_err(|e| format!("cannot handle signals: {e}"))?;
    let Arguments {
        address,
        folder,
        job,
    } = arguments;
    let program = job.command.first().map_or("", String::as_str);
    find(program)?;
    say(&format!(
        "a run of `{program}` for each request, {} at once, within {:?} each; their folders lie in {}",
        job.at_once,
        job.timeout,
        folder.display()
    ));
    let folders = Folders::new(folder.clone())
        .map_err(|e| format!("cannot make the folder {}: {e}", folder.display()))?;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|e| match e.kind() {
            std::io::ErrorKind::AddrInUse => format!("cannot bind {address}: address in use"),
            _ => format!("cannot bind {address}: {e}"),
        })?;
    say(&format!("listening on http://{address}"));
    let (close, closing) = watch::channel(false);
    let slots = Arc::new(Semaphore::new(
        (job.at_once as usize).min(Semaphore::MAX_PERMITS),
    ));
    let (running, mut ended) = mpsc::channel(1);
    let bridge = Arc::new(Bridge {
        job,
        folders,
        slots,
        running: running.downgrade(),
        waiting: 0.into(),
        closing,
    });
    let mut connections = JoinSet::new();
    let name = loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (bridge, mut closing) = (bridge.clone(), bridge.closing.clone());
                    connections.spawn(async move {
                        let service = service_fn(move |request| answer(bridge.clone(), request));
                        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                        tokio::pin!(connection);
                        // A client that goes away drops its request, and with it the run.
                        let ended = tokio::select! {
                            _ = &mut connection => true,
                            _ = closing.wait_for(|closing| *closing) => false,
                        };
                        if !ended {
                            connection.as_mut().graceful_shutdown();
                            let _ = connection.await;
                        }
                    });
                }
                // Out of descriptors: others are given back when a request ends.
                Err(error) => {
                    say(&format!("cannot accept: {error}"));
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = term.recv() => break "SIGTERM",
            _ = interrupt.recv() => break "SIGINT",
        }
    };
    say(&format!("{name}: ending"));
    drop(listener);
    // The receivers live in the bridge.
    let _ = close.send(true);
    drop(running);
    let rest = async {
        while connections.join_next().await.is_some() {}
        // Nothing is ever sent: the channel closes with the last run.
        ended.recv().await
    };
    if tokio::time::timeout(LAST, rest).await.is_err() {
        say("some runs did not end in time");
    }
    Ok(())
}

/// Whether the program can be run, told before the first request needs it.
fn find(program: &str) -> Result<(), String> {
    let runs = |path: &Path| {
        path.metadata()
            .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        return if runs(Path::new(program)) {
            Ok(())
        } else {
            Err(format!(
                "the program `{program}` of the job is not there, or cannot be run"
            ))
        };
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| runs(&folder.join(program))) {
        return Ok(());
    }
    Err(format!(
        "the program `{program}` of the job is in no folder of PATH; install it, or give its path"
    ))
}

/// Writes a line to standard error. Nobody is left to tell if even this fails.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
