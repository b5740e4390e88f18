//! Several requests at once: all of them sent, all results kept, in the order asked.
//!
//! Nothing is spawned: the requests are polled together by the task that awaits them, so that
//! cancelling it cancels them all and no task outlives the test.

use std::future::Future;

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::draft::Draft;
use crate::error::{ClientError, Failure, Phase};
use crate::mask;

/// The results of several requests, in the order in which they were asked.
#[derive(Debug)]
pub struct Many<T>(Vec<Result<T, ClientError>>);

/// Send all at once and wait for all of them, also after one has failed.
pub async fn send_all<T, F: Future<Output = Result<T, ClientError>>>(
    requests: impl IntoIterator<Item = F>,
) -> Many<T> {
    send_bounded(requests, None).await
}

/// Send all, at most so many at a time, and wait for all of them.
pub(crate) async fn send_bounded<T, F: Future<Output = Result<T, ClientError>>>(
    requests: impl IntoIterator<Item = F>,
    at_most: Option<usize>,
) -> Many<T> {
    let mut waiting = requests
        .into_iter()
        .enumerate()
        .map(|(position, request)| async move { (position, request.await) });
    // None at a time would wait for ever.
    let width = at_most.map_or(usize::MAX, |width| width.max(1));
    let mut running: FuturesUnordered<_> = waiting.by_ref().take(width).collect();
    let mut results = Vec::with_capacity(running.len());
    while let Some(result) = running.next().await {
        results.push(result);
        running.extend(waiting.next());
    }
    results.sort_by_key(|(position, _)| *position);
    Many(results.into_iter().map(|(_, result)| result).collect())
}

impl<T> Many<T> {
    /// Every result, in order.
    pub fn results(&self) -> &[Result<T, ClientError>] {
        &self.0
    }

    /// How many succeeded.
    pub fn succeeded(&self) -> usize {
        self.0.iter().filter(|result| result.is_ok()).count()
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.0.len() - self.succeeded()
    }

    /// The answers that passed, where they are at least this many. Answers that the judge rejected
    /// are tolerated up to that; a request that failed in any other way is not: a server that
    /// does not serve is not a matter of chance.
    ///
    /// # Errors
    /// The first request that was not served; else, where too few passed, how many did and why each
    /// other did not.
    pub fn at_least(self, gate: usize) -> Result<Vec<T>, ClientError> {
        let total = self.0.len();
        let mut answers = Vec::with_capacity(total);
        let mut rejected = Vec::new();
        let mut unserved = Vec::new();
        for (position, result) in self.0.into_iter().enumerate() {
            match result {
                Ok(answer) => answers.push(answer),
                Err(error) if *error.failure() == Failure::Judged => {
                    rejected.push((position + 1, error));
                }
                Err(error) => unserved.push((position + 1, error)),
            }
        }
        let count = unserved.len();
        if let Some((number, error)) = unserved.into_iter().next() {
            return Err(error.unserved(number, count, total, answers.len()));
        }
        if answers.len() >= gate {
            return Ok(answers);
        }
        Err(ClientError::gate(answers.len(), total, gate, rejected))
    }

    /// All answers, or an error that counts the failures and shows the first.
    ///
    /// # Errors
    /// The first failure, with the count before it.
    pub fn all(self) -> Result<Vec<T>, ClientError> {
        let (failed, total) = (self.failed(), self.0.len());
        let mut answers = Vec::with_capacity(total);
        for (position, result) in self.0.into_iter().enumerate() {
            match result {
                Ok(answer) => answers.push(answer),
                Err(error) => return Err(error.counted(position + 1, failed, total)),
            }
        }
        Ok(answers)
    }
}

impl<T> IntoIterator for Many<T> {
    type Item = Result<T, ClientError>;
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Refuse a gate that no run of so many requests could reach.
pub(crate) fn reachable(gate: usize, times: usize, draft: &Draft) -> Result<(), ClientError> {
    if gate <= times {
        return Ok(());
    }
    let url = mask::url(&format!("{}{}", draft.model.client.base, draft.path));
    let message = format!(
        "the gate asks for {gate} answers that pass, of {times}; it can never be reached, so nothing was sent"
    );
    Err(
        ClientError::new(Failure::Unusable, Phase::Prepare, "POST", &url, message)
            .advice("give `send_gated(gate, times)` a gate of at most `times`"),
    )
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::FutureExt;

    use super::*;

    /// Sends ten and returns how many were under way at most.
    fn most_at_once(at_most: Option<usize>) -> usize {
        let (now, most) = (Cell::new(0), Cell::new(0));
        let requests = (0..10).map(|number| {
            let (now, most) = (&now, &most);
            async move {
                now.set(now.get() + 1);
                most.set(usize::max(most.get(), now.get()));
                // Gives the others a turn while this one is under way.
                tokio::task::yield_now().await;
                now.set(now.get() - 1);
                Ok(number)
            }
        });
        // Nothing waits for anything outside, so polling alone gets it done.
        let mut sending = Box::pin(send_bounded(requests, at_most));
        let answers = (0..1000)
            .find_map(|_| sending.as_mut().now_or_never())
            .expect("it ends")
            .all()
            .expect("all succeed");
        assert_eq!(answers, (0..10).collect::<Vec<_>>(), "in the order asked");
        most.get()
    }

    #[test]
    fn no_more_than_asked_are_under_way() {
        assert_eq!(most_at_once(None), 10);
        assert_eq!(most_at_once(Some(3)), 3);
        assert_eq!(most_at_once(Some(0)), 1, "none at a time would never end");
        assert_eq!(most_at_once(Some(99)), 10);
    }
}
