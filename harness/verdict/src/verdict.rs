//! A verdict, its rules, and how both are shown.

use std::fmt;

use serde_json::{Value, json};

/// How a rule ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// The answer satisfies it.
    Pass,
    /// The answer breaks it.
    Fail,
    /// It has no object here (a stream rule and a plain answer).
    NotApplicable,
    /// Something that it needs was missing, so nobody looked.
    NotMade,
    /// Looked at, and ambiguous: shown, never a failure.
    Undecided,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ending::Pass => "pass",
            Ending::Fail => "fail",
            Ending::NotApplicable => "not applicable",
            Ending::NotMade => "not made",
            Ending::Undecided => "undecided",
        })
    }
}

/// What one rule says about one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleResult {
    /// The rule's name; stable, and the same in every report.
    pub rule: &'static str,
    /// How it ended.
    pub ending: Ending,
    /// What was measured, where something was.
    pub figure: Option<String>,
    /// What it was held against.
    pub threshold: Option<String>,
    /// Why, in words; empty for a pass that needs none.
    pub message: String,
}

impl RuleResult {
    /// A result without figure, threshold or reason.
    pub fn new(rule: &'static str, ending: Ending) -> Self {
        Self {
            rule,
            ending,
            figure: None,
            threshold: None,
            message: String::new(),
        }
    }

    /// Pass or fail by this condition.
    pub fn holds(rule: &'static str, condition: bool) -> Self {
        Self::new(
            rule,
            if condition {
                Ending::Pass
            } else {
                Ending::Fail
            },
        )
    }

    /// The rule has no object here, because of this.
    pub fn not_applicable(rule: &'static str, why: impl Into<String>) -> Self {
        Self::new(rule, Ending::NotApplicable).because(why)
    }

    /// Something that the rule needs was missing: what, and what to do about it.
    pub fn not_made(rule: &'static str, why: impl fmt::Display, help: impl fmt::Display) -> Self {
        Self::new(rule, Ending::NotMade).because(format!("{why}; {help}"))
    }

    /// Pass where there is no complaint, else fail with all of them.
    pub fn without_complaints(rule: &'static str, complaints: Vec<String>) -> Self {
        Self::holds(rule, complaints.is_empty()).because(several(complaints))
    }

    /// What was measured.
    pub fn figure(mut self, figure: impl fmt::Display) -> Self {
        self.figure = Some(figure.to_string());
        self
    }

    /// What it is held against.
    pub fn threshold(mut self, threshold: impl fmt::Display) -> Self {
        self.threshold = Some(threshold.to_string());
        self
    }

    /// Why.
    pub fn because(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// The result as JSON.
    pub fn to_json(&self) -> Value {
        json!({ "rule": self.rule, "ending": self.ending.to_string(), "figure": self.figure, "threshold": self.threshold, "message": self.message })
    }
}

impl fmt::Display for RuleResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.ending, self.rule)?;
        match (&self.figure, &self.threshold) {
            (Some(figure), Some(threshold)) => write!(f, ": found {figure}, wanted {threshold}")?,
            (Some(figure), None) => write!(f, ": found {figure}")?,
            (None, Some(threshold)) => write!(f, ": wanted {threshold}")?,
            (None, None) => {}
        }
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// The judgement of one response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What was judged, in words.
    pub subject: String,
    /// Every rule that was asked, in order.
    pub rules: Vec<RuleResult>,
}

impl Verdict {
    /// A verdict without rules yet.
    pub fn on(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            rules: Vec::new(),
        }
    }

    /// Whether it passes: something passed, and nothing failed. A verdict in which no rule found an
    /// object says nothing, and nothing is no pass.
    pub fn passes(&self) -> bool {
        self.count(Ending::Fail) == 0 && self.count(Ending::Pass) > 0
    }

    /// The rules with this ending.
    pub fn with_ending(&self, ending: Ending) -> impl Iterator<Item = &RuleResult> {
        self.rules.iter().filter(move |rule| rule.ending == ending)
    }

    /// The result of one rule.
    pub fn rule(&self, name: &str) -> Option<&RuleResult> {
        self.rules.iter().find(|rule| rule.rule == name)
    }

    /// An error where it does not pass.
    ///
    /// # Errors
    /// The verdict itself, which shows every rule that failed.
    pub fn check(self) -> Result<(), VerdictError> {
        if self.passes() {
            Ok(())
        } else {
            Err(VerdictError {
                verdict: self,
                require_made: false,
            })
        }
    }

    /// Like [`check`](Self::check), and a rule that could not be applied for want of something is a
    /// failure as well.
    ///
    /// # Errors
    /// The verdict itself.
    pub fn check_all_made(self) -> Result<(), VerdictError> {
        if self.passes() && self.count(Ending::NotMade) == 0 {
            Ok(())
        } else {
            Err(VerdictError {
                verdict: self,
                require_made: true,
            })
        }
    }

    /// The verdict as JSON.
    pub fn to_json(&self) -> Value {
        json!({ "subject": self.subject, "passes": self.passes(), "rules": self.rules.iter().map(RuleResult::to_json).collect::<Vec<_>>() })
    }

    /// Every rule in a line of its own, for a file that is read at leisure.
    pub fn told(&self) -> String {
        let mut text = match self.passes() {
            true => format!("{}: passes", self.subject),
            false => format!("{}: does not pass", self.subject),
        };
        for ending in [
            Ending::Fail,
            Ending::NotMade,
            Ending::Undecided,
            Ending::Pass,
            Ending::NotApplicable,
        ] {
            for rule in self.with_ending(ending) {
                text.push_str(&format!("\n  {}", rule.to_string().replace('\n', "\n    ")));
            }
        }
        text
    }

    fn count(&self, ending: Ending) -> usize {
        self.with_ending(ending).count()
    }
}

