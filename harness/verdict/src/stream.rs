//! The rules for streams: role first, one finish for each choice, nothing after it, no `null` where
//! text should be, `[DONE]` at the end and nothing behind it.

use tribunal_client::StreamEnd;

use crate::bench::Bench;
use crate::facts::{Facts, Route, Stream, choice};
use crate::verdict::{Ending, RuleResult, quoted};

const RULES: [&str; 6] = [
    "stream_end",
    "stream_role_first",
    "stream_one_finish",
    "stream_after_finish",
    "stream_text",
    "stream_usage_last",
];

pub(crate) fn rules(facts: &Facts<'_>) -> Vec<RuleResult> {
    let Some(stream) = &facts.stream else {
        return RULES
            .iter()
            .map(|rule| RuleResult::not_applicable(rule, "the answer is no stream"))
            .collect();
    };
    vec![
        end(stream),
        role_first(facts.route, stream),
        one_finish(stream),
        after_finish(stream),
        text(stream),
        usage_last(stream),
    ]
}

fn end(stream: &Stream<'_>) -> RuleResult {
    let result = RuleResult::holds(
        "stream_end",
        *stream.end == StreamEnd::Done && stream.after_done == 0,
    )
    .threshold("[DONE] as the last event");
    match stream.end {
        StreamEnd::Done if stream.after_done > 0 => {
            result.figure(format!("{} events after [DONE]", stream.after_done))
        }
        StreamEnd::Done => result,
        StreamEnd::MissingDone => result
            .figure("no [DONE]")
            .because("the body ended in good order without it"),
        StreamEnd::Unterminated(rest) => result
            .figure(quoted(rest))
            .because("the last event lacks the blank line that ends an event; clients drop it"),
        StreamEnd::Truncated(why) => result.figure("a broken connection").because(why.clone()),
    }
}

fn role_first(route: Route, stream: &Stream<'_>) -> RuleResult {
    if route == Route::Completion {
        return RuleResult::not_applicable("stream_role_first", "completions have no roles");
    }
    let late = stream.indexes().into_iter().filter(|index| {
        stream
            .pieces(*index)
            .next()
            .is_none_or(|(_, piece)| piece.role.is_none())
    });
    let complaints: Vec<_> = late
        .map(|index| format!("the first chunk of {} has no role", choice(index)))
        .collect();
    with_chunks("stream_role_first", stream, complaints)
}

fn one_finish(stream: &Stream<'_>) -> RuleResult {
    let finishes = |index| {
        stream
            .pieces(index)
            .filter(|(_, piece)| piece.finish.is_some())
            .count()
    };
    let complaints = stream
        .indexes()
        .into_iter()
        .filter(|index| finishes(*index) != 1)
        .map(|index| format!("{} has {} finish reasons", choice(index), finishes(index)));
    with_chunks("stream_one_finish", stream, complaints.collect())
}

fn after_finish(stream: &Stream<'_>) -> RuleResult {
    let mut complaints = Vec::new();
    for index in stream.indexes() {
        let mut rest = stream
            .pieces(index)
            .skip_while(|(_, piece)| piece.finish.is_none());
        let finish = rest.next();
        if let (Some((finished, _)), Some((next, _))) = (finish, rest.next()) {
            complaints.push(format!(
                "{} finished in chunk {finished} and goes on in chunk {next}",
                choice(index)
            ));
        }
    }
    with_chunks("stream_after_finish", stream, complaints)
}

fn text(stream: &Stream<'_>) -> RuleResult {
    let mut complaints = Vec::new();
    for index in stream.indexes() {
        complaints.extend(
            stream
                .pieces(index)
                .filter(|(_, piece)| piece.null_text)
                .map(|(number, _)| {
                    format!("chunk {number} has null for the text of {}", choice(index))
                }),
        );
    }
    with_chunks("stream_text", stream, complaints)
}

/// A chunk that carries only the usage comes after all others.
fn usage_last(stream: &Stream<'_>) -> RuleResult {
    let bare = stream
        .chunks
        .iter()
        .position(|chunk| chunk.usage && chunk.pieces.is_empty());
    let Some(bare) = bare else {
        return RuleResult::not_applicable("stream_usage_last", "no chunk carries the usage alone");
    };
    let later = stream
        .chunks
        .iter()
        .skip(bare + 1)
        .filter(|chunk| !chunk.pieces.is_empty())
        .count();
    RuleResult::holds("stream_usage_last", later == 0)
        .figure(format!("{later} chunks of text after it"))
        .threshold("none")
}

/// A long text comes piece by piece. A short one may come at once: engines send several tokens in one chunk.
pub(crate) fn pieces(bench: &Bench, facts: &Facts<'_>) -> RuleResult {
    const RULE: &str = "stream_pieces";
    let Some(stream) = &facts.stream else {
        return RuleResult::not_applicable(RULE, "the answer is no stream");
    };
    let limit = bench.limit(RULE);
    let (mut several, mut complaints) = (false, Vec::new());
    for own in &facts.choices {
        let texts = stream.pieces(own.index).filter(|(_, piece)| piece.text);
        let length = own.text.map_or(0, |text| text.chars().count());
        match texts.count() {
            0 => {}
            1 if length as f64 > limit.value => complaints.push(format!(
                "the {length} characters of {} came in one chunk",
                choice(own.index)
            )),
            1 => {}
            _ => several = true,
        }
    }
    if complaints.is_empty() && !several {
        return RuleResult::not_applicable(RULE, "the text is short enough for one chunk");
    }
    RuleResult::without_complaints(RULE, complaints)
        .threshold(format!("at most {limit} characters in a single chunk"))
}

/// A stream without any chunk satisfies no rule about chunks.
fn with_chunks(rule: &'static str, stream: &Stream<'_>, complaints: Vec<String>) -> RuleResult {
    if stream.indexes().is_empty() {
        return RuleResult::new(rule, Ending::Fail).figure("no chunk with a choice");
    }
    RuleResult::without_complaints(rule, complaints)
}
