//! The rules of embeddings: as many as asked for, in order, numbers that are numbers, of one length.

use serde_json::Value;
use tribunal_client::{EmbeddingsAnswer, SentVector};

use crate::bench::Bench;
use crate::common::{self, Times};
use crate::rule::Kind;
use crate::verdict::{Ending, RuleResult, Verdict};

pub(crate) fn judge(bench: &Bench, answer: &EmbeddingsAnswer) -> Verdict {
    let vectors: Vec<Result<Vec<f64>, String>> = answer
        .data
        .iter()
        .map(|embedding| embedding.sent.numbers())
        .collect();
    let mut rules = vec![
        common::success(&answer.raw),
        common::json_or_events(&answer.raw, false),
        count(answer),
        numbers(answer, &vectors),
    ];
    rules.extend(common::latency(bench, Times::plain(&answer.raw)));
    if bench.deep() {
        let good: Vec<&Vec<f64>> = vectors.iter().flatten().collect();
        rules.push(dimensions(bench, &answer.raw.request, &good));
        rules.push(zero(&good));
        rules.push(norm(bench, &good));
        rules.push(same(bench, &good));
    }
    bench.verdict(Kind::Embeddings, "embeddings", rules)
}

/// How many inputs a request has; one list of token ids is one.
pub(crate) fn inputs(input: &Value) -> usize {
    match input {
        Value::Array(list) if list.first().is_some_and(|first| !first.is_number()) => list.len(),
        _ => 1,
    }
}

fn count(answer: &EmbeddingsAnswer) -> RuleResult {
    let wanted = inputs(&answer.raw.request["input"]);
    let found: Vec<_> = answer
        .data
        .iter()
        .map(|embedding| embedding.index)
        .collect();
    let in_order = found
        .iter()
        .enumerate()
        .all(|(at, index)| *index == Some(at as u64));
    let shown: Vec<_> = found
        .iter()
        .take(8)
        .map(|index| index.map_or_else(|| "none".to_owned(), |index| index.to_string()))
        .collect();
    RuleResult::holds("embedding_count", found.len() == wanted && in_order)
        .figure(format!(
            "{} vectors, indexes {}",
            found.len(),
            shown.join(", ")
        ))
        .threshold(format!("{wanted}, indexes from 0 in order"))
}

fn numbers(answer: &EmbeddingsAnswer, vectors: &[Result<Vec<f64>, String>]) -> RuleResult {
    const RULE: &str = "embedding_numbers";
    let asked = match answer.raw.request["encoding_format"].as_str() {
        Some("base64") => Some(true),
        Some("float") => Some(false),
        _ => None,
    };
    let mut complaints = Vec::new();
    for (at, (vector, embedding)) in vectors.iter().zip(&answer.data).enumerate() {
        match vector {
            Err(why) => complaints.push(format!("vector {at}: {why}")),
            Ok(numbers) if numbers.is_empty() => complaints.push(format!("vector {at} is empty")),
            Ok(numbers) => {
                if let Some(place) = numbers.iter().position(|number| !number.is_finite()) {
                    complaints.push(format!(
                        "number {place} of vector {at} is {}",
                        numbers[place]
                    ));
                }
            }
        }
        let base64 = matches!(embedding.sent, SentVector::Base64(_));
        if asked.is_some_and(|asked| asked != base64) {
            let form = if base64 { "base64" } else { "a list" };
            complaints.push(format!("vector {at} came as {form}, not as asked"));
        }
    }
    if vectors.is_empty() {
        complaints.push("there is no vector".into());
    }
    RuleResult::without_complaints(RULE, complaints)
}

fn dimensions(bench: &Bench, request: &Value, vectors: &[&Vec<f64>]) -> RuleResult {
    const RULE: &str = "embedding_dimensions";
    let wanted = bench
        .expect
        .dimensions
        .map(|wanted| wanted as u64)
        .or_else(|| request["dimensions"].as_u64());
    let first = vectors.first().map(|vector| vector.len() as u64);
    let other = vectors
        .iter()
        .map(|vector| vector.len() as u64)
        .find(|length| Some(*length) != wanted.or(first));
    match (first, other) {
        (None, _) => RuleResult::new(RULE, Ending::Fail).figure("no vector"),
        (Some(first), other) => RuleResult::holds(RULE, other.is_none())
            .figure(other.unwrap_or(first))
            .threshold(wanted.map_or_else(
                || format!("{first}, as the first"),
                |wanted| wanted.to_string(),
            )),
    }
}

fn zero(vectors: &[&Vec<f64>]) -> RuleResult {
    const RULE: &str = "embedding_zero";
    let zeros: Vec<_> = vectors
        .iter()
        .enumerate()
        .filter(|(_, vector)| vector.iter().all(|number| *number == 0.0))
        .map(|(at, _)| format!("vector {at} is all zero"))
        .collect();
    match vectors.is_empty() {
        true => RuleResult::new(RULE, Ending::Fail).figure("no vector"),
        false => RuleResult::without_complaints(RULE, zeros),
    }
}

fn norm(bench: &Bench, vectors: &[&Vec<f64>]) -> RuleResult {
    const RULE: &str = "embedding_norm";
    let norms = vectors.iter().map(|vector| {
        vector
            .iter()
            .map(|number| number * number)
            .sum::<f64>()
            .sqrt()
    });
    // A NaN is as far away as can be.
    let worst = norms
        .map(|norm| (norm, (norm - 1.0).abs()))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((norm, off)) = worst.filter(|_| bench.expect.normalised) else {
        return RuleResult::not_applicable(RULE, "nobody promises a length");
    };
    let limit = bench.limit(RULE);
    RuleResult::holds(RULE, off <= limit.value)
        .figure(format!("{norm:.5}"))
        .threshold(format!("1, within {limit}"))
}

fn same(bench: &Bench, vectors: &[&Vec<f64>]) -> RuleResult {
    const RULE: &str = "embedding_same";
    let Some(others) = &bench.expect.same_as else {
        return RuleResult::not_applicable(RULE, "the test names no vectors to compare with");
    };
    let limit = bench.limit(RULE);
    let shape = |lengths: Vec<usize>| format!("{} vectors of {lengths:?} numbers", lengths.len());
    let (own, wanted): (Vec<_>, Vec<_>) = (
        vectors.iter().map(|v| v.len()).collect(),
        others.iter().map(Vec::len).collect(),
    );
    if own != wanted {
        return RuleResult::new(RULE, Ending::Fail)
            .figure(shape(own))
            .threshold(shape(wanted));
    }
    let mut worst = (0.0, 0, 0);
    for (at, (a, b)) in vectors.iter().zip(others.iter()).enumerate() {
        let scale = b
            .iter()
            .fold(f64::MIN_POSITIVE, |most, number| most.max(number.abs()));
        for (place, (x, y)) in a.iter().zip(b).enumerate() {
            let off = (x - y).abs() / scale;
            if off > worst.0 || off.is_nan() {
                worst = (off, at, place);
            }
        }
    }
    RuleResult::holds(RULE, worst.0 <= limit.value)
        .figure(format!(
            "{:.2e} apart at number {} of vector {}",
            worst.0, worst.2, worst.1
        ))
        .threshold(format!("at most {limit} of the largest number"))
}
