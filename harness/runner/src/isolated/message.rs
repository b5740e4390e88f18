//! What is said over the socket, one line of JSON each.
//!
//! Promise: a line that is not understood is nothing, never a panic: the process that writes it may be broken.

use std::time::Duration;

use serde_json::{Value, json};
use tribunal_events::{Figure, Sorted};

use crate::outcome::{Outcome, Phase, Times};
use crate::records::OpenCheck;
use crate::tables::Row;
use crate::told::FaultStep;

/// How the case ended, in its own words.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Result {
    pub outcome: Outcome,
    pub times: Times,
    pub notes: Vec<String>,
    pub rows: Vec<Row>,
    pub open: Vec<(OpenCheck, usize)>,
    pub class: Option<Sorted>,
    pub figures: Vec<Figure>,
}

/// One message to the harness.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Message {
    /// The case: a phase begins.
    Phase(Phase),
    /// The case: a step of a fault.
    Fault(FaultStep),
    /// The case: a limit is over, and stacks are being taken.
    Expired,
    /// The case: how it ended.
    Result(Result),
    /// The case: everything is taken down; what else went wrong.
    Done { errors: Vec<String> },
    /// The warden: the process of the case runs.
    Started { pid: u32 },
    /// The warden: the process of the case has ended, by itself or by a signal, and these it had left behind.
    Ended {
        code: Option<i32>,
        signal: Option<i32>,
        left: Vec<String>,
    },
    /// The warden: there is no process, and why.
    NotStarted(String),
}

const PHASES: [Phase; 3] = [Phase::SetUp, Phase::Body, Phase::Teardown];

fn phase(v: &Value) -> Option<Phase> {
    PHASES.into_iter().find(|p| v.as_str() == Some(p.name()))
}

fn texts(v: &Value) -> Vec<String> {
    let list = v.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .filter_map(|t| t.as_str().map(str::to_owned))
        .collect()
}

impl Message {
    pub fn line(&self) -> String {
        let value = match self {
            Message::Phase(p) => json!({"phase": p.name()}),
            Message::Fault(f) => json!({"fault": [f.fault, f.step, f.detail]}),
            Message::Expired => json!({"expired": true}),
            Message::Result(r) => {
                json!({"result": outcome_to(&r.outcome), "times": [r.times.set_up.as_secs_f64(), r.times.body.as_secs_f64(), r.times.teardown.as_secs_f64()], "notes": r.notes, "rows": r.rows.iter().map(Row::to_json).collect::<Vec<_>>(), "open": open_to(&r.open), "class": class_to(r.class.as_ref()), "figures": r.figures})
            }
            Message::Done { errors } => json!({"done": errors}),
            Message::Started { pid } => json!({"started": pid}),
            Message::Ended { code, signal, left } => {
                json!({"ended": {"code": code, "signal": signal, "left": left}})
            }
            Message::NotStarted(why) => json!({"not_started": why}),
        };
        format!("{value}\n")
    }

    pub fn parse(line: &[u8]) -> Option<Message> {
        let v: Value = serde_json::from_slice(line).ok()?;
        let (name, value) = v.as_object()?.iter().find(|(k, _)| {
            !matches!(
                k.as_str(),
                "times" | "notes" | "rows" | "open" | "class" | "figures"
            )
        })?;
        Some(match name.as_str() {
            "phase" => Message::Phase(phase(value)?),
            "fault" => {
                let text = |i: usize| value[i].as_str().map(str::to_owned);
                Message::Fault(FaultStep {
                    fault: text(0)?,
                    step: text(1)?,
                    detail: text(2)?,
                })
            }
            "expired" => Message::Expired,
            "result" => {
                let time = |i: usize| {
                    v["times"][i]
                        .as_f64()
                        .and_then(|s| Duration::try_from_secs_f64(s).ok())
                        .unwrap_or_default()
                };
                Message::Result(Result {
                    outcome: outcome_from(value)?,
                    times: Times {
                        set_up: time(0),
                        body: time(1),
                        teardown: time(2),
                    },
                    notes: texts(&v["notes"]),
                    rows: v["rows"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Row::from_json)
                        .collect(),
                    open: open_from(&v["open"]),
                    class: class_from(&v["class"]),
                    figures: serde_json::from_value(v["figures"].clone()).unwrap_or_default(),
                })
            }
            "done" => Message::Done {
                errors: texts(value),
            },
            "started" => Message::Started {
                pid: u32::try_from(value.as_u64()?).ok()?,
            },
            "ended" => {
                let number = |key: &str| value[key].as_i64().and_then(|n| i32::try_from(n).ok());
                Message::Ended {
                    code: number("code"),
                    signal: number("signal"),
                    left: texts(&value["left"]),
                }
            }
            "not_started" => Message::NotStarted(value.as_str()?.to_owned()),
            _ => return None,
        })
    }
}

fn open_to(open: &[(OpenCheck, usize)]) -> Value {
    open.iter()
        .map(|(check, times)| json!([check.ending, check.rule, check.why, times]))
        .collect()
}

fn class_to(class: Option<&Sorted>) -> Value {
    class.map_or(Value::Null, |c| json!([c.class, c.because, c.group]))
}

