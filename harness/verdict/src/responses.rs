//! The rules of the responses route, whose stream is a story of events and not of chunks.

use tribunal_client::{ResponsesAnswer, ResponsesEvent, StreamEnd};

use crate::bench::Bench;
use crate::common::{self, Times};
use crate::content::{self, Content};
use crate::rule::Kind;
use crate::serving;
use crate::tools::{self, Call};
use crate::verdict::{Ending, RuleResult, Verdict, quoted, shown};

pub(crate) fn judge(bench: &Bench, answer: &ResponsesAnswer) -> Verdict {
    let response = &answer.response;
    let calls: Vec<Call> = answer
        .calls()
        .map(|item| Call {
            id: item.call_id.clone().or_else(|| item.id.clone()),
            kind: Some("function".into()),
            name: item.name.clone(),
            arguments: item.arguments.clone(),
        })
        .collect();
    let text = answer.text();
    let cut = response.status.as_deref() == Some("incomplete");
    let times = match &answer.stream {
        Some(_) => Times::streamed(&answer.raw, answer.time_to_first_token(), &answer.gaps()),
        None => Times::plain(&answer.raw),
    };
    let mut rules = vec![
        common::success(&answer.raw),
        common::json_or_events(&answer.raw, answer.stream.is_some()),
        RuleResult::holds("object", response.object.as_deref() == Some("response"))
            .figure(shown(response.object.as_deref()))
            .threshold("response"),
        id(answer),
        model(answer),
        status(answer),
        RuleResult::holds(
            "output",
            response
                .output
                .as_ref()
                .is_some_and(|items| !items.is_empty()),
        )
        .figure(format!(
            "{} items",
            response.output.as_ref().map_or(0, Vec::len)
        ))
        .threshold("at least one"),
        tools::structure(&answer.raw.request, &calls, cut),
    ];
    rules.extend(events(answer));
    rules.extend(common::latency(bench, times));
    if bench.deep() {
        rules.extend(usage(answer, &text));
        let content = Content {
            texts: if text.is_empty() { vec![] } else { vec![&text] },
            spoken: None,
            request: &answer.raw.request,
            cut,
        };
        rules.extend(content::rules(bench, &content));
        rules.push(tools::name(bench, &calls));
        rules.push(tools::arguments(bench, &answer.raw.request, &calls, cut));
        let usage = response.usage.as_ref();
        rules.push(serving::cached(
            bench,
            usage.and_then(|usage| usage.cached_tokens()),
            usage.and_then(|usage| usage.input_tokens),
        ));
    }
    let subject = if answer.stream.is_some() {
        "responses answer, streamed"
    } else {
        "responses answer"
    };
    bench.verdict(Kind::Responses, subject, rules)
}

fn id(answer: &ResponsesAnswer) -> RuleResult {
    let own = answer.response.id.as_deref();
    let events = answer.stream.iter().flat_map(|stream| &stream.chunks);
    let stray = events
        .filter_map(|event| event.chunk.response.as_ref())
        .find(|response| response.id.as_deref() != own);
    match stray {
        None => RuleResult::holds("id", own.is_some_and(|id| !id.is_empty()))
            .figure(shown(own))
            .threshold("a non-empty id"),
        Some(stray) => RuleResult::new("id", Ending::Fail)
            .figure(shown(stray.id.as_deref()))
            .threshold(shown(own))
            .because("an event has another id"),
    }
}

fn model(answer: &ResponsesAnswer) -> RuleResult {
    let found = answer.response.model.as_deref();
    if answer.accepted_models.is_empty() {
        return RuleResult::not_applicable("model", "the request named no model");
    }
    let wanted: Vec<_> = answer
        .accepted_models
        .iter()
        .map(|name| quoted(name))
        .collect();
    RuleResult::holds(
        "model",
        found.is_some_and(|found| answer.accepted_models.iter().any(|name| name == found)),
    )
    .figure(shown(found))
    .threshold(wanted.join(" or "))
}

fn status(answer: &ResponsesAnswer) -> RuleResult {
    const RULE: &str = "response_status";
    let response = &answer.response;
    let result = RuleResult::new(RULE, Ending::Pass)
        .figure(shown(response.status.as_deref()))
        .threshold("completed, or incomplete with its reason");
    let told = |reason: &Option<serde_json::Value>| {
        reason.as_ref().is_some_and(|reason| !reason.is_null())
    };
    match response.status.as_deref() {
        Some("completed") if !told(&response.error) => result,
        Some("incomplete") if told(&response.incomplete_details) => result,
        _ => {
            let why = response
                .error
                .as_ref()
                .or(response.incomplete_details.as_ref())
                .map(ToString::to_string);
            RuleResult {
                ending: Ending::Fail,
                ..result.because(shown(why.as_deref()))
            }
        }
    }
}

