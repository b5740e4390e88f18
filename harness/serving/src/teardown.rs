//! How a keeper ends the tree below it: ask, wait, force, and say what was left.
//!
//! The server is asked first and alone, because a server that is well made stops its own workers in order; what
//! outlives it is asked next. Both share one grace period. Force is: stop everybody, so that nobody can fork or
//! restart a sibling meanwhile, then kill everybody, and reap until there is no child left.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::container::Handle;
use crate::holders::End;
use crate::keeper::Keeper;
use crate::process::{self, ProcessInfo, Stat};
use crate::protocol::Ending;
use crate::socket;

/// How often the tree is looked at while it ends.
const LOOK: Duration = Duration::from_millis(5);
/// How long descendants may take to notice that their server has ended, before they count as left behind by it.
const SETTLE: Duration = Duration::from_millis(200);
/// How long a server may take after SIGTERM when the harness that wanted it, or the runner of all its users, has died: whoever killed those wants the
/// machine back.
const ORPHANED: Duration = Duration::from_millis(500);
/// How long SIGKILL may take. A process that waits for a device in the kernel can take longer than anybody waits.
pub(crate) const FORCE: Duration = Duration::from_secs(5);
/// How long the port may stay in use after its last process has ended.
pub(crate) const PORT: Duration = Duration::from_millis(500);

impl Keeper {
    /// Ends everything below this process.
    pub(crate) fn stop_tree(&mut self) -> Ending {
        let mut ending = Ending::default();
        // Whoever has ended has let go of what it mapped: what is whose must be known before.
        self.memory.sample(std::process::id());
        self.ask(&mut ending);
        if let Some(container) = &self.container {
            // Before its client is killed: a client that waits for its container would otherwise be all that ends.
            container.remove();
        }
        if Self::has_children() {
            self.memory.sample(std::process::id());
        }
        self.force(&mut ending);
        ending.log_lost = self.drain();
        ending.port_held = self.port_held();
        let left: Vec<u32> = ending.left.iter().map(|p| p.pid).collect();
        let memory = self.memory.left(&left);
        ending.leftovers = memory.ours;
        ending
            .leftovers
            .extend(self.container.as_ref().and_then(Handle::left));
        ending.notes = memory.notes;
        if let Some(belt) = &self.belt {
            belt.remove();
        }
        ending
    }

    /// SIGTERM to the server, then to whoever outlives it, until nobody is left or the grace period is over.
    fn ask(&mut self, ending: &mut Ending) {
        let began = Instant::now();
        // A server that waits for its workers would wait for a stopped one until the grace is over.
        wake(&process::descendants(std::process::id()));
        if self.status.is_none() {
            ask_to_end(&self.server);
        }
        let mut server_ended = None;
        let mut asked_rest = false;
        loop {
            self.reap();
            if self.status.is_some() && !asked_rest {
                let since = *server_ended.get_or_insert_with(Instant::now);
                if since.elapsed() >= SETTLE {
                    asked_rest = true;
                    ending.outlived = process::descendants(std::process::id());
                    ending.outlived.iter().for_each(ask_to_end);
                }
            }
            let grace = match self.is_orphaned() {
                true => self.grace.min(ORPHANED),
                false => self.grace,
            };
            let left = (began + grace).saturating_duration_since(Instant::now());
            if left.is_zero() || !Self::has_children() {
                return;
            }
            self.wait(LOOK.min(left));
        }
    }

    /// Nobody is left who could want the server to end in its own time: the harness has died, and not merely let go of it.
    fn is_orphaned(&self) -> bool {
        match self.end {
            Some(End::HarnessGone) => rustix::process::getppid() != self.parent,
            Some(End::RunnerGone) => true,
            _ => false,
        }
    }

    /// SIGSTOP, SIGKILL, reap; again and again, because a process that was just being forked is seen only later.
    fn force(&mut self, ending: &mut Ending) {
        let me = std::process::id();
        let deadline = Instant::now() + FORCE;
        loop {
            self.reap();
            if !Self::has_children() {
                ending.left.clear();
                return;
            }
            let mut tree = process::descendants(me);
            // Until a look finds nobody new: a bound, for a tree that forks faster than it can be stopped.
            for _ in 0..100 {
                for process in &tree {
                    tell(process, Signal::STOP);
                }
                let again = process::descendants(me);
                let settled = again.iter().all(|p| tree.contains(p));
                tree = again;
                if settled {
                    break;
                }
            }
            for process in &tree {
                tell(process, Signal::KILL);
                if !ending.killed.iter().any(|k| same(k, process)) {
                    ending.killed.push(process.clone());
                }
            }
            ending.left = tree;
            if Instant::now() >= deadline {
                ending
                    .killed
                    .retain(|k| !ending.left.iter().any(|l| same(k, l)));
                return;
            }
            self.wait(LOOK.min(Duration::from_millis(1)));
        }
    }

    /// Who still listens on the port, now that the tree is gone; in words.
    fn port_held(&mut self) -> Option<String> {
        let deadline = Instant::now() + PORT;
        loop {
            match socket::listeners_on(self.port) {
                Ok(listeners) => {
                    let listener = listeners.first()?;
                    if Instant::now() >= deadline {
                        return Some(listener.holder().to_string());
                    }
                }
                // What cannot be read is not free.
                Err(e) => {
                    return Some(format!(
                        "nobody knows whom: neither sock_diag nor /proc/net/tcp can be read ({e})"
                    ));
                }
            }
            self.wait(LOOK);
        }
    }
}

fn same(a: &ProcessInfo, b: &ProcessInfo) -> bool {
    (a.pid, a.start_time) == (b.pid, b.start_time)
}

/// Continues those that are stopped.
fn wake(tree: &[ProcessInfo]) {
    let stopped = |p: &&ProcessInfo| Stat::of(p.pid).is_some_and(|s| s.is_stopped());
    for process in tree.iter().filter(stopped) {
        tell(process, Signal::CONT);
    }
}

/// A process that was stopped hears SIGTERM only when it runs again.
fn ask_to_end(process: &ProcessInfo) {
    tell(process, Signal::TERM);
    tell(process, Signal::CONT);
}

/// A process that cannot be signalled shows up among those that are left.
fn tell(process: &ProcessInfo, signal: Signal) {
    let _ = process::signal(process, signal);
}
