//! What a journal comes to.
//!
//! Promise: a function of the lines alone. Segments of one and the same server process are judged as one series; where the server is another process, memory
//! begins anew and is judged by itself. What was too short to be judged is said to be so, and is neither a pass nor a failure of that signal.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tribunal_statistics::drift::{Drift, Verdict, drift};

use crate::error::SoakError;
use crate::guard::{StopReason, too_many};
use crate::journal::{Journal, Read};
use crate::line::{Begin, Counts, Identity, Incident, Line, Sample};
use crate::progress::clock;
use crate::signal::{Signal, series};

/// What was found of one signal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Of what.
    pub signal: Signal,
    /// Whether it drifts.
    pub drift: Drift,
    /// The largest value.
    pub peak: f64,
    /// What it must not reach, where that is known.
    pub limit: Option<f64>,
    /// In how many hours it would be there, should it go on so.
    pub hours_to_limit: Option<f64>,
}

/// What one process of the server lived through.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Segment {
    /// Which process; `None`: not known.
    pub server: Option<Identity>,
    /// From the first line to the last, in seconds.
    pub seconds: f64,
    /// What was found.
    pub findings: Vec<Finding>,
}

/// What a journal comes to.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// How each segment of the journal began.
    pub begun: Vec<Begin>,
    /// How much of the soak was done, in seconds, over all segments.
    pub covered: f64,
    /// What became of the requests.
    pub counts: Counts,
    /// Batches that ended, and those among them that were cut.
    pub batches: (u64, u64),
    /// Batches whose times say more of the client than of the server.
    pub invalid: u64,
    /// Why the first of these.
    pub invalid_why: Option<String>,
    /// Number of the next batch.
    pub next_batch: u64,
    /// Probes, and those among them that found something wrong.
    pub probes: (u64, u64),
    /// What should not have happened, with seconds since the segment began.
    pub incidents: Vec<(f64, Incident)>,
    /// By server process.
    pub segments: Vec<Segment>,
    /// How the last segment ended; `None`: its process was killed, or it runs still.
    pub end: Option<Option<StopReason>>,
    /// What the first request that failed said.
    pub failure: Option<String>,
}

impl Report {
    /// Reads a journal and judges it.
    ///
    /// # Errors
    /// As [`Journal::read`].
    pub fn read(path: &Path) -> Result<Self, SoakError> {
        Ok(Self::of(&Journal::read(path)?))
    }

    /// Judges what was read.
    pub fn of(read: &Read) -> Self {
        let mut report = Self::default();
        for line in &read.lines {
            report.add(line);
        }
        for group in groups(&read.lines) {
            report.segments.push(group.judged());
        }
        report
    }

    fn add(&mut self, line: &Line) {
        match line {
            Line::Begin(begin) => {
                self.covered = begin.done;
                self.end = None;
                self.begun.push((**begin).clone());
            }
            Line::Batch { number, .. } => self.next_batch = number.saturating_add(1),
            Line::BatchEnd { invalid, .. } => {
                self.batches.0 += 1;
                self.invalid += u64::from(!invalid.is_empty());
                if self.invalid_why.is_none() {
                    self.invalid_why = invalid.first().cloned();
                }
            }
            Line::Traffic(interval) => {
                self.counts.add(&interval.counts);
                if self.failure.is_none() {
                    self.failure.clone_from(&interval.failure);
                }
            }
            Line::Sample(_) => {}
            Line::Probe(probe) => {
                self.probes.0 += 1;
                self.probes.1 += u64::from(probe.wrong.is_some());
            }
            Line::Incident { at, what } => {
                self.batches.1 += u64::from(matches!(what, Incident::Hung { .. }));
                self.incidents.push((*at, what.clone()));
            }
            Line::End(end) => self.end = Some(end.stopped.clone()),
        }
        if let (Some(begin), Some(at)) = (self.begun.last(), at(line)) {
            self.covered = self.covered.max(begin.done + at);
        }
    }

    /// Whether it ran to its end.
    pub fn is_over(&self) -> bool {
        let asked = self.begun.last().map_or(0.0, |begin| begin.duration);
        self.end == Some(None) && self.covered >= asked
    }

