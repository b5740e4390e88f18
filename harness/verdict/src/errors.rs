//! What a refusal must be: the right status, an error object where the client is to blame, and a
//! server that lives on.

use tribunal_client::{ErrorAnswer, ErrorShape, HealthAfter, Statuses};

use crate::verdict::{Ending, RuleResult, Verdict, quoted};

/// Judge an answer that was expected to have one of these statuses. The depth makes no difference.
pub fn judge_error(answer: &ErrorAnswer, expected: &Statuses) -> Verdict {
    let mut verdict = Verdict::on(format!("error answer, status {}", answer.status));
    verdict.rules = vec![
        status(answer, expected),
        object(answer),
        message(answer),
        healthy(answer),
    ];
    verdict
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
