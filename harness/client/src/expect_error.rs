//! A request that should be refused.

use http::Extensions;

use crate::api_error::{ErrorAnswer, HealthAfter};
use crate::attach::Attach;
use crate::draft::Draft;
use crate::error::{ClientError, Failure, Phase};
use crate::judge::Judged;
use crate::statuses::Statuses;

/// A request that should be refused: from `expect_status(...)`.
#[must_use = "nothing is sent before `.send().await`"]
pub struct ExpectError {
    draft: Draft,
    expected: Statuses,
}

impl ExpectError {
    pub(crate) fn new(draft: Draft, expected: Statuses) -> Self {
        Self { draft, expected }
    }

    /// Let this value travel to whoever judges the answer; the server never sees it. Of each type
    /// there is one, the last.
    pub fn attach<T: Clone + Send + Sync + 'static>(mut self, value: T) -> Self {
        self.draft.attached.insert(value);
        self
    }

    /// Send it, then ask the server's health route, then let the judge look at both.
    ///
    /// # Errors
    /// Where no complete response comes, the judge rejects it, or its status is not among those
    /// expected.
    pub async fn send(self) -> Result<ErrorAnswer, ClientError> {
        let judge = self.draft.model.judge.clone().filter(|_| self.draft.judged);
        let sending = self.draft.sending()?;
        let mut answer = sending.call(1).await?.complete()?.error();
        answer.health_after = match sending.client.health().await {
            Ok(_) => HealthAfter::Healthy,
            Err(error) => HealthAfter::Unhealthy(error.to_string()),
        };
        let raw = &answer.raw;
        if let Some(judge) = judge
            && let Err(error) = judge.judge(Judged::Error(&answer, &self.expected)).await
        {
            return Err(raw
                .fail(
                    Failure::Judged,
                    Phase::Judge,
                    "the answer fails its verdict",
                )
                .caused_by(error));
        }
        if !self.expected.contains(answer.status) {
            let message = format!(
                "the server answered {}, expected was {}",
                answer.error, self.expected
            );
            return Err(raw
                .fail(
                    Failure::Status(answer.error.clone()),
                    Phase::Headers,
                    message,
                )
                .excerpt(raw.shown(&String::from_utf8_lossy(&raw.body), 0)));
        }
        Ok(answer)
    }
}

impl Attach for ExpectError {
    fn attached(&mut self) -> &mut Extensions {
        &mut self.draft.attached
    }
}
