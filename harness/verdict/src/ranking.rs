//! The rules of rerank, score and classify: every result belongs to one input, and the numbers are what they are called.

use serde_json::Value;
use tribunal_client::{ClassifyAnswer, RawAnswer, RerankAnswer, ScoreAnswer};

use crate::bench::Bench;
use crate::common::{self, Times};
use crate::embeddings::inputs;
use crate::rule::Kind;
use crate::verdict::{Ending, RuleResult, Verdict, quoted, shown};

fn form(bench: &Bench, raw: &RawAnswer) -> Vec<RuleResult> {
    let mut rules = vec![common::success(raw), common::json_or_events(raw, false)];
    rules.extend(common::latency(bench, Times::plain(raw)));
    rules
}

/// Every index points into `0..inputs`, each at most once.
fn indexes(found: &[Option<u64>], inputs: usize) -> RuleResult {
    let mut complaints = Vec::new();
    for (at, index) in found.iter().enumerate() {
        match index {
            None => complaints.push(format!("result {at} has no index")),
            Some(index) if *index >= inputs as u64 => complaints.push(format!(
                "result {at} points to {index}, and there are {inputs} inputs"
            )),
            Some(index) if found[..at].contains(&Some(*index)) => {
                complaints.push(format!("{index} comes twice"))
            }
            Some(_) => {}
        }
    }
    RuleResult::without_complaints("rank_indexes", complaints)
}

fn count(found: usize, wanted: usize) -> RuleResult {
    RuleResult::holds("rank_count", found == wanted)
        .figure(format!("{found} results"))
        .threshold(wanted)
}

fn scores(bench: &Bench, found: &[Option<f64>]) -> RuleResult {
    let (low, high) = bench.expect.scores.unwrap_or((f64::MIN, f64::MAX));
    let right = |score: f64| score.is_finite() && (low..=high).contains(&score);
    let wrong = found
        .iter()
        .enumerate()
        .filter(|(_, score)| !score.is_some_and(right));
    let wrong = wrong.map(|(at, score)| {
        format!(
            "the score of result {at} is {}",
            score.map_or_else(|| "no number".to_owned(), |score| score.to_string())
        )
    });
    let result = RuleResult::without_complaints("rank_scores", wrong.collect());
    match bench.expect.scores {
        Some((low, high)) => result.threshold(format!("from {low} to {high}")),
        None => result,
    }
}

pub(crate) fn rerank(bench: &Bench, answer: &RerankAnswer) -> Verdict {
    let request = &answer.raw.request;
    let documents = request["documents"].as_array().map_or(0, Vec::len);
    let wanted = match request["top_n"].as_u64() {
        // 0 means all of them in vLLM.
        Some(top) if top > 0 => documents.min(usize::try_from(top).unwrap_or(usize::MAX)),
        _ => documents,
    };
    let found: Vec<_> = answer.results.iter().map(|result| result.index).collect();
    let relevance: Vec<_> = answer
        .results
        .iter()
        .map(|result| result.relevance_score)
        .collect();
    let mut rules = form(bench, &answer.raw);
    rules.extend([
        indexes(&found, documents),
        count(found.len(), wanted),
        scores(bench, &relevance),
    ]);
    if bench.deep() {
        let numbers: Vec<f64> = relevance
            .iter()
            .map(|score| score.unwrap_or(f64::NAN))
            .collect();
        let wrong = numbers
            .windows(2)
            .position(|pair| pair[0] < pair[1] || pair[0].is_nan() || pair[1].is_nan());
        rules.push(match wrong {
            None => RuleResult::new("rank_order", Ending::Pass),
            Some(at) => RuleResult::new("rank_order", Ending::Fail)
                .figure(format!("{} before {}", numbers[at], numbers[at + 1]))
                .threshold("the best first")
                .because(format!("results {at} and {}", at + 1)),
        });
        rules.push(match bench.expect.first {
            None => RuleResult::not_applicable("rank_first", "the test expects no document first"),
            Some(first) => RuleResult::holds("rank_first", found.first() == Some(&Some(first)))
                .figure(
                    found
                        .first()
                        .copied()
                        .flatten()
                        .map_or_else(|| "none".to_owned(), |index| index.to_string()),
                )
                .threshold(first),
        });
    }
    bench.verdict(Kind::Rerank, "rerank answer", rules)
}

