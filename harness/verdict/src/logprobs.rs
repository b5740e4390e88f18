//! The rules for log-probabilities: present where asked for, not above zero, the list of the
//! likeliest in order, the chosen token where it must be, and no more probability than there is.

use serde_json::Value;

use crate::facts::{Facts, Position, Route, choice};
use crate::verdict::{Ending, RuleResult, quoted};

const RULES: [&str; 5] = [
    "logprobs",
    "logprobs_sign",
    "logprobs_chosen",
    "logprobs_order",
    "logprobs_mass",
];

/// How far above zero a logarithm may lie by rounding in 32-bit arithmetic.
const ROUNDING: f64 = 1e-5;

/// How far above one the probabilities of a list may sum up by rounding in 16-bit arithmetic.
const MASS_ROUNDING: f64 = 1e-2;

pub(crate) fn rules(facts: &Facts<'_>) -> Vec<RuleResult> {
    let Some(top) = asked(facts) else {
        return RULES
            .iter()
            .map(|rule| RuleResult::not_applicable(rule, "the request did not ask for them"))
            .collect();
    };
    let places: Vec<Place<'_>> = facts
        .choices
        .iter()
        .flat_map(|own| {
            own.positions
                .iter()
                .flatten()
                .enumerate()
                .map(|(at, position)| Place {
                    choice: own.index,
                    at,
                    position,
                })
        })
        // With `echo` the first token of the prompt has no predecessor and therefore no probability.
        .filter(|place| {
            !(facts.asked("echo") == true && place.at == 0 && place.position.logprob.is_none())
        })
        .collect();
    let mut rules = vec![present(facts, top)];
    if places.is_empty() {
        rules.extend(
            RULES[1..]
                .iter()
                .map(|rule| RuleResult::not_applicable(rule, "there are none to look at")),
        );
        return rules;
    }
    rules.push(sign(&places));
    if top == 0 {
        rules.extend(
            RULES[2..].iter().map(|rule| {
                RuleResult::not_applicable(rule, "the request asked for no alternatives")
            }),
        );
        return rules;
    }
    rules.extend([
        chosen(facts, &places, top),
        order(facts.route, &places),
        mass(&places),
    ]);
    rules
}

struct Place<'a> {
    choice: Option<u64>,
    at: usize,
    position: &'a Position,
}

impl Place<'_> {
    fn name(&self) -> String {
        format!(
            "token {} ({}) of {}",
            self.at,
            quoted(&self.position.token),
            choice(self.choice)
        )
    }
}

/// How many alternatives were asked for; `None` where no log-probabilities were.
fn asked(facts: &Facts<'_>) -> Option<u64> {
    match (facts.route, facts.asked("logprobs")) {
        (Route::Chat, Value::Bool(true)) => Some(facts.asked("top_logprobs").as_u64().unwrap_or(0)),
        (Route::Completion, Value::Number(top)) => top.as_u64(),
        _ => None,
    }
}

fn present(facts: &Facts<'_>, top: u64) -> RuleResult {
    let mut complaints = Vec::new();
    let mut seen = 0;
    for own in facts
        .choices
        .iter()
        .filter(|own| own.text.is_some_and(|text| !text.is_empty()))
    {
        seen += 1;
        let positions = own.positions.as_deref().unwrap_or_default();
        if positions.is_empty() {
            complaints.push(format!("{} has text but none", choice(own.index)));
        }
        for (at, position) in positions.iter().enumerate() {
            let place = Place {
                choice: own.index,
                at,
                position,
            };
            // One more than asked: the chosen token, where it is not among the likeliest.
            let (most, found) = (top.saturating_add(1), position.top.len() as u64);
            let first_of_echo = at == 0 && facts.asked("echo") == true;
            if top > 0 && (found > most || found == 0 && !first_of_echo) {
                complaints.push(format!(
                    "{} has {found} alternatives, not 1 to {most}",
                    place.name()
                ));
            }
        }
    }
    if seen == 0 {
        return RuleResult::not_applicable("logprobs", "no choice has text");
    }
    RuleResult::without_complaints("logprobs", complaints)
}

