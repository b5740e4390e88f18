//! The rules of form that every text answer is held to: success, and the fields that the OpenAI API
//! promises.

use tribunal_client::RawAnswer;

use crate::bench::Bench;
use crate::facts::{Choice, Facts, Route, choice};
use crate::verdict::{Ending, RuleResult, quoted, shown};

/// What the API reference lists for chat.
const CHAT_FINISHES: &[&str] = &[
    "stop",
    "length",
    "tool_calls",
    "content_filter",
    "function_call",
];
/// What the API reference lists for completions.
const COMPLETION_FINISHES: &[&str] = &["stop", "length", "content_filter"];

pub(crate) fn rules(bench: &Bench, facts: &Facts<'_>) -> Vec<RuleResult> {
    vec![
        success(facts.raw),
        content_type(facts),
        object(facts),
        id(facts),
        model(facts),
        choices(facts),
        role(facts),
        finish_reason(facts),
        output(bench, facts),
    ]
}

fn success(raw: &RawAnswer) -> RuleResult {
    RuleResult::holds("success", raw.is_success())
        .figure(raw.status)
        .threshold("200 to 299")
}

fn content_type(facts: &Facts<'_>) -> RuleResult {
    let want = if facts.stream.is_some() {
        "text/event-stream"
    } else {
        "application/json"
    };
    let found = facts.raw.headers.media_type();
    RuleResult::holds("content_type", found.as_deref() == Some(want))
        .figure(shown(found.as_deref()))
        .threshold(want)
}

fn object(facts: &Facts<'_>) -> RuleResult {
    let want = match (facts.route, &facts.stream) {
        (Route::Chat, None) => "chat.completion",
        (Route::Chat, Some(_)) => "chat.completion.chunk",
        (Route::Completion, _) => "text_completion",
    };
    let found = match &facts.stream {
        None => facts.object,
        Some(stream) => stream
            .chunks
            .iter()
            .map(|chunk| chunk.object)
            .find(|object| *object != Some(want))
            .unwrap_or(facts.object),
    };
    RuleResult::holds("object", found == Some(want))
        .figure(shown(found))
        .threshold(want)
}

fn id(facts: &Facts<'_>) -> RuleResult {
    let stray = facts
        .stream
        .iter()
        .flat_map(|stream| &stream.chunks)
        .enumerate()
        .find(|(_, chunk)| chunk.id != facts.id);
    match (facts.id, stray) {
        (None | Some(""), _) => RuleResult::new("id", Ending::Fail)
            .figure(shown(facts.id))
            .threshold("a non-empty id"),
        (Some(_), None) => RuleResult::new("id", Ending::Pass).figure(shown(facts.id)),
        (Some(_), Some(_)) if one_id_per_choice(facts) => {
            RuleResult::new("id", Ending::Pass).figure("an id of its own for every choice")
        }
        (Some(own), Some((at, chunk))) => RuleResult::new("id", Ending::Fail)
            .figure(shown(chunk.id))
            .threshold(quoted(own))
            .because(format!("chunk {} has another id than the first", at + 1)),
    }
}

/// Whether several choices were asked for, and every one of them keeps to an id of its own, as in SGLang's streams: there each choice is a
/// request of its own within the server. A chunk without a choice has the id of one of them.
fn one_id_per_choice(facts: &Facts<'_>) -> bool {
    if facts.n().is_none_or(|n| n < 2) {
        return false;
    }
    let chunks = || facts.stream.iter().flat_map(|stream| &stream.chunks);
    let mut ids: Vec<(u64, &str)> = Vec::new();
    for chunk in chunks() {
        for piece in &chunk.pieces {
            let (Some(index), Some(id)) = (piece.index, chunk.id.filter(|id| !id.is_empty()))
            else {
                return false;
            };
            match ids.iter().find(|(of, _)| *of == index) {
                Some((_, known)) if *known != id => return false,
                Some(_) => {}
                None if ids.iter().any(|(_, taken)| *taken == id) => return false,
                None => ids.push((index, id)),
            }
        }
    }
    let known = |id: &str| ids.iter().any(|(_, of)| *of == id);
    chunks().all(|chunk| chunk.id.is_some_and(known))
}

fn model(facts: &Facts<'_>) -> RuleResult {
    let accepted = facts.accepted_models;
    if accepted.is_empty() {
        return RuleResult::not_applicable("model", "the request named no model");
    }
    let right =
        |name: Option<&str>| name.is_some_and(|name| accepted.iter().any(|known| known == name));
    let mut names = std::iter::once(facts.model).chain(
        facts
            .stream
            .iter()
            .flat_map(|stream| &stream.chunks)
            .map(|chunk| chunk.model),
    );
    let wrong = names.find(|name| !right(*name));
    let wanted = accepted
        .iter()
        .map(|name| quoted(name))
        .collect::<Vec<_>>()
        .join(" or ");
    RuleResult::holds("model", wrong.is_none())
        .figure(shown(wrong.unwrap_or(facts.model)))
        .threshold(wanted)
}

