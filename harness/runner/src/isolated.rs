//! A case in a process of its own: what both sides say to each other, and the side of the case.
//!
//! Three processes take part: the harness; a warden, which is this program run again, in a session of its own and the subreaper of everything below
//! it; and the case, which is this program run once more with the same arguments for exactly one case. Both write lines of JSON to one socket (their
//! standard input), so that nothing is read from what the case prints. When the harness is gone, the warden ends everything below it.
//!
//! Rejected: `fork` (threads, locks and GPU contexts do not survive it), and killing by process group alone (a daemon leaves its group).

mod ending;
mod message;
#[cfg(target_os = "linux")]
mod warden;

use std::ffi::OsString;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock, mpsc};

use serde_json::{Value, json};

#[cfg(target_os = "linux")]
pub(crate) use self::ending::{Seen, meaning};
pub(crate) use self::message::{Message, Result};
#[cfg(target_os = "linux")]
pub(crate) use self::warden::{KILL, TERMINATE};
use crate::attempt::lock;
use crate::capture::Capture;
use crate::catalog::Catalog;
use crate::event::Event;
use crate::evidence::Given;
use crate::grant::Grant;
use crate::outcome::{Outcome, Phase};
use crate::plan::{Disposition, Plan};
use crate::run::{Run, RunOptions};
use crate::scene::Process;

/// The hidden verb of the warden.
pub(crate) const WARDEN: &str = "__tribunal-warden";
/// The hidden verb of the case.
const CASE: &str = "__tribunal-isolated-case";

/// Runs a hidden verb of this crate, if the arguments name one: before anything else in `main`.
pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    match args.first()?.to_str()? {
        crate::scene::STACKS => Some(crate::scene::watch_gdb(&args[1..])),
        #[cfg(target_os = "linux")]
        WARDEN => Some(warden::run(&args[1..])),
        _ => None,
    }
}

/// What a case in a process of its own is told.
pub(crate) struct Order {
    pub case: String,
    /// The harness: its process id and start time.
    pub harness: (u32, u64),
    pub level: Option<usize>,
    pub given: Given,
    /// The devices of the case; the harness has the lease.
    pub devices: Option<Value>,
}

impl Order {
    pub fn text(&self) -> String {
        let path = |p: &Option<PathBuf>| p.as_ref().and_then(|p| p.to_str()).map(str::to_owned);
        json!({"case": self.case, "harness": self.harness, "level": self.level, "run": path(&self.given.run), "attempt": path(&self.given.attempt), "devices": self.devices})
            .to_string()
    }

    fn parse(text: &str) -> Option<Order> {
        let v: Value = serde_json::from_str(text).ok()?;
        let path = |key: &str| v[key].as_str().map(PathBuf::from);
        Some(Order {
            case: v["case"].as_str()?.to_owned(),
            harness: (
                u32::try_from(v["harness"][0].as_u64()?).ok()?,
                v["harness"][1].as_u64()?,
            ),
            level: v["level"].as_u64().and_then(|l| usize::try_from(l).ok()),
            given: Given {
                run: path("run"),
                attempt: path("attempt"),
            },
            devices: Some(v["devices"].clone()).filter(|d| !d.is_null()),
        })
    }
}

/// This process was started for one case.
pub struct IsolatedCase {
    order: Order,
}

/// Where the harness listens.
static CONTROL: OnceLock<Mutex<UnixStream>> = OnceLock::new();

/// Tells the harness above, if this is the process of a case.
pub(crate) fn tell(message: &Message) {
    if let Some(control) = CONTROL.get() {
        // Nobody may be left to hear it.
        let _ = lock(control).write_all(message.line().as_bytes());
    }
}

/// Whether this is the process of a case.
pub(crate) fn is_child() -> bool {
    CONTROL.get().is_some()
}

/// The harness with which a case in a process of its own could share something: process id and start time. In the process of such a case, the one
/// that started it; in a harness that will start some, itself.
pub fn sharing_harness() -> Option<(u32, u64)> {
    HARNESS.get().copied()
}

static HARNESS: OnceLock<(u32, u64)> = OnceLock::new();

/// The devices that this process's case was given, if it is the process of a case that was given any.
pub(crate) fn given_devices() -> Option<&'static Arc<Grant>> {
    DEVICES.get()
}

static DEVICES: OnceLock<Arc<Grant>> = OnceLock::new();