    /// Why it does not pass; empty: it does. What was insufficient is no reason.
    pub fn failures(&self) -> Vec<String> {
        let mut why = Vec::new();
        match &self.end {
            Some(Some(reason)) => why.push(format!("it was stopped early: {reason}")),
            Some(None) => {}
            None => why.push("it did not end: its process was killed, or it runs still".to_owned()),
        }
        if self.counts.ok == 0 {
            why.push("no request was answered".to_owned());
        }
        let limits = self.begun.last().map(|begin| begin.limits);
        if too_many(&self.counts, &limits.unwrap_or_default()) {
            let quoted = self.failure.as_deref().unwrap_or("nothing");
            let (failed, judged) = (self.counts.failed, self.counts.judged());
            why.push(format!(
                "{failed} of {judged} requests failed ({}); the first said: {quoted}",
                classes(&self.counts)
            ));
        }
        for (at, what) in &self.incidents {
            why.push(format!("{what}, {at:.0} s after the segment began"));
        }
        let findings = self.segments.iter().flat_map(|segment| &segment.findings);
        for finding in findings {
            if finding.drift.verdict == Verdict::Leak && self.counts_as(&finding.signal) {
                why.push(finding.to_string());
            }
        }
        why
    }

    /// Whether what was found of it is a verdict: of times it is none where the client was the bottleneck in more than a tenth of the batches.
    fn counts_as(&self, signal: &Signal) -> bool {
        !signal.is_speed() || self.invalid * 10 <= self.batches.0
    }

    /// What is worth a look and no failure: suspects, and what could not be judged.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.probes.1 > 0 {
            let (asked, wrong) = self.probes;
            remarks.push(format!("{wrong} of {asked} probes found something wrong"));
        }
        let findings = self.segments.iter().flat_map(|segment| &segment.findings);
        for finding in findings {
            match &finding.drift.verdict {
                Verdict::Suspect | Verdict::Insufficient(_) => remarks.push(finding.to_string()),
                Verdict::Leak if !self.counts_as(&finding.signal) => {
                    remarks.push(format!(
                        "no verdict, the client was the bottleneck: {finding}"
                    ));
                }
                Verdict::Ok | Verdict::Leak => {}
            }
        }
        if self.invalid > 0 {
            let why = self.invalid_why.as_deref().unwrap_or_default();
            let (invalid, all) = (self.invalid, self.batches.0);
            remarks.push(format!(
                "in {invalid} of {all} batches the client was the bottleneck: {why}"
            ));
        }
        remarks
    }

    /// The finding of a signal in the last segment.
    pub fn finding(&self, signal: &Signal) -> Option<&Finding> {
        let last = self.segments.last()?;
        last.findings.iter().find(|found| found.signal == *signal)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let covered = clock(Duration::from_secs_f64(self.covered.max(0.0)));
        let name = self.begun.last().map_or("?", |begin| &begin.name);
        let counts = &self.counts;
        writeln!(
            f,
            "{name}: {covered}, {} batches, {} answered, {} failed",
            self.batches.0, counts.ok, counts.failed
        )?;
        for (number, segment) in self.segments.iter().enumerate() {
            if self.segments.len() > 1 {
                let long = clock(Duration::from_secs_f64(segment.seconds.max(0.0)));
                writeln!(f, "  server process {}, {long}:", number + 1)?;
            }
            for finding in &segment.findings {
                writeln!(f, "  {finding}")?;
            }
        }
        for why in self.failures() {
            writeln!(f, "  FAILS: {why}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match &self.drift.verdict {
            Verdict::Ok => "ok",
            Verdict::Suspect => "SUSPECT",
            Verdict::Leak => "LEAK",
            Verdict::Insufficient(why) => {
                return write!(f, "{}: insufficient ({why})", self.signal);
            }
        };
        write!(f, "{}: {word}", self.signal)?;
        let text = |value: f64| self.signal.text(value);
        if let (Some(slope), Some(limit)) = (self.drift.slope_per_hour, self.drift.limit_per_hour) {
            write!(f, ", {} an hour (limit {})", text(slope), text(limit))?;
        }
        if let Some(later) = self.drift.second_half_slope {
            write!(f, ", second half {}", text(later))?;
        }
        if let Some(last) = self.drift.last {
            write!(f, ", at {}, peak {}", text(last), text(self.peak))?;
        }
        if let (Some(hours), Some(limit)) = (self.hours_to_limit, self.limit)
            && self.drift.verdict != Verdict::Ok
        {
            write!(f, ", {hours:.1} hours to {}", text(limit))?;
        }
        Ok(())
    }
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hung { batch, seconds } => {
                write!(
                    f,
                    "batch {batch} did not end within {seconds:.1} s and was cut"
                )
            }
            Self::NotSent { batch, why } => write!(f, "batch {batch} could not be sent: {why}"),
            Self::Restarted { from, to } => {
                write!(f, "the server was restarted: {from} became {to}")
            }
            Self::Ended { process } => write!(f, "a process of the server ended: {process}"),
            Self::Dead { why } => write!(f, "the server is gone: {why}"),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "pid {pid}"),
            None => write!(f, "the process started at {:.0}", self.start),
        }
    }
}

