//! Ending and stopping processes of the server's own tree.
//!
//! Promise: a signal reaches exactly the process that was meant (its pidfd, after its start time was compared). An end is proven by the process being
//! dead, a polite signal by its having been taken, a stop by every thread being stopped. Whoever is stopped goes on when it is undone, when that is
//! forgotten, and after a time limit; if this process is killed, the server's keeper ends the tree. Rejected: waiting a fixed time after a signal and
//! believing that it worked.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tribunal_serving::{ProcessInfo, ProcessSignal, Server};

use crate::error::{Reason, no_victim, not_undone, refused, unproven};
use crate::fault::Signal;
use crate::injected::{Done, Remedy};
use crate::proc;
use crate::scene::Scene;
use crate::timeline::{Step, Timeline};
use crate::victim::Victim;

/// How long an effect may take. A process that waits for a device in the kernel hears nothing meanwhile.
const EFFECT: Duration = Duration::from_secs(10);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(1);
/// After which time a process goes on that nobody continues.
pub(crate) const LONGEST_STOP: Duration = Duration::from_secs(300);

impl Signal {
    fn sent(self) -> ProcessSignal {
        match self {
            Signal::Kill => ProcessSignal::Kill,
            Signal::Terminate => ProcessSignal::Terminate,
            Signal::Interrupt => ProcessSignal::Interrupt,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Signal::Kill => "SIGKILL",
            Signal::Terminate => "SIGTERM",
            Signal::Interrupt => "SIGINT",
        }
    }

    fn number(self) -> u32 {
        match self {
            Signal::Kill => 9,
            Signal::Terminate => 15,
            Signal::Interrupt => 2,
        }
    }
}

