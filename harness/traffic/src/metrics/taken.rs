//! What one answer gives, in the definitions of a dialect.
//!
//! Promise: times in milliseconds, everything else in the unit of the table; what an answer does not have is `None`, also where the tool of the
//! dialect writes 0.

use super::dialect::Dialect;
use super::measure::Measure;
use super::{audio, order, told};
use crate::{Kind, Record, Seen};

/// The values of one answer.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    pub ttft: Option<f64>,
    pub ttfo: Option<f64>,
    pub ttst: Option<f64>,
    pub tpot: Option<f64>,
    pub itl: Vec<f64>,
    pub icl: Vec<f64>,
    pub request_itl_p99: Option<f64>,
    pub tokens_per_chunk: Option<f64>,
    pub input_tokens: Option<f64>,
    pub output_tokens: Option<f64>,
    pub e2el: Option<f64>,
    pub e2el_scheduled: Option<f64>,
    pub queue: Option<f64>,
    pub connect: Option<f64>,
    pub audio_ttfp: Option<f64>,
    pub audio_duration: Option<f64>,
    pub audio_frames: Option<f64>,
    pub audio_rtf: Option<f64>,
    pub audio_underrun: Option<f64>,
    pub image_generation: Option<f64>,
    pub denoise_step_latency: Option<f64>,
    pub video_generation: Option<f64>,
    pub video_rtf: Option<f64>,
    pub peak_memory: Option<f64>,
    /// When it ended by the dialect, in nanoseconds of the run.
    pub end: Option<u64>,
    /// When tokens came: nanoseconds of the run and how many, as the dialect counts them for the best second.
    pub token_times: Vec<(f64, f64)>,
}

/// Events that hold tokens of text.
fn is_token(event: &Seen) -> bool {
    matches!(event.kind, Kind::Text | Kind::Reasoning | Kind::Tool)
}

/// Of an answer that is done; `None` for what was never sent.
pub(super) fn take(record: &Record, how: &Measure) -> Option<Taken> {
    let sent = record.sent?;
    let ms = |at: u64| at.saturating_sub(sent) as f64 / 1e6;
    let mut taken = Taken {
        queue: Some(sent.saturating_sub(record.scheduled) as f64 / 1e6),
        connect: record.connect.map(|ns| ns as f64 / 1e6),
        input_tokens: record.prompt_tokens.map(f64::from),
        output_tokens: record.output_tokens.map(f64::from),
        ..Taken::default()
    };
    let events: Vec<&Seen> = counted(record, how);
    text(&mut taken, record, how, &events, sent);
    taken.end = end(record, how, &events);
    taken.e2el = taken.end.map(ms);
    taken.e2el_scheduled = taken
        .end
        .map(|end| end.saturating_sub(record.scheduled) as f64 / 1e6);
    tpot(&mut taken, how, &events);
    sound(&mut taken, record, how, sent);
    pictures(&mut taken, record, how);
    Some(taken)
}

/// The events from which times of tokens are taken.
fn counted<'a>(record: &'a Record, how: &Measure) -> Vec<&'a Seen> {
    if !how.streamed {
        return Vec::new();
    }
    let mut tokens = 0;
    let chat = is_chat(record);
    record
        .events
        .iter()
        .filter(|event| {
            let speaks = is_token(event) || event.kind == Kind::Role;
            let new = speaks && event.tokens.is_some_and(|now| now > tokens);
            if let (true, Some(now)) = (new, event.tokens) {
                tokens = now;
            }
            match how.dialect {
                Dialect::Strict | Dialect::AiPerf => is_token(event),
                // An event with an empty text is a token without a text; only the event that says who speaks is not. What its chat holds besides text it
                // takes for text; of answers that are no chat it measures no tokens.
                Dialect::Vllm => {
                    let holds = is_token(event) || (chat && event.kind.is_payload());
                    holds || (event.kind == Kind::Role && (how.role_counts || new))
                }
                // What the server counts; without that, what has a text.
                Dialect::VllmOmni => match event.tokens {
                    Some(_) => new,
                    None => event.kind == Kind::Text,
                },
            }
        })
        .collect()
}

