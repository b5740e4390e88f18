//! One run of the test, with what it may use, and what was sampled meanwhile.
//!
//! Promise: a run ends within its limit, and the next one begins when all of it is gone: its processes, and its memory where that
//! comes back. Rejected: going on at once (the memory of the last engine would be read as need of the next).

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tribunal_profiler::text::{FRACTION, FRACTION_OF_DYNAMO, progress};
use tribunal_profiler::{Allowed, Ended, Probe, Profile, TOLERANCE, Trace, Tried};

use super::drive::{Lab, Run};
use super::log::TokenLog;
use super::options::ProfileOptions;
use super::outcome::Said;
use super::sampler::{Reading, Recorder, Sampler, trace};
use super::target::Target;
use super::tree;

/// Says to a test how large its engine's KV cache may be, in bytes.
const KV_BYTES: &str = "TRIBUNAL_KV_CACHE_BYTES";
/// The same in tokens.
const KV_TOKENS: &str = "TRIBUNAL_KV_CACHE_TOKENS";
/// Names by which launch scripts of Dynamo read the same.
const KV_BYTES_OF_DYNAMO: [&str; 2] = [
    "_PROFILE_OVERRIDE_VLLM_KV_CACHE_BYTES",
    "_PROFILE_OVERRIDE_TRTLLM_MAX_GPU_TOTAL_BYTES",
];
const KV_TOKENS_OF_DYNAMO: [&str; 2] = [
    "_PROFILE_OVERRIDE_SGLANG_MAX_TOTAL_TOKENS",
    "_PROFILE_OVERRIDE_TRTLLM_MAX_TOTAL_TOKENS",
];
/// How long a run that was asked to end may take for it.
const GRACE: Duration = Duration::from_secs(30);
/// How long memory may take to come back.
const SETTLING: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(20);
/// How often the progress is drawn.
const REDRAW: Duration = Duration::from_secs(2);
/// What is kept of the text of a run.
const KEPT: usize = 4 << 20;

/// This machine, and the program of the test.
pub(crate) struct Machine<'a> {
    pub(crate) options: &'a ProfileOptions,
    pub(crate) target: &'a Target,
    /// Between runs; a run has it.
    pub(crate) sampler: Option<Box<dyn Sampler>>,
    /// More variables: where the simulated devices are.
    pub(crate) variables: Vec<(OsString, OsString)>,
    /// Where a run may leave evidence that is read here.
    pub(crate) evidence: &'a Path,
    /// Reads tokens off logs, where they are what is varied.
    pub(crate) tokens: Option<TokenLog>,
}

impl Lab for Machine<'_> {
    fn run(&mut self, probe: &Probe, mean: Option<Duration>) -> Result<Run, String> {
        let begun = Instant::now();
        let sampler = self
            .sampler
            .take()
            .ok_or("the devices are not read any more")?;
        let recorder = Recorder::start(sampler, self.options.interval);
        std::thread::sleep(self.options.baseline);
        let baseline_end = recorder.now();
        let started = Instant::now();
        let mut child = self.start(probe)?;
        let (said, errors) = (self.listen(&mut child, probe), self.echo(&mut child, probe));
        let finished = self.wait(&mut child, probe, begun, mean);
        let wall = started.elapsed();
        let test_end = recorder.now();
        // Whoever still holds a pipe is ended below; what was said until now counts.
        let patience = Duration::from_secs(2);
        let said = said.recv_timeout(patience).unwrap_or_default();
        let errors = errors.recv_timeout(patience).unwrap_or_default();
        self.sweep(probe);
        std::thread::sleep(self.options.teardown);
        self.settle(&recorder, probe);
        let (sampler, seen) = recorder.finish()?;
        self.sampler = Some(sampler);

        let trace = trace(&seen, baseline_end, test_end);
        let profile = Profile::of(&trace);
        let finished = finished?;
        let ended = match finished {
            None => Ended::TimedOut,
            Some(status) => said.ended(status.code(), &errors),
        };
        let peak = profile.peak();
        let test = said.test.clone().unwrap_or_default();
        if !ended.passed() && !self.options.quiet {
            self.say(probe, &test.text);
        }
        Ok(Run {
            tried: Tried {
                ended,
                peak,
                wall,
                took: begun.elapsed(),
                tokens: self
                    .tokens
                    .as_ref()
                    .and_then(|log| log.below(std::path::Path::new(test.evidence.as_ref()?))),
            },
            profile,
            trace,
            body: test.body,
            set_up: test.set_up,
            code: finished.and_then(|status| status.code()),
        })
    }

    fn in_use(&mut self) -> Vec<Reading> {
        self.sampler
            .as_mut()
            .map(|sampler| sampler.read(&[]))
            .unwrap_or_default()
    }
}