/// This harness will start cases in processes of their own.
pub(crate) fn will_start_some() -> (u32, u64) {
    let own = std::process::id();
    *HARNESS.get_or_init(|| (own, Process::of(own).map_or(0, |p| p.start)))
}

/// If this process was started for one case: that case, and the arguments of the harness. Must be asked before anything reads standard input.
pub fn isolated_case(args: &[OsString]) -> Option<(IsolatedCase, Vec<OsString>)> {
    if args.first()?.to_str()? != CASE {
        return None;
    }
    let order = Order::parse(args.get(1)?.to_str()?)?;
    // Only for people who list processes.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_name(c"tribunal-case");
    // The socket moves away, so that neither the case nor what it starts reads from it.
    let control = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
    let null = std::fs::File::open("/dev/null").ok()?;
    rustix::stdio::dup2_stdin(&null).ok()?;
    CONTROL.set(Mutex::new(UnixStream::from(control))).ok()?;
    HARNESS.set(order.harness).ok()?;
    if let Some(grant) = order.devices.as_ref().and_then(Grant::heard) {
        let _ = DEVICES.set(Arc::new(grant));
    }
    Some((IsolatedCase { order }, args[2..].to_vec()))
}

impl IsolatedCase {
    /// Runs the case and ends the process. The harness decided that it runs, so gates are not asked again.
    pub fn run(self, catalog: Catalog, plan: Plan, mut options: RunOptions) -> ! {
        let name = self.order.case;
        let Some(mut planned) = plan
            .cases
            .into_iter()
            .find(|p| catalog.cases[p.case].name == name)
        else {
            let text = format!(
                "`{name}` is not among the cases of its own process\nhelp: what provides cases must give the same ones at every start"
            );
            finish(Outcome::Failed(text), vec![], vec![]);
            std::process::exit(0);
        };
        planned.disposition = Disposition::Run;
        planned.level = self.order.level;
        planned.alone = false;
        options.slots = 1;
        options.run_limit = None;
        options.evidence.given = Some(self.order.given);
        let (sender, events) = mpsc::channel();
        crate::capture::pass_through();
        // The harness has the devices for it.
        let plan = Plan {
            cases: vec![planned],
            resources: None,
            notes: vec![],
        };
        let run = Run::new(catalog, plan, options, sender, Capture::off());
        let reporting = std::thread::Builder::new()
            .name("tribunal-report".into())
            .spawn(move || report(&events));
        if let Err(e) = reporting {
            finish(
                Outcome::Failed(format!("no thread for the report: {e}")),
                vec![],
                vec![],
            );
            std::process::exit(0);
        }
        Arc::clone(&run).work();
        // The report ends the process.
        loop {
            std::thread::park();
        }
    }
}

fn finish(outcome: Outcome, notes: Vec<String>, errors: Vec<String>) {
    tell(&Message::Result(Result {
        outcome,
        times: crate::outcome::Times::default(),
        notes,
        rows: vec![],
        open: vec![],
        class: None,
        figures: vec![],
    }));
    tell(&Message::Done { errors });
}

fn report(events: &mpsc::Receiver<Event>) {
    let (mut errors, mut strays): (Vec<String>, Vec<String>) = (vec![], vec![]);
    let mut stuck = false;
    while let Ok(event) = events.recv() {
        match event {
            Event::CaseEnded(ended) => {
                stuck = matches!(ended.outcome, Outcome::TimedOut(..));
                let outcome = match ended.outcome {
                    Outcome::Passed if !strays.is_empty() => Outcome::Failed(format!(
                        "a task or thread of this test panicked:\n{}",
                        strays.join("\n")
                    )),
                    outcome => outcome,
                };
                tell(&Message::Result(Result {
                    outcome,
                    times: ended.times,
                    notes: ended.notes,
                    rows: ended.rows,
                    open: ended.open,
                    class: ended.class,
                    figures: ended.figures,
                }));
            }
            Event::Fault { step, .. } => tell(&Message::Fault(step)),
            // Nothing else runs in this process, so it is the case's.
            Event::StrayPanic { text, .. } => strays.push(text),
            Event::RunEnded(summary) => {
                errors.extend(summary.late_errors);
                tell(&Message::Done { errors });
                if stuck {
                    // Exit handlers may wait for the thread that is stuck.
                    crate::sys::exit_now(0);
                }
                std::process::exit(0);
            }
            _ => {}
        }
    }
}

/// Says that a phase begins.
pub(crate) fn phase(phase: Phase) {
    if is_child() {
        tell(&Message::Phase(phase));
    }
}
