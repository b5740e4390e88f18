//! The lives of server processes, each judged by itself.
//!
//! Promise: a process is told by its pid and start; segments of one and the same are one series, on the clock of the wall. Rejected: judging segments (a soak that was gone
//! on with beside a server that still ran would forget what was).

use std::collections::BTreeMap;

use tribunal_statistics::drift::drift;

use crate::line::{Begin, Identity, Line, Sample};
use crate::measured::Measured;
use crate::report::{Finding, Segment};
use crate::signal::{Signal, series};

/// Lines of one server process, with what their times must be shifted by to be of one clock.
pub(crate) struct Life<'a> {
    begin: Option<&'a Begin>,
    server: Option<Identity>,
    lines: Vec<(f64, &'a Line)>,
}

/// Puts lines to those of the same server, or begins a new life.
fn flush<'a>(
    waiting: &mut Vec<(f64, &'a Line)>,
    lives: &mut Vec<Life<'a>>,
    server: Option<Identity>,
    begin: Option<&'a Begin>,
) {
    let lines = std::mem::take(waiting);
    match lives.last_mut() {
        _ if lines.is_empty() => {}
        // A segment whose server is not known goes with nobody else's.
        Some(last) if server.is_some() && last.server == server => last.lines.extend(lines),
        _ => lives.push(Life {
            begin,
            server,
            lines,
        }),
    }
}

/// The lives that lines tell of, in their order.
pub(crate) fn lives(lines: &[Line]) -> Vec<Life<'_>> {
    let mut lives: Vec<Life<'_>> = Vec::new();
    let mut begin: Option<&Begin> = None;
    // What came since the segment began, or since the server was another one, until a sample says whose it is.
    let mut waiting: Vec<(f64, &Line)> = Vec::new();
    let mut server = None;
    for line in lines {
        if let Line::Begin(next) = line {
            flush(&mut waiting, &mut lives, server, begin);
            (begin, server) = (Some(&**next), None);
        }
        if let Line::Sample(sample) = line
            && let Some(now) = sample.server
        {
            if server.is_some_and(|before| before != now) {
                flush(&mut waiting, &mut lives, server, begin);
            }
            server = Some(now);
        }
        // One clock over segments: that of the wall.
        let shift = begin.map_or(0.0, |begin| begin.unix);
        waiting.push((shift, line));
    }
    flush(&mut waiting, &mut lives, server, begin);
    lives
}

impl Life<'_> {
    /// (seconds, value) of every signal, from its beginning on.
    pub(crate) fn series(&self) -> BTreeMap<Signal, Vec<(f64, f64)>> {
        let start = self.lines.first().map_or(0.0, |(shift, _)| *shift);
        let mut all = BTreeMap::new();
        let measured = Measured::of(self.lines.iter().map(|(_, line)| *line));
        for (shift, line) in &self.lines {
            series([*line], shift - start, &measured, &mut all);
        }
        all
    }

    /// What was found of it.
    pub(crate) fn judged(&self) -> Segment {
        let start = self.lines.first().map_or(0.0, |(shift, _)| *shift);
        let all = self.series();
        let measured = Measured::of(self.lines.iter().map(|(_, line)| *line));
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
            let limit = latest.and_then(|sample| self.limit(&signal, sample, &measured));
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
    fn limit(&self, signal: &Signal, sample: &Sample, measured: &Measured<'_>) -> Option<f64> {
        let bytes = match signal {
            Signal::Memory => {
                let stop = self.begin.and_then(|begin| begin.limits.rss);
                // All that the host has left, on top of what is held.
                let held = measured.memory(sample).or(sample.rss);
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

/// When it was, in seconds since its segment began.
pub(crate) fn at(line: &Line) -> Option<f64> {
    match line {
        Line::Begin(_) => None,
        Line::Batch { at, .. } | Line::BatchEnd { at, .. } | Line::Incident { at, .. } => Some(*at),
        Line::Traffic(interval) => Some(interval.at),
        Line::Sample(sample) => Some(sample.at),
        Line::Probe(probe) => Some(probe.at),
        Line::End(end) => Some(end.at),
    }
}
