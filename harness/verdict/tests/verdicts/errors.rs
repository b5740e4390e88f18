//! Refusals: status, error object, message, and health afterwards.

use tribunal_client::{ErrorAnswer, Headers, HealthAfter, RawAnswer};
use tribunal_verdict::{Ending, Verdict, judge_error};

fn answer(status: u16, body: &str) -> ErrorAnswer {
    let raw = RawAnswer::recorded(
        serde_json::Value::Null,
        status,
        Headers::default(),
        body.to_owned(),
    );
    let mut answer = raw.error();
    answer.health_after = HealthAfter::Healthy;
    answer
}

/// The rules that are proven here.
pub const RULES: [&str; 4] = ["status", "error_object", "error_message", "healthy_after"];

const GOOD: &str = r#"{"error":{"message":"n must be positive","type":"invalid_request_error","param":"n","code":400}}"#;

fn judge(answer: &ErrorAnswer) -> Verdict {
    judge_error(answer, &[400, 422, 500].into())
}

fn endings(verdict: &Verdict) -> Vec<(&str, Ending)> {
    verdict
        .rules
        .iter()
        // What a test may expect besides.
        .filter(|rule| RULES.contains(&rule.rule))
        .map(|rule| (rule.rule, rule.ending))
        .collect()
}

#[test]
fn a_good_refusal_passes_every_rule() {
    use Ending::Pass;
    for body in [
        GOOD,
        r#"{"detail":"no"}"#,
        r#"{"object":"error","message":"no"}"#,
        r#"{"error":"no"}"#,
    ] {
        assert_eq!(
            endings(&judge(&answer(400, body))),
            [
                ("status", Pass),
                ("error_object", Pass),
                ("error_message", Pass),
                ("healthy_after", Pass)
            ],
            "{body}"
        );
    }
}

#[test]
fn each_rule_catches_its_defect_alone() {
    let mut sick = answer(400, GOOD);
    sick.health_after = HealthAfter::Unhealthy("connection refused".into());
    let cases = [
        ("status", answer(404, GOOD)),
        ("status", answer(200, GOOD)),
        ("error_object", answer(400, r#""n must be positive""#)),
        ("error_object", answer(400, "<html>")),
        ("error_message", answer(422, r#"{"error":{"message":" "}}"#)),
        ("error_message", answer(422, r#"{"error":{"code":1}}"#)),
        ("healthy_after", sick),
    ];
    for (rule, answer) in cases {
        let verdict = judge(&answer);
        assert_eq!(
            verdict.rule(rule).map(|rule| rule.ending),
            Some(Ending::Fail),
            "{verdict}"
        );
        assert!(verdict.clone().check().is_err());
        let also: Vec<_> = verdict
            .with_ending(Ending::Fail)
            .map(|rule| rule.rule)
            .filter(|name| *name != rule)
            .collect();
        // What is no object has no message either.
        assert!(
            also.is_empty() || also == ["error_message"] && rule == "error_object",
            "{verdict}"
        );
    }
}

#[test]
fn an_expected_server_error_owes_no_object_and_an_unasked_health_is_not_silent() {
    let mut answer = answer(500, "broken");
    answer.health_after = HealthAfter::NotAsked;
    let verdict = judge(&answer);
    use Ending::{NotApplicable, NotMade, Pass};
    assert_eq!(
        endings(&verdict),
        [
            ("status", Pass),
            ("error_object", NotApplicable),
            ("error_message", NotApplicable),
            ("healthy_after", NotMade)
        ]
    );
    assert!(
        verdict.to_string().contains("not made: healthy_after"),
        "{verdict}"
    );
    assert_eq!(verdict.clone().check(), Ok(()));
    assert!(verdict.check_all_made().is_err());
}
