//! Judging chats and completions: form and substance as the facts have it, then what the text says and how it came to be.

use serde_json::{Map, Value};
use tribunal_client::{ChatAnswer, CompletionAnswer};

use crate::bench::Bench;
use crate::common::{self, Times};
use crate::content::{self, Content};
use crate::expectations::Similarity;
use crate::facts::Facts;
use crate::heard::Listeners;
use crate::rule::Kind;
use crate::tools::{self, Call};
use crate::verdict::{RuleResult, Verdict};
use crate::voice::Voices;
use crate::{form, logprobs, serving, sounded, stream, substance};

pub(crate) async fn chat(
    bench: &Bench,
    answer: &ChatAnswer,
    mode: Similarity,
    listeners: &Listeners,
    voices: &Voices,
) -> Verdict {
    let (audio, spoken) = sounded::chat(bench, answer, mode, listeners, voices).await;
    chat_verdict(bench, answer, audio, spoken.as_deref())
}

/// Without its audio.
pub(crate) fn chat_text(bench: &Bench, answer: &ChatAnswer) -> Verdict {
    chat_verdict(
        bench,
        answer,
        Vec::new(),
        sounded::said_in(answer).as_deref(),
    )
}

fn chat_verdict(
    bench: &Bench,
    answer: &ChatAnswer,
    audio: Vec<RuleResult>,
    spoken: Option<&str>,
) -> Verdict {
    let facts = Facts::of_chat(answer);
    let request = &answer.raw.request;
    let times = match &answer.stream {
        Some(_) => Times::streamed(&answer.raw, answer.time_to_first_token(), &answer.gaps()),
        None => Times::plain(&answer.raw),
    };
    let mut rules = shared(bench, &facts, times);
    let calls: Vec<Call> = answer
        .choices
        .iter()
        .flat_map(|choice| choice.message.tool_calls.iter().flatten())
        .map(Call::of_chat)
        .collect();
    rules.push(tools::structure(request, &calls));
    rules.extend(audio);
    if bench.deep() {
        rules.extend(content::rules(bench, &content(&facts, spoken)));
        rules.push(tools::name(bench, &calls));
        rules.push(tools::arguments(bench, request, &calls));
        let of = |names: &[&str]| -> Vec<(Option<&str>, &str)> {
            let messages = answer.choices.iter().map(|choice| &choice.message);
            messages
                .map(|message| {
                    (
                        names
                            .iter()
                            .find_map(|name| message.extra.get(*name)?.as_str()),
                        message.content.as_deref().unwrap_or_default(),
                    )
                })
                .collect()
        };
        rules.push(serving::reasoning(
            bench,
            &of(&["reasoning_content", "reasoning"]),
            cut(&facts),
        ));
        rules.push(serving::refusal(bench, &of(&["refusal"])));
        rules.extend(made(
            bench,
            &facts,
            &answer.extra,
            answer.choices.iter().map(|choice| &choice.extra),
        ));
    }
    bench.verdict(Kind::Chat, facts.subject(), rules)
}

pub(crate) fn completion(bench: &Bench, answer: &CompletionAnswer) -> Verdict {
    let facts = Facts::of_completion(answer);
    let times = match &answer.stream {
        Some(_) => Times::streamed(&answer.raw, answer.time_to_first_token(), &answer.gaps()),
        None => Times::plain(&answer.raw),
    };
    let mut rules = shared(bench, &facts, times);
    if bench.deep() {
        rules.extend(content::rules(bench, &content(&facts, None)));
        rules.extend(made(
            bench,
            &facts,
            &answer.extra,
            answer.choices.iter().map(|choice| &choice.extra),
        ));
    }
    bench.verdict(Kind::Completion, facts.subject(), rules)
}

/// What both routes are held to.
fn shared(bench: &Bench, facts: &Facts<'_>, times: Times) -> Vec<RuleResult> {
    let mut rules = form::rules(bench, facts);
    rules.extend(stream::rules(facts));
    rules.extend(common::latency(bench, times));
    if bench.deep() {
        rules.extend(substance::rules(bench, facts));
        rules.push(stream::pieces(bench, facts));
        rules.extend(logprobs::rules(facts));
    }
    rules
}

fn cut(facts: &Facts<'_>) -> bool {
    facts
        .choices
        .iter()
        .any(|choice| choice.finish == Some("length"))
}

fn content<'a>(facts: &Facts<'a>, spoken: Option<&'a str>) -> Content<'a> {
    Content {
        // A choice that calls a tool says nothing beside it.
        texts: facts
            .choices
            .iter()
            .filter(|choice| !(choice.other && choice.text.is_none_or(str::is_empty)))
            .map(|choice| choice.text.unwrap_or_default())
            .collect(),
        spoken,
        request: &facts.raw.request,
        cut: cut(facts),
    }
}

/// How it came to be.
fn made<'a>(
    bench: &Bench,
    facts: &Facts<'a>,
    extra: &'a Map<String, Value>,
    choices: impl Iterator<Item = &'a Map<String, Value>>,
) -> Vec<RuleResult> {
    let usage = facts.usage;
    let completion = usage.and_then(|usage| usage.completion_tokens);
    let finishes: Vec<_> = facts.choices.iter().map(|choice| choice.finish).collect();
    let extras: Vec<_> = [extra]
        .into_iter()
        .chain(choices)
        .chain(usage.map(|usage| &usage.extra))
        .collect();
    vec![
        serving::cached(
            bench,
            usage.and_then(|usage| usage.cached_tokens()),
            usage.and_then(|usage| usage.prompt_tokens),
        ),
        serving::workers(bench, extra, &finishes, completion),
        serving::speculative(bench, &extras, completion),
    ]
}