/// Ends processes.
pub(crate) async fn end(scene: &Scene, victim: &Victim, signal: Signal) -> Result<Done, Reason> {
    let victims = victim.found(scene)?;
    if signal != Signal::Kill {
        // The kernel throws it away; nothing would happen, and nobody could say so.
        let deaf = |p: &&ProcessInfo| proc::in_mask(p, "SigIgn", signal.number()) == Some(true);
        // Of a tree the root is asked; who ignores it is the root's to end.
        let asked = if *victim == Victim::Tree {
            &victims[..1]
        } else {
            &victims[..]
        };
        if let Some(deaf) = asked.iter().find(deaf) {
            return Err(refused(format!(
                "{} ignores {}",
                proc::named(deaf),
                signal.name()
            )));
        }
    }
    let at = scene.timeline.since_start();
    let mut hit = Vec::new();
    for process in victims {
        if send(&scene.server, &process, signal.sent())? {
            hit.push(process);
        }
    }
    let Some(first) = hit.first() else {
        return Err(no_victim("whoever was meant ended before it could be hit"));
    };
    scene.timeline.note(
        Step::Injected,
        format!("{} to {}", signal.name(), all_named(&hit)),
    );
    let deadline = Instant::now() + EFFECT;
    for process in &hit {
        while !took(process, signal) {
            if Instant::now() >= deadline {
                return Err(unproven(not_taken(process, signal)));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    let dead = hit.iter().filter(|p| proc::is_dead(p)).count();
    let what = match (hit.len(), dead) {
        (1, 1) => format!("{} is dead ({})", proc::named(first), signal.name()),
        (1, _) => format!("{} took {}", proc::named(first), signal.name()),
        (n, dead) if n == dead => format!("all {n} are dead ({})", signal.name()),
        (n, dead) => format!("all {n} took {}, {dead} of them are dead", signal.name()),
    };
    Ok(Done {
        at,
        what,
        victims: hit.iter().map(|p| (p.pid, p.start_time)).collect(),
        remedy: None,
    })
}

/// SIGKILL has worked when the process is dead. Of the others it is shown that they were delivered: what the process makes of them is its behaviour.
fn took(process: &ProcessInfo, signal: Signal) -> bool {
    if proc::is_dead(process) {
        return true;
    }
    let waits = |key| proc::in_mask(process, key, signal.number()) == Some(true);
    signal != Signal::Kill && !waits("SigPnd") && !waits("ShdPnd")
}

fn not_taken(process: &ProcessInfo, signal: Signal) -> String {
    let state = proc::stat(process).map_or('?', |s| s.state);
    format!(
        "{} has not taken {} after {} s; its state is {state}",
        proc::named(process),
        signal.name(),
        EFFECT.as_secs()
    )
}

/// Stops processes.
pub(crate) async fn stop(
    scene: &Scene,
    victim: &Victim,
    limit: Option<Duration>,
) -> Result<Done, Reason> {
    let victims = victim.found(scene)?;
    // Whoever continues them must be there before anybody is stopped.
    let limit = limit.unwrap_or(LONGEST_STOP);
    let stopped = Stopped::new(scene.server.clone(), victims, limit, scene.timeline.clone())?;
    let at = scene.timeline.since_start();
    let hit = stopped.stop()?;
    let Some(first) = hit.first() else {
        return Err(no_victim("whoever was meant ended before it was stopped"));
    };
    scene
        .timeline
        .note(Step::Injected, format!("SIGSTOP to {}", all_named(&hit)));
    let deadline = Instant::now() + EFFECT;
    let mut threads = 0;
    for process in &hit {
        threads += loop {
            let states = proc::threads(process);
            let count = states.len();
            if count > 0 && states.iter().all(|s| matches!(s, 'T' | 't' | 'Z' | 'X')) {
                break count;
            }
            if proc::is_dead(process) {
                return Err(unproven(format!(
                    "{} ended instead of being stopped",
                    proc::named(process)
                )));
            }
            // What the limit has continued meanwhile never stops again.
            if Instant::now() >= deadline || stopped.is_over() {
                return Err(unproven(format!(
                    "{} is not stopped: its threads are in states {}",
                    proc::named(process),
                    states.iter().collect::<String>()
                )));
            }
            tokio::time::sleep(LOOK).await;
        };
    }
    let what = match hit.len() {
        1 => format!(
            "{} is stopped: state T, {threads} thread{}",
            proc::named(first),
            if threads == 1 { "" } else { "s" }
        ),
        n => format!("all {n} are stopped: state T, {threads} threads"),
    };
    Ok(Done {
        at,
        what,
        victims: hit.iter().map(|p| (p.pid, p.start_time)).collect(),
        remedy: Some(Box::new(stopped)),
    })
}

fn send(server: &Server, process: &ProcessInfo, signal: ProcessSignal) -> Result<bool, Reason> {
    server
        .signal(process, signal)
        .map_err(|error| refused(format!("{}: {error}", proc::named(process))))
}

fn all_named(processes: &[ProcessInfo]) -> String {
    let all: Vec<String> = processes.iter().map(proc::named).collect();
    all.join(", ")
}

/// Processes that are stopped, and whoever continues them in time.
struct Stopped {
    shared: Arc<Shared>,
    /// Closed when nobody need watch the time any more.
    _watched: Sender<()>,
}

struct Shared {
    server: Server,
    victims: Vec<ProcessInfo>,
    /// What was said when they were continued.
    over: Mutex<Option<Over>>,
}

#[derive(Clone)]
struct Over {
    by_limit: bool,
    said: Result<String, String>,
}

impl Stopped {
    fn new(
        server: Server,
        victims: Vec<ProcessInfo>,
        limit: Duration,
        timeline: Timeline,
    ) -> Result<Stopped, Reason> {
        let shared = Arc::new(Shared {
            server,
            victims,
            over: Mutex::default(),
        });
        let (watched, forgotten) = mpsc::channel::<()>();
        let theirs = Arc::clone(&shared);
        let watch = move || {
            if forgotten.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                let said = match theirs.resume(true) {
                    Ok(what) | Err(what) => what,
                };
                timeline.note(Step::Undone, format!("after {limit:?}: {said}"));
            }
        };
        std::thread::Builder::new()
            .name("tribunal-continue".into())
            .spawn(watch)
            .map_err(|error| refused(format!("nobody could continue it: no thread: {error}")))?;
        Ok(Stopped {
            shared,
            _watched: watched,
        })
    }

    /// Stops them, and says whom it has reached. Whoever continues them waits meanwhile: a limit that is over in between would continue nobody, and
    /// who is stopped after it would stay so.
    fn stop(&self) -> Result<Vec<ProcessInfo>, Reason> {
        let over = self.shared.over.lock();
        let over = over.unwrap_or_else(PoisonError::into_inner);
        if over.is_some() {
            return Err(refused(
                "its time was over before anybody was stopped; give it more",
            ));
        }
        let mut hit = Vec::new();
        for process in &self.shared.victims {
            if send(&self.shared.server, process, ProcessSignal::Stop)? {
                hit.push(process.clone());
            }
        }
        Ok(hit)
    }

    fn is_over(&self) -> bool {
        let over = self.shared.over.lock();
        over.unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

impl Shared {
    fn resume(&self, by_limit: bool) -> Result<String, String> {
        let mut over = self.over.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(over) = &*over {
            return over.said.clone();
        }
        let said = self.go_on();
        *over = Some(Over {
            by_limit,
            said: said.clone(),
        });
        said
    }

    fn go_on(&self) -> Result<String, String> {
        let mut failed = Vec::new();
        for process in &self.victims {
            if let Err(error) = self.server.signal(process, ProcessSignal::Continue) {
                failed.push(format!("{}: {error}", proc::named(process)));
            }
        }
        let deadline = Instant::now() + EFFECT;
        let halted = |p: &&ProcessInfo| proc::stat(p).is_some_and(|s| s.state == 'T');
        while let Some(process) = self.victims.iter().find(halted) {
            if Instant::now() >= deadline {
                failed.push(format!("{} is still stopped", proc::named(process)));
                break;
            }
            std::thread::sleep(LOOK);
        }
        let gone = self.victims.iter().filter(|p| proc::is_dead(p)).count();
        match failed.is_empty() {
            true if gone == 0 => Ok(format!("continued {}", all_named(&self.victims))),
            true => Ok(format!(
                "continued {}; {gone} of them ended meanwhile",
                all_named(&self.victims)
            )),
            false => Err(failed.join("; ")),
        }
    }
}

impl Remedy for Stopped {
    fn undo(&mut self) -> Result<String, Reason> {
        let said = self.shared.resume(false);
        let over = self.shared.over.lock();
        let over = over.unwrap_or_else(PoisonError::into_inner);
        match &*over {
            Some(Over {
                by_limit: true,
                said: Ok(what),
            }) => Ok(format!("the time limit had {what}")),
            _ => said.map_err(not_undone),
        }
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.shared.resume(false);
    }
}
