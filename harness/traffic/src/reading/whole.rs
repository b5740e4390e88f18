//! Answers that say nothing before they are whole.

use serde::Deserialize;
use serde_json::Value;

use super::base64;
use super::events::Sum;
use super::note::{Note, excerpt, failure};
use super::wire::{Chunk, Embeddings, Job, Pictures, Transcript};
use crate::record::{Failure, FailureClass, Kind, Record};
use crate::request::Reading;

/// Reads the body of an answer with 200.
pub(crate) fn read(
    reading: Reading,
    body: &[u8],
    note: &mut Note,
    record: &mut Record,
) -> Result<(), Failure> {
    match reading {
        Reading::Chat | Reading::Completion => chat(body, note, record),
        Reading::Transcription => transcript(body, note, record),
        Reading::Images | Reading::Video => pictures(reading, body, note, record),
        Reading::Embeddings => embeddings(body, note),
        Reading::ChatStream
        | Reading::CompletionStream
        | Reading::Speech
        | Reading::SpeechStream
        | Reading::Plain => {
            let what = match reading {
                Reading::Speech => "audio",
                _ => "a stream of events",
            };
            let why = format!(
                "200 with JSON where {what} was asked for: {}",
                excerpt(body)
            );
            Err(failure(FailureClass::Malformed, why))
        }
    }
}

fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        let why = format!("the body cannot be read ({error}): {}", excerpt(body));
        failure(FailureClass::Malformed, why)
    })
}

fn no_error(error: Option<&Value>, body: &[u8]) -> Result<(), Failure> {
    match error {
        None => Ok(()),
        Some(_) => {
            let why = format!("200, and an error in it: {}", excerpt(body));
            Err(failure(FailureClass::Malformed, why))
        }
    }
}

fn empty(what: &str, body: &[u8]) -> Failure {
    failure(
        FailureClass::Empty,
        format!("200, and no {what} in it: {}", excerpt(body)),
    )
}

/// What the body carries is usable once it is there: the last read has it.
fn carried(kind: Option<Kind>, bytes: u64, record: &mut Record) {
    if let Some(kind) = kind {
        record.events.iter_mut().for_each(|seen| seen.kind = kind);
    }
    if let Some(last) = record.events.last_mut() {
        last.bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    }
}

fn chat(body: &[u8], note: &mut Note, record: &mut Record) -> Result<(), Failure> {
    let chunk: Chunk<'_> = parse(body)?;
    no_error(chunk.error.as_ref(), body)?;
    let mut sum = Sum::default();
    for choice in chunk.choices.iter() {
        sum.choice(choice, None, note);
    }
    if let Some(usage) = chunk.usage {
        note.usage(usage);
    }
    note.told("metrics", chunk.metrics);
    note.told("timings", chunk.timings);
    carried(sum.kind, sum.bytes, record);
    match sum.kind {
        Some(_) => Ok(()),
        None => Err(empty("text, reasoning, tool call or audio", body)),
    }
}

fn transcript(body: &[u8], note: &mut Note, record: &mut Record) -> Result<(), Failure> {
    let bytes = if body.trim_ascii_start().starts_with(b"{") {
        let answer: Transcript<'_> = parse(body)?;
        no_error(answer.error.as_ref(), body)?;
        if let Some(usage) = answer.usage {
            note.usage(usage);
        }
        let text = answer.text.unwrap_or_default();
        note.keep(&text.0);
        text.0.trim().len()
    } else {
        // Plain text or subtitles.
        body.trim_ascii().len()
    };
    carried(None, bytes as u64, record);
    match bytes {
        0 => Err(empty("text", body)),
        _ => Ok(()),
    }
}

fn pictures(
    reading: Reading,
    body: &[u8],
    note: &mut Note,
    record: &mut Record,
) -> Result<(), Failure> {
    let answer: Pictures<'_> = parse(body)?;
    no_error(answer.error.as_ref(), body)?;
    let (mut count, mut bytes) = (0u32, 0u64);
    for picture in answer.data.iter() {
        let here = match (&picture.b64_json, &picture.url) {
            (Some(text), _) => base64::decoded_len(&text.0),
            (None, Some(url)) => match base64::of_data_url(&url.0) {
                Some((_, data)) => base64::decoded_len(data),
                None => url.0.len() as u64,
            },
            (None, None) => 0,
        };
        count += u32::from(here > 0);
        bytes += here;
    }
    if let Some(usage) = answer.usage {
        note.usage(usage);
    }
    note.told("metrics", answer.metrics);
    note.told("stage_durations", answer.stage_durations);
    note.told("peak_memory_mb", answer.peak_memory_mb);
    carried(None, bytes, record);
    match (count, reading) {
        (0, Reading::Video) => Err(empty("video and no job", body)),
        (0, _) => Err(empty("image", body)),
        (_, Reading::Images) => {
            note.images = count;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn embeddings(body: &[u8], note: &mut Note) -> Result<(), Failure> {
    let answer: Embeddings = parse(body)?;
    no_error(answer.error.as_ref(), body)?;
    if let Some(usage) = answer.usage {
        note.usage(usage);
    }
    match answer.data.iter().any(|one| one.embedding.0 > 0) {
        true => Ok(()),
        false => Err(empty("embedding", body)),
    }
}

/// What a job says of the video that it made.
pub(crate) fn video_seconds(job: &Job) -> Option<f64> {
    let seconds = match job.seconds.as_ref()? {
        Value::String(text) => text.parse().ok()?,
        other => other.as_f64()?,
    };
    (seconds.is_finite() && seconds > 0.0).then_some(seconds)
}
