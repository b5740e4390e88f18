//! What every rule is given besides the answer: how deep to look, what to hold figures against, what the test expects.

use std::sync::Arc;

use crate::depth::Depth;
use crate::expectations::Expectations;
use crate::rule::{Kind, RULES, rule};
use crate::thresholds::{Origin, Threshold, Thresholds};
use crate::verdict::{Ending, RuleResult, Verdict};

#[derive(Clone)]
pub(crate) struct Bench {
    pub depth: Depth,
    pub expect: Arc<Expectations>,
    thresholds: Thresholds,
    /// What is wrong with the expectations themselves.
    wrong: Vec<String>,
}

impl Bench {
    pub fn new(depth: Depth, thresholds: &Thresholds, expect: &Expectations) -> Self {
        let mut thresholds = thresholds.clone();
        let mut wrong = Vec::new();
        for (name, value) in &expect.thresholds {
            if let Err(error) = thresholds.set(Origin::Test, name, *value) {
                wrong.push(error.to_string().replace("\nhelp:", ";"));
            }
        }
        Self {
            depth,
            expect: Arc::new(expect.clone()),
            thresholds,
            wrong,
        }
    }

    pub fn limit(&self, name: &'static str) -> Threshold {
        self.thresholds.get(name)
    }

    pub fn deep(&self) -> bool {
        self.depth == Depth::Deep
    }

    /// The verdict of these results: those of the depth, every rule of the kind, the basic ones first.
    pub fn verdict(
        &self,
        kind: Kind,
        subject: impl Into<String>,
        mut results: Vec<RuleResult>,
    ) -> Verdict {
        results.insert(0, self.expectations(kind));
        complete(kind, self.depth, subject, results)
    }

    /// An expectation that nothing holds the answer to would pass whatever comes.
    fn expectations(&self, kind: Kind) -> RuleResult {
        const RULE: &str = "expectations";
        if self.expect.is_empty() {
            return RuleResult::not_applicable(RULE, "the test expects nothing beyond the request");
        }
        let stray = self
            .expect
            .rules(kind)
            .into_iter()
            .filter(|name| rule(name).is_none_or(|rule| !rule.kinds.contains(&kind)));
        let stray =
            stray.map(|name| format!("`{name}` cannot be said of this kind of answer ({kind})"));
        RuleResult::without_complaints(RULE, self.wrong.iter().cloned().chain(stray).collect())
    }
}

/// A verdict with every rule of its kind and depth. Rules that nobody asked had no object.
pub(crate) fn complete(
    kind: Kind,
    depth: Depth,
    subject: impl Into<String>,
    results: Vec<RuleResult>,
) -> Verdict {
    let of_kind =
        |result: &&RuleResult| rule(result.rule).is_some_and(|rule| rule.kinds.contains(&kind));
    debug_assert!(
        results
            .iter()
            .filter(|result| !of_kind(result))
            .all(|result| result.ending == Ending::NotApplicable),
        "a rule that the table does not have for {kind}: {results:?}"
    );
    let mut verdict = Verdict::on(subject);
    for level in [Depth::Basic, Depth::Deep]
        .into_iter()
        .filter(|level| *level <= depth)
    {
        let of_level =
            |result: &&RuleResult| rule(result.rule).is_some_and(|rule| rule.level == level);
        verdict
            .rules
            .extend(results.iter().filter(of_kind).filter(of_level).cloned());
        for rule in RULES
            .iter()
            .filter(|rule| rule.level == level && rule.kinds.contains(&kind))
        {
            if verdict.rule(rule.name).is_none() {
                verdict.rules.push(RuleResult::not_applicable(
                    rule.name,
                    "nothing in the request or the test asks for it",
                ));
            }
        }
    }
    verdict
}
