//! One request and its answer.
//!
//! Promise: sent at most once, never again; whatever comes of it ends in an outcome of the record. What was read before a failure is kept.

use std::future::poll_fn;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;

use crate::connection::Connection;
use crate::job;
use crate::limits::{Limits, Over};
use crate::load::Load;
use crate::prepared::Prepared;
use crate::reading::{Reader, excerpt, failure};
use crate::record::{Failure, FailureClass, Outcome, Record};
use crate::request::Reading;
use crate::schedule;
use crate::shard::Shard;

/// As much is read of an answer that is a refusal.
const MOST_REFUSAL: usize = 64 << 10;

/// Sends a request, fills its record, and gives the text of the answer if it was wanted. Reads of the connection: `reads`.
pub(crate) async fn exchange(
    shard: &Shard,
    request: &Prepared,
    keep: bool,
    record: &mut Record,
    reads: &mut u64,
) -> String {
    let (clock, load) = (&shard.clock, &shard.load);
    record.prompt_tokens = request.prompt_tokens;
    record.input_audio_seconds = request.input_audio_seconds;
    let mut connection = match connected(shard, record).await {
        Ok(connection) => connection,
        Err(outcome) => {
            record.outcome = outcome;
            return String::new();
        }
    };
    let http = request.http();
    let before = connection.stamp.reads();
    let stamp = connection.stamp.clone();
    let sent = clock.now();
    record.sent = Some(sent);
    let limits = limits(load, sent, record.number);
    let mut talk = Talk {
        reader: None,
        record,
        reusable: false,
    };
    let work = talk.run(&mut connection, request, http, keep);
    let done = limits.keep(clock, &shard.stop, || stamp.at(), work).await;
    *reads = stamp.reads() - before;
    let Talk {
        mut reader,
        record,
        reusable,
    } = talk;
    record.outcome = match done {
        Ok(Ok(())) => Outcome::Ok,
        Ok(Err(failure)) => Outcome::Failed(failure),
        Err(over) => outcome(over, load),
    };
    if record.outcome != Outcome::Ok
        && let Some(reader) = &mut reader
    {
        reader.abandon(record);
    }
    // Lost on a connection that was used before: the server had closed it, or was about to.
    let met_closing = record.connect.is_none()
        && record.headers.is_none()
        && matches!(&record.outcome, Outcome::Failed(failure) if failure.class == FailureClass::Cut);
    if met_closing {
        shard.reuse.closed();
    }
    if reusable {
        shard.reuse.answered();
        match connection.rest(clock) {
            true => shard.give_back(connection),
            false => shard.reuse.closed(),
        }
    }
    reader.map_or_else(String::new, |reader| reader.text().to_owned())
}

fn limits(load: &Load, sent: u64, number: u64) -> Limits {
    let nanoseconds = |long: Duration| u64::try_from(long.as_nanos()).unwrap_or(u64::MAX);
    Limits {
        sent,
        idle: nanoseconds(load.idle_limit),
        total: nanoseconds(load.total_limit),
        cancel: load
            .cancel
            .filter(|_| schedule::is_cancelled(load, number))
            .map(|cancel| nanoseconds(cancel.after)),
    }
}

fn outcome(over: Over, load: &Load) -> Outcome {
    match over {
        Over::Cancelled => Outcome::Cancelled,
        Over::Idle => {
            let why = format!("nothing came for {:?}", load.idle_limit);
            Outcome::Failed(failure(FailureClass::Idle, why))
        }
        Over::Slow => {
            let why = format!("it was not done within {:?}", load.total_limit);
            Outcome::Failed(failure(FailureClass::Slow, why))
        }
    }
}

/// One that rests, or a new one.
async fn connected(shard: &Shard, record: &mut Record) -> Result<Connection, Outcome> {
    if let Some(resting) = shard.resting() {
        return Ok(resting);
    }
    let clock = &shard.clock;
    let begun = clock.now();
    let limits = Limits {
        cancel: None,
        ..limits(&shard.load, begun, record.number)
    };
    let open = Connection::open(&shard.address, clock);
    let opened = limits.keep(clock, &shard.stop, || 0, open).await;
    match opened {
        Ok(Ok(connection)) => {
            record.connect = Some(clock.now() - begun);
            shard.opened();
            Ok(connection)
        }
        Ok(Err(error)) => {
            let sockets: Vec<String> = shard
                .address
                .sockets
                .iter()
                .map(ToString::to_string)
                .collect();
            let why = format!("no connection to {}: {error}", sockets.join(" or "));
            Err(Outcome::Failed(failure(FailureClass::Connect, why)))
        }
        Err(Over::Cancelled) => Err(Outcome::Cancelled),
        Err(_) => {
            let why = format!("no connection within {:?}", shard.load.idle_limit);
            Err(Outcome::Failed(failure(FailureClass::Connect, why)))
        }
    }
}