/// The order that the API promises: created, then each item added, its deltas, its ends, and one last event.
fn events(answer: &ResponsesAnswer) -> Vec<RuleResult> {
    let Some(stream) = &answer.stream else {
        let plain = |rule| RuleResult::not_applicable(rule, "the answer is no stream");
        return vec![plain("response_events"), plain("response_text")];
    };
    let events: Vec<&ResponsesEvent> = stream.chunks.iter().map(|arrived| &arrived.chunk).collect();
    let mut wrong = Vec::new();
    if !matches!(stream.end, StreamEnd::Done | StreamEnd::MissingDone) {
        wrong.push("the stream broke off".to_owned());
    }
    if events
        .first()
        .is_none_or(|event| event.kind != "response.created")
    {
        wrong.push(format!(
            "it begins with {}, not response.created",
            shown(events.first().map(|event| &*event.kind))
        ));
    }
    let last = events.iter().filter(|event| event.is_last()).count();
    if last != 1 || !events.last().is_some_and(|event| event.is_last()) {
        wrong.push(format!(
            "it ends with {}, and {last} events end it",
            shown(events.last().map(|event| &*event.kind))
        ));
    }
    let numbers: Vec<u64> = events
        .iter()
        .filter_map(|event| event.sequence_number)
        .collect();
    if !numbers.is_empty()
        && (numbers.len() != events.len()
            || numbers
                .windows(2)
                .any(|pair| pair[1] != pair[0].saturating_add(1)))
    {
        wrong.push("the events are not numbered without a gap".to_owned());
    }
    let (mut added, mut done) = (Vec::new(), Vec::new());
    for event in &events {
        let place = event.output_index;
        match event.kind.as_str() {
            "response.output_item.added" => added.push(place),
            "response.output_item.done" => {
                if !added.contains(&place) {
                    wrong.push(format!("output {place:?} is done before it was added"));
                }
                done.push(place);
            }
            kind if kind.ends_with(".delta")
                && (!added.contains(&place) || done.contains(&place)) =>
            {
                wrong.push(format!("{kind} of an output that is not open"));
            }
            _ => {}
        }
    }
    if let Some(open) = added.iter().find(|place| !done.contains(place)) {
        wrong.push(format!("output {open:?} was added and never done"));
    }
    wrong.dedup();
    let streamed = answer.streamed_text();
    let said: String = answer
        .events("response.output_text.done")
        .filter_map(|event| event.text.as_deref())
        .collect();
    let text = if streamed.is_empty() && said.is_empty() {
        RuleResult::not_applicable("response_text", "the stream has no text")
    } else {
        let whole = answer.text();
        let holds = streamed == said && streamed == whole;
        let result = RuleResult::holds("response_text", holds);
        if holds {
            result
        } else {
            result
                .figure(quoted(&streamed))
                .threshold(quoted(if said == streamed { &whole } else { &said }))
                .because("the deltas, and what is called done")
        }
    };
    vec![
        RuleResult::without_complaints("response_events", wrong),
        text,
    ]
}

fn usage(answer: &ResponsesAnswer, text: &str) -> Vec<RuleResult> {
    const NAMES: &str = "input_tokens, output_tokens, total_tokens";
    let result = RuleResult::new("usage", Ending::Fail).threshold(NAMES);
    let Some(usage) = &answer.response.usage else {
        return vec![result.figure("no usage")];
    };
    let (Some(input), Some(output), Some(total)) =
        (usage.input_tokens, usage.output_tokens, usage.total_tokens)
    else {
        let names: Vec<_> = usage.extra.keys().map(String::as_str).collect();
        return vec![result.figure(format!(
            "not all of them; besides there are: {}",
            quoted(&names.join(", "))
        ))];
    };
    let sum = input.checked_add(output);
    let wrong = match (input, output) {
        (0, _) => "input_tokens is 0",
        (_, 0) if !text.is_empty() => "output_tokens is 0, but there is output",
        _ => "",
    };
    let limit = match answer.raw.request["max_output_tokens"].as_u64() {
        Some(most) => RuleResult::holds("usage_limit", output <= most)
            .figure(output)
            .threshold(format!("at most {most}")),
        None => RuleResult::not_applicable("usage_limit", "the request set no limit of tokens"),
    };
    vec![
        RuleResult::new("usage", Ending::Pass).figure(format!("{input} + {output} = {total}")),
        RuleResult::holds("usage_sum", sum == Some(total))
            .figure(total)
            .threshold(format!("{input} + {output}")),
        RuleResult::holds("usage_counts", wrong.is_empty()).because(wrong),
        limit,
    ]
}
