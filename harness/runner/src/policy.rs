//! Which failures are repeated, and which do not count: what markers and command line say, as decisions without a run.
//!
//! Promise: only declared classes are repeated, what was not done in time only where somebody says so, and what was left behind never: a second
//! attempt would hide it. A quarantine ends by itself. Rejected: repeating by the failure's text alone (a rule that nobody finds again), and a
//! quarantine without an end.

use tribunal_events::Sorted;
use tribunal_vocabulary::Date;

use crate::outcome::Outcome;

/// What is repeated where nothing else is said.
pub const USUAL_CLASSES: [&str; 2] = ["quality", "infra"];
/// How many attempts of a run are repetitions at most, unless `--max-retries-per-run` says otherwise.
pub const USUAL_CAP: usize = 20;
/// The class of what was not done in time.
const HANG: &str = "hang";

/// `retries(…)`, or `flaky(…)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries {
    /// How many more attempts.
    pub count: u32,
    /// Classes and groups of classes; empty: the usual ones.
    pub on: Vec<String>,
    /// The failure's text must say one of these, if there are any.
    pub texts: Vec<String>,
}

/// `quarantine(…)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantine {
    /// Why.
    pub reason: String,
    /// Where it is followed up.
    pub issue: String,
    /// The last day.
    pub until: Date,
}

impl Quarantine {
    /// Whether it holds on that day.
    pub fn holds(&self, today: Date) -> bool {
        today <= self.until
    }

    /// Why a failure does not fail the run.
    pub fn text(&self) -> String {
        format!(
            "quarantine: {} ({}), until {}",
            self.reason, self.issue, self.until
        )
    }
}

/// What the command line says of repeating.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retrying {
    /// `--retries`: for cases that say nothing; 0: none at all.
    pub count: Option<u32>,
    /// `--retry-on`; empty: the usual ones.
    pub on: Vec<String>,
    /// `--max-retries-per-run`.
    pub cap: usize,
    /// `--flaky-result fail`.
    pub flaky_fails: bool,
    /// Why nothing is repeated, where somebody else does it.
    pub off: Option<&'static str>,
}

impl Default for Retrying {
    fn default() -> Self {
        Retrying {
            count: None,
            on: vec![],
            cap: USUAL_CAP,
            flaky_fails: false,
            off: None,
        }
    }
}

impl Retrying {
    /// What holds for a case: its own word, else the command line's. `--retries 0` is above both.
    pub fn of(&self, marked: Option<&Retries>) -> Option<Retries> {
        let count = self.count;
        let retries = match (count, marked) {
            (Some(0), _) => return None,
            (_, Some(marked)) => marked.clone(),
            (Some(count), None) => Retries {
                count,
                on: vec![],
                texts: vec![],
            },
            (None, None) => return None,
        };
        let on = match retries.on.is_empty() {
            true => self.on.clone(),
            false => retries.on,
        };
        (retries.count > 0).then_some(Retries { on, ..retries })
    }
}

impl Retries {
    /// Whether the attempt of that number, from 1, that ended so is followed by another.
    pub fn repeat(&self, attempt: u32, outcome: &Outcome, class: Option<&Sorted>) -> bool {
        let usual = || USUAL_CLASSES.iter().any(|on| named(class, on));
        let declared = match self.on.as_slice() {
            // Texts alone say enough.
            [] if !self.texts.is_empty() => true,
            [] => usual(),
            on => on.iter().any(|on| named(class, on)),
        };
        let text = || outcome.text();
        attempt <= self.count
            && match outcome {
                Outcome::Failed(_) | Outcome::SetUpFailed(_) => declared,
                Outcome::TimedOut(..) => self.on.iter().any(|on| on == HANG),
                // What is left behind, passed unexpectedly or was measured is not mended by another attempt.
                _ => false,
            }
            && (self.texts.is_empty() || self.texts.iter().any(|t| text().contains(t)))
    }
}

