//! Whether the connections of a server are worth using again.
//!
//! Some servers close a connection after every answer although they do not say so (and some announce a keep-alive). A request that meets the closing is
//! lost through nobody's fault, and must not be sent again: nobody knows whether the server began with it. So the habit is learnt, from warm-ups if there
//! are any, and then every request has a connection of its own. Promise: a server that closes now and then (after so many requests, after some rest) does not
//! count as one of those. Rejected: sending a lost request again (it hides what a server loses), and never using a connection twice (most clients do).

use std::sync::atomic::{AtomicU64, Ordering};

/// At least every so-many-th connection that rested was closed: a server of that habit.
const ONE_OF: u64 = 4;

/// What became of connections that were to be used again.
#[derive(Debug, Default)]
pub(crate) struct Reuse {
    answers: AtomicU64,
    closed: AtomicU64,
}

impl Reuse {
    /// An answer came whole, and its connection may be used again.
    pub(crate) fn answered(&self) {
        // Once none is used again, answers say nothing of the habit.
        if self.is_worth_it() {
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The server closed one after such an answer: it was seen, or a request met it.
    pub(crate) fn closed(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a connection should be used again.
    pub(crate) fn is_worth_it(&self) -> bool {
        let closed = self.closed.load(Ordering::Relaxed);
        closed == 0 || closed.saturating_mul(ONE_OF) < self.answers.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_closes_after_each_answer_is_known_after_the_first() {
        let reuse = Reuse::default();
        assert!(reuse.is_worth_it());
        reuse.answered();
        assert!(reuse.is_worth_it());
        reuse.closed();
        for _ in 0..100 {
            assert!(!reuse.is_worth_it());
            reuse.answered();
        }
    }

    #[test]
    fn one_that_closes_now_and_then_is_none_of_those() {
        let reuse = Reuse::default();
        for closed in 1..=5 {
            for _ in 0..100 {
                reuse.answered();
            }
            reuse.closed();
            assert!(reuse.is_worth_it(), "{closed} of {}", closed * 100);
        }
    }
}
