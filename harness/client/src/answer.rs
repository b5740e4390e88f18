//! What every kind of answer has in common, for the code that sends requests.

use futures_util::future::BoxFuture;

use crate::draft::Sending;
use crate::error::{ClientError, Failure};
use crate::judge::Judged;
use crate::raw::{BodyEnd, RawAnswer};

/// A kind of answer.
pub(crate) trait Answer: Sized + Send + Sync {
    /// Make it of a response with a status of success.
    fn read(raw: RawAnswer) -> Result<Self, ClientError>;

    /// As a judge sees it; `None` for an answer that nobody judges.
    fn judged(&self) -> Option<Judged<'_>>;

    /// The response below.
    fn raw_mut(&mut self) -> &mut RawAnswer;

    /// The names under which the model may sign.
    fn accept(&mut self, _models: Vec<String>) {}

    /// Send the request and read what comes; more than one exchange where the route wants it.
    fn fetch(sending: &Sending, attempt: u32) -> BoxFuture<'_, Result<Self, ClientError>> {
        Box::pin(async move { settled(sending.call(attempt).await?.success()?) })
    }
}

/// Read a successful answer that must be complete. Where it broke off, the break is the reason, not
/// what could not be read for it; but an error object that came before the break explains the break.
pub(crate) fn settled<T: Answer>(raw: RawAnswer) -> Result<T, ClientError> {
    if raw.end == BodyEnd::Complete {
        return T::read(raw);
    }
    match T::read(raw.clone()) {
        Err(error) if matches!(error.failure(), Failure::ErrorEvent(_)) => Err(error),
        _ => T::read(raw.complete()?),
    }
}
