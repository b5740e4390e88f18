//! The terminal: libtest-mimic prints, and one writer of ours owns the screen.
//!
//! Promise: the text is libtest's, line by line, with the time of each case added; lines of results, live status and messages never tear one another.
//! libtest-mimic runs nothing: each of its trials only waits for the finished result of its case (a conveyor belt), and prints into a pipe.
//!
//! Rejected: letting libtest-mimic run the bodies (one that never returns would hang the run) and printing ourselves (its authors keep up with libtest).

use std::collections::HashMap;
use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, ColorSetting, Completion, FormatSetting, Trial};
use tribunal_runner::{Color, Event, Format, Outcome, Run, Summary, seconds};

use crate::closing;
use crate::context::Context;

/// Where a report writes.
pub struct Screen {
    /// The real standard output.
    pub out: File,
    /// The real standard error.
    pub err: File,
}

/// How often the writer looks up when nothing arrives.
const TICK: Duration = Duration::from_millis(100);
/// How long the writer lets text gather in the pipe after it has read some: libtest-mimic writes a line in six pieces, and to be woken for each
/// costs more than to run a short test.
const GATHER: Duration = Duration::from_micros(250);
/// libtest's own: after this long it says that a test still runs.
const SLOW: Duration = Duration::from_secs(60);
/// A case that runs shorter than this is not worth a line of live status.
const LIVE_AFTER: Duration = Duration::from_millis(500);

/// Shows a run on the terminal until it ends; returns its summary.
pub fn run_terminal(
    context: &Context,
    run: &Arc<Run>,
    events: &Receiver<Event>,
    screen: Screen,
) -> std::io::Result<Summary> {
    let Screen { mut out, err } = screen;
    let terminal = out.is_terminal();
    let color = match context.options.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal,
    };
    let (read, write) = std::io::pipe()?;
    let terse = context.options.format == Format::Terse;
    let arguments = Arguments {
        // Filters exactly the nameless ones, which stand for the deselected cases.
        exact: true,
        skip: vec![String::new()],
        // A window of waiting trials: results appear as soon as they are there, unless more cases than this are stuck before them. With one slot
        // they come in the order of the plan anyway, and are shown in it.
        test_threads: Some(if context.options.slots() == 1 {
            1
        } else {
            (context.options.slots() * 2).clamp(4, 64)
        }),
        format: Some(if terse {
            FormatSetting::Terse
        } else {
            FormatSetting::Pretty
        }),
        color: Some(if color {
            ColorSetting::Always
        } else {
            ColorSetting::Never
        }),
        logfile: Some(format!("/dev/fd/{}", write.as_raw_fd())),
        ..Arguments::default()
    };
    let n = run.plan().cases.len();
    let mut trials = Vec::with_capacity(n + context.filtered_out());
    for planned in 0..n {
        let run = run.clone();
        trials.push(Trial::ignorable_test(
            run.name(planned).to_string(),
            move || {
                let ended = run.wait(planned);
                match &ended.outcome {
                    Outcome::Passed
                    | Outcome::ExpectedFailure(_)
                    | Outcome::NoBaseline(_)
                    | Outcome::Flaky(_) => Ok(Completion::Completed),
                    Outcome::Ignored(reason) if reason.is_empty() => Ok(Completion::ignored()),
                    Outcome::Ignored(reason) | Outcome::Skipped(reason) => Ok(
                        Completion::ignored_with(reason.lines().next().unwrap_or("").to_owned()),
                    ),
                    Outcome::NotRun(_) => Ok(Completion::ignored()),
                    outcome if ended.waived.is_some() => Ok(Completion::ignored_with(format!(
                        "in quarantine, and {}",
                        outcome.word()
                    ))),
                    _ => Err(closing::failure(ended).into()),
                }
            },
        ));
    }
    for _ in 0..context.filtered_out() {
        trials.push(Trial::test("", || Ok(())));
    }
    writeln!(out, "{}", context.first_line())?;
    let printer = std::thread::Builder::new()
        .name("tribunal-printer".into())
        .spawn(move || {
            // Counts and exit code are ours: libtest-mimic has no word for some of the outcomes.
            let _ = libtest_mimic::run(&arguments, trials);
            // The reader below ends when the last writing end is closed.
            drop(write);
        })?;
    let mut logfile = match &context.options.logfile {
        Some(path) => {
            let file = File::create(path).map_err(|e| {
                std::io::Error::new(e.kind(), format!("--logfile {}: {e}", path.display()))
            })?;
            Some(std::io::BufWriter::new(file))
        }
        None => None,
    };
    let names: HashMap<&str, usize> = (0..n).map(|i| (&**run.name(i), i)).collect();
    let mut writer = Writer {
        out,
        err,
        run,
        names,
        status: None,
        summary: None,
        ready: Vec::with_capacity(1 << 16),
        logfile: logfile.as_mut(),
        terse,
    };
    writer.pump(read, events, terminal)?;
    let _ = printer.join();
    let summary = writer.take_summary(events);
    let text = closing::text(context, run, &summary);
    writer.out.write_all(text.as_bytes())?;
    writer.out.flush()?;
    Ok(summary)
}

