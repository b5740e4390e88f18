//! Ctrl-C, SIGTERM and the run's own limit: each stops the run in the same way.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Run;
use crate::attempt::lock;
use crate::outcome::seconds;

impl Run {
    pub(super) fn listen_for_signals(self: &Arc<Self>) {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let run = self.clone();
            let runtime = self.runtime();
            let _guard = runtime.enter();
            let (Ok(mut interrupt), Ok(mut terminate)) = (
                signal(SignalKind::interrupt()),
                signal(SignalKind::terminate()),
            ) else {
                return;
            };
            runtime.spawn(async move {
                let mut first = true;
                loop {
                    let number = tokio::select! {
                        _ = interrupt.recv() => 2,
                        _ = terminate.recv() => 15,
                    };
                    if !first {
                        crate::sys::exit_now(128 + number);
                    }
                    first = false;
                    *lock(&run.signal) = Some(number);
                    run.stop(if number == 2 {
                        "interrupted (Ctrl-C)"
                    } else {
                        "stopped by SIGTERM"
                    });
                    let run = run.clone();
                    tokio::spawn(async move {
                        tokio::time::sleep(run.options.grace).await;
                        if !run.finished.load(Ordering::SeqCst) {
                            // Keepers end what is left of the servers once this process is gone.
                            crate::sys::exit_now(128 + number);
                        }
                    });
                }
            });
        }
        if let Some(limit) = self.options.run_limit {
            let run = self.clone();
            self.runtime().spawn(async move {
                tokio::time::sleep(limit).await;
                run.stop(&format!(
                    "the run's limit of {} is over (--run-limit)",
                    seconds(limit)
                ));
            });
        }
    }
}
