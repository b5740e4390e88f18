//! The transcript and the verdicts of an attempt, as a page shows them.
//!
//! Promise: a bounded extract; a file that is no transcript, or another one than expected, is said to be so and breaks nothing. What is left out is counted.
//!
//! Rejected: the whole transcript (a stream of a thousand events says one sentence; the file is linked).

use serde::Serialize;
use serde_json::Value;

use super::folder::Folder;
use super::text::{Cut, shown};

/// A longer file is linked, and not read.
const LONGEST: usize = 8 << 20;
/// So many exchanges are shown.
const EXCHANGES: usize = 40;
/// So many verdicts.
const VERDICTS: usize = 60;
/// So much of a body, in bytes.
const BODY: usize = 4000;
/// So much of anything that is to be one line.
const LINE: usize = 600;

/// What was sent, and what came.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Exchange {
    number: u64,
    /// Method and path.
    what: String,
    status: Option<u64>,
    ms: Option<f64>,
    outcome: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    rejected: String,
    request: String,
    response: String,
    /// What a stream said, put together.
    #[serde(skip_serializing_if = "String::is_empty")]
    said: String,
    /// How many events a stream had, with the times of the first and the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<(usize, f64, f64)>,
    curl: String,
}

/// Exchanges, how many there are, and why there are none.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Exchanges {
    all: usize,
    shown: Vec<Exchange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<String>,
}

/// A rule of a verdict that did not pass.
#[derive(Debug, Serialize)]
pub(crate) struct RuleLine {
    ending: String,
    rule: String,
    found: String,
    wanted: String,
    message: String,
}

/// A verdict.
#[derive(Debug, Serialize)]
pub(crate) struct VerdictLine {
    exchange: Option<u64>,
    subject: String,
    passes: bool,
    /// Those that failed, were not made or are undecided.
    rules: Vec<RuleLine>,
    passed: usize,
    not_applicable: usize,
}

/// Verdicts, and how many there are.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Verdicts {
    all: usize,
    shown: Vec<VerdictLine>,
}

/// What `transcript.json` says; `None` where there is none.
pub(crate) fn exchanges(folder: &Folder, path: &str) -> Option<Exchanges> {
    let wrong = |why: &str| {
        Some(Exchanges {
            wrong: Some(format!("{path} is not shown: {why}")),
            ..Exchanges::default()
        })
    };
    let taken = folder.read(path, LONGEST)?;
    if !taken.is_whole() {
        return wrong("it is longer than 8 MiB");
    }
    let Ok(Value::Array(all)) = serde_json::from_slice(&taken.bytes) else {
        return wrong("it is no list of exchanges");
    };
    // What the test tripped over is at the end, or was rejected.
    let rejected = |one: &&Value| !text(&one["rejected"]).is_empty() || !one["error"].is_null();
    let mut pick: Vec<&Value> = all.iter().filter(rejected).take(EXCHANGES / 2).collect();
    let rest = EXCHANGES - pick.len();
    let others = all.iter().rev().filter(|one| !rejected(one)).take(rest);
    pick.extend(others);
    let mut shown: Vec<Exchange> = pick.into_iter().map(exchange).collect();
    shown.sort_by_key(|one| one.number);
    Some(Exchanges {
        all: all.len(),
        shown,
        wrong: None,
    })
}

