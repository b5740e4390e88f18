//! What an attempt gathers while it runs, for its evidence and for its result: lists of values, texts, and checks that ended without an answer.
//!
//! Promise: nothing is written unless the evidence is kept; what is gathered is bounded; a check without an answer is a note of its test and is
//! counted at the end of the run.
//!
//! Rejected: writing at once. Most attempts pass, and their evidence is not kept.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use serde_json::Value;

use crate::attempt::{current, lock};

/// The most values of one list.
const MOST: usize = 10_000;

/// A check that ended without an answer: it was not made, or it was and decides nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenCheck {
    /// How it ended, in words: `not made`, `undecided`.
    pub ending: String,
    /// What was to be checked.
    pub rule: String,
    /// Why there is no answer.
    pub why: String,
}

/// What an attempt has gathered.
#[derive(Default)]
pub(crate) struct Records {
    lists: Mutex<BTreeMap<String, (Vec<Value>, usize)>>,
    texts: Mutex<BTreeMap<String, String>>,
    open: Mutex<BTreeMap<OpenCheck, usize>>,
    pub figures: Mutex<Vec<tribunal_events::Figure>>,
}

/// Adds a value to a list in the evidence of the running attempt: a file of this name holds them all. Returns its place in the list, from 1; `None`
/// where no attempt runs on this thread.
pub fn record(file: &str, value: Value) -> Option<usize> {
    let attempt = current()?;
    let mut lists = lock(&attempt.records.lists);
    let (list, more) = lists.entry(file.to_owned()).or_default();
    if list.len() < MOST {
        list.push(value);
    } else {
        *more += 1;
    }
    Some(list.len() + *more)
}

/// Adds text to a file in the evidence of the running attempt.
pub fn record_text(file: &str, text: &str) {
    const LONGEST: usize = 64 << 20;
    if let Some(attempt) = current() {
        let mut texts = lock(&attempt.records.texts);
        let all = texts.entry(file.to_owned()).or_default();
        if all.len() + text.len() <= LONGEST {
            all.push_str(text);
        }
    }
}

/// Notes that a check of the running attempt ended without an answer.
pub fn open_check(check: OpenCheck) {
    if let Some(attempt) = current() {
        *lock(&attempt.records.open).entry(check).or_default() += 1;
    }
}

impl Records {
    /// Writes everything into the folder; what could not be written.
    pub fn write(&self, folder: &Path) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut put = |name: &str, bytes: Vec<u8>| {
            if let Err(e) = std::fs::write(folder.join(name), bytes) {
                wrong.push(format!("{name}: {e}"));
            }
        };
        for (name, (mut list, more)) in std::mem::take(&mut *lock(&self.lists)) {
            if more > 0 {
                list.push(serde_json::json!({ "left_out": more }));
            }
            let text = serde_json::to_vec_pretty(&list).unwrap_or_default();
            put(&name, text);
        }
        for (name, text) in std::mem::take(&mut *lock(&self.texts)) {
            put(&name, text.into_bytes());
        }
        wrong
    }

    pub fn open(&self) -> Vec<(OpenCheck, usize)> {
        lock(&self.open)
            .iter()
            .map(|(check, times)| (check.clone(), *times))
            .collect()
    }

    /// What a process of its own has noted.
    pub fn adopt(&self, open: Vec<(OpenCheck, usize)>) {
        let mut own = lock(&self.open);
        for (check, times) in open {
            *own.entry(check).or_default() += times;
        }
    }
}

/// Checks without an answer as notes: one line for each ending and reason.
pub(crate) fn notes(open: &[(OpenCheck, usize)]) -> Vec<String> {
    let mut groups: BTreeMap<(&str, &str), (usize, Vec<&str>)> = BTreeMap::new();
    for (check, times) in open {
        let (count, rules) = groups.entry((&check.ending, &check.why)).or_default();
        *count += times;
        if !rules.contains(&&*check.rule) {
            rules.push(&check.rule);
        }
    }
    groups
        .into_iter()
        .map(|((ending, why), (count, rules))| {
            let checks = if count == 1 {
                "check was"
            } else {
                "checks were"
            };
            let ending = if ending == "undecided" {
                "left undecided"
            } else {
                ending
            };
            format!("{count} {checks} {ending} ({}): {why}", rules.join(", "))
        })
        .collect()
}

