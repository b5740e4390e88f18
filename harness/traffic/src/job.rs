//! A video that is made by a job: its state is asked for until it is done, then its bytes are fetched.
//!
//! The moment at which it is done is known only as exactly as it is asked for; `told` says how far apart the last two looks were.

use std::time::Duration;

use crate::connection::Connection;
use crate::exchange::{broken, next, read, refused};
use crate::prepared::Prepared;
use crate::reading::{Job, Reader, excerpt, failure, video_seconds};
use crate::record::{Failure, FailureClass, Kind, Record, Seen};
use crate::request::Reading;

/// Between two looks: at first, and at most.
const FIRST: Duration = Duration::from_millis(20);
const MOST: Duration = Duration::from_millis(500);
/// The largest description of a job.
const MOST_STATE: usize = 1 << 20;

/// Follows the job to its end. `reader` gets the bytes of the video.
pub(crate) async fn follow(
    connection: &mut Connection,
    request: &Prepared,
    begun: Job,
    reader: &mut Reader,
    record: &mut Record,
) -> Result<(), Failure> {
    let id = begun.id.clone().unwrap_or_default();
    let strange = || {
        let why = format!(
            "the job's id `{}` is no part of an address",
            excerpt(id.as_bytes())
        );
        failure(FailureClass::Malformed, why)
    };
    if id.is_empty() || id.contains(['/', '?', '#']) {
        return Err(strange());
    }
    let state = request.below(&id).ok_or_else(strange)?;
    let content = request
        .below(&format!("{id}/content"))
        .ok_or_else(strange)?;
    // What came so far says only that there will be a video.
    record
        .events
        .iter_mut()
        .for_each(|seen| seen.kind = Kind::Other);
    let mut job = begun;
    let mut pause = FIRST;
    let mut apart = Duration::ZERO;
    loop {
        match job.status.as_deref() {
            Some("completed" | "succeeded") => break,
            Some("failed" | "cancelled" | "expired") => {
                let why = format!("the job failed: {}", job.error.unwrap_or_default());
                return Err(failure(FailureClass::Server, why));
            }
            _ => {}
        }
        tokio::time::sleep(pause).await;
        apart = pause;
        pause = (pause * 3 / 2).min(MOST);
        job = look(connection, &state, record).await?;
    }
    record.video_seconds = video_seconds(&job);
    let told = [
        ("metrics", job.metrics),
        ("stage_durations", job.stage_durations),
        ("peak_memory_mb", job.peak_memory_mb),
        ("asked_every_ms", Some((apart.as_millis() as u64).into())),
    ];
    for (name, value) in told {
        if let Some(value) = value.filter(|value| !value.is_null()) {
            record.told.insert(name.to_owned(), value);
        }
    }
    let (head, mut body) = sent(connection, &content).await?;
    if !head.status.is_success() {
        let text = small(connection, &mut body).await?;
        return Err(refused(head.status, &text));
    }
    *reader = Reader::new(Reading::Video, &head.headers, false)?;
    read(connection, &mut body, reader, record).await?;
    // States are no part of the video.
    reader.finish(record)
}

async fn look(
    connection: &mut Connection,
    state: &Prepared,
    record: &mut Record,
) -> Result<Job, Failure> {
    let (head, mut body) = sent(connection, state).await?;
    let text = small(connection, &mut body).await?;
    if !head.status.is_success() {
        return Err(refused(head.status, &text));
    }
    record.events.push(Seen {
        at: connection.stamp.at(),
        kind: Kind::Other,
        bytes: 0,
        tokens: None,
        coalesced: false,
    });
    serde_json::from_slice(&text).map_err(|error| {
        let why = format!(
            "the state of the job cannot be read ({error}): {}",
            excerpt(&text)
        );
        failure(FailureClass::Malformed, why)
    })
}

async fn sent(
    connection: &mut Connection,
    request: &Prepared,
) -> Result<(http::response::Parts, hyper::body::Incoming), Failure> {
    let answer = connection.send(request.http()).await;
    let answer = answer.map_err(|error| broken(&error, "while its job was asked for"))?;
    Ok(answer.into_parts())
}

async fn small(
    connection: &mut Connection,
    body: &mut hyper::body::Incoming,
) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    while let Some(data) = next(connection, body).await {
        let data = data.map_err(|error| broken(&error, "while its job was asked for"))?;
        if text.len() + data.len() > MOST_STATE {
            let why = format!("the description of the job is larger than {MOST_STATE} bytes");
            return Err(failure(FailureClass::Malformed, why));
        }
        text.extend_from_slice(&data);
    }
    Ok(text)
}