fn exchange(one: &Value) -> Exchange {
    let (request, response) = (&one["request"], &one["response"]);
    let url = text(&request["url"]);
    let path = url
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]))
        .unwrap_or(url);
    let events = response["events"].as_array().map(Vec::as_slice);
    let events = events.unwrap_or_default();
    let at = |event: Option<&Value>| event.and_then(|e| e["at_ms"].as_f64());
    let said: String = events.iter().map(|event| said(&event["data"])).collect();
    let last = events.last().map(|event| text(&event["data"]));
    Exchange {
        number: one["number"].as_u64().unwrap_or_default(),
        what: line(&format!("{} {path}", text(&request["method"]))),
        status: response["status"].as_u64(),
        ms: one["elapsed_ms"].as_f64(),
        outcome: line(text(&one["outcome"])),
        error: match &one["error"] {
            Value::Null => String::new(),
            Value::String(said) => shown(said, BODY, Cut::Middle),
            other => shown(&other.to_string(), BODY, Cut::Middle),
        },
        rejected: shown(text(&one["rejected"]), BODY, Cut::Middle),
        request: body(&request["body"]),
        response: match last {
            Some(last) => format!("the last event: {}", shown(last, LINE, Cut::Middle)),
            None => body(&response["body"]),
        },
        said: shown(&said, BODY, Cut::Middle),
        events: at(events.first())
            .zip(at(events.last()))
            .map(|(first, last)| (events.len(), first, last)),
        curl: shown(text(&one["curl"]), BODY, Cut::Middle),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn line(text: &str) -> String {
    shown(text, LINE, Cut::Middle)
}

fn body(body: &Value) -> String {
    if let Some(said) = body["text"].as_str() {
        return shown(said, BODY, Cut::Middle);
    }
    if let Some(file) = body["media"]["file"].as_str() {
        let (mime, bytes) = (text(&body["media"]["mime"]), &body["media"]["bytes"]);
        return line(&format!("{file} ({mime}, {bytes} bytes)"));
    }
    match body {
        Value::Null => String::new(),
        other => shown(&other.to_string(), BODY, Cut::Middle),
    }
}

/// The text that an event of a stream adds.
fn said(data: &Value) -> String {
    let Ok(event) = serde_json::from_str::<Value>(text(data)) else {
        return String::new();
    };
    let choice = &event["choices"][0];
    let added = choice["delta"]["content"]
        .as_str()
        .or_else(|| choice["text"].as_str())
        .or_else(|| match event["type"].as_str() {
            Some("response.output_text.delta") => event["delta"].as_str(),
            _ => None,
        });
    added.unwrap_or_default().to_owned()
}

/// What `verdicts.json` says; `None` where there is none that can be read.
pub(crate) fn verdicts(folder: &Folder, path: &str) -> Option<Verdicts> {
    let taken = folder
        .read(path, LONGEST)
        .filter(|taken| taken.is_whole())?;
    let Ok(Value::Array(all)) = serde_json::from_slice(&taken.bytes) else {
        return None;
    };
    let fails = |one: &&Value| one["passes"] != Value::Bool(true);
    let bad = all.iter().filter(fails);
    let good = all.iter().filter(|one| !fails(one));
    let shown = bad.chain(good).take(VERDICTS).map(verdict).collect();
    Some(Verdicts {
        all: all.len(),
        shown,
    })
}

fn verdict(one: &Value) -> VerdictLine {
    let rules = one["rules"].as_array().map(Vec::as_slice);
    let rules = rules.unwrap_or_default();
    let count = |ending: &str| rules.iter().filter(|rule| rule["ending"] == ending).count();
    let quiet = |rule: &&Value| matches!(text(&rule["ending"]), "pass" | "not applicable");
    VerdictLine {
        exchange: one["exchange"].as_u64(),
        subject: line(text(&one["subject"])),
        passes: one["passes"] == Value::Bool(true),
        rules: rules
            .iter()
            .filter(|rule| !quiet(rule))
            .take(VERDICTS)
            .map(|rule| RuleLine {
                ending: line(text(&rule["ending"])),
                rule: line(text(&rule["rule"])),
                found: line(text(&rule["figure"])),
                wanted: line(text(&rule["threshold"])),
                message: shown(text(&rule["message"]), BODY, Cut::Middle),
            })
            .collect(),
        passed: count("pass"),
        not_applicable: count("not applicable"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn folder(name: &str, text: &str) -> (tempfile::TempDir, Folder) {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join(name), text).unwrap();
        let folder = Folder::open(root.path(), "", None).unwrap();
        (root, folder)
    }

    #[test]
    fn a_stream_is_put_together() {
        let event = |at: f64, data: Value| json!({"at_ms": at, "data": data.to_string()});
        let delta = |text: &str| json!({"choices": [{"delta": {"content": text}}]});
        let text = json!([{
            "number": 3, "elapsed_ms": 4.5, "outcome": "complete", "error": null, "rejected": null, "curl": "curl x",
            "request": {"method": "POST", "url": "http://127.0.0.1:1/v1/chat/completions", "body": {"text": "{}"}},
            "response": {"status": 200, "body": null, "events": [
                event(1.0, delta("Hel")), event(2.0, delta("lo")), {"at_ms": 3.0, "data": "[DONE]"},
            ]},
        }]);
        let (_root, folder) = folder("t.json", &text.to_string());
        let found = exchanges(&folder, "t.json").unwrap();
        assert_eq!(found.all, 1);
        let one = &found.shown[0];
        assert_eq!(one.what, "POST /v1/chat/completions");
        assert_eq!(
            (one.said.as_str(), one.events),
            ("Hello", Some((3, 1.0, 3.0)))
        );
        assert_eq!(one.response, "the last event: [DONE]");
    }

    #[test]
    fn of_many_exchanges_those_that_went_wrong_are_shown() {
        let one = |number: u64| {
            let rejected = (number == 7).then_some("wrong words");
            json!({"number": number, "rejected": rejected, "request": 5, "response": []})
        };
        let all: Vec<Value> = (1..=200).map(one).collect();
        let (_root, folder) = folder("t.json", &json!(all).to_string());
        let found = exchanges(&folder, "t.json").unwrap();
        assert_eq!((found.all, found.shown.len()), (200, EXCHANGES));
        assert_eq!(found.shown[0].number, 7);
        assert_eq!(found.shown[0].rejected, "wrong words");
        assert_eq!(found.shown.last().unwrap().number, 200);
    }

    #[test]
    fn nonsense_is_said_to_be_such() {
        for text in ["", "{", "{}", "null", "\0\0"] {
            let (_root, folder) = folder("t.json", text);
            let found = exchanges(&folder, "t.json").unwrap();
            assert!(found.wrong.unwrap().contains("no list"), "{text:?}");
            assert!(verdicts(&folder, "t.json").is_none());
            assert!(exchanges(&folder, "other.json").is_none());
        }
        let (_root, folder) = folder("t.json", r#"[1, null, {"request": {"url": 3}}, [[]]]"#);
        assert_eq!(exchanges(&folder, "t.json").unwrap().shown.len(), 4);
        assert_eq!(verdicts(&folder, "t.json").unwrap().shown.len(), 4);
    }

    #[test]
    fn a_verdict_names_the_rules_that_did_not_pass() {
        let rule = |ending: &str, rule: &str| json!({"ending": ending, "rule": rule, "figure": "3", "threshold": "at most 2", "message": null});
        let text = json!([
            {"exchange": 1, "subject": "chat", "passes": true, "rules": [rule("pass", "a")]},
            {"exchange": 2, "subject": "chat", "passes": false,
             "rules": [rule("pass", "a"), rule("fail", "b"), rule("not applicable", "c"), rule("undecided", "d")]},
        ]);
        let (_root, folder) = folder("v.json", &text.to_string());
        let found = verdicts(&folder, "v.json").unwrap();
        assert_eq!(found.shown[0].exchange, Some(2), "failures come first");
        let rules: Vec<&str> = found.shown[0]
            .rules
            .iter()
            .map(|r| r.rule.as_str())
            .collect();
        assert_eq!(rules, ["b", "d"]);
        assert_eq!(
            (found.shown[0].passed, found.shown[0].not_applicable),
            (1, 1)
        );
    }
}
