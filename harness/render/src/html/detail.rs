//! All that a page tells of one case, once somebody opens it.
//!
//! Promise: bounded, and what is left out is said to be; failures come before anything else where there is not room for all. Rejected: one large object for
//! all cases (a browser would read it before it shows anything).

use serde::Serialize;
use tribunal_events::{Attachment, AttemptLog, CaseEnded, CaseLog, Outcome};

use super::exchange::{Exchanges, Verdicts, exchanges, verdicts};
use super::fault::{FaultReport, fault_report};
use super::folder::Folder;
use super::media::{Media, media};
use super::quantiles::{Step, step};
use super::text::{Cut, first_line, shown};

/// Of a failure's text.
const TEXT: usize = 24_000;
/// Of an output.
const OUTPUT: usize = 16_000;
/// Of the tail of a log.
const LOG: usize = 12_000;
/// Of a short text file that is shown as it is.
const PLAIN: usize = 4_000;
/// Files of one attempt that are listed.
const FILES: usize = 300;
/// Notes, lines of faults and the like.
const LINES: usize = 300;

/// What is told of a case.
#[derive(Debug, Serialize)]
pub(crate) struct Detail {
    attempts: Vec<Attempt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quarantine: Option<[String; 3]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<(f64, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<f64>,
}

/// What is empty is not written: most attempts have little of it, and there are many.
#[derive(Debug, Default, Serialize)]
struct Attempt {
    number: u32,
    /// None: the log ends before it did.
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixtures: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class_because: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waived: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    output: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shared: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    open: Vec<(String, String, String, usize)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<(f64, String, String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<Evidence>,
}

#[derive(Debug, Default, Serialize)]
struct Evidence {
    name: String,
    link: Option<String>,
    files: Vec<Listed>,
    more: usize,
    exchanges: Option<Exchanges>,
    verdicts: Option<Verdicts>,
    logs: Vec<(String, String)>,
    plain: Vec<(String, String)>,
    faults: Vec<FaultReport>,
    steps: Vec<Step>,
}

#[derive(Debug, Serialize)]
struct Listed {
    path: String,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<Media>,
}

/// How much is told of a case before that of others, the least first; none: there is nothing to tell.
pub(crate) fn rank(case: &CaseLog) -> Option<u8> {
    let outcome = case.outcome();
    let waived = case.end().is_some_and(|end| end.waived.is_some());
    if outcome.is_failure() {
        return Some(u8::from(waived));
    }
    if case.is_cut_off() || outcome == Outcome::Flaky {
        return Some(1);
    }
    if case.attempts.is_empty() {
        // Why it did not run stands in the columns already, where it is one line.
        let long = case.end().is_some_and(|end| end.text.lines().count() > 1);
        return long.then_some(3);
    }
    let says = |end: &CaseEnded| {
        end.evidence.is_some()
            || !end.output.is_empty()
            || !end.notes.is_empty()
            || !end.open.is_empty()
            || !end.text.is_empty()
    };
    let last = case.attempts.last()?;
    let has = last.ended.as_ref().is_some_and(says) || !last.faults.is_empty();
    has.then_some(2)
}

/// What is told of a case. Media are taken into it while there is `room`.
pub(crate) fn detail(case: &CaseLog, beside: Option<&std::path::Path>, room: &mut usize) -> Detail {
    let line = &case.line;
    let mut attempts: Vec<Attempt> = case
        .attempts
        .iter()
        .map(|attempt| attempt_of(case, attempt, beside, room))
        .collect();
    if let (true, Some(end)) = (attempts.is_empty(), &case.unattempted) {
        attempts.push(ended(Attempt::default(), end));
    }
    Detail {
        attempts,
        quarantine: line
            .quarantine
            .as_ref()
            .map(|q| [&q.reason, &q.issue, &q.until].map(|text| shown(text, PLAIN, Cut::End))),
        expected: line
            .expected
            .as_ref()
            .map(|e| (e.seconds, first_line(&e.from, 100))),
        limit: line.limit,
    }
}

fn attempt_of(
    case: &CaseLog,
    attempt: &AttemptLog,
    beside: Option<&std::path::Path>,
    room: &mut usize,
) -> Attempt {
    let mut to = Attempt {
        number: attempt.started.attempt,
        fixtures: lines(&attempt.started.fixtures),
        faults: attempt
            .faults
            .iter()
            .take(LINES)
            .map(|fault| {
                let line = |text: &str| shown(text, 500, Cut::Middle);
                let at = fault.at - attempt.started.at;
                (
                    at,
                    line(&fault.fault),
                    line(&fault.step),
                    line(&fault.detail),
                )
            })
            .collect(),
        ..Attempt::default()
    };
    let Some(end) = &attempt.ended else {
        return to;
    };
    to = ended(to, end);
    to.evidence = end.evidence.as_ref().and_then(|relative| {
        let folder = Folder::open(&case.folder, relative, beside)?;
        Some(evidence(&folder, relative, &end.attachments, room))
    });
    to
}

fn ended(to: Attempt, end: &CaseEnded) -> Attempt {
    Attempt {
        outcome: Some(end.outcome.word()),
        text: shown(&end.text, TEXT, Cut::Middle),
        class: end.class.as_deref().map(|text| first_line(text, 200)),
        class_because: end
            .class_because
            .as_deref()
            .map(|text| shown(text, 1000, Cut::Middle)),
        waived: end
            .waived
            .as_deref()
            .map(|text| shown(text, 1000, Cut::End)),
        output: shown(&end.output, OUTPUT, Cut::Start),
        shared: end
            .shared_output
            .iter()
            .take(20)
            .map(|one| {
                let by = shown(&one.by.join(", "), 500, Cut::End);
                (by, shown(&one.text, PLAIN, Cut::Start))
            })
            .collect(),
        notes: lines(&end.notes),
        open: end
            .open
            .iter()
            .take(LINES)
            .map(|open| {
                let line = |text: &str| shown(text, 500, Cut::Middle);
                (
                    line(&open.ending),
                    line(&open.rule),
                    line(&open.why),
                    open.times,
                )
            })
            .collect(),
        ..to
    }
}

fn lines(all: &[String]) -> Vec<String> {
    let mut out: Vec<String> = all
        .iter()
        .take(LINES)
        .map(|text| shown(text, 2000, Cut::Middle))
        .collect();
    if all.len() > LINES {
        out.push(format!("and {} more", all.len() - LINES));
    }
    out
}

fn evidence(folder: &Folder, name: &str, listed: &[Attachment], room: &mut usize) -> Evidence {
    let mut files: Vec<(String, u64)> = listed
        .iter()
        .map(|file| (file.path.clone(), file.bytes))
        .collect();
    if files.is_empty() {
        files = folder.list(10 * FILES);
    }
    let mut to = Evidence {
        name: shown(name, 500, Cut::Middle),
        link: folder.link(""),
        more: files.len().saturating_sub(FILES),
        ..Evidence::default()
    };
    for (path, bytes) in files.into_iter().take(FILES) {
        let text = |most| {
            let taken = folder.tail(&path, most)?;
            let cut = if taken.is_whole() { "" } else { "[…]\n" };
            let text = String::from_utf8_lossy(&taken.bytes);
            let text = shown(&text, most * 3, Cut::Start);
            (!text.trim().is_empty()).then(|| format!("{cut}{text}"))
        };
        let base = path.rsplit('/').next().unwrap_or_default();
        let name = || shown(&path, 500, Cut::Middle);
        match base {
            "transcript.json" => to.exchanges = exchanges(folder, &path).or(to.exchanges),
            "verdicts.json" => to.verdicts = verdicts(folder, &path).or(to.verdicts),
            "environment.txt" | "repeat.sh" => {
                to.plain.extend(text(PLAIN).map(|text| (name(), text)));
            }
            _ if base.ends_with(".log") => to.logs.extend(text(LOG).map(|text| (name(), text))),
            _ if is(base, "faults") => to.faults.extend(fault_report(folder, &path)),
            _ if is(base, "step") => to.steps.extend(step(folder, &path)),
            _ => {}
        }
        to.files.push(Listed {
            media: media(folder, &path, room),
            link: folder.link(&path),
            bytes,
            path: name(),
        });
    }
    to
}

/// `name.json`, or `name-2.json`.
fn is(file: &str, name: &str) -> bool {
    let number = file
        .strip_prefix(name)
        .and_then(|rest| rest.strip_suffix(".json"));
    number.is_some_and(|n| {
        n.is_empty()
            || n.strip_prefix('-')
                .is_some_and(|n| n.parse::<u32>().is_ok())
    })
}

impl Detail {
    /// A fault was injected in one of its attempts.
    pub(crate) fn has_faults(&self) -> bool {
        let of = |evidence: &Evidence| !evidence.faults.is_empty();
        self.attempts
            .iter()
            .any(|attempt| !attempt.faults.is_empty() || attempt.evidence.as_ref().is_some_and(of))
    }

    /// It has records of steps of a performance test.
    pub(crate) fn has_steps(&self) -> bool {
        self.evidence().any(|evidence| !evidence.steps.is_empty())
    }

    fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.attempts
            .iter()
            .filter_map(|attempt| attempt.evidence.as_ref())
    }
}