fn named(class: Option<&Sorted>, on: &str) -> bool {
    class.is_some_and(|class| class.is_named_by(on))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::outcome::Phase;

    fn class(name: &str, group: Option<&str>) -> Sorted {
        Sorted {
            class: name.into(),
            because: String::new(),
            group: group.map(str::to_owned),
        }
    }

    fn retries(count: u32, on: &[&str]) -> Retries {
        Retries {
            count,
            on: on.iter().map(|s| (*s).to_owned()).collect(),
            texts: vec![],
        }
    }

    fn failed() -> Outcome {
        Outcome::Failed("said no".into())
    }

    #[test]
    fn only_declared_classes_are_repeated() {
        let quality = class("quality", Some("quality"));
        let port = class("port", Some("infra"));
        let crash = class("crash", None);
        let usual = retries(2, &[]);
        for (class, wanted) in [
            (Some(&quality), true),
            (Some(&port), true),
            (Some(&crash), false),
            (None, false),
        ] {
            assert_eq!(usual.repeat(1, &failed(), class), wanted, "{class:?}");
        }
        let said = retries(2, &["crash", "infra"]);
        for (class, wanted) in [
            (Some(&quality), false),
            (Some(&port), true),
            (Some(&crash), true),
            (None, false),
        ] {
            assert_eq!(said.repeat(1, &failed(), class), wanted, "{class:?}");
        }
    }

    #[test]
    fn so_often_and_no_more() {
        let quality = class("quality", Some("quality"));
        let two = retries(2, &[]);
        let again: Vec<bool> = (1..=3)
            .map(|n| two.repeat(n, &failed(), Some(&quality)))
            .collect();
        assert_eq!(again, [true, true, false]);
        assert!(!retries(0, &[]).repeat(1, &failed(), Some(&quality)));
    }

    #[test]
    fn what_was_not_done_in_time_only_where_it_is_said() {
        let over = Outcome::TimedOut(Phase::SetUp, Duration::from_secs(1), String::new());
        let ready = class("server never ready", Some("infra"));
        assert!(!retries(2, &[]).repeat(1, &over, Some(&ready)));
        assert!(!retries(2, &["infra"]).repeat(1, &over, Some(&ready)));
        assert!(retries(2, &["hang"]).repeat(1, &over, Some(&ready)));
    }

    #[test]
    fn what_another_attempt_would_hide_is_never_repeated() {
        let any = class("quality", Some("quality"));
        for outcome in [
            Outcome::TeardownFailed(String::new()),
            Outcome::UnexpectedPass(String::new()),
            Outcome::Regressed(String::new()),
            Outcome::Inconclusive(String::new()),
            Outcome::Invalid(String::new()),
            Outcome::Passed,
            Outcome::Skipped(String::new()),
        ] {
            assert!(
                !retries(2, &["quality"]).repeat(1, &outcome, Some(&any)),
                "{outcome:?}"
            );
        }
    }

    #[test]
    fn texts_decide_alone_or_with_classes() {
        let said = |texts: &[&str]| Retries {
            texts: texts.iter().map(|s| (*s).to_owned()).collect(),
            ..retries(1, &[])
        };
        assert!(said(&["no"]).repeat(1, &failed(), None));
        assert!(!said(&["yes"]).repeat(1, &failed(), None));
    }

    #[test]
    fn the_own_word_of_a_test_comes_first_and_none_means_none() {
        let line = |count| Retrying {
            count,
            on: vec!["crash".into()],
            ..Retrying::default()
        };
        let own = retries(3, &["infra"]);
        assert_eq!(line(Some(1)).of(Some(&own)), Some(own.clone()));
        assert_eq!(line(None).of(Some(&own)), Some(own.clone()));
        assert_eq!(line(Some(0)).of(Some(&own)), None);
        assert_eq!(line(Some(1)).of(None), Some(retries(1, &["crash"])));
        assert_eq!(line(None).of(None), None);
        assert_eq!(line(Some(5)).of(Some(&retries(0, &[]))), None);
    }

    #[test]
    fn a_quarantine_ends_after_its_last_day() {
        let day = |text| Date::parse(text).expect("a day");
        let q = Quarantine {
            reason: "r".into(),
            issue: "i".into(),
            until: day("2026-12-31"),
        };
        assert!(q.holds(day("2026-12-31")));
        assert!(!q.holds(day("2027-01-01")));
    }
}