/// Tokens up to the first counted event, between counted events …: as the server says with each.
fn steps(events: &[&Seen]) -> Option<Vec<u32>> {
    let mut before = 0;
    events
        .iter()
        .map(|event| {
            let now = event.tokens?;
            let step = now.checked_sub(before)?;
            before = now;
            Some(step)
        })
        .collect()
}

fn text(taken: &mut Taken, record: &Record, how: &Measure, events: &[&Seen], sent: u64) {
    let ms = |at: u64| at.saturating_sub(sent) as f64 / 1e6;
    let strict = matches!(how.dialect, Dialect::Strict | Dialect::AiPerf);
    if how.streamed {
        // Something that a user hears is a first sign as well; a picture comes whole, and a time to its first part says nothing.
        let heard = audio::first_samples(record).filter(|_| strict);
        let first = events.first().map(|event| event.at);
        taken.ttft = [first, heard].into_iter().flatten().min().map(ms);
        let shown = |event: &&Seen| {
            matches!(
                event.kind,
                Kind::Text | Kind::Tool | Kind::Image | Kind::Video
            )
        };
        let shown = record.events.iter().find(shown).map(|event| event.at);
        taken.ttfo = [shown, audio::first_samples(record)]
            .into_iter()
            .flatten()
            .min()
            .map(ms);
    }
    let gap = |pair: &[&Seen]| pair[1].at.saturating_sub(pair[0].at) as f64 / 1e6;
    taken.icl = events.windows(2).map(gap).collect();
    taken.ttst = taken.icl.first().copied();
    taken.itl.clone_from(&taken.icl);
    let steps = steps(events);
    if how.dialect == Dialect::VllmOmni {
        let each = steps.clone().unwrap_or_else(|| vec![1; events.len()]);
        taken.itl = spread(&taken.icl, &each);
    }
    let each_time = |index: usize| match (&steps, taken.output_tokens) {
        (Some(steps), _) => f64::from(steps[index]),
        (None, Some(all)) => all / events.len() as f64,
        (None, None) => 1.0,
    };
    taken.token_times = match how.dialect {
        Dialect::Strict | Dialect::AiPerf => events
            .iter()
            .enumerate()
            .map(|(index, event)| (event.at as f64, each_time(index)))
            .collect(),
        Dialect::Vllm | Dialect::VllmOmni => {
            let mut at = events.first().map(|event| event.at as f64);
            let first = at.map(|at| (at, 1.0));
            let rest = taken.itl.iter().filter_map(|gap| {
                at = at.map(|at| at + gap * 1e6);
                at.map(|at| (at, 1.0))
            });
            first.into_iter().chain(rest).collect()
        }
    };
    let tokens = taken.output_tokens.filter(|tokens| *tokens > 1.0);
    taken.tokens_per_chunk = tokens
        .filter(|_| events.len() > 1)
        .map(|tokens| (tokens - 1.0) / (events.len() - 1) as f64);
    let mut own = taken.itl.clone();
    own.sort_by(f64::total_cmp);
    taken.request_itl_p99 = tribunal_statistics::percentile(&own, 99.0);
}

/// Gaps between events as gaps between tokens: a gap before `k` tokens is `k` equal ones, and the tokens that came with the first are 0 apart.
fn spread(gaps: &[f64], tokens: &[u32]) -> Vec<f64> {
    // A count that a server made up must not make a list without end.
    const MOST: usize = 1 << 20;
    let Some((first, rest)) = tokens.split_first() else {
        return Vec::new();
    };
    let at_first = std::iter::repeat_n(0.0, (*first as usize).saturating_sub(1).min(MOST));
    let later = gaps.iter().zip(rest).flat_map(|(gap, tokens)| {
        std::iter::repeat_n(gap / f64::from(*tokens), (*tokens as usize).min(MOST))
    });
    at_first.chain(later).take(MOST).collect()
}

