//! What one check found.
//!
//! Promise: every finding that is not `ok` has a remedy, by construction. Rejected: a severity number, of which nobody knows
//! whether it fails a build.

use serde::Serialize;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Ok,
    /// Missing or tight; only some tests need it.
    Warn,
    /// `cargo test` itself needs it.
    Fail,
    /// Not looked at, or unknown.
    NotMade,
}

/// The result of one check. Its `id` is stable, the texts are for people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Finding {
    pub(crate) id: &'static str,
    pub(crate) group: &'static str,
    pub(crate) title: &'static str,
    pub(crate) state: State,
    pub(crate) found: String,
    /// What to do; `None` exactly where the state is `ok`.
    pub(crate) remedy: Option<String>,
}

/// A check's name, before it is known how it ends.
#[derive(Clone, Copy)]
pub(crate) struct Check {
    pub(crate) id: &'static str,
    pub(crate) group: &'static str,
    pub(crate) title: &'static str,
}

impl Check {
    pub(crate) fn ok(self, found: impl Into<String>) -> Finding {
        self.ends(State::Ok, found.into(), None)
    }

    pub(crate) fn warn(self, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.ends(State::Warn, found.into(), Some(remedy.into()))
    }

    pub(crate) fn fail(self, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.ends(State::Fail, found.into(), Some(remedy.into()))
    }

    pub(crate) fn not_made(self, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
        self.ends(State::NotMade, found.into(), Some(remedy.into()))
    }

    fn ends(self, state: State, found: String, remedy: Option<String>) -> Finding {
        Finding {
            id: self.id,
            group: self.group,
            title: self.title,
            state,
            found,
            remedy,
        }
    }
}
