//! Several requests at once: all of them sent, all results kept, in the order asked.
//!
//! Nothing is spawned: the requests are polled together by the task that awaits them, so that
//! cancelling it cancels them all and no task outlives the test.

use std::future::Future;

use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::error::ClientError;

/// The results of several requests, in the order in which they were asked.
#[derive(Debug)]
pub struct Many<T>(Vec<Result<T, ClientError>>);

/// Send all at once and wait for all of them, also after one has failed.
pub async fn send_all<T, F: Future<Output = Result<T, ClientError>>>(
    requests: impl IntoIterator<Item = F>,
) -> Many<T> {
    let mut running: FuturesUnordered<_> = requests
        .into_iter()
        .enumerate()
        .map(|(position, request)| async move { (position, request.await) })
        .collect();
    let mut results = Vec::with_capacity(running.len());
    while let Some(result) = running.next().await {
        results.push(result);
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
