//! What requests come to together: counts, sums, and what came in a second.

use std::collections::BTreeMap;

use super::dialect::Dialect;
use super::figure::{Figure, Found, put};
use super::load::{self, Pair};
use super::measure::Measure;
use super::order;
use super::slo;
use super::table::SCALARS;
use super::taken::Taken;
use super::told;
use crate::{Outcome, Record};

/// A sum over answers; with a reason where some do not say their part.
fn sum(pairs: &[Pair], of: impl Fn(&Record, &Taken) -> Option<f64>, what: &str) -> Found {
    let parts: Vec<Option<f64>> = pairs
        .iter()
        .filter_map(|(record, taken)| taken.as_ref().map(|taken| of(record, taken)))
        .collect();
    let known: Vec<f64> = parts.iter().flatten().copied().collect();
    let value = (!known.is_empty()).then(|| known.iter().sum());
    let missing = parts.len() - known.len();
    let why = format!(
        "{missing} of {} answers do not say their {what}: the sum is too small",
        parts.len()
    );
    Found::of(value, known.len()).refused((missing > 0 && value.is_some()).then_some(why))
}

pub(super) fn totals(figures: &mut BTreeMap<String, Figure>, pairs: &[Pair], how: &Measure) {
    let all = pairs.len();
    let count = |wanted: fn(&Outcome) -> bool| {
        pairs
            .iter()
            .filter(|(record, _)| wanted(&record.outcome))
            .count()
    };
    let completed = count(|outcome| *outcome == Outcome::Ok);
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let judged = completed + failed;
    let seconds = load::span(pairs, how.dialect).map(|(start, end)| (end - start) as f64 / 1e9);
    let per_second = |found: Found| Found {
        value: found
            .value
            .zip(seconds)
            .map(|(value, seconds)| value / seconds),
        ..found
    };

    let vllm = matches!(how.dialect, Dialect::Vllm | Dialect::VllmOmni);
    let counted = |record: &Record, taken: &Taken| {
        // vLLM takes an answer with a text and without a count as one token.
        taken
            .output_tokens
            .filter(|tokens| !vllm || *tokens > 0.0)
            .or((vllm && !record.events.is_empty() && !taken.token_times.is_empty()).then_some(1.0))
    };
    // Of answers that have no text nobody expects tokens.
    let spoken = |record: &Record, taken: &Taken| {
        counted(record, taken).or((!has_text(record)).then_some(0.0))
    };
    let any_tokens = pairs.iter().any(|(record, taken)| {
        taken
            .as_ref()
            .is_some_and(|taken| counted(record, taken).is_some())
    });
    let output = || {
        if any_tokens {
            sum(pairs, spoken, "tokens")
        } else {
            Found::of(None, 0)
        }
    };
    let input = || sum(pairs, |_, taken| taken.input_tokens, "prompt's tokens");
    let both = || {
        let (input, output) = (input(), output());
        let value = input
            .value
            .zip(output.value)
            .map(|(input, output)| input + output);
        Found {
            value,
            samples: input.samples.min(output.samples),
            interval: None,
            refused: input.refused.or(output.refused),
        }
    };
    let answers = |found: Found| Found {
        samples: completed as u64,
        ..found
    };
    let audio = || {
        sum(
            pairs,
            |record, taken| taken.audio_duration.or((!has_audio(record)).then_some(0.0)),
            "audio's length",
        )
    };
    let audio = || {
        if pairs
            .iter()
            .any(|(_, taken)| taken.is_some_and(|taken| taken.audio_duration.is_some()))
        {
            audio()
        } else {
            Found::of(None, 0)
        }
    };
    let known_only = |found: Found| Found {
        refused: None,
        ..found
    };
    let images = || {
        known_only(sum(
            pairs,
            |record, _| record.images.map(f64::from),
            "images",
        ))
    };
    let video = || {
        known_only(sum(
            pairs,
            |record, _| record.video_seconds,
            "video's length",
        ))
    };
    let events: Vec<_> = pairs
        .iter()
        .filter(|(_, taken)| taken.is_some())
        .flat_map(|(record, _)| &record.events)
        .filter(|event| event.kind.is_payload())
        .collect();
    let coalesced =
        events.iter().filter(|event| event.coalesced).count() as f64 / events.len() as f64;
    let underruns: Vec<f64> = pairs
        .iter()
        .filter_map(|(_, taken)| taken.as_ref()?.audio_underrun)
        .collect();
    let continuous = underruns
        .iter()
        .filter(|underrun| **underrun <= how.underrun_limit)
        .count() as f64
        / underruns.len() as f64;
    let pixels = known_only(sum(pairs, |record, _| told::pixels(record), "pixels"));
    let steady = load::steady(pairs, how, seconds.unwrap_or(0.0));
    let short = || steady.as_ref().and_then(|steady| steady.short.clone());

    let found = [
        ("num_prompts", Found::of(all as f64, all)),
        ("completed", Found::of(completed as f64, all)),
        ("failed", Found::of(failed as f64, all)),
        (
            "cancelled",
            Found::of(count(|outcome| *outcome == Outcome::Cancelled) as f64, all),
        ),
        (
            "not_sent",
            Found::of(count(|outcome| *outcome == Outcome::NotSent) as f64, all),
        ),
        (
            "error_rate",
            Found::of((judged > 0).then(|| failed as f64 / judged as f64), judged),
        ),
        ("duration", Found::of(seconds, all)),
        (
            "request_throughput",
            per_second(Found::of(completed as f64, completed)),
        ),
        ("request_goodput", per_second(good(pairs, how))),
        (
            "max_concurrent_requests",
            Found::of(
                load::most_at_once(pairs, how.dialect).map(|most| most as f64),
                all,
            ),
        ),
        ("total_input_tokens", input()),
        ("total_output_tokens", output()),
        ("output_throughput", per_second(output())),
        ("total_token_throughput", per_second(both())),
        (
            "max_output_tokens_per_s",
            answers(Found::of(load::best_second(pairs), completed)),
        ),
        (
            "coalesced_share",
            Found::of((!events.is_empty()).then_some(coalesced), events.len()),
        ),
        (
            "steady_state_duration_s",
            Found::of(steady.as_ref().map(|steady| steady.long), completed).refused(short()),
        ),
        (
            "steady_state_request_throughput",
            Found::of(steady.as_ref().map(|steady| steady.requests), completed).refused(short()),
        ),
        (
            "steady_state_output_throughput",
            Found::of(steady.as_ref().and_then(|steady| steady.tokens), completed).refused(short()),
        ),
        ("rtfx", rtfx(pairs, how, seconds)),
        ("total_audio_duration_s", audio()),
        (
            "total_audio_frames",
            known_only(sum(pairs, |_, taken| taken.audio_frames, "frames")),
        ),
        ("audio_throughput", per_second(audio())),
        (
            "audio_continuity_ok_rate",
            Found::of(
                (!underruns.is_empty()).then_some(continuous),
                underruns.len(),
            ),
        ),
        ("total_images", images()),
        ("image_throughput", per_second(images())),
        (
            "average_pixels_per_image",
            Found {
                value: pixels
                    .value
                    .zip(images().value)
                    .map(|(pixels, images)| pixels / images),
                ..pixels
            },
        ),
        ("total_video_duration_s", video()),
        (
            "total_video_frames",
            known_only(sum(
                pairs,
                |record, _| told::figure(record, &["video_frames", "num_frames"]),
                "frames",
            )),
        ),
        ("video_throughput", per_second(video())),
    ];
    debug_assert_eq!(found.len(), SCALARS.len());
    for (key, found) in found {
        put(figures, key, found);
    }
}

