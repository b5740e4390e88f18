//! Whether two deployments of one model answer the same: one request, two answers.

use tribunal_client::Judged;

use crate::bench::complete;
use crate::depth::Depth;
use crate::facts::{Facts, choice};
use crate::rule::Kind;
use crate::thresholds::Thresholds;
use crate::verdict::{Ending, RuleResult, Verdict, quoted, shown};

/// Compare two answers to the same request: texts, ends, counts, and log-probabilities within the threshold `same_logprobs`. Chats and
/// completions can be compared; of other answers the verdict says that nothing was judged.
pub fn same(a: Judged<'_>, b: Judged<'_>, thresholds: &Thresholds) -> Verdict {
    let facts = |judged| match judged {
        Judged::Chat(answer) => Some(Facts::of_chat(answer)),
        Judged::Completion(answer) => Some(Facts::of_completion(answer)),
        _ => None,
    };
    let rules = match (facts(a), facts(b)) {
        (Some(a), Some(b)) => vec![
            text(&a, &b),
            finish(&a, &b),
            usage(&a, &b),
            logprobs(&a, &b, thresholds),
        ],
        _ => Vec::new(),
    };
    complete(
        Kind::Comparison,
        Depth::Deep,
        "two answers to one request",
        rules,
    )
}

fn text(a: &Facts<'_>, b: &Facts<'_>) -> RuleResult {
    const RULE: &str = "same_text";
    if a.choices.len() != b.choices.len() {
        return RuleResult::new(RULE, Ending::Fail)
            .figure(format!("{} choices", b.choices.len()))
            .threshold(format!("{} choices", a.choices.len()));
    }
    let mut complaints = Vec::new();
    for (one, other) in a.choices.iter().zip(&b.choices) {
        let (left, right) = (one.text.unwrap_or_default(), other.text.unwrap_or_default());
        if left != right {
            let same = left
                .chars()
                .zip(right.chars())
                .take_while(|(a, b)| a == b)
                .count();
            complaints.push(format!(
                "{} parts after {same} characters: {} and {}",
                choice(one.index),
                shown(one.text),
                shown(other.text)
            ));
        }
    }
    RuleResult::without_complaints(RULE, complaints)
}

fn finish(a: &Facts<'_>, b: &Facts<'_>) -> RuleResult {
    let of = |facts: &Facts<'_>| {
        facts
            .choices
            .iter()
            .map(|choice| shown(choice.finish))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (left, right) = (of(a), of(b));
    RuleResult::holds("same_finish", left == right)
        .figure(right)
        .threshold(left)
}

fn usage(a: &Facts<'_>, b: &Facts<'_>) -> RuleResult {
    const RULE: &str = "same_usage";
    let of = |facts: &Facts<'_>| facts.usage.and_then(|usage| usage.complete().ok());
    match (of(a), of(b)) {
        (Some(left), Some(right)) => {
            let show = |usage: tribunal_client::Usage| {
                format!("{} + {}", usage.prompt_tokens, usage.completion_tokens)
            };
            RuleResult::holds(RULE, left == right)
                .figure(show(right))
                .threshold(show(left))
        }
        _ => RuleResult::not_applicable(RULE, "one of the two does not count its tokens"),
    }
}

fn logprobs(a: &Facts<'_>, b: &Facts<'_>, thresholds: &Thresholds) -> RuleResult {
    const RULE: &str = "same_logprobs";
    let limit = thresholds.get(RULE);
    let (mut worst, mut looked) = ((0.0_f64, String::new()), false);
    for (one, other) in a.choices.iter().zip(&b.choices) {
        let (Some(left), Some(right)) = (&one.positions, &other.positions) else {
            continue;
        };
        if left.len() != right.len() {
            return RuleResult::new(RULE, Ending::Fail)
                .figure(format!("{} tokens", right.len()))
                .threshold(format!("{} tokens", left.len()))
                .because(choice(one.index));
        }
        for (at, (left, right)) in left.iter().zip(right).enumerate() {
            if left.token != right.token {
                return RuleResult::new(RULE, Ending::Fail)
                    .figure(quoted(&right.token))
                    .threshold(quoted(&left.token))
                    .because(format!("token {at} of {}", choice(one.index)));
            }
            let off = match (left.logprob, right.logprob) {
                (Some(left), Some(right)) => (left - right).abs(),
                (None, None) => continue,
                _ => f64::INFINITY,
            };
            looked = true;
            // Written so that a NaN is the worst.
            if off > worst.0 || off.is_nan() {
                worst = (
                    off,
                    format!(
                        "token {at} ({}) of {}",
                        quoted(&left.token),
                        choice(one.index)
                    ),
                );
            }
        }
    }
    match looked {
        false => RuleResult::not_applicable(RULE, "one of the two has none"),
        true => RuleResult::holds(RULE, worst.0 <= limit.value)
            .figure(format!("{:.5} apart", worst.0))
            .threshold(format!("at most {limit}"))
            .because(worst.1),
    }
}