/// What is known while it goes on; it survives being given up.
struct Talk<'a> {
    reader: Option<Reader>,
    record: &'a mut Record,
    reusable: bool,
}

impl Talk<'_> {
    async fn run(
        &mut self,
        connection: &mut Connection,
        request: &Prepared,
        http: http::Request<http_body_util::Full<Bytes>>,
        keep: bool,
    ) -> Result<(), Failure> {
        let answer = connection
            .send(http)
            .await
            .map_err(|error| broken(&error, "before the head of the answer"))?;
        self.record.headers = Some(connection.stamp.at());
        let (head, mut body) = answer.into_parts();
        let status = head.status;
        self.record.status = Some(status.as_u16());
        if !status.is_success() {
            let refusal = self.refusal(connection, &mut body).await?;
            return Err(refused(status, &refusal));
        }
        let reader = Reader::new(request.reading, &head.headers, keep)?;
        let reader = self.reader.insert(reader);
        read(connection, &mut body, reader, self.record).await?;
        if request.reading == Reading::Video
            && let Some(begun) = reader.job()
        {
            let found = job::follow(connection, request, begun, reader, self.record).await;
            self.reusable = found.is_ok();
            self.record.end = Some(connection.stamp.at());
            return found;
        }
        self.record.end = Some(connection.stamp.at());
        self.reusable = true;
        reader.finish(self.record)
    }

    /// The beginning of the body of a refusal.
    async fn refusal(
        &mut self,
        connection: &mut Connection,
        body: &mut Incoming,
    ) -> Result<Vec<u8>, Failure> {
        let mut text = Vec::new();
        while let Some(data) = next(connection, body).await {
            let Ok(data) = data else { return Ok(text) };
            text.extend_from_slice(&data[..data.len().min(MOST_REFUSAL - text.len())]);
            if text.len() == MOST_REFUSAL {
                return Ok(text);
            }
        }
        self.record.end = Some(connection.stamp.at());
        self.reusable = true;
        Ok(text)
    }
}

/// Reads a body to its end.
pub(crate) async fn read(
    connection: &mut Connection,
    body: &mut Incoming,
    reader: &mut Reader,
    record: &mut Record,
) -> Result<(), Failure> {
    while let Some(data) = next(connection, body).await {
        let data = data.map_err(|error| broken(&error, "inside the answer"))?;
        reader.push(
            connection.stamp.at(),
            connection.stamp.reads(),
            &data,
            record,
        )?;
    }
    Ok(())
}

/// The next bytes of a body; trailers are skipped.
pub(crate) async fn next(
    connection: &mut Connection,
    body: &mut Incoming,
) -> Option<hyper::Result<Bytes>> {
    loop {
        match poll_fn(|cx| connection.poll_frame(body, cx)).await? {
            Ok(frame) => match frame.into_data() {
                Ok(data) => return Some(Ok(data)),
                Err(_) => continue,
            },
            Err(error) => return Some(Err(error)),
        }
    }
}

/// A status that is no success.
pub(crate) fn refused(status: http::StatusCode, body: &[u8]) -> Failure {
    let class = match status.as_u16() {
        429 => FailureClass::Limited,
        400..=499 => FailureClass::Client,
        500..=599 => FailureClass::Server,
        _ => FailureClass::Malformed,
    };
    failure(class, format!("status {status}: {}", excerpt(body)))
}

/// The connection ended, or what came over it is no HTTP.
pub(crate) fn broken(error: &hyper::Error, place: &str) -> Failure {
    let mut text = format!("{place}: {error}");
    let mut source = std::error::Error::source(error);
    let mut unreadable = error.is_parse();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind::{InvalidData, InvalidInput};
            unreadable |= matches!(io.kind(), InvalidData | InvalidInput);
        }
        source = cause.source();
    }
    let class = match unreadable {
        true => FailureClass::Malformed,
        false => FailureClass::Cut,
    };
    failure(class, text)
}