fn has_text(record: &Record) -> bool {
    record.events.iter().any(|event| {
        matches!(
            event.kind,
            crate::Kind::Text | crate::Kind::Reasoning | crate::Kind::Tool
        )
    })
}

fn has_audio(record: &Record) -> bool {
    record
        .events
        .iter()
        .any(|event| event.kind == crate::Kind::Audio)
}

/// How many answers kept every limit.
fn good(pairs: &[Pair], how: &Measure) -> Found {
    if how.slos.is_empty() {
        return Found::of(None, 0).refused(Some("no limits were given".to_owned()));
    }
    let mut limits = Vec::new();
    for slo in &how.slos {
        match slo::find(&slo.metric) {
            Ok(limited) => limits.push((limited, slo.limit)),
            Err(unknown) => return Found::of(None, 0).refused(Some(unknown.to_string())),
        }
    }
    let answered = pairs.iter().filter_map(|(_, taken)| taken.as_ref());
    let good = answered
        .clone()
        .filter(|taken| {
            limits
                .iter()
                .all(|(limited, limit)| limited.kept(taken, *limit, how))
        })
        .count();
    Found::of(good as f64, answered.count())
}

/// Seconds of audio that were transcribed, in a second of the run; in AIPerf's words, of each answer's own time.
fn rtfx(pairs: &[Pair], how: &Measure, seconds: Option<f64>) -> Found {
    if how.dialect == Dialect::AiPerf {
        let each = |(record, taken): &Pair| {
            Some(record.input_audio_seconds? / (taken.as_ref()?.e2el.filter(|ms| *ms > 0.0)? / 1e3))
        };
        let all: Vec<f64> = pairs.iter().filter_map(each).collect();
        return Found::of(order::mean(&all), all.len());
    }
    let heard = sum(pairs, |record, _| record.input_audio_seconds, "audio");
    Found {
        value: heard
            .value
            .zip(seconds)
            .map(|(heard, seconds)| heard / seconds),
        ..heard
    }
}
