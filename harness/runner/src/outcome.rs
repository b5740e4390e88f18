//! How an attempt can end. One definition for the terminal, JSON, the summary and the exit code.

use std::time::Duration;

/// A phase of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Fixtures are made.
    SetUp,
    /// The test's own code.
    Body,
    /// Fixtures are taken down.
    Teardown,
}

impl Phase {
    /// As messages call it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::SetUp => "set-up",
            Phase::Body => "body",
            Phase::Teardown => "teardown",
        }
    }
}

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It did what it says.
    Passed,
    /// It did not; why.
    Failed(String),
    /// It was not done within the limit of a phase; what is known.
    TimedOut(Phase, Duration, String),
    /// A fixture could not be made.
    SetUpFailed(String),
    /// A fixture could not be taken down, or something was left behind; the body had passed.
    TeardownFailed(String),
    /// It cannot run here (a gate, or `skip!`).
    Skipped(String),
    /// It is off by default (`#[ignore]`).
    Ignored(String),
    /// `xfail`, or [`crate::expect_failure`]: it failed, as expected.
    ExpectedFailure(String),
    /// `xfail`, strict: it passed.
    UnexpectedPass(String),
    /// It passed, and what it measured was held against no baseline, because there is none yet.
    NoBaseline(String),
    /// What it measured is worse than its baseline.
    Regressed(String),
    /// What it measured allows no verdict: too noisy, or too few samples.
    Inconclusive(String),
    /// What it measured says nothing of the system under test: the load was not what was asked for, or its client was the bottleneck.
    Invalid(String),
    /// It passed, after attempts that failed; how often and how.
    Flaky(String),
    /// Fail-fast, an interrupt or the run's limit kept it from running.
    NotRun(String),
}

/// How a body ends that has measured something and neither passed nor failed: an error for `?` and `Err`, made by [`regressed`], [`inconclusive`] and
/// [`invalid`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Measured {
    /// Worse than the baseline.
    Regressed(String),
    /// No verdict is possible.
    Inconclusive(String),
    /// The measurement is no good.
    Invalid(String),
}

impl Measured {
    /// As the outcome of the case.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Measured::Regressed(text) => Outcome::Regressed(text),
            Measured::Inconclusive(text) => Outcome::Inconclusive(text),
            Measured::Invalid(text) => Outcome::Invalid(text),
        }
    }
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Measured::Regressed(text) | Measured::Inconclusive(text) | Measured::Invalid(text)) =
            self;
        f.write_str(text)
    }
}
impl std::error::Error for Measured {}

/// The error that ends a test as *regressed*: what it measured is worse than its baseline. Exit code 5, unless something failed.
pub fn regressed(why: impl Into<String>) -> Measured {
    Measured::Regressed(why.into())
}

/// The error that ends a test as *inconclusive*: what it measured allows no verdict. Exit code 6, unless something failed or regressed.
pub fn inconclusive(why: impl Into<String>) -> Measured {
    Measured::Inconclusive(why.into())
}

/// The error that ends a test as *invalid*: what it measured says nothing of the system under test. Exit code 6, as [`inconclusive`].
pub fn invalid(why: impl Into<String>) -> Measured {
    Measured::Invalid(why.into())
}

impl Outcome {
    /// Whether it makes the run fail.
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Outcome::Failed(_)
                | Outcome::TimedOut(..)
                | Outcome::SetUpFailed(_)
                | Outcome::TeardownFailed(_)
                | Outcome::UnexpectedPass(_)
                | Outcome::Regressed(_)
                | Outcome::Inconclusive(_)
                | Outcome::Invalid(_)
        )
    }

    /// Whether nothing was found out about the system under test although something was measured: that can be no failure that was expected.
    pub fn says_nothing(&self) -> bool {
        matches!(self, Outcome::Inconclusive(_) | Outcome::Invalid(_))
    }

    /// Whether its body ran to an end that says something about the system under test.
    pub fn was_executed(&self) -> bool {
        !matches!(
            self,
            Outcome::Skipped(_) | Outcome::Ignored(_) | Outcome::NotRun(_)
        )
    }

    /// One word for machines.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::Passed => "passed",
            Outcome::Failed(_) => "failed",
            Outcome::TimedOut(..) => "timed out",
            Outcome::SetUpFailed(_) => "set-up failed",
            Outcome::TeardownFailed(_) => "teardown failed",
            Outcome::Skipped(_) => "skipped",
            Outcome::Ignored(_) => "ignored",
            Outcome::ExpectedFailure(_) => "expected failure",
            Outcome::UnexpectedPass(_) => "unexpected pass",
            Outcome::NoBaseline(_) => "no baseline",
            Outcome::Regressed(_) => "regressed",
            Outcome::Inconclusive(_) => "inconclusive",
            Outcome::Invalid(_) => "invalid",
            Outcome::Flaky(_) => "flaky",
            Outcome::NotRun(_) => "not run",
        }
    }

    /// What people read: the failure's text or the reason.
    pub fn text(&self) -> String {
        match self {
            Outcome::Passed => String::new(),
            Outcome::TimedOut(phase, limit, known) => {
                let head = format!(
                    "timed out in the {} after {}",
                    phase.name(),
                    seconds(*limit)
                );
                if known.is_empty() {
                    head
                } else {
                    format!("{head}: {known}")
                }
            }
            Outcome::SetUpFailed(t) => format!("set-up failed: {t}"),
            Outcome::TeardownFailed(t) => format!("teardown failed: {t}"),
            Outcome::UnexpectedPass(t) => format!(
                "passed, but is expected to fail: {t}\nhelp: remove the marker xfail (or what else says so), or write xfail(\"…\", strict = false) while it is unclear"
            ),
            Outcome::Regressed(t) => format!("regressed: {t}"),
            Outcome::Inconclusive(t) => format!("inconclusive: {t}"),
            Outcome::Invalid(t) => format!("invalid: {t}"),
            Outcome::Failed(t)
            | Outcome::NoBaseline(t)
            | Outcome::Skipped(t)
            | Outcome::Ignored(t)
            | Outcome::ExpectedFailure(t)
            | Outcome::Flaky(t)
            | Outcome::NotRun(t) => t.clone(),
        }
    }
}

