//! Why a request gave no answer that a test can use.
//!
//! Promise: the text says what happened, to which request, in which phase and after how long, what
//! to do next, and then every cause below it. The causes stand in the text itself because most test
//! bodies end in `Result<(), impl Display>`, which prints nothing else; `source()` gives them as well.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::api_error::ApiError;
pub(crate) use crate::excerpt::{excerpt, position, seconds};

/// How far a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Before anything was sent: the address, a header or the body cannot be used.
    Prepare,
    /// Opening the connection.
    Connect,
    /// Sending the request.
    Send,
    /// Waiting for the response headers.
    Headers,
    /// Reading a plain body.
    Body,
    /// Waiting for the next server-sent event.
    Events,
    /// Making sense of what came.
    Decode,
    /// The answer is there and was judged.
    Judge,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Phase::Prepare => "preparing the request",
            Phase::Connect => "connecting",
            Phase::Send => "sending the request",
            Phase::Headers => "waiting for the response headers",
            Phase::Body => "reading the body",
            Phase::Events => "waiting for the next event",
            Phase::Decode => "decoding the answer",
            Phase::Judge => "judging the answer",
        })
    }
}

/// Which limit ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limit {
    /// `Timeouts::connect`.
    Connect,
    /// `Timeouts::idle`.
    Idle,
    /// `Timeouts::total`.
    Total,
    /// What a job (a video) was given until it is finished.
    Job,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Connect => "connect",
            Limit::Idle => "idle",
            Limit::Total => "total",
            Limit::Job => "job",
        })
    }
}

/// What kind of failure it was.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The request cannot be made: a bad address, header or body.
    Unusable,
    /// Nothing listens there.
    Refused,
    /// The peer closed or reset the connection before any response.
    Closed,
    /// A limit ran out.
    TimedOut {
        /// Which one.
        limit: Limit,
        /// How long it was.
        after: Duration,
    },
    /// The answer grew beyond a limit of [`Sizes`](crate::Sizes).
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The server answered with an error, or with a status that the test did not expect.
    Status(ApiError),
    /// The stream carried an error object instead of the next chunk.
    ErrorEvent(ApiError),
    /// The connection broke in the middle of the answer.
    Truncated,
    /// What came is not what this route answers.
    Undecodable,
    /// What a test asked of the answer is not in it (a usage, for example).
    Missing,
    /// The answer fails its verdict, or too few of several do not.
    Judged,
    /// The server took a job (a video) and reports that it failed.
    Job(ApiError),
    /// Anything else; the causes say what.
    Other,
}

/// A request that gave no answer that a test can use.
#[derive(Clone)]
pub struct ClientError(Box<Details>);

/// The cause of an error, shared so that the error can be cloned.
type Cause = Arc<dyn Error + Send + Sync + 'static>;

#[derive(Clone)]
struct Details {
    failure: Failure,
    phase: Phase,
    method: String,
    url: String,
    elapsed: Option<Duration>,
    message: String,
    advice: Option<String>,
    excerpt: Option<String>,
    cause: Option<Cause>,
}

impl ClientError {
    pub(crate) fn new(
        failure: Failure,
        phase: Phase,
        method: &str,
        url: &str,
        message: impl Into<String>,
    ) -> Self {
        Self(Box::new(Details {
            failure,
            phase,
            method: method.to_owned(),
            url: url.to_owned(),
            elapsed: None,
            message: message.into(),
            advice: None,
            excerpt: None,
            cause: None,
        }))
    }

