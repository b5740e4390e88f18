//! Whether answers are right before it is measured how fast they come.
//!
//! Promise: requests of the very data set are sent one by one and judged as those of any test of the level; what cannot be judged so is said.
//! Rejected: judging answers of the load itself (the time that takes would be the client's, and a figure of a wrong answer is worth nothing anyway).

use serde_json::{Map, Value};
use tribunal_client::{ClientError, ModelClient};
use tribunal_traffic::{Body, Reading, Request, Source};

/// So many requests are judged before a load is sent, where a step says nothing else.
pub(crate) const SAMPLE: usize = 2;

/// Judges so many answers to requests of the source.
///
/// # Errors
/// An answer fails its verdict, or does not come. `Ok(Some(why))`: nothing could be judged.
pub(crate) async fn check(
    api: &ModelClient,
    source: &mut dyn Source,
    count: usize,
) -> Result<Option<String>, ClientError> {
    for _ in 0..count {
        let Some(request) = source.next().and_then(|turns| turns.into_iter().next()) else {
            return Ok(None);
        };
        match fields(&request) {
            Ok(body) => send(api, &request, body).await?,
            Err(why) => return Ok(Some(why)),
        }
    }
    Ok(None)
}

fn fields(request: &Request) -> Result<Map<String, Value>, String> {
    if matches!(request.reading, Reading::Transcription | Reading::Plain) {
        return Err(format!(
            "answers of {} are judged only by whether they are whole: no client judges this route from a request as it is",
            request.path
        ));
    }
    let Body::Json(bytes) = &request.body else {
        return Err(format!(
            "answers of {} are judged only by whether they are whole: a form cannot be sent by the client that judges",
            request.path
        ));
    };
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(format!(
            "answers of {} are judged only by whether they are whole: the body of a request is no JSON object",
            request.path
        )),
    }
}

/// Every key of the body as the data set has it, through the client that judges.
macro_rules! through {
    ($builder:expr, $request:expr, $body:expr) => {{
        let mut builder = $builder.path($request.path.clone());
        for (key, value) in $body {
            builder = builder.extra(&key, value);
        }
        for (name, value) in &$request.headers {
            builder = builder.header(name, value);
        }
        builder.send().await.map(drop)
    }};
}

async fn send(
    api: &ModelClient,
    request: &Request,
    body: Map<String, Value>,
) -> Result<(), ClientError> {
    match request.reading {
        Reading::Chat | Reading::ChatStream => through!(api.request(), request, body),
        Reading::Completion | Reading::CompletionStream => {
            through!(api.completion(""), request, body)
        }
        Reading::Speech | Reading::SpeechStream => through!(api.speech(""), request, body),
        Reading::Images => through!(api.images(""), request, body),
        Reading::Embeddings => through!(api.embeddings(""), request, body),
        Reading::Video => through!(api.videos("").json(), request, body),
        // Refused before.
        Reading::Transcription | Reading::Plain => Ok(()),
    }
}
