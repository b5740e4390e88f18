//! The rules that every kind of answer is held to: success, content type, and the times that a test asks for.

use std::time::Duration;

use tribunal_client::RawAnswer;

use crate::bench::Bench;
use crate::verdict::{Ending, RuleResult, shown};

pub(crate) fn success(raw: &RawAnswer) -> RuleResult {
    RuleResult::holds("success", raw.is_success())
        .figure(raw.status)
        .threshold("200 to 299")
}

/// A route that answers with JSON, or with a stream of events where one was asked for.
pub(crate) fn json_or_events(raw: &RawAnswer, stream: bool) -> RuleResult {
    named(
        raw,
        if stream {
            "text/event-stream"
        } else {
            "application/json"
        },
    )
}

pub(crate) fn named(raw: &RawAnswer, want: &str) -> RuleResult {
    let found = raw.headers.media_type();
    RuleResult::holds("content_type", found.as_deref() == Some(want))
        .figure(shown(found.as_deref()))
        .threshold(want)
}

/// When the pieces of an answer came.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times {
    pub first: Option<Duration>,
    pub gap: Option<Duration>,
    pub whole: Duration,
    pub streamed: bool,
}

impl Times {
    pub fn plain(raw: &RawAnswer) -> Self {
        Self {
            whole: raw.elapsed,
            ..Self::default()
        }
    }

    pub fn streamed(raw: &RawAnswer, first: Option<Duration>, gaps: &[Duration]) -> Self {
        Self {
            first,
            gap: gaps.iter().max().copied(),
            whole: raw.elapsed,
            streamed: true,
        }
    }
}

/// The times that the test asks for. What nobody asked for is filled in by the table.
pub(crate) fn latency(bench: &Bench, times: Times) -> Vec<RuleResult> {
    let expect = &bench.expect;
    let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
    let held =
        |rule: &'static str, limit: Duration, found: Option<Duration>, missing: &str| match found {
            Some(found) => RuleResult::holds(rule, found <= limit)
                .figure(milliseconds(found))
                .threshold(format!("at most {}", milliseconds(limit))),
            None => RuleResult::new(rule, Ending::Fail)
                .figure("no time")
                .threshold(format!("at most {}", milliseconds(limit)))
                .because(missing),
        };
    let plain =
        "the answer is no stream, so nobody knows when its parts came; ask for one with .stream()";
    let mut rules = Vec::new();
    if let Some(limit) = expect.first_token_within {
        let missing = if times.streamed {
            "the stream has no content"
        } else {
            plain
        };
        rules.push(held("first_token_within", limit, times.first, missing));
    }
    if let Some(limit) = expect.within {
        rules.push(held("within", limit, Some(times.whole), ""));
    }
    if let Some(limit) = expect.gap_below {
        rules.push(match (times.streamed, times.first, times.gap) {
            (true, Some(_), None) => RuleResult::new("gap_below", Ending::NotApplicable)
                .because("the stream has one piece"),
            (streamed, _, gap) => held(
                "gap_below",
                limit,
                gap,
                if streamed {
                    "the stream has no content"
                } else {
                    plain
                },
            ),
        });
    }
    rules
}