impl Machine<'_> {
    fn start(&self, probe: &Probe) -> Result<Child, String> {
        let mut command = Command::new(&self.target.program);
        command
            .args(self.options.selection())
            .args(["--format", "json", "--color", "never"])
            .current_dir(&self.target.folder)
            .envs(
                self.target
                    .variables
                    .iter()
                    .map(|(name, value)| (name, value)),
            )
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            // A probe that fails is no failure that a build server should show.
            .env("TRIBUNAL_ANNOTATIONS", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if self.tokens.is_some() {
            // The engine tells its tokens in its log.
            command.args(["--keep-evidence", "all", "--evidence-dir"]);
            command.arg(self.evidence);
        }
        for name in [FRACTION, FRACTION_OF_DYNAMO, KV_BYTES, KV_TOKENS]
            .iter()
            .chain(&KV_BYTES_OF_DYNAMO)
            .chain(&KV_TOKENS_OF_DYNAMO)
        {
            command.env_remove(name);
        }
        if let Some(value) = probe.allowed.value() {
            let names: &[&str] = match probe.allowed {
                Allowed::Bytes(_) => &[KV_BYTES, KV_BYTES_OF_DYNAMO[0], KV_BYTES_OF_DYNAMO[1]],
                Allowed::Tokens(_) => &[KV_TOKENS, KV_TOKENS_OF_DYNAMO[0], KV_TOKENS_OF_DYNAMO[1]],
                Allowed::Fraction(_) | Allowed::Uncapped => &[FRACTION, FRACTION_OF_DYNAMO],
            };
            command.envs(names.iter().map(|name| (name, &value)));
        }
        for (name, value) in [
            // A download would be measured as part of the test.
            ("HF_HUB_OFFLINE", "1"),
            // What it uses is the question here, not a limit.
            ("TRIBUNAL_VRAM_OVERUSE", "warn"),
        ] {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        if let Some(gpu) = self.options.gpu
            && self.options.simulate.is_none()
        {
            command.env("CUDA_VISIBLE_DEVICES", gpu.to_string());
        }
        command
            .spawn()
            .map_err(|error| format!("`{}`: {error}", self.target.program.display()))
    }

    /// Reads the events of the run.
    fn listen(&self, child: &mut Child, probe: &Probe) -> Receiver<Said> {
        let (send, said) = mpsc::channel();
        let (test, label) = (self.options.test.clone(), self.label(probe));
        let quiet = self.options.quiet;
        if let Some(pipe) = child.stdout.take() {
            std::thread::spawn(move || {
                let mut said = Said::default();
                each_line(pipe, |line| {
                    said.line(line, &test);
                    if !quiet && !line.starts_with('{') {
                        eprint_line(&label, line);
                    }
                });
                // Nobody listens any more when the run was given up.
                let _ = send.send(said);
            });
        }
        said
    }

    /// Shows what the run complains of, and keeps it.
    fn echo(&self, child: &mut Child, probe: &Probe) -> Receiver<String> {
        let (send, text) = mpsc::channel();
        let (label, quiet) = (self.label(probe), self.options.quiet);
        if let Some(pipe) = child.stderr.take() {
            std::thread::spawn(move || {
                let mut kept = String::new();
                each_line(pipe, |line| {
                    if kept.len() < KEPT {
                        kept.push_str(line);
                        kept.push('\n');
                    }
                    if !quiet {
                        eprint_line(&label, line);
                    }
                });
                let _ = send.send(kept);
            });
        }
        text
    }

    /// Waits for the end; `None`: it was stopped at its limit.
    fn wait(
        &self,
        child: &mut Child,
        probe: &Probe,
        begun: Instant,
        mean: Option<Duration>,
    ) -> Result<Option<ExitStatus>, String> {
        let deadline = Instant::now() + probe.limit;
        let drawing = !self.options.quiet && std::io::stderr().is_terminal();
        let mut drawn: Option<Instant> = None;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                break Some(status);
            }
            if Instant::now() >= deadline {
                break None;
            }
            if drawing && drawn.is_none_or(|at| at.elapsed() >= REDRAW) {
                drawn = Some(Instant::now());
                let line = progress(probe, begun.elapsed(), mean);
                let _ = write!(std::io::stderr(), "\r\x1b[K  {line}");
            }
            std::thread::sleep(LOOK);
        };
        if drawing {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
        if status.is_none() {
            self.stop(child)?;
        }
        Ok(status)
    }

    /// Asks the run to end, so that it takes its servers down, and ends it if it does not.
    fn stop(&self, child: &mut Child) -> Result<(), String> {
        let deadline = Instant::now() + GRACE;
        if let Some(pid) = i32::try_from(child.id())
            .ok()
            .and_then(rustix::process::Pid::from_raw)
        {
            // It is an own child that nobody has waited for: the number is still its own.
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        while Instant::now() < deadline {
            if child
                .try_wait()
                .map_err(|error| error.to_string())?
                .is_some()
            {
                return Ok(());
            }
            std::thread::sleep(LOOK);
        }
        child.kill().map_err(|error| error.to_string())?;
        child.wait().map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Ends what the run has left behind, and says so. Whoever is about to end by itself is given a moment.
    fn sweep(&self, probe: &Probe) {
        let deadline = Instant::now() + Duration::from_secs(2);
        let left = loop {
            tree::reap();
            let left = tree::below_this();
            if left.is_empty() || Instant::now() > deadline {
                break left;
            }
            std::thread::sleep(LOOK);
        };
        if left.is_empty() {
            return;
        }
        self.say(
            probe,
            &format!("WARNING: processes outlived the test and are ended: {left:?}"),
        );
        let stubborn = tree::end_all(Duration::from_secs(10));
        if !stubborn.is_empty() {
            self.say(
                probe,
                &format!("WARNING: still there, and perhaps on the device: {stubborn:?}"),
            );
        }
    }

    /// Waits until the device is as it was before, or says that it is not.
    fn settle(&self, recorder: &Recorder, probe: &Probe) {
        let above = || {
            let trace: Trace = trace(&recorder.seen(), 0.0, 0.0);
            let profile = Profile::of(&trace);
            let left = profile.devices.iter().map(|device| {
                let first = trace.samples.iter().find(|s| s.device == device.device);
                device.last.saturating_sub(first.map_or(0, |s| s.used))
            });
            left.max().unwrap_or(0)
        };
        let deadline = Instant::now() + SETTLING;
        while above() >= TOLERANCE {
            if Instant::now() > deadline {
                self.say(
                    probe,
                    &format!(
                        "WARNING: {} MiB did not come back within {} s; the next run may be wrong by them",
                        above() >> 20,
                        SETTLING.as_secs()
                    ),
                );
                return;
            }
            std::thread::sleep(LOOK);
        }
    }

    fn label(&self, probe: &Probe) -> String {
        match self.options.search {
            true => format!("[probe {}/{}] ", probe.number, probe.of),
            false => "[profile] ".into(),
        }
    }

    fn say(&self, probe: &Probe, text: &str) {
        let label = self.label(probe);
        text.lines().for_each(|line| eprint_line(&label, line));
    }
}

/// A line of a test on standard error; where that is closed, nobody reads.
fn eprint_line(label: &str, line: &str) {
    let clear = match std::io::stderr().is_terminal() {
        true => "\r\x1b[K",
        false => "",
    };
    let line: String = line
        .chars()
        .map(|c| if c.is_control() && c != '\t' { ' ' } else { c })
        .collect();
    let _ = writeln!(std::io::stderr(), "{clear}{label}{line}");
}

/// Each line of a pipe, as text; a line without an end is cut.
fn each_line(pipe: impl Read, mut take: impl FnMut(&str)) {
    const LONGEST: u64 = 16 << 20;
    let mut reader = BufReader::new(pipe);
    loop {
        let mut line = vec![];
        match reader.by_ref().take(LONGEST).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => take(String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r'])),
        }
    }
}
