//! Whether answers are right before it is measured how fast they come.
//!
//! Promise: requests of the very data set are sent one by one and judged as those of any test of the level; what cannot be judged so is said.
//! Rejected: judging answers of the load itself (the time that takes would be the client's, and a figure of a wrong answer is worth nothing anyway).

use serde_json::Value;
use tribunal_client::{ClientError, Media, ModelClient};
use tribunal_traffic::{Body, Reading, Request, Source};

use super::parts::{Parts, parts};

/// So many requests are judged before a load is sent, where a step says nothing else.
pub(crate) const SAMPLE: usize = 2;

/// What came of it.
pub(crate) enum Checked {
    /// So many answers were judged, and were right.
    Right(u64),
    /// Nothing could be judged, and why.
    NotMade(String),
}

/// Judges so many answers to requests of the source.
///
/// # Errors
/// An answer fails its verdict, or does not come.
pub(crate) async fn check(
    api: &ModelClient,
    source: &mut dyn Source,
    count: usize,
) -> Result<Checked, ClientError> {
    let mut right = 0;
    for _ in 0..count {
        let Some(request) = source.next().and_then(|turns| turns.into_iter().next()) else {
            break;
        };
        let Some(read) = read(&request) else {
            return Ok(Checked::NotMade(format!(
                "the body of a request to {} cannot be sent by the client that judges",
                request.path
            )));
        };
        if !send(api, &request, read).await? {
            return Ok(Checked::NotMade(format!(
                "answers of {} are not judged",
                request.path
            )));
        }
        right += 1;
    }
    Ok(match right {
        0 => Checked::NotMade("no answer was to be judged".to_owned()),
        right => Checked::Right(right),
    })
}

fn read(request: &Request) -> Option<Parts> {
    match &request.body {
        Body::None => None,
        Body::Other(bytes, kind) => parts(kind, bytes),
        Body::Json(bytes) => match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Some(Parts {
                fields,
                files: vec![],
            }),
            _ => None,
        },
    }
}

/// Every field of the body as the data set has it, through the client that judges.
macro_rules! through {
    ($builder:expr, $request:expr, $fields:expr) => {{
        let mut builder = $builder.path($request.path.clone());
        for (key, value) in $fields {
            builder = builder.extra(&key, value);
        }
        for (name, value) in &$request.headers {
            builder = builder.header(name, value);
        }
        builder.send().await.map(|_| true)
    }};
}

async fn send(api: &ModelClient, request: &Request, read: Parts) -> Result<bool, ClientError> {
    let Parts { fields, files } = read;
    let form = matches!(request.body, Body::Other(..));
    match request.reading {
        Reading::Chat | Reading::ChatStream => through!(api.request(), request, fields),
        Reading::Completion | Reading::CompletionStream => {
            through!(api.completion(""), request, fields)
        }
        Reading::Speech | Reading::SpeechStream => through!(api.speech(""), request, fields),
        Reading::Embeddings => through!(api.embeddings(""), request, fields),
        Reading::Images if form => {
            through!(api.image_edits("", media(files)), request, fields)
        }
        Reading::Images => through!(api.images(""), request, fields),
        Reading::Video => {
            let mut builder = api.videos("");
            if !form {
                builder = builder.json();
            }
            for picture in media(files) {
                builder = builder.input_reference(picture);
            }
            through!(builder, request, fields)
        }
        Reading::Transcription => match media(files).pop() {
            Some(sound) => through!(api.transcription(sound), request, fields),
            None => Ok(false),
        },
        Reading::Plain => Ok(false),
    }
}

fn media(files: Vec<(String, String, Vec<u8>)>) -> Vec<Media> {
    let media = files.into_iter().map(|(_, mime, bytes)| (mime, bytes));
    media.map(Media::from).collect()
}
