//! What a journal comes to.
//!
//! Promise: a function of the lines alone. Segments of one and the same server process are judged as one series; where the server is another process, memory
//! begins anew and is judged by itself. What was too short to be judged is said to be so, and is neither a pass nor a failure of that signal.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use tribunal_statistics::drift::{Drift, Verdict};

use crate::error::SoakError;
use crate::guard::{StopReason, too_many};
use crate::journal::{Journal, Read};
use crate::life::{at, lives};
use crate::line::{Begin, Counts, Identity, Incident, Line};
use crate::progress::{clock, told};
use crate::signal::Signal;

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
        for life in lives(&read.lines) {
            report.segments.push(life.judged());
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
        let covered = clock(told(self.covered));
        let name = self.begun.last().map_or("?", |begin| &begin.name);
        let counts = &self.counts;
        writeln!(
            f,
            "{name}: {covered}, {} batches, {} answered, {} failed",
            self.batches.0, counts.ok, counts.failed
        )?;
        for (number, segment) in self.segments.iter().enumerate() {
            if self.segments.len() > 1 {
                let long = clock(told(segment.seconds));
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
