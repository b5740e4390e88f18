//! What a refusal must be: the right status, an error object where the client is to blame, and a
//! server that lives on.

use tribunal_client::{ErrorAnswer, ErrorShape, HealthAfter, Statuses};

use serde_json::Value;

use crate::bench::Bench;
use crate::depth::Depth;
use crate::expectations::Expectations;
use crate::rule::Kind;
use crate::thresholds::Thresholds;
use crate::verdict::{Ending, RuleResult, Verdict, quoted, shown};

/// Judge an answer that was expected to have one of these statuses. The depth makes no difference.
pub fn judge_error(answer: &ErrorAnswer, expected: &Statuses) -> Verdict {
    let expect = answer
        .raw
        .attached
        .get::<Expectations>()
        .cloned()
        .unwrap_or_default();
    judge(
        &Bench::new(Depth::Basic, &Thresholds::default(), &expect),
        answer,
        expected,
    )
}

pub(crate) fn judge(bench: &Bench, answer: &ErrorAnswer, expected: &Statuses) -> Verdict {
    let rules = vec![
        status(answer, expected),
        object(answer),
        message(answer),
        field(bench, answer),
        text(bench, answer),
        healthy(answer),
    ];
    bench.verdict(
        Kind::Error,
        format!("error answer, status {}", answer.status),
        rules,
    )
}

/// The field stands where the API has a place for it, or at least in the message, where people find it.
fn field(bench: &Bench, answer: &ErrorAnswer) -> RuleResult {
    const RULE: &str = "error_field";
    let Some(wanted) = &bench.expect.field else {
        return RuleResult::not_applicable(RULE, "the test names no field");
    };
    let result = |ending| {
        RuleResult::new(RULE, ending)
            .figure(shown(answer.error.param.as_deref()))
            .threshold(quoted(wanted))
    };
    if answer.error.param.as_deref() == Some(wanted) {
        return result(Ending::Pass);
    }
    // FastAPI has a list of places in `detail`.
    let place = serde_json::from_str::<Value>(&answer.error.body)
        .ok()
        .is_some_and(|body| {
            let items = body["detail"].as_array().cloned().unwrap_or_default();
            items.iter().any(|item| {
                item["loc"]
                    .as_array()
                    .is_some_and(|loc| loc.iter().any(|step| step == wanted.as_str()))
            })
        });
    let named = |text: &str| {
        text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
            .any(|word| word.trim_matches('.') == wanted)
    };
    match place || answer.error.message.as_deref().is_some_and(named) {
        true => result(Ending::Pass).because("not in `param`, but the error names it"),
        false => result(Ending::Fail).because(shown(answer.error.message.as_deref())),
    }
}

fn text(bench: &Bench, answer: &ErrorAnswer) -> RuleResult {
    const RULE: &str = "error_text";
    let (all, any) = (&bench.expect.message_all, &bench.expect.message_any);
    if all.is_empty() && any.is_empty() {
        return RuleResult::not_applicable(RULE, "the test expects no text");
    }
    let said = format!(
        "{}\n{}",
        answer.error.message.as_deref().unwrap_or_default(),
        answer.error.body
    )
    .to_lowercase();
    let has = |text: &String| said.contains(&text.to_lowercase());
    let mut complaints: Vec<String> = all
        .iter()
        .filter(|text| !has(text))
        .map(|text| format!("{} is missing", quoted(text)))
        .collect();
    if !any.is_empty() && !any.iter().any(has) {
        complaints.push(format!("none of {any:?} is there"));
    }
    let result = RuleResult::without_complaints(RULE, complaints);
    if result.ending == Ending::Fail {
        result.figure(quoted(&answer.error.body))
    } else {
        result
    }
}

fn status(answer: &ErrorAnswer, expected: &Statuses) -> RuleResult {
    let result = RuleResult::holds("status", expected.contains(answer.status))
        .figure(answer.status)
        .threshold(expected);
    match &answer.error.message {
        Some(message) if !expected.contains(answer.status) => {
            result.because(format!("the server says {}", quoted(message)))
        }
        _ => result,
    }
}

/// Whether the client is to blame, so that the body owes an explanation.
fn blames_client(answer: &ErrorAnswer) -> bool {
    (400..500).contains(&answer.status)
}

fn object(answer: &ErrorAnswer) -> RuleResult {
    if !blames_client(answer) {
        return RuleResult::not_applicable("error_object", format!("{} is no 4xx", answer.status));
    }
    let good = !matches!(
        answer.error.shape,
        ErrorShape::OtherJson | ErrorShape::NotJson
    );
    let result =
        RuleResult::holds("error_object", good).threshold("a JSON object with `error` or `detail`");
    if good {
        result
    } else {
        result.figure(quoted(&answer.error.body))
    }
}

fn message(answer: &ErrorAnswer) -> RuleResult {
    if !blames_client(answer) {
        return RuleResult::not_applicable("error_message", format!("{} is no 4xx", answer.status));
    }
    let message = answer
        .error
        .message
        .as_deref()
        .map(str::trim)
        .filter(|message| !message.is_empty());
    let result =
        RuleResult::holds("error_message", message.is_some()).threshold("a message for people");
    match message {
        Some(message) => result.figure(quoted(message)),
        None => result.figure("none"),
    }
}

fn healthy(answer: &ErrorAnswer) -> RuleResult {
    match &answer.health_after {
        HealthAfter::Healthy => RuleResult::new("healthy_after", Ending::Pass),
        HealthAfter::Unhealthy(why) => {
            RuleResult::new("healthy_after", Ending::Fail).because(why.clone())
        }
        HealthAfter::NotAsked => RuleResult::new("healthy_after", Ending::NotMade).because(
            "nobody asked the server's health route after this answer; `.expect_status(...)` does",
        ),
    }
}
