//! All cases of a run, as columns.
//!
//! Promise: a line of the list costs its name and some numbers, so that a hundred thousand cases fit into a page; texts that many cases share stand in it once.
//! Rejected: an object per case (the names of its keys would be most of the page).

use std::collections::HashMap;

use serde::Serialize;
use tribunal_events::{AttemptLog, CaseLog, Disposition, Outcome, RunLog};

use super::text::{Cut, first_line, shown};
use crate::text::gist;

/// So much of a name is shown.
const NAME: usize = 400;
/// So much of a reason.
const WHY: usize = 300;

/// Texts, each once; a column holds their numbers. The first is the empty one.
#[derive(Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Words {
    all: Vec<String>,
    #[serde(skip)]
    known: HashMap<String, u32>,
}

impl Words {
    pub(crate) fn new() -> Words {
        let mut words = Words::default();
        words.of("", 0);
        words
    }

    /// The number of a text.
    pub(crate) fn of(&mut self, text: &str, most: usize) -> u32 {
        if let Some(number) = self.known.get(text) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.all.push(shown(text, most, Cut::Middle));
        self.known.insert(text.to_owned(), number);
        number
    }
}

/// The columns. Times are milliseconds; -1 is *unknown*.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Columns {
    name: Vec<String>,
    /// A number of [`OUTCOMES`].
    outcome: Vec<u8>,
    /// When its last attempt began, from the beginning of the run.
    start: Vec<i64>,
    set_up: Vec<i64>,
    body: Vec<i64>,
    teardown: Vec<i64>,
    attempts: Vec<u32>,
    /// In MiB of each device.
    vram: Vec<i64>,
    /// Bits: 1 waived, 2 in quarantine, 4 cut off, 8 a longer text is told of it.
    flags: Vec<u8>,
    /// Which of the parts of a merged run.
    part: Vec<u32>,
    // Numbers of words from here on.
    devices: Vec<u32>,
    file: Vec<u32>,
    line: Vec<u32>,
    doc: Vec<u32>,
    markers: Vec<u32>,
    level: Vec<u32>,
    deployment: Vec<u32>,
    /// The line of the failure that tells what happened, or the reason.
    why: Vec<u32>,
    class: Vec<u32>,
    gate: Vec<u32>,
}

/// The outcomes in the order of their numbers.
pub(crate) const OUTCOMES: [Outcome; 15] = [
    Outcome::Passed,
    Outcome::Failed,
    Outcome::TimedOut,
    Outcome::SetUpFailed,
    Outcome::TeardownFailed,
    Outcome::Skipped,
    Outcome::Ignored,
    Outcome::ExpectedFailure,
    Outcome::UnexpectedPass,
    Outcome::NoBaseline,
    Outcome::Regressed,
    Outcome::Inconclusive,
    Outcome::Invalid,
    Outcome::Flaky,
    Outcome::NotRun,
];

fn number(outcome: Outcome) -> u8 {
    let at = OUTCOMES.iter().position(|one| *one == outcome);
    at.map_or(u8::MAX, |at| at as u8)
}

/// Why a case did not run, and which kind of gate kept it from it.
pub(crate) fn kept_from(case: &CaseLog) -> (&str, &str) {
    match &case.line.disposition {
        Disposition::Ignored { why } => (why, "ignored"),
        Disposition::Skipped { why, gate } => (why, gate),
        Disposition::Refused { why, because } => (why, because),
        Disposition::Run => ("", ""),
    }
}

impl Columns {
    /// More is told of this case.
    pub(crate) fn tell(&mut self, case: usize) {
        if let Some(flags) = self.flags.get_mut(case) {
            *flags |= TOLD;
        }
    }
}

/// The bit of a case of which more is told.
const TOLD: u8 = 8;

/// The columns of a run's cases.
pub(crate) fn columns(run: &RunLog, parts: &[u32], words: &mut Words) -> Columns {
    let mut to = Columns::default();
    let zero = run.started.at;
    for (at, case) in run.cases.iter().enumerate() {
        let line = &case.line;
        let end = case.end();
        let last = case.attempts.last();
        let times = end.filter(|_| last.is_some()).map(|end| end.times);
        let millis = |seconds: Option<f64>| seconds.map_or(-1, |s| (s * 1000.0).round() as i64);
        to.name.push(shown(&line.name, NAME, Cut::Middle));
        to.outcome.push(number(case.outcome()));
        to.start
            .push(last.map_or(-1, |a| (a.started.at - zero).round().max(0.0) as i64));
        to.set_up.push(millis(times.map(|t| t.set_up)));
        to.body.push(millis(times.map(|t| t.body)));
        to.teardown.push(millis(times.map(|t| t.teardown)));
        to.attempts.push(case.attempts.len() as u32);
        to.vram.push(
            line.vram_gib
                .map_or(-1, |gib| (gib * 1024.0).round() as i64),
        );
        let waived = end.is_some_and(|end| end.waived.is_some());
        to.flags.push(
            u8::from(waived)
                | (u8::from(line.quarantine.is_some()) << 1)
                | (u8::from(case.is_cut_off()) << 2),
        );
        to.part.push(parts.get(at).copied().unwrap_or_default());
        to.devices.push(last.map_or(0, |last| devices(last, words)));
        to.file.push(words.of(&line.place.file, WHY));
        to.line.push(line.place.line);
        to.doc.push(words.of(&line.doc, WHY));
        to.markers.push(words.of(&line.markers.join(", "), 4 * WHY));
        to.level
            .push(words.of(line.level.as_deref().unwrap_or_default(), WHY));
        to.deployment
            .push(words.of(line.deployment.as_deref().unwrap_or_default(), WHY));
        let (why, gate) = kept_from(case);
        let outcome = case.outcome();
        let said = match end {
            Some(end) if outcome != Outcome::Passed => first_line(gist(&end.text), WHY),
            _ => String::new(),
        };
        let said = match said.is_empty() {
            true => first_line(why, WHY),
            false => said,
        };
        to.why.push(words.of(&said, 2 * WHY));
        let class = end.and_then(|end| end.class.as_deref());
        to.class.push(words.of(class.unwrap_or_default(), WHY));
        to.gate.push(words.of(gate, WHY));
    }
    to
}

fn devices(attempt: &AttemptLog, words: &mut Words) -> u32 {
    let devices = attempt.started.devices.iter().map(u32::to_string);
    words.of(&devices.collect::<Vec<_>>().join(","), WHY)
}

/// An attempt before the last of its case: the case, when it began and ended, its devices (a word), its outcome.
pub(crate) type Earlier = (usize, i64, i64, u32, u8);

/// So many earlier attempts are shown.
const EARLIER: usize = 5000;

/// The attempts that were followed by another one.
pub(crate) fn earlier(run: &RunLog, words: &mut Words) -> Vec<Earlier> {
    let mut all = Vec::new();
    for (at, case) in run.cases.iter().enumerate() {
        for attempt in case.attempts.iter().rev().skip(1).rev() {
            let Some(end) = &attempt.ended else { continue };
            if all.len() == EARLIER {
                return all;
            }
            let since = |time: f64| (time - run.started.at).round().max(0.0) as i64;
            let (from, to) = (since(attempt.started.at), since(end.at));
            all.push((at, from, to, devices(attempt, words), number(end.outcome)));
        }
    }
    all
}