pub(crate) fn score(bench: &Bench, answer: &ScoreAnswer) -> Verdict {
    let request = &answer.raw.request;
    // `text_1` and `text_2`, or `queries` and `documents`: one against many, or as many pairs.
    let of = |names: [&str; 3]| {
        names
            .iter()
            .map(|name| &request[*name])
            .find(|value| !value.is_null())
            .map_or(0, |value: &Value| inputs(value))
    };
    let wanted = of(["text_1", "queries", "query"]).max(of(["text_2", "documents", "items"]));
    let found: Vec<_> = answer.data.iter().map(|one| one.index).collect();
    let numbers: Vec<_> = answer
        .data
        .iter()
        .flat_map(|one| match one.labels.as_slice() {
            [] => vec![one.score],
            labels => labels.iter().copied().map(Some).collect(),
        })
        .collect();
    let mut rules = form(bench, &answer.raw);
    rules.extend([
        indexes(&found, wanted),
        count(found.len(), wanted),
        scores(bench, &numbers),
    ]);
    bench.verdict(Kind::Score, "scores", rules)
}

pub(crate) fn classify(bench: &Bench, answer: &ClassifyAnswer) -> Verdict {
    let wanted = inputs(&answer.raw.request["input"]);
    let found: Vec<_> = answer.data.iter().map(|one| one.index).collect();
    let numbers: Vec<_> = answer
        .data
        .iter()
        .flat_map(|one| one.probs.iter().flatten().map(|number| Some(*number)))
        .collect();
    let mut rules = form(bench, &answer.raw);
    rules.extend([
        indexes(&found, wanted),
        count(found.len(), wanted),
        scores(bench, &numbers),
    ]);
    if bench.deep() {
        rules.push(probabilities(bench, answer));
        rules.push(labels(bench, answer));
    }
    bench.verdict(Kind::Classify, "classes", rules)
}

fn probabilities(bench: &Bench, answer: &ClassifyAnswer) -> RuleResult {
    const RULE: &str = "probabilities";
    let limit = bench.limit(RULE);
    let mut complaints = Vec::new();
    for (at, class) in answer.data.iter().enumerate() {
        let Some(probs) = class.probs.as_ref().filter(|probs| !probs.is_empty()) else {
            complaints.push(format!("result {at} has none"));
            continue;
        };
        let sum: f64 = probs.iter().sum();
        if (sum - 1.0).abs() > limit.value || sum.is_nan() {
            complaints.push(format!(
                "those of result {at} sum to {sum:.4}, not to 1 within {limit}"
            ));
        }
        if let Some(odd) = probs
            .iter()
            .find(|prob| !(-1e-6..=1.0 + 1e-6).contains(*prob))
        {
            complaints.push(format!("result {at} has the probability {odd}"));
        }
        if class
            .num_classes
            .is_some_and(|classes| classes != probs.len() as u64)
        {
            complaints.push(format!(
                "result {at} has {} probabilities for {} classes",
                probs.len(),
                class.num_classes.unwrap_or_default()
            ));
        }
    }
    if answer.data.is_empty() {
        complaints.push("there is no result".into());
    }
    RuleResult::without_complaints(RULE, complaints)
}

/// The label is that of the likeliest class, as far as its name tells (`LABEL_3`), the same for the same place, and the expected one.
fn labels(bench: &Bench, answer: &ClassifyAnswer) -> RuleResult {
    const RULE: &str = "labels";
    let mut complaints = Vec::new();
    let mut seen: Vec<(usize, &str)> = Vec::new();
    for (at, class) in answer.data.iter().enumerate() {
        let Some(label) = class.label.as_deref() else {
            complaints.push(format!("result {at} has none"));
            continue;
        };
        let likeliest = class
            .probs
            .iter()
            .flatten()
            .enumerate()
            .max_by(|a, b| a.1.total_cmp(b.1))
            .map(|(place, _)| place);
        if let Some(place) = likeliest {
            if let Some(number) = label
                .strip_prefix("LABEL_")
                .and_then(|number| number.parse::<usize>().ok())
                && number != place
            {
                complaints.push(format!(
                    "result {at} is called {}, and class {place} is the likeliest",
                    quoted(label)
                ));
            }
            if let Some((_, other)) = seen
                .iter()
                .find(|(known, other)| *known == place && *other != label)
            {
                complaints.push(format!(
                    "class {place} is called {} and {}",
                    quoted(other),
                    quoted(label)
                ));
            }
            seen.push((place, label));
        }
    }
    let expected = &bench.expect.labels;
    if !expected.is_empty() {
        let mut sorted: Vec<_> = answer.data.iter().collect();
        sorted.sort_by_key(|class| class.index);
        let found: Vec<_> = sorted.iter().map(|class| class.label.as_deref()).collect();
        if !found
            .iter()
            .copied()
            .eq(expected.iter().map(|label| Some(label.as_str())))
        {
            let found: Vec<_> = found.iter().map(|label| shown(*label)).collect();
            complaints.push(format!("found {}, expected {expected:?}", found.join(", ")));
        }
    }
    if answer.data.is_empty() {
        complaints.push("there is no result".into());
    }
    RuleResult::without_complaints(RULE, complaints)
}