    pub(crate) fn after(mut self, elapsed: Duration) -> Self {
        self.0.elapsed = Some(elapsed);
        self
    }

    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.0.advice = Some(advice.into());
        self
    }

    pub(crate) fn excerpt(mut self, excerpt: impl Into<String>) -> Self {
        self.0.excerpt = Some(excerpt.into());
        self
    }

    pub(crate) fn caused_by(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.cause = Some(Arc::from(cause.into()));
        self
    }

    /// The same failure as one of several requests that ran at once.
    pub(crate) fn counted(mut self, number: usize, failed: usize, total: usize) -> Self {
        self.0.message = format!(
            "{} (request {number}; {failed} of {total} sent at once failed)",
            self.0.message
        );
        self
    }

    /// The same failure as one of several requests of which a share was to pass.
    pub(crate) fn unserved(
        mut self,
        number: usize,
        failed: usize,
        total: usize,
        passed: usize,
    ) -> Self {
        self.0.message = format!(
            "{} (request {number}; {failed} of {total} were not served, which no gate tolerates; {passed} passed)",
            self.0.message
        );
        self
    }

    /// Too few of several answers passed their verdict.
    pub(crate) fn gate(
        passed: usize,
        total: usize,
        gate: usize,
        rejected: Vec<(usize, ClientError)>,
    ) -> Self {
        let mut message = format!("{passed} of {total} passed, the gate is {gate}");
        for (number, error) in &rejected {
            let why = error
                .source()
                .map_or_else(|| error.0.message.clone(), ToString::to_string);
            message = format!(
                "{message}\n  request {number}: {}",
                why.replace('\n', "\n    ")
            );
        }
        match rejected.into_iter().next() {
            Some((_, first)) => {
                let Details {
                    method,
                    url,
                    elapsed,
                    ..
                } = *first.0;
                let mut error = Self::new(Failure::Judged, Phase::Judge, &method, &url, message);
                error.0.elapsed = elapsed;
                error
            }
            // Nothing was sent at all.
            None => Self::new(Failure::Judged, Phase::Judge, "", "(no request)", message),
        }
    }

    /// What kind of failure it was.
    pub fn failure(&self) -> &Failure {
        &self.0.failure
    }

    /// How far the request came.
    pub fn phase(&self) -> Phase {
        self.0.phase
    }

    /// The method of the request; empty where no request was made.
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// The address, secrets masked.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// How long after its start the request failed; `None` before it started.
    pub fn elapsed(&self) -> Option<Duration> {
        self.0.elapsed
    }

    /// The error object, where the server answered with one (as a response or inside a stream).
    pub fn api_error(&self) -> Option<&ApiError> {
        match &self.0.failure {
            Failure::Status(error) | Failure::ErrorEvent(error) | Failure::Job(error) => {
                Some(error)
            }
            _ => None,
        }
    }

    /// The HTTP status, where it is what was wrong.
    pub fn status(&self) -> Option<u16> {
        match &self.0.failure {
            Failure::Status(error) => Some(error.status),
            _ => None,
        }
    }

    /// Whether one of the limits ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.failure, Failure::TimedOut { .. })
    }

    /// The start of the body (or the place in it) that could not be read, where that is what failed.
    pub fn body_excerpt(&self) -> Option<&str> {
        self.0.excerpt.as_deref()
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details {
            phase,
            method,
            url,
            elapsed,
            message,
            advice,
            excerpt,
            cause,
            ..
        } = &*self.0;
        if method.is_empty() {
            write!(f, "{url}: failed while {phase}")?;
        } else {
            write!(f, "{method} {url}: failed while {phase}")?;
        }
        if let Some(elapsed) = elapsed {
            write!(f, " after {}", seconds(*elapsed))?;
        }
        write!(f, ": {message}")?;
        if let Some(advice) = advice {
            write!(f, "\n  try: {advice}")?;
        }
        if let Some(excerpt) = excerpt {
            write!(f, "\n  the body: {excerpt}")?;
        }
        let mut said = message.clone();
        let mut next = cause.as_deref().map(|cause| cause as &dyn Error);
        while let Some(cause) = next {
            let text = cause.to_string();
            // A cause that only repeats what was said teaches nothing.
            if !said.ends_with(&text) {
                write!(f, "\n  caused by: {}", text.replace('\n', "\n    "))?;
            }
            said = text;
            next = cause.source();
        }
        Ok(())
    }
}

impl fmt::Debug for ClientError {
    /// The same text as `Display`: `unwrap()` and `?` in a test print through here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ", self.0.failure)?;
        fmt::Display::fmt(self, f)
    }
}

impl Error for ClientError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .cause
            .as_deref()
            .map(|cause| cause as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_is_in_the_text_and_in_the_chain() {
        let inner = std::io::Error::other("the inner reason");
        let error = ClientError::new(Failure::Other, Phase::Send, "GET", "http://h/", "it broke")
            .caused_by(inner)
            .advice("mend it")
            .after(Duration::from_millis(1500));
        assert_eq!(
            error.to_string(),
            "GET http://h/: failed while sending the request after 1.50 s: it broke\n  try: mend it\n  caused by: the inner reason"
        );
        assert_eq!(
            error.source().expect("a source").to_string(),
            "the inner reason"
        );
    }
}
