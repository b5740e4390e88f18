//! What stands in a rehearsal for the service that keeps a pool of the key-value cache: its ports take connections, and nothing is kept.

use std::ffi::OsString;
use std::net::IpAddr;
use std::process::ExitCode;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// The hidden verb: `__nodes-pool ADDRESS PORT…`.
pub(crate) const POOL_VERB: &str = "__nodes-pool";

/// Runs until it is told to end. `args` is what stands behind the verb.
pub(crate) fn run(args: &[OsString]) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime
        .map_err(|e| format!("no runtime: {e}"))
        .and_then(|runtime| runtime.block_on(listen(args)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {POOL_VERB}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn listen(args: &[OsString]) -> Result<(), String> {
    let mut words = args.iter().map(|word| word.to_string_lossy().into_owned());
    let address = words.next().unwrap_or_default();
    let address: IpAddr = address
        .parse()
        .map_err(|_| format!("`{address}` is no IP address"))?;
    let handlers = signal(SignalKind::terminate())
        .and_then(|term| Ok((term, signal(SignalKind::interrupt())?)));
    let (mut term, mut interrupt) = handlers.map_err(|e| format!("cannot handle signals: {e}"))?;
    for port in words {
        let number: u16 = port.parse().map_err(|_| format!("`{port}` is no port"))?;
        let listener = TcpListener::bind((address, number)).await;
        let listener = listener.map_err(|e| format!("cannot bind {address}:{number}: {e}"))?;
        eprintln!("in the place of a pool: listening on {address}:{number}");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut heard = [0; 4096];
                    while stream.read(&mut heard).await.is_ok_and(|n| n > 0) {}
                });
            }
        });
    }
    tokio::select! { _ = term.recv() => {}, _ = interrupt.recv() => {} }
    Ok(())
}