fn classes(counts: &Counts) -> String {
    let one = |(class, count): (&tribunal_traffic::FailureClass, &u64)| {
        let name = serde_json::to_value(class).unwrap_or_default();
        format!("{count} {}", name.as_str().unwrap_or("?"))
    };
    counts
        .classes
        .iter()
        .map(one)
        .collect::<Vec<_>>()
        .join(", ")
}

fn at(line: &Line) -> Option<f64> {
    match line {
        Line::Begin(_) => None,
        Line::Batch { at, .. } | Line::BatchEnd { at, .. } | Line::Incident { at, .. } => Some(*at),
        Line::Traffic(interval) => Some(interval.at),
        Line::Sample(sample) => Some(sample.at),
        Line::Probe(probe) => Some(probe.at),
        Line::End(end) => Some(end.at),
    }
}

/// Lines of one server process, with what their times must be shifted by to be of one clock.
struct Group<'a> {
    begin: Option<&'a Begin>,
    server: Option<Identity>,
    lines: Vec<(f64, &'a Line)>,
}

/// Puts lines to those of the same server, or begins a new group.
fn flush<'a>(
    waiting: &mut Vec<(f64, &'a Line)>,
    groups: &mut Vec<Group<'a>>,
    server: Option<Identity>,
    begin: Option<&'a Begin>,
) {
    let lines = std::mem::take(waiting);
    match groups.last_mut() {
        _ if lines.is_empty() => {}
        // A segment whose server is not known goes with nobody else's.
        Some(last) if server.is_some() && last.server == server => last.lines.extend(lines),
        _ => groups.push(Group {
            begin,
            server,
            lines,
        }),
    }
}

fn groups(lines: &[Line]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut begin: Option<&Begin> = None;
    // What came since the segment began, or since the server was another one, until a sample says whose it is.
    let mut waiting: Vec<(f64, &Line)> = Vec::new();
    let mut server = None;
    for line in lines {
        if let Line::Begin(next) = line {
            flush(&mut waiting, &mut groups, server, begin);
            (begin, server) = (Some(&**next), None);
        }
        if let Line::Sample(sample) = line
            && let Some(now) = sample.server
        {
            if server.is_some_and(|before| before != now) {
                flush(&mut waiting, &mut groups, server, begin);
            }
            server = Some(now);
        }
        // One clock over segments: that of the wall.
        let shift = begin.map_or(0.0, |begin| begin.unix);
        waiting.push((shift, line));
    }
    flush(&mut waiting, &mut groups, server, begin);
    groups
}

impl Group<'_> {
    fn judged(&self) -> Segment {
        let start = self.lines.first().map_or(0.0, |(shift, _)| *shift);
        let mut all = BTreeMap::new();
        for (shift, line) in &self.lines {
            series([*line], shift - start, &mut all);
        }
        let times = self
            .lines
            .iter()
            .filter_map(|(shift, line)| Some(shift - start + at(line)?));
        let (mut first, mut last) = (f64::INFINITY, f64::NEG_INFINITY);
        for time in times {
            (first, last) = (first.min(time), last.max(time));
        }
        let latest: Option<&Sample> = self.lines.iter().rev().find_map(|(_, line)| match line {
            Line::Sample(sample) => Some(&**sample),
            _ => None,
        });
        let limits = self.begin.map(|begin| begin.drift).unwrap_or_default();
        let finding = |(signal, values): (Signal, Vec<(f64, f64)>)| {
            let drift = drift(&values, &limits.of(&signal));
            let peak = values
                .iter()
                .map(|(_, value)| *value)
                .fold(f64::MIN, f64::max);
            let limit = latest.and_then(|sample| self.limit(&signal, sample));
            let hours_to_limit = limit.and_then(|limit| drift.hours_to(limit));
            Finding {
                signal,
                drift,
                peak,
                limit,
                hours_to_limit,
            }
        };
        Segment {
            server: self.server,
            seconds: (last - first).max(0.0),
            findings: all.into_iter().map(finding).collect(),
        }
    }

    /// What a signal must not reach.
    fn limit(&self, signal: &Signal, sample: &Sample) -> Option<f64> {
        let bytes = match signal {
            Signal::Memory => {
                let stop = self.begin.and_then(|begin| begin.limits.rss);
                // All that the host has left, on top of what is held.
                let held = sample.anonymous.or(sample.rss);
                stop.or_else(|| held?.checked_add(sample.host_available?))
            }
            Signal::Device(key) => {
                let device = sample.devices.iter().find(|device| device.device == *key)?;
                device.total
            }
            Signal::Descriptors => sample.descriptor_limit,
            _ => None,
        };
        bytes.map(|bytes| bytes as f64)
    }
}
