//! The rules of how an answer came to be, as far as it says so: from a cache, with reasoning, by which workers, with speculation.

use serde_json::{Map, Value};

use crate::bench::Bench;
use crate::verdict::{Ending, RuleResult, quoted};

pub(crate) fn cached(bench: &Bench, cached: Option<u64>, prompt: Option<u64>) -> RuleResult {
    const RULE: &str = "cached_tokens";
    let wanted = match (bench.expect.cached_at_least, bench.expect.nothing_cached) {
        (Some(least), _) => format!("at least {least}"),
        (None, true) => "0".to_owned(),
        (None, false) => {
            return match (cached, prompt) {
                (Some(cached), Some(prompt)) if cached > prompt => {
                    RuleResult::new(RULE, Ending::Fail)
                        .figure(cached)
                        .threshold(format!("at most the {prompt} of the prompt"))
                }
                _ => RuleResult::not_applicable(RULE, "the test expects none"),
            };
        }
    };
    let Some(found) = cached else {
        // A server that leaves the field out has not said that it is 0.
        return RuleResult::new(RULE, Ending::Fail)
            .figure("no cached_tokens in the usage")
            .threshold(wanted);
    };
    let holds = match bench.expect.cached_at_least {
        Some(least) => found >= least,
        None => found == 0,
    };
    let holds = holds && prompt.is_none_or(|prompt| found <= prompt);
    let of = prompt.map_or(String::new(), |prompt| format!(" of {prompt}"));
    RuleResult::holds(RULE, holds)
        .figure(format!("{found}{of}"))
        .threshold(wanted)
}

/// What models put around reasoning that a server should have taken out of the text.
const TAGS: [&str; 6] = [
    "<think>",
    "</think>",
    "<|channel|>",
    "<reasoning>",
    "</reasoning>",
    "[THINK]",
];

/// `reasoning` and `text` of each choice.
pub(crate) fn reasoning(bench: &Bench, choices: &[(Option<&str>, &str)], cut: bool) -> RuleResult {
    const RULE: &str = "reasoning";
    let there = |reasoning: &Option<&str>| reasoning.is_some_and(|text| !text.trim().is_empty());
    let mut complaints = Vec::new();
    for (number, (reasoning, text)) in choices.iter().enumerate() {
        if let Some(tag) = TAGS.iter().find(|tag| text.contains(**tag))
            && (bench.expect.reasoning.is_some() || there(reasoning))
        {
            complaints.push(format!(
                "{tag} stands in the text of choice {number}: {}",
                quoted(text)
            ));
        }
        if let Some(reasoning) = reasoning.filter(|reasoning| reasoning.trim().len() > 16)
            && text.contains(reasoning.trim())
        {
            complaints.push(format!(
                "the reasoning of choice {number} stands in its text as well: {}",
                quoted(reasoning)
            ));
        }
        match bench.expect.reasoning {
            Some(true) if !there(reasoning) => {
                complaints.push(format!("choice {number} has no reasoning"))
            }
            Some(true) if text.trim().is_empty() && !cut => {
                complaints.push(format!("choice {number} has nothing but reasoning"))
            }
            Some(false) if there(reasoning) => complaints.push(format!(
                "choice {number} has reasoning, {}",
                quoted(reasoning.unwrap_or_default())
            )),
            _ => {}
        }
    }
    let looked =
        bench.expect.reasoning.is_some() || choices.iter().any(|(reasoning, _)| there(reasoning));
    match looked {
        true => RuleResult::without_complaints(RULE, complaints),
        false => RuleResult::not_applicable(RULE, "there is none, and the test expects none"),
    }
}

/// How models begin to refuse where a server has no field for it.
const REFUSALS: [&str; 9] = [
    "i cannot",
    "i can't",
    "i can’t",
    "i'm sorry",
    "i’m sorry",
    "i am unable",
    "i'm unable",
    "i won't",
    "sorry, but",
];