struct Writer<'a> {
    out: File,
    err: File,
    run: &'a Arc<Run>,
    names: HashMap<&'a str, usize>,
    status: Option<String>,
    summary: Option<Summary>,
    ready: Vec<u8>,
    logfile: Option<&'a mut std::io::BufWriter<File>>,
    terse: bool,
}

impl Writer<'_> {
    fn pump(
        &mut self,
        mut pipe: std::io::PipeReader,
        events: &Receiver<Event>,
        terminal: bool,
    ) -> std::io::Result<()> {
        let mut buffer = vec![0; 1 << 16];
        let mut line: Vec<u8> = vec![];
        let mut told = Instant::now();
        loop {
            let readable = {
                let mut fds = [rustix::event::PollFd::new(
                    &pipe,
                    rustix::event::PollFlags::IN,
                )];
                let timeout = rustix::event::Timespec {
                    tv_sec: 0,
                    tv_nsec: TICK.as_nanos() as i64,
                };
                match rustix::event::poll(&mut fds, Some(&timeout)) {
                    Ok(n) => n > 0,
                    Err(rustix::io::Errno::INTR) => false,
                    Err(e) => return Err(e.into()),
                }
            };
            while let Ok(event) = events.try_recv() {
                self.event(event)?;
            }
            if readable {
                let n = match pipe.read(&mut buffer) {
                    Ok(0) => break,
                    Ok(n) => n,
                    Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                    Err(e) => return Err(e),
                };
                for part in buffer[..n].split_inclusive(|b| *b == b'\n') {
                    line.extend_from_slice(part);
                    if line.ends_with(b"\n") {
                        self.line(&line, events)?;
                        line.clear();
                    }
                }
                // Dots appear at once; the beginning of a result's line waits for its end.
                if self.terse && !line.is_empty() && !line.starts_with(b"test ") {
                    self.ready.append(&mut line);
                }
                self.flush()?;
                std::thread::sleep(GATHER);
            }
            if terminal {
                self.show_status()?;
            } else if told.elapsed() >= SLOW {
                told = Instant::now();
                let (running, waiting) = self.run.running();
                for (name, since) in running.iter().filter(|(_, d)| *d >= SLOW).take(5) {
                    writeln!(
                        self.out,
                        "test {name} has been running for {} ({waiting} wait)",
                        seconds(*since)
                    )?;
                }
            }
        }
        self.ready.append(&mut line);
        self.flush()
    }

    fn event(&mut self, event: Event) -> std::io::Result<()> {
        match event {
            Event::StrayPanic { text, running } => {
                let who = if running.is_empty() {
                    "no test was running".to_owned()
                } else {
                    format!("running were: {}", running.join(", "))
                };
                self.message(&format!("error: a thread that belongs to no test panicked ({who}); this fails the run\n{}help: start threads with tribunal::spawn_thread, so that their panics have a test\n", text))
            }
            Event::Awaiting(text) => self.message(&format!("{text}\n")),
            Event::Stopping(reason) => self.message(&format!("stopping: {reason}\n")),
            Event::RunEnded(summary) => {
                self.summary = Some(*summary);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn message(&mut self, text: &str) -> std::io::Result<()> {
        self.clear_status()?;
        self.flush()?;
        self.err.write_all(text.as_bytes())
    }

    /// The summary of the run; it was sent before the last result's line was printed, or is about to be.
    fn take_summary(&mut self, events: &Receiver<Event>) -> Summary {
        while self.summary.is_none() {
            match events.recv() {
                Ok(event) => {
                    // A message that cannot be written changes nothing about the summary.
                    let _ = self.event(event);
                }
                Err(_) => break,
            }
        }
        self.summary
            .clone()
            .unwrap_or_else(|| unreachable!("a run always sends its summary"))
    }

    /// Passes one line of libtest-mimic on, with what it cannot know.
    fn line(&mut self, line: &[u8], events: &Receiver<Event>) -> std::io::Result<()> {
        let text = String::from_utf8_lossy(line);
        if let Some(rest) = text.strip_prefix("test ")
            && let Some((name, _)) = rest.split_once(" ... ")
            && let Some(&planned) = self.names.get(name.trim_end())
        {
            let ended = self.run.wait(planned);
            // libtest-mimic has no word for it and calls it ignored; the closing text says how many, and why.
            if matches!(ended.outcome, Outcome::NotRun(_)) {
                return Ok(());
            }
            self.ready.extend_from_slice(text.trim_end().as_bytes());
            if ended.outcome.was_executed() {
                write!(self.ready, " ({})", seconds(ended.times.total()))?;
            }
            match &ended.outcome {
                Outcome::ExpectedFailure(reason) => {
                    write!(self.ready, " [expected failure: {reason}]")?
                }
                Outcome::NoBaseline(why) => write!(
                    self.ready,
                    " [no baseline: {}]",
                    why.lines().next().unwrap_or_default()
                )?,
                Outcome::Flaky(_) => {
                    write!(self.ready, " [flaky: passed on attempt {}]", ended.attempt)?
                }
                _ if ended.waived.is_some() => {}
                Outcome::Failed(_) | Outcome::Passed => {}
                o if o.is_failure() => write!(self.ready, " [{}]", o.word())?,
                _ => {}
            }
            self.ready.push(b'\n');
            if let Some(log) = &mut self.logfile {
                writeln!(log, "{} {}", ended.outcome.word(), name.trim_end())?;
            }
            return Ok(());
        }
        if text.starts_with("test result: ") {
            let summary = self.take_summary(events);
            let counts = summary.counts;
            let failed = counts.failed > 0
                || summary.stray_panics > 0
                || !summary.late_errors.is_empty()
                || counts.not_run > 0
                || summary.signal.is_some();
            let word = match (failed, text.contains('\u{1b}')) {
                (false, false) => "ok".to_owned(),
                (true, false) => "FAILED".to_owned(),
                (false, true) => "\u{1b}[32mok\u{1b}[0m".to_owned(),
                (true, true) => "\u{1b}[31mFAILED\u{1b}[0m".to_owned(),
            };
            writeln!(
                self.ready,
                "test result: {word}. {} passed; {} failed; {} ignored; 0 measured; {} filtered out; finished in {:.2}s",
                counts.passed,
                counts.failed,
                counts.ignored + counts.skipped + counts.quarantined,
                counts.filtered_out,
                summary.elapsed.as_secs_f64()
            )?;
            self.ready
                .extend_from_slice(closing::counted(&counts).as_bytes());
            return Ok(());
        }
        self.ready.extend_from_slice(line);
        Ok(())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.ready.is_empty() {
            return Ok(());
        }
        self.clear_status()?;
        self.out.write_all(&self.ready)?;
        self.ready.clear();
        Ok(())
    }

    fn clear_status(&mut self) -> std::io::Result<()> {
        if self.status.take().is_some() {
            self.out.write_all(b"\r\x1b[2K")?;
        }
        Ok(())
    }

    /// One line below the results: what runs, for how long, and how many wait.
    fn show_status(&mut self) -> std::io::Result<()> {
        let (running, waiting) = self.run.running();
        let slow: Vec<&(String, Duration)> =
            running.iter().filter(|(_, d)| *d >= LIVE_AFTER).collect();
        let Some((name, since)) = slow.first() else {
            return self.clear_status();
        };
        let more = if running.len() > 1 {
            format!(" and {} more", running.len() - 1)
        } else {
            String::new()
        };
        let given = self.run.given_out();
        let given = given.iter().filter(|(_, bytes, _)| *bytes > 0);
        let given: Vec<String> = given.map(crate::schedule::given).collect();
        let given = match given.is_empty() {
            true => String::new(),
            false => format!("; {}", given.join(", ")),
        };
        let mut text = format!(
            "  running {name} {:.0}s{more}, {waiting} wait{given}",
            since.as_secs_f64()
        );
        let width =
            rustix::termios::tcgetwinsize(&self.out).map_or(80, |w| usize::from(w.ws_col).max(20));
        text.truncate(
            text.char_indices()
                .nth(width - 1)
                .map_or(text.len(), |(i, _)| i),
        );
        if self.status.as_ref() != Some(&text) {
            write!(self.out, "\r\x1b[2K{text}")?;
            self.out.flush()?;
            self.status = Some(text);
        }
        Ok(())
    }
}