fn class_from(v: &Value) -> Option<Sorted> {
    Some(Sorted {
        class: v[0].as_str()?.to_owned(),
        because: v[1].as_str()?.to_owned(),
        group: v[2].as_str().map(str::to_owned),
    })
}

fn open_from(v: &Value) -> Vec<(OpenCheck, usize)> {
    let text = |v: &Value| v.as_str().map(str::to_owned);
    let list = v.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .filter_map(|v| {
            let check = OpenCheck {
                ending: text(&v[0])?,
                rule: text(&v[1])?,
                why: text(&v[2])?,
            };
            Some((check, usize::try_from(v[3].as_u64()?).ok()?))
        })
        .collect()
}

fn outcome_to(outcome: &Outcome) -> Value {
    let text = match outcome {
        Outcome::TimedOut(p, limit, known) => {
            return json!({"word": outcome.word(), "text": known, "phase": p.name(), "limit": limit.as_secs_f64()});
        }
        Outcome::Passed => "",
        Outcome::Failed(t)
        | Outcome::SetUpFailed(t)
        | Outcome::TeardownFailed(t)
        | Outcome::Skipped(t)
        | Outcome::Ignored(t)
        | Outcome::ExpectedFailure(t)
        | Outcome::UnexpectedPass(t)
        | Outcome::NoBaseline(t)
        | Outcome::Regressed(t)
        | Outcome::Inconclusive(t)
        | Outcome::Invalid(t)
        | Outcome::Flaky(t)
        | Outcome::NotRun(t) => t,
    };
    json!({"word": outcome.word(), "text": text})
}

fn outcome_from(v: &Value) -> Option<Outcome> {
    let text = v["text"].as_str().unwrap_or_default().to_owned();
    Some(match v["word"].as_str()? {
        "passed" => Outcome::Passed,
        "failed" => Outcome::Failed(text),
        "set-up failed" => Outcome::SetUpFailed(text),
        "teardown failed" => Outcome::TeardownFailed(text),
        "skipped" => Outcome::Skipped(text),
        "ignored" => Outcome::Ignored(text),
        "expected failure" => Outcome::ExpectedFailure(text),
        "unexpected pass" => Outcome::UnexpectedPass(text),
        "no baseline" => Outcome::NoBaseline(text),
        "regressed" => Outcome::Regressed(text),
        "inconclusive" => Outcome::Inconclusive(text),
        "invalid" => Outcome::Invalid(text),
        "flaky" => Outcome::Flaky(text),
        "not run" => Outcome::NotRun(text),
        "timed out" => Outcome::TimedOut(
            phase(&v["phase"])?,
            Duration::try_from_secs_f64(v["limit"].as_f64()?).ok()?,
            text,
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_way() {
        let text = || "said \"no\"\nand left".to_owned();
        let outcomes = [
            Outcome::Passed,
            Outcome::Failed(text()),
            Outcome::TimedOut(Phase::Body, Duration::from_millis(1500), text()),
            Outcome::SetUpFailed(text()),
            Outcome::TeardownFailed(text()),
            Outcome::Skipped(text()),
            Outcome::Ignored(text()),
            Outcome::ExpectedFailure(text()),
            Outcome::UnexpectedPass(text()),
            Outcome::NoBaseline(text()),
            Outcome::Regressed(text()),
            Outcome::Inconclusive(text()),
            Outcome::Invalid(text()),
            Outcome::NotRun(text()),
            Outcome::Flaky(text()),
        ];
        let times = Times {
            set_up: Duration::from_millis(1),
            body: Duration::from_millis(2),
            teardown: Duration::from_millis(3),
        };
        let mut messages: Vec<Message> = outcomes
            .into_iter()
            .map(|outcome| {
                Message::Result(Result {
                    outcome,
                    times,
                    notes: vec![text()],
                    rows: vec![Row::new("t", 1, "g").cell("c", text())],
                    open: vec![(
                        OpenCheck {
                            ending: "not made".into(),
                            rule: text(),
                            why: text(),
                        },
                        3,
                    )],
                    class: Some(Sorted {
                        class: text(),
                        because: text(),
                        group: None,
                    }),
                    figures: vec![Figure {
                        metric: text(),
                        value: Some(1.5),
                        ..Figure::default()
                    }],
                })
            })
            .collect();
        messages.extend(PHASES.map(Message::Phase));
        messages.extend([
            Message::Expired,
            Message::Done {
                errors: vec![text()],
            },
            Message::Started { pid: 7 },
            Message::Ended {
                code: None,
                signal: Some(11),
                left: vec![text()],
            },
            Message::Ended {
                code: Some(3),
                signal: None,
                left: vec![],
            },
            Message::NotStarted(text()),
        ]);
        for message in messages {
            let line = message.line();
            assert_eq!(line.matches('\n').count(), 1);
            assert_eq!(Message::parse(line.as_bytes()), Some(message));
        }
    }

    #[test]
    fn nonsense_is_nothing() {
        for line in [
            "",
            "x",
            "[]",
            "{}",
            "{\"phase\": 3}",
            "{\"result\": {\"word\": \"timed out\"}}",
            "{\"other\": 1}",
        ] {
            assert_eq!(Message::parse(line.as_bytes()), None, "{line}");
        }
    }
}