pub(crate) fn refusal(bench: &Bench, choices: &[(Option<&str>, &str)]) -> RuleResult {
    const RULE: &str = "refusal";
    let refused = |(field, text): &(Option<&str>, &str)| {
        let lower = text.trim().to_lowercase();
        field.is_some_and(|field| !field.trim().is_empty())
            || REFUSALS
                .iter()
                .any(|start| lower.starts_with(start) || lower.contains(&format!(". {start}")))
    };
    if !bench.expect.refusal {
        // A model may refuse; only a test knows whether it should.
        return match choices
            .iter()
            .find(|choice| choice.0.is_some_and(|field| !field.trim().is_empty()))
        {
            Some((field, _)) => RuleResult::new(RULE, Ending::Undecided)
                .figure(quoted(field.unwrap_or_default()))
                .because("the model refuses, and the test says nothing of that"),
            None => RuleResult::not_applicable(RULE, "the test expects none"),
        };
    }
    match choices.iter().find(|choice| !refused(choice)) {
        None if choices.is_empty() => RuleResult::new(RULE, Ending::Fail).figure("no choice"),
        None => RuleResult::new(RULE, Ending::Pass),
        Some((_, text)) => RuleResult::new(RULE, Ending::Fail)
            .figure(quoted(text))
            .threshold("a refusal"),
    }
}

/// The workers that an answer names.
pub(crate) fn workers(
    bench: &Bench,
    extra: &Map<String, Value>,
    finishes: &[Option<&str>],
    completion: Option<u64>,
) -> RuleResult {
    const RULE: &str = "workers";
    if !bench.expect.disaggregated {
        return RuleResult::not_applicable(RULE, "the test does not expect several");
    }
    let find = |name: &str| {
        let nvext = extra.get("nvext");
        let places = [
            extra.get(name),
            nvext.and_then(|n| n.get(name)),
            nvext
                .and_then(|n| n.get("worker_id"))
                .and_then(|ids| ids.get(name)),
        ];
        places
            .into_iter()
            .flatten()
            .find(|id| !id.is_null())
            .cloned()
    };
    let (prefill, decode) = (find("prefill_worker_id"), find("decode_worker_id"));
    let mut complaints = Vec::new();
    match (&prefill, &decode) {
        (Some(prefill), Some(decode)) if prefill == decode => {
            complaints.push(format!("prefill and decode are both by worker {prefill}"))
        }
        (Some(_), Some(_)) => {}
        _ => complaints
            .push("the answer does not name prefill_worker_id and decode_worker_id".to_owned()),
    }
    if let Some(other) = finishes
        .iter()
        .find(|finish| !matches!(finish, Some("stop" | "length")))
    {
        complaints.push(format!(
            "the text ended for {}",
            crate::verdict::shown(*other)
        ));
    }
    match completion {
        Some(tokens) if tokens > 1 => {}
        Some(tokens) => complaints.push(format!("{tokens} token: nothing was decoded")),
        None => complaints.push("the completion's tokens are not counted".to_owned()),
    }
    let id = |id: &Option<Value>| {
        id.as_ref()
            .map_or_else(|| "none".to_owned(), |id| quoted(&id.to_string()))
    };
    RuleResult::without_complaints(RULE, complaints).figure(format!(
        "prefill by {}, decode by {}",
        id(&prefill),
        id(&decode)
    ))
}

/// Tokens that a step of the large model yields on average: all tokens over the steps that verified a draft.
pub(crate) fn speculative(
    bench: &Bench,
    extras: &[&Map<String, Value>],
    completion: Option<u64>,
) -> RuleResult {
    const RULE: &str = "speculative";
    let Some(above) = bench.expect.accepted else {
        return RuleResult::not_applicable(RULE, "the test expects none");
    };
    let threshold = format!("above {above} tokens in a step");
    let count = |place: &Map<String, Value>| place.get("spec_verify_ct").and_then(Value::as_u64);
    let steps = extras.iter().find_map(|extra| {
        let inner = ["meta_info", "metadata"]
            .into_iter()
            .filter_map(|name| extra.get(name)?.as_object());
        count(extra).or_else(|| inner.into_iter().find_map(count))
    });
    match (steps, completion) {
        (Some(steps), Some(tokens)) if steps > 0 => {
            let each = tokens as f64 / steps as f64;
            RuleResult::holds(RULE, each > above)
                .figure(format!("{each:.2} ({tokens} tokens in {steps} steps)"))
                .threshold(threshold)
        }
        (Some(steps), Some(tokens)) => RuleResult::new(RULE, Ending::Fail)
            .figure(format!("{tokens} tokens in {steps} steps"))
            .threshold(threshold),
        _ => RuleResult::not_made(
            RULE,
            "the answer does not count the steps that verified drafts (spec_verify_ct)",
            "judge the server's metrics instead",
        ),
    }
}