/// Each index from 0 to the number asked for, once.
fn choices(facts: &Facts<'_>) -> RuleResult {
    let mut found: Vec<_> = facts.choices.iter().map(|choice| choice.index).collect();
    found.sort_unstable();
    let show = |list: &[Option<u64>]| {
        list.iter()
            .map(|index| index.map_or_else(|| "none".into(), |index| index.to_string()))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let figure = if found.is_empty() {
        "no choice".into()
    } else {
        format!("indexes {}", show(&found))
    };
    let Some(n) = facts.n() else {
        // Nobody knows how many: at least they must be numbered without a gap.
        let gapless = !found.is_empty()
            && found
                .iter()
                .enumerate()
                .all(|(at, index)| *index == Some(at as u64));
        return RuleResult::holds("choices", gapless)
            .figure(figure)
            .threshold("numbered from 0 without a gap");
    };
    let wanted = n.saturating_mul(facts.prompts());
    let complete = found.len() as u64 == wanted
        && found
            .iter()
            .enumerate()
            .all(|(at, index)| *index == Some(at as u64));
    let threshold = if wanted == 1 {
        "index 0".to_owned()
    } else {
        format!("indexes 0 to {}", wanted.saturating_sub(1))
    };
    RuleResult::holds("choices", complete)
        .figure(figure)
        .threshold(threshold)
}

fn role(facts: &Facts<'_>) -> RuleResult {
    if facts.route == Route::Completion {
        return RuleResult::not_applicable("role", "completions have no roles");
    }
    let wrong = facts
        .choices
        .iter()
        .find(|choice| choice.role != Some("assistant"));
    match wrong {
        None => RuleResult::holds("role", !facts.choices.is_empty()).threshold("assistant"),
        Some(wrong) => RuleResult::new("role", Ending::Fail)
            .figure(shown(wrong.role))
            .threshold("assistant")
            .because(choice(wrong.index)),
    }
}

fn finish_reason(facts: &Facts<'_>) -> RuleResult {
    let known = match facts.route {
        Route::Chat => CHAT_FINISHES,
        Route::Completion => COMPLETION_FINISHES,
    };
    let wrong = facts
        .choices
        .iter()
        .find(|choice| choice.finish.is_none_or(|finish| !known.contains(&finish)));
    let result = RuleResult::holds(
        "finish_reason",
        wrong.is_none() && !facts.choices.is_empty(),
    )
    .threshold(format!("one of {}", known.join(", ")));
    match wrong {
        None => result,
        Some(wrong) => result
            .figure(shown(wrong.finish))
            .because(choice(wrong.index)),
    }
}

/// Choices that say nothing, where that may be the luck of the draw or of the cut, and the test expects nothing of the text: undecided, so that it is seen.
pub(crate) fn ended_at_once(
    rule: &'static str,
    bench: &Bench,
    facts: &Facts<'_>,
    empty: &[&Choice<'_>],
) -> Option<RuleResult> {
    let first = empty.first()?;
    if bench.expect.of_the_text() {
        return None;
    }
    if empty.iter().all(|c| facts.may_be_cut_within_a_letter(c)) {
        return Some(RuleResult::new(rule, Ending::Undecided).because(format!(
            "{} shows nothing; it was cut after its first token, which may be a part of a letter, a mark or a blank",
            choice(first.index)
        )));
    }
    let luck = empty.iter().all(|c| facts.may_end_at_once(c));
    luck.then(|| {
        RuleResult::new(rule, Ending::Undecided).because(format!(
            "{} is empty; it was drawn with a temperature, and the first token may have been the end (temperature 0, or `min_tokens`, decides it)",
            choice(first.index)
        ))
    })
}

/// Every choice says something.
fn output(bench: &Bench, facts: &Facts<'_>) -> RuleResult {
    if facts.max_tokens() == Some(0) {
        return RuleResult::not_applicable("output", "the request asked for no token");
    }
    let empty: Vec<_> = facts
        .choices
        .iter()
        .filter(|choice| !choice.other && choice.text.is_none_or(str::is_empty))
        .collect();
    let Some(first) = empty.first() else {
        return RuleResult::holds("output", !facts.choices.is_empty())
            .threshold("output in every choice");
    };
    let which = choice(first.index);
    if facts.has_stop() && empty.iter().all(|choice| choice.finish == Some("stop")) {
        return RuleResult::new("output", Ending::Undecided).because(format!(
            "{which} is empty, and a stop string may have come first"
        ));
    }
    if let Some(result) = ended_at_once("output", bench, facts, &empty) {
        return result;
    }
    RuleResult::new("output", Ending::Fail)
        .figure("nothing")
        .threshold("output in every choice")
        .because(format!(
            "{which} has neither text nor tool call nor other output"
        ))
}