impl fmt::Display for Verdict {
    /// Failures first, each in a line; then what was undecided or not made, with the reason; then
    /// the names of the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let judged = self.rules.len() - self.count(Ending::NotApplicable);
        match self.count(Ending::Fail) {
            0 if self.passes() => write!(
                f,
                "{}: passes ({} of {judged} rules)",
                self.subject,
                self.count(Ending::Pass)
            )?,
            0 => write!(
                f,
                "{}: no rule could be applied, so nothing was judged",
                self.subject
            )?,
            failed => write!(f, "{}: {failed} of {judged} rules failed", self.subject)?,
        }
        for ending in [Ending::Fail, Ending::NotMade, Ending::Undecided] {
            for rule in self.with_ending(ending) {
                write!(f, "\n  {}", rule.to_string().replace('\n', "\n    "))?;
            }
        }
        for ending in [Ending::Pass, Ending::NotApplicable] {
            let names: Vec<_> = self.with_ending(ending).map(|rule| rule.rule).collect();
            if !names.is_empty() {
                write!(f, "\n  {ending}: {}", names.join(", "))?;
            }
        }
        Ok(())
    }
}

/// A verdict that does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerdictError {
    /// The verdict.
    pub verdict: Verdict,
    require_made: bool,
}

impl fmt::Display for VerdictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.verdict.fmt(f)?;
        if self.require_made && self.verdict.passes() {
            write!(f, "\n  a rule that was not made counts as failed here")?;
        }
        Ok(())
    }
}

impl std::error::Error for VerdictError {}

/// How much of a text a message shows, in characters.
const SHOWN: usize = 80;

/// A text for a message: in quotes, control characters escaped, cut to a readable length.
pub(crate) fn quoted(text: &str) -> String {
    let cut: String = text.chars().take(SHOWN).collect();
    let more = if cut.len() < text.len() { " ..." } else { "" };
    format!("{cut:?}{more}")
}

/// An optional text for a message.
pub(crate) fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "nothing".into(), quoted)
}

/// The first complaints, and how many more there are.
fn several(complaints: Vec<String>) -> String {
    const FIRST: usize = 3;
    let more = complaints.len().saturating_sub(FIRST);
    let mut text = complaints
        .into_iter()
        .take(FIRST)
        .collect::<Vec<_>>()
        .join("; ");
    if more > 0 {
        text.push_str(&format!("; and {more} more"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(endings: &[Ending]) -> Verdict {
        let mut verdict = Verdict::on("an answer");
        verdict.rules = endings
            .iter()
            .map(|ending| {
                RuleResult::new("rule", *ending)
                    .figure(1)
                    .threshold(2)
                    .because("why")
            })
            .collect();
        verdict
    }

    #[test]
    fn only_a_failure_fails_but_nothing_judged_is_no_pass() {
        use Ending::*;
        assert_eq!(
            verdict(&[Pass, NotApplicable, NotMade, Undecided]).check(),
            Ok(())
        );
        assert!(verdict(&[Pass, Fail]).check().is_err());
        assert!(verdict(&[]).check().is_err());
        assert!(
            verdict(&[NotApplicable, NotMade, Undecided])
                .check()
                .is_err()
        );
    }

    #[test]
    fn a_rule_not_made_fails_where_that_is_asked() {
        use Ending::*;
        assert_eq!(verdict(&[Pass, Undecided]).check_all_made(), Ok(()));
        let error = verdict(&[Pass, NotMade])
            .check_all_made()
            .expect_err("not made");
        assert!(error.to_string().contains("counts as failed"), "{error}");
    }

    #[test]
    fn no_ending_is_silent() {
        use Ending::*;
        let mut shown = verdict(&[Fail, NotMade, Undecided, Pass, NotApplicable]);
        for (rule, name) in shown
            .rules
            .iter_mut()
            .zip(["broken", "blind", "vague", "good", "absent"])
        {
            rule.rule = name;
        }
        let want = "an answer: 1 of 4 rules failed\n  fail: broken: found 1, wanted 2: why\n  not made: blind: found 1, wanted 2: why\n  undecided: vague: found 1, wanted 2: why\n  pass: good\n  not applicable: absent";
        assert_eq!(shown.to_string(), want);
        assert_eq!(shown.check().expect_err("fails").to_string(), want);
    }

    #[test]
    fn texts_of_a_model_are_escaped_and_cut() {
        assert_eq!(quoted("\x1b[31mred"), r#""\u{1b}[31mred""#);
        assert!(quoted(&"x".repeat(1000)).len() < 100);
        assert_eq!(shown(None), "nothing");
    }
}