/// A length of time for people.
pub fn seconds(d: Duration) -> String {
    match (d.as_secs(), d.subsec_nanos()) {
        (s @ 60.., _) => format!("{}m{:02}s", s / 60, s % 60),
        // A limit that somebody wrote, not a time that was measured.
        (s @ 1.., 0) => format!("{s}s"),
        _ => format!("{:.3}s", d.as_secs_f64()),
    }
}

/// How long the phases of an attempt took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Times {
    /// Making fixtures.
    pub set_up: Duration,
    /// The body.
    pub body: Duration,
    /// Taking fixtures down.
    pub teardown: Duration,
}

impl Times {
    /// All of it.
    pub fn total(&self) -> Duration {
        self.set_up + self.body + self.teardown
    }
}

/// How many cases ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Passed, expected failures among them.
    pub passed: usize,
    /// Failed, in whatever way.
    pub failed: usize,
    /// Ignored: off by default.
    pub ignored: usize,
    /// Skipped: could not run here.
    pub skipped: usize,
    /// Kept from running.
    pub not_run: usize,
    /// Removed by a filter.
    pub filtered_out: usize,
    /// Of the passed: expected failures.
    pub expected_failures: usize,
    /// Of the passed: measured, and held against no baseline.
    pub no_baseline: usize,
    /// Of the passed: only on a later attempt.
    pub flaky: usize,
    /// Failed in quarantine, so that the run does not fail; not among the failed.
    pub quarantined: usize,
    /// Attempts that were repetitions.
    pub retries: usize,
    /// Of the failed: worse than their baselines.
    pub regressed: usize,
    /// Of the failed: without a verdict.
    pub inconclusive: usize,
    /// Of the failed: measurements that are no good.
    pub invalid: usize,
}

impl Counts {
    /// Counts one more; `waived`: it does not count where it failed.
    pub fn add(&mut self, outcome: &Outcome, waived: bool) {
        if waived && outcome.is_failure() {
            self.quarantined += 1;
            return;
        }
        match outcome {
            Outcome::Regressed(_) => self.regressed += 1,
            Outcome::Inconclusive(_) => self.inconclusive += 1,
            Outcome::Invalid(_) => self.invalid += 1,
            Outcome::NoBaseline(_) => self.no_baseline += 1,
            _ => {}
        }
        match outcome {
            o if o.is_failure() => self.failed += 1,
            Outcome::Skipped(_) => self.skipped += 1,
            Outcome::Ignored(_) => self.ignored += 1,
            Outcome::NotRun(_) => self.not_run += 1,
            Outcome::Flaky(_) => {
                self.passed += 1;
                self.flaky += 1;
            }
            Outcome::ExpectedFailure(_) => {
                self.passed += 1;
                self.expected_failures += 1;
            }
            _ => self.passed += 1,
        }
    }

    /// Of the failed: what failed otherwise than by a figure.
    pub fn plainly_failed(&self) -> usize {
        let measured = self.regressed + self.inconclusive + self.invalid;
        self.failed.saturating_sub(measured)
    }

    /// Cases whose body ran.
    pub fn executed(&self) -> usize {
        self.passed + self.failed + self.quarantined
    }
}

/// Exit codes; the higher row wins.
pub mod exit {
    /// Something failed.
    pub const FAILED: u8 = 101;
    /// Nothing failed but figures that are worse than their baselines.
    pub const REGRESSED: u8 = 5;
    /// Nothing failed or regressed, and something that was measured allows no verdict.
    pub const INCONCLUSIVE: u8 = 6;
    /// An explicit selector under which nothing was executed.
    pub const NOTHING_EXECUTED: u8 = 4;
    /// The command line, the vocabulary or a rule over tests is wrong.
    pub const USAGE: u8 = 2;
}