fn sign(places: &[Place<'_>]) -> RuleResult {
    let worst = places
        .iter()
        .flat_map(|place| {
            std::iter::once(place.position.logprob)
                .chain(place.position.top.iter().map(|(_, logprob)| *logprob))
                .flatten()
                .map(move |logprob| (logprob, place))
        })
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    let impossible = places.iter().find(|place| place.position.logprob.is_none());
    let result = |holds| RuleResult::holds("logprobs_sign", holds).threshold("at most 0");
    match (worst, impossible) {
        (_, Some(place)) => result(false).figure("null").because(format!(
            "{} was chosen, so it had a probability",
            place.name()
        )),
        (Some((worst, place)), None) if worst > ROUNDING => {
            result(false).figure(worst).because(place.name())
        }
        (Some((worst, _)), None) => result(true).figure(worst),
        (None, None) => result(false).figure("no number"),
    }
}

/// Fields of a request that change which token is chosen after the log-probabilities were taken: with them, the likeliest token
/// need not be the chosen one.
const STEERED: [&str; 20] = [
    "response_format",
    "structured_outputs",
    "guided_json",
    "guided_choice",
    "guided_regex",
    "guided_grammar",
    "json_schema",
    "regex",
    "ebnf",
    "grammar",
    "tools",
    "logit_bias",
    "bad_words",
    "allowed_token_ids",
    "logits_processors",
    "min_tokens",
    "ignore_eos",
    "presence_penalty",
    "frequency_penalty",
    "repetition_penalty",
];

/// Whether the request leaves the choice to the probabilities alone. A neutral value (0, false, nothing) changes nothing.
fn unsteered(facts: &Facts<'_>) -> bool {
    STEERED.iter().all(|name| match facts.asked(name) {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => {
            let neutral = if *name == "repetition_penalty" {
                1.0
            } else {
                0.0
            };
            number.as_f64() == Some(neutral)
        }
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => {
            fields.is_empty() || fields.get("type").is_some_and(|t| t == "text")
        }
        _ => false,
    })
}

/// The chosen token is in the list, or is less likely than everything in it. With temperature 0 and nothing that steers the choice
/// it is in the list.
fn chosen(facts: &Facts<'_>, places: &[Place<'_>], top: u64) -> RuleResult {
    let greedy = facts.asked("temperature").as_f64() == Some(0.0) && unsteered(facts);
    let mut complaints = Vec::new();
    for place in places {
        let Position {
            token,
            logprob,
            top: list,
        } = place.position;
        if list.iter().any(|(other, _)| other == token) {
            continue;
        }
        let least = list
            .iter()
            .filter_map(|(_, logprob)| *logprob)
            .fold(f64::INFINITY, f64::min);
        if greedy {
            complaints.push(format!(
                "{} was chosen greedily and is not among its {} likeliest",
                place.name(),
                list.len()
            ));
        } else if (list.len() as u64) < top {
            complaints.push(format!(
                "{} is missing from a list of {} that has room for {top}",
                place.name(),
                list.len()
            ));
        } else if logprob.is_some_and(|own| own > least + ROUNDING) {
            complaints.push(format!(
                "{} is likelier than the last of the list ({least}), and is not in it",
                place.name()
            ));
        }
    }
    RuleResult::without_complaints("logprobs_chosen", complaints)
}

/// The likeliest first. The chosen token may stand at the front, however likely it is: vLLM puts it there, and the others in order
/// after it.
fn order(route: Route, places: &[Place<'_>]) -> RuleResult {
    if route == Route::Completion {
        return RuleResult::not_applicable(
            "logprobs_order",
            "the completions route gives a map, which has no order",
        );
    }
    let sorted = |list: &[(String, Option<f64>)]| {
        list.windows(2)
            .all(|pair| value(pair[0].1) >= value(pair[1].1) - ROUNDING)
    };
    let mut complaints = Vec::new();
    for place in places {
        let list = &place.position.top;
        let chosen_first = list
            .split_first()
            .is_some_and(|(first, rest)| first.0 == place.position.token && sorted(rest));
        if !sorted(list) && !chosen_first {
            complaints.push(format!(
                "the alternatives of {} are not sorted",
                place.name()
            ));
        }
    }
    RuleResult::without_complaints("logprobs_order", complaints)
}

/// A probability of zero is written as `null`.
fn value(logprob: Option<f64>) -> f64 {
    logprob.unwrap_or(f64::NEG_INFINITY)
}

fn mass(places: &[Place<'_>]) -> RuleResult {
    let sums = places.iter().map(|place| {
        (
            place
                .position
                .top
                .iter()
                .map(|(_, logprob)| value(*logprob).exp())
                .sum::<f64>(),
            place,
        )
    });
    match sums.max_by(|(a, _), (b, _)| a.total_cmp(b)) {
        None => RuleResult::new("logprobs_mass", Ending::NotApplicable),
        Some((most, place)) => {
            let holds = most <= 1.0 + MASS_ROUNDING;
            let result = RuleResult::holds("logprobs_mass", holds)
                .figure(format!("{most:.4}"))
                .threshold("a sum of probabilities of at most 1");
            if holds {
                result
            } else {
                result.because(format!(
                    "the alternatives of {}: natural logarithms?",
                    place.name()
                ))
            }
        }
    }
}