fn end(record: &Record, how: &Measure, events: &[&Seen]) -> Option<u64> {
    let last =
        |wanted: fn(&&Seen) -> bool| record.events.iter().rfind(wanted).map(|event| event.at);
    let found = match how.dialect {
        Dialect::Strict | Dialect::AiPerf => last(|event| event.kind.is_payload()),
        Dialect::Vllm => events.last().map(|event| event.at),
        // Of a chat the last event, whatever it holds; of anything else the end of the body.
        Dialect::VllmOmni => last(|event| event.kind != Kind::Other).filter(|_| is_chat(record)),
    };
    found.or(record.end)
}

/// Whether an answer has events that only a chat has.
fn is_chat(record: &Record) -> bool {
    record.events.iter().any(|event| {
        matches!(
            event.kind,
            Kind::Role | Kind::Text | Kind::Reasoning | Kind::Tool | Kind::Usage
        )
    })
}

fn tpot(taken: &mut Taken, how: &Measure, events: &[&Seen]) {
    let (Some(first), Some(last)) = (events.first(), events.last()) else {
        return;
    };
    let tokens = taken.output_tokens.filter(|tokens| *tokens > 1.0);
    match how.dialect {
        // From the first token to the last: audio that comes after the text is no token.
        Dialect::Strict | Dialect::Vllm => {
            taken.tpot =
                tokens.map(|tokens| last.at.saturating_sub(first.at) as f64 / 1e6 / (tokens - 1.0));
        }
        Dialect::VllmOmni => {
            taken.tpot = tokens
                .and(order::mean(&taken.itl))
                .filter(|tpot| *tpot > 0.0)
        }
        Dialect::AiPerf => {
            // The tokens of the first event came with it: the time after it is shared by the others.
            let with_first = first.tokens.map(f64::from).filter(|with| *with > 0.0);
            let others = tokens.map(|tokens| {
                with_first
                    .map(|with| tokens - with)
                    .filter(|others| *others >= 1.0)
                    .unwrap_or(tokens - 1.0)
            });
            let itl = taken
                .e2el
                .zip(taken.ttft)
                .zip(others)
                .map(|((e2el, ttft), others)| (e2el - ttft) / others);
            taken.itl = itl.into_iter().collect();
            taken.tpot =
                tokens.map(|tokens| last.at.saturating_sub(first.at) as f64 / 1e6 / (tokens - 1.0));
        }
    }
}

fn sound(taken: &mut Taken, record: &Record, how: &Measure, sent: u64) {
    let ms = |at: u64| at.saturating_sub(sent) as f64 / 1e6;
    (taken.audio_duration, taken.audio_frames) = audio::length(record, how.pcm);
    let mut audio = record
        .events
        .iter()
        .filter(|event| event.kind == Kind::Audio);
    let first = audio.next();
    let last = audio.next_back().or(first);
    let omni = how.dialect == Dialect::VllmOmni;
    if how.streamed {
        let first = if omni {
            first.map(|event| event.at)
        } else {
            audio::first_samples(record)
        };
        taken.audio_ttfp = first.map(ms);
        // It looks at the continuity of speech only.
        if !(omni && is_chat(record)) {
            taken.audio_underrun = audio::underrun(record, how.pcm, how.prebuffer.as_secs_f64());
        }
    }
    let ready = if omni && !is_chat(record) {
        taken.e2el
    } else {
        last.map(|event| ms(event.at))
    };
    taken.audio_rtf = ready
        .zip(taken.audio_duration)
        .map(|(ready, seconds)| ready / 1e3 / seconds);
}

fn pictures(taken: &mut Taken, record: &Record, how: &Measure) {
    let omni = how.dialect == Dialect::VllmOmni;
    taken.denoise_step_latency = told::denoise_step_ms(record);
    taken.peak_memory = told::figure(record, &["peak_memory_mb"]);
    if record.images.is_some_and(|images| images > 0) {
        taken.image_generation = if omni {
            told::image_ms(record)
        } else {
            taken.e2el
        };
    }
    if let Some(seconds) = record.video_seconds.filter(|seconds| *seconds > 0.0) {
        taken.video_generation = if omni {
            told::video_ms(record)
        } else {
            taken.e2el
        };
        taken.video_rtf = taken
            .video_generation
            .or(taken.e2el)
            .map(|ms| ms / 1e3 / seconds);
    }
}
