//! Panics: their text, their place, and whose they are.
//!
//! Promise: nothing is printed in the middle of other output; a panic is kept with the attempt whose thread panicked and shown with its result. A
//! panic in a thread that belongs to no attempt is the only running case's, or else fails the run.
//!
//! Rejected: printing from the hook as libtest does under threads (tears lines apart), and always rendering backtraces (the first one costs 60 ms).

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, OnceLock};

use crate::attempt::{current, in_body, lock};

/// One panic.
#[derive(Debug)]
pub(crate) struct PanicRecord {
    pub message: String,
    pub place: String,
    /// In the test's own code, rather than in something that it spawned.
    pub in_body: bool,
    backtrace: Option<Backtrace>,
}

impl PanicRecord {
    /// As libtest prints it, without the thread's number (editors parse this form).
    pub fn text(&self, name: &str) -> String {
        let mut out = format!(
            "thread '{name}' panicked at {}:\n{}\n",
            self.place, self.message
        );
        match &self.backtrace {
            Some(b) => {
                out.push_str("stack backtrace:\n");
                out.push_str(&trim(&b.to_string()));
            }
            None => out.push_str(
                "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n",
            ),
        }
        out
    }
}

/// Keeps the frames between the panic machinery and the harness.
pub(crate) fn trim(backtrace: &str) -> String {
    let lines: Vec<&str> = backtrace.lines().collect();
    let names = |line: &str, parts: &[&str]| parts.iter().any(|p| line.contains(p));
    // On top stands the machinery of the hook and of unwinding; it ends where the panicking code was entered.
    let entered = lines
        .iter()
        .rposition(|l| {
            names(
                l,
                &[
                    "rust_begin_unwind",
                    "std::panicking::begin_panic",
                    "std::panicking::panic_any",
                ],
            )
        })
        .unwrap_or(0);
    let inside = |line: &str| {
        line.trim_start().starts_with("at ")
            || names(
                line,
                &[
                    "core::panicking::",
                    "core::option::",
                    "core::result::",
                    "rust_begin_unwind",
                    "std::panicking::",
                ],
            )
    };
    let start = lines[entered..]
        .iter()
        .position(|l| !inside(l))
        .map_or(0, |i| entered + i);
    let end = lines[start..]
        .iter()
        .position(|l| names(l, &["tribunal_runner::", "__rust_begin_short_backtrace"]))
        .map_or(lines.len(), |i| start + i);
    let mut out = String::new();
    for line in &lines[start..end] {
        out.push_str(line);
        out.push('\n');
    }
    out
}

thread_local! {
    /// Set while a fixture is being set up or taken down on this thread.
    static FIXTURE: RefCell<Option<Arc<Mutex<Vec<PanicRecord>>>>> = const { RefCell::new(None) };
}

/// Collects panics of `f` on this thread into `sink`.
pub(crate) fn collecting(sink: &Arc<Mutex<Vec<PanicRecord>>>, f: &mut dyn FnMut()) {
    struct Reset(Option<Arc<Mutex<Vec<PanicRecord>>>>);
    impl Drop for Reset {
        fn drop(&mut self) {
            FIXTURE.with(|x| *x.borrow_mut() = self.0.take());
        }
    }
    let _reset = Reset(FIXTURE.with(|x| x.borrow_mut().replace(sink.clone())));
    f();
}

/// Receives panics of threads that belong to no attempt.
pub(crate) type StraySink = Box<dyn Fn(PanicRecord, Option<String>) + Send + Sync>;

static STRAY: OnceLock<StraySink> = OnceLock::new();

/// Installs the hook for the rest of the process.
pub(crate) fn install(stray: StraySink) {
    if STRAY.set(stray).is_err() {
        return;
    }
    let backtraces = std::env::var_os("RUST_BACKTRACE").is_some_and(|v| v != "0");
    std::panic::set_hook(Box::new(move |info| hook(info, backtraces)));
}

fn hook(info: &PanicHookInfo<'_>, backtraces: bool) {
    let record = PanicRecord {
        message: payload_text(info.payload()),
        place: info.location().map_or_else(
            || "an unknown place".to_owned(),
            |l| format!("{}:{}:{}", l.file(), l.line(), l.column()),
        ),
        in_body: in_body(),
        backtrace: backtraces.then(Backtrace::force_capture),
    };
    if crate::capture::passes_through() {
        eprint!(
            "{}",
            record.text(&current().map_or_else(
                || {
                    std::thread::current()
                        .name()
                        .unwrap_or("<unnamed>")
                        .to_owned()
                },
                |a| a.name.to_string()
            ))
        );
    }
    if let Some(sink) = FIXTURE.try_with(|f| f.borrow().clone()).ok().flatten() {
        lock(&sink).push(record);
    } else if let Some(attempt) = current() {
        lock(&attempt.panics).push(record);
    } else if let Some(stray) = STRAY.get() {
        stray(record, std::thread::current().name().map(str::to_owned));
    }
}

/// The text of a panic's payload.
pub(crate) fn payload_text(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "Box<dyn Any>".into())
}