/// The checks without an answer of a whole run.
#[derive(Default)]
pub(crate) struct Tally {
    open: BTreeMap<OpenCheck, usize>,
    tests: usize,
}

impl Tally {
    pub fn add(&mut self, open: &[(OpenCheck, usize)]) {
        self.tests += usize::from(!open.is_empty());
        for (check, times) in open {
            *self.open.entry(check.clone()).or_default() += times;
        }
    }

    /// What the end of the run says of them.
    pub fn note(&self) -> Option<String> {
        if self.open.is_empty() {
            return None;
        }
        let all: Vec<_> = self
            .open
            .iter()
            .map(|(check, times)| {
                (
                    OpenCheck {
                        why: String::new(),
                        ..check.clone()
                    },
                    *times,
                )
            })
            .collect();
        let sum = |ending: &str| {
            all.iter()
                .filter(|(check, _)| check.ending == ending)
                .map(|(_, times)| times)
                .sum::<usize>()
        };
        let heads: Vec<String> = [("not made", "not made"), ("undecided", "left undecided")]
            .into_iter()
            .filter_map(|(ending, words)| {
                let count = sum(ending);
                (count > 0).then(|| format!("{count} {words}"))
            })
            .collect();
        let open: Vec<_> = self
            .open
            .iter()
            .map(|(check, times)| (check.clone(), *times))
            .collect();
        let tests = if self.tests == 1 {
            "1 test".to_owned()
        } else {
            format!("{} tests", self.tests)
        };
        let mut text = format!("checks without an answer, in {tests}: {}", heads.join(", "));
        for line in notes(&open) {
            text.push_str(&format!("\n  {}", line.replace('\n', "\n    ")));
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ending: &str, rule: &str, why: &str) -> OpenCheck {
        OpenCheck {
            ending: ending.into(),
            rule: rule.into(),
            why: why.into(),
        }
    }

    #[test]
    fn checks_of_one_reason_are_one_line() {
        let open = [
            (check("not made", "transcript", "nobody listens"), 2),
            (check("not made", "voice", "nobody listens"), 1),
            (check("undecided", "pitch", "between"), 1),
        ];
        assert_eq!(
            notes(&open),
            [
                "3 checks were not made (transcript, voice): nobody listens",
                "1 check was left undecided (pitch): between"
            ]
        );
    }

    #[test]
    fn the_run_says_how_many_in_how_many_tests() {
        let mut tally = Tally::default();
        tally.add(&[]);
        assert_eq!(tally.note(), None);
        tally.add(&[(check("not made", "transcript", "nobody listens"), 2)]);
        tally.add(&[
            (check("not made", "transcript", "nobody listens"), 1),
            (check("undecided", "pitch", "between"), 1),
        ]);
        assert_eq!(
            tally.note().as_deref(),
            Some(
                "checks without an answer, in 2 tests: 3 not made, 1 left undecided\n  3 checks were not made (transcript): nobody listens\n  1 check was left undecided (pitch): between"
            )
        );
    }

    #[test]
    fn what_is_gathered_is_written_into_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let records = Records::default();
        lock(&records.lists).insert("list.json".into(), (vec![Value::from(1)], 2));
        lock(&records.texts).insert("text.txt".into(), "words".into());
        assert_eq!(records.write(folder.path()), [""; 0]);
        let list: Value = serde_json::from_slice(
            &std::fs::read(folder.path().join("list.json")).expect("a list"),
        )
        .expect("JSON");
        assert_eq!(list, serde_json::json!([1, { "left_out": 2 }]));
        assert_eq!(
            std::fs::read_to_string(folder.path().join("text.txt")).expect("text"),
            "words"
        );
    }
}
