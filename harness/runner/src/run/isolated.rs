//! The harness's side of a case in a process of its own.
//!
//! Promise: the case's own limits hold in its process; should that not react, it is killed here, with everything below it. What it prints is exactly
//! its own. Its slot waits meanwhile and does nothing else.

use std::io::{PipeReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Run;
use crate::attempt::{Attempt, lock};
use crate::capture::{self, KEEP};
use crate::event::Event;
use crate::evidence::Given;
use crate::grant::{Devices, Grant};
use crate::isolated::{KILL, Message, Order, Seen, TERMINATE, WARDEN, meaning};
use crate::outcome::{Outcome, Phase, Times};
use crate::told::FaultStep;

/// A process that has not reacted so long after a limit will not: its own watchdog cannot run.
const SLACK: Duration = Duration::from_secs(3);
/// Once it has said that a limit is over, it takes stacks and takes fixtures down.
const SCENE: Duration = Duration::from_secs(30);
/// How often the run is asked whether it is being stopped.
const LOOK: Duration = Duration::from_millis(50);

/// A case in a process of its own, as it is watched.
struct Watched {
    warden: Child,
    control: UnixStream,
    output: PipeReader,
    lines: Vec<u8>,
    printed: Vec<u8>,
    lost: usize,
    pid: Option<u32>,
    seen: Seen,
    phase: (Phase, Instant),
    times: Times,
    expired: bool,
    grant: Option<Arc<Grant>>,
    /// Follows it in the telemetry of the run, where it has fixtures and so maybe servers.
    follow: Option<(Arc<crate::sampler::Sampler>, Arc<str>)>,
    followed: Option<crate::sampler::Followed>,
    /// What the log is to be told of it.
    told: Vec<Told>,
}

/// What the event log is told while the case runs.
enum Told {
    Phase(Phase),
    Fault(FaultStep),
}

impl Run {
    /// Runs a case in a process of its own.
    pub(super) fn attempt_isolated(&self, attempt: &Attempt) -> (Outcome, bool, Times) {
        let planned = &self.plan.cases[attempt.planned];
        let order = Order {
            case: attempt.name.to_string(),
            harness: crate::isolated::will_start_some(),
            level: planned.level,
            given: Given {
                run: self.evidence.run_folder().ok(),
                attempt: attempt.folder().ok(),
            },
            devices: attempt.devices.granted().map(|grant| grant.told()),
        };
        let mut watched = match self.start_isolated(&order, &attempt.devices) {
            Ok(watched) => watched,
            Err(e) => {
                let seen = Seen {
                    not_started: Some(e.to_string()),
                    ..Seen::default()
                };
                let (outcome, judged, _) = meaning(seen);
                return (outcome, judged, Times::default());
            }
        };
        if !self.test(attempt.planned).entry.fixtures.is_empty() {
            watched.follow = Some((self.sampler.clone(), attempt.name.clone()));
        }
        self.watch_isolated(attempt, &mut watched);
        watched.followed = None;
        // It has said its last word, so it ends.
        let _ = watched.warden.wait();
        let mut printed = watched.printed;
        if watched.lost > 0 {
            printed.extend_from_slice(
                format!("\n[{} more bytes were not kept]\n", watched.lost).as_bytes(),
            );
        }
        let mut text = String::from_utf8_lossy(&printed).into_owned();
        watched.seen.overflowed = text.contains("has overflowed its stack");
        if let Some(result) = &mut watched.seen.result {
            watched.times = result.times;
            lock(&attempt.rows).append(&mut result.rows);
            attempt.records.adopt(result.open.clone());
            attempt.records.measure(std::mem::take(&mut result.figures));
            *lock(&attempt.class) = result.class.take();
        }
        let (outcome, judged, notes) = meaning(watched.seen);
        if judged {
            // Panics stand in the result; they were printed for the case that the process dies of one.
            text = without_panics(&text, &outcome.text());
        }
        lock(&attempt.log).extend_from_slice(text.as_bytes());
        lock(&attempt.notes).extend(notes);
        (outcome, judged, watched.times)
    }

    fn start_isolated(&self, order: &Order, devices: &Devices) -> std::io::Result<Watched> {
        let (control, theirs) = UnixStream::pair()?;
        let (output, writer) = std::io::pipe()?;
        // Not by its path: another build may have replaced it meanwhile.
        let mut command = Command::new("/proc/self/exe");
        if let Some(own) = std::env::args_os().next() {
            command.arg0(own);
        }
        command
            .arg(WARDEN)
            .arg(order.text())
            .args(&self.options.evidence.args)
            .stdin(std::os::fd::OwnedFd::from(theirs))
            .stdout(writer.try_clone()?)
            .stderr(writer);
        if let Some(grant) = devices.granted() {
            // The case is alone in its process, so that whatever it loads sees its devices.
            command.envs(grant.variables());
        }
        let warden = command.spawn()?;
        drop(command);
        control.set_nonblocking(true)?;
        rustix::io::ioctl_fionbio(&output, true)?;
        Ok(Watched {
            warden,
            control,
            output,
            lines: vec![],
            printed: vec![],
            lost: 0,
            pid: None,
            seen: Seen::default(),
            phase: (Phase::SetUp, Instant::now()),
            times: Times::default(),
            expired: false,
            grant: devices.granted().cloned(),
            follow: None,
            followed: None,
            told: vec![],
        })
    }

    fn watch_isolated(&self, attempt: &Attempt, w: &mut Watched) {
        let mut asked: Option<Instant> = None;
        let mut killed = false;
        let mut paused = crate::limit::paused();
        loop {
            let more = w.listen();
            for told in w.told.drain(..) {
                match told {
                    Told::Phase(phase) => self.tell_phase(attempt, phase),
                    Told::Fault(step) => self.emit(Event::Fault {
                        planned: attempt.planned,
                        attempt: attempt.number,
                        at: Instant::now(),
                        step,
                    }),
                }
            }
            if !more {
                return;
            }
            if self.cancel.is_cancelled() && asked.is_none() {
                asked = Some(Instant::now());
                w.seen.stopped = Some(self.cancel.reason());
                w.say(TERMINATE);
            }
            if !killed && asked.is_some_and(|at| at.elapsed() > self.options.grace) {
                killed = true;
                w.say(KILL);
            }
            let (phase, since) = w.phase;
            let limit = self.limit_of(attempt, phase);
            let stood = crate::limit::paused().saturating_sub(paused);
            let more = match phase {
                // What comes after a finalizer that hangs still gets its turn.
                Phase::Teardown => limit + SCENE,
                _ if w.expired => SCENE,
                _ => SLACK,
            };
            let late = since.elapsed() > limit + more + stood;
            if late && !killed && w.seen.done.is_none() {
                let debugged = w
                    .pid
                    .is_some_and(|p| crate::limit::debugger(&p.to_string()).is_some());
                if debugged || crate::limit::held_back() {
                    w.phase.1 = Instant::now();
                    paused = crate::limit::paused();
                    continue;
                }
                killed = true;
                w.seen.killed_for = Some((phase, limit));
                if let Some(pid) = w.pid {
                    attempt.take_scene(pid, true);
                }
                w.say(KILL);
            }
        }
    }

    fn limit_of(&self, attempt: &Attempt, phase: Phase) -> Duration {
        let planned = &self.plan.cases[attempt.planned];
        match phase {
            Phase::SetUp => planned.setup_limit,
            Phase::Body => planned.limit.unwrap_or(planned.setup_limit),
            Phase::Teardown => planned.teardown_limit,
        }
    }
}

/// What was printed, without those texts of panics that `told` contains.
fn without_panics(printed: &str, told: &str) -> String {
    let mut out = String::new();
    let mut rest = printed;
    while let Some(at) = rest.find("thread '") {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        // The longest run of whole lines that was told.
        let ends = from.match_indices('\n').map(|(i, _)| i + 1);
        let told_lines = ends.take_while(|end| told.contains(from[..*end].trim_end()));
        match told_lines.last() {
            Some(end) if from.contains(" panicked at ") => rest = &from[end..],
            _ => {
                out.push_str("thread '");
                rest = &from["thread '".len()..];
            }
        }
    }
    out + rest
}

impl Watched {
    fn say(&mut self, what: u8) {
        // A warden that is gone has nobody to end.
        let _ = self.control.write_all(&[what]);
    }

    /// Waits a moment for what is said or printed; false when both are gone.
    fn listen(&mut self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let mut fds = [
            PollFd::new(&self.control, PollFlags::IN),
            PollFd::new(&self.output, PollFlags::IN),
        ];
        let limit = Timespec {
            tv_sec: 0,
            tv_nsec: LOOK.as_nanos() as i64,
        };
        // An interrupted wait is a short one.
        let _ = poll(&mut fds, Some(&limit));
        let printing = self.take_output();
        let mut bytes = [0; 16 << 10];
        let more = loop {
            match self.control.read(&mut bytes) {
                Ok(0) => break false,
                Ok(n) => self.lines.extend_from_slice(&bytes[..n]),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => break e.kind() == std::io::ErrorKind::WouldBlock,
            }
        };
        while let Some(end) = self.lines.iter().position(|b| *b == b'\n') {
            let line: Vec<u8> = self.lines.drain(..=end).collect();
            if let Some(message) = Message::parse(&line) {
                self.hear(message);
            }
        }
        if !more {
            // What was printed before the end.
            self.take_output();
        } else if !printing {
            // Its end is always readable: without this the loop would spin until the socket ends too.
            std::thread::sleep(Duration::from_millis(1));
        }
        more
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Phase(phase) => {
                self.seen.phase = Some(phase);
                self.told.push(Told::Phase(phase));
                self.turn(phase);
            }
            Message::Fault(step) => self.told.push(Told::Fault(step)),
            Message::Expired => self.expired = true,
            Message::Result(result) => self.seen.result = Some(result),
            Message::Done { errors } => self.seen.done = Some(errors),
            Message::Started { pid } => {
                self.pid = Some(pid);
                if let Some(grant) = &self.grant {
                    grant.follow(pid);
                }
                let follow = self.follow.as_ref();
                self.followed = follow.map(|(sampler, name)| sampler.follow(name, vec![pid]));
            }
            Message::NotStarted(why) => self.seen.not_started = Some(why),
            Message::Ended { code, signal, left } => {
                self.turn(self.phase.0);
                (self.seen.code, self.seen.signal, self.seen.left) = (code, signal, left);
            }
        }
    }

    /// Another phase begins.
    fn turn(&mut self, phase: Phase) {
        let now = Instant::now();
        let length = now - self.phase.1;
        match self.phase.0 {
            Phase::SetUp => self.times.set_up += length,
            Phase::Body => self.times.body += length,
            Phase::Teardown => self.times.teardown += length,
        }
        self.phase = (phase, now);
    }

    /// Takes what was printed; false at its end.
    fn take_output(&mut self) -> bool {
        let mut bytes = [0; 64 << 10];
        loop {
            match self.output.read(&mut bytes) {
                Ok(0) => return false,
                Ok(n) => {
                    capture::append(&mut self.printed, &mut self.lost, &bytes[..n]);
                    if capture::passes_through() {
                        // Nobody may be left to read it.
                        let _ = std::io::stdout().write_all(&bytes[..n]);
                    }
                    if self.printed.len() >= KEEP && self.lost > 0 {
                        // A flood must not keep its own end from being noticed.
                        return true;
                    }
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return true,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_panics;

    #[test]
    fn panics_that_are_told_are_not_shown_twice() {
        let panic = "thread 'a' panicked at a.rs:1:2:\nboom\nand more\nnote: run with\n";
        let printed = format!("before\n{panic}after, in thread 'x'\n");
        assert_eq!(
            without_panics(&printed, panic),
            "before\nafter, in thread 'x'\n"
        );
        assert_eq!(without_panics(&printed, "another text"), printed);
        assert_eq!(without_panics("", panic), "");
    }
}
