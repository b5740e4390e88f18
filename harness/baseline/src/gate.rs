//! What decides about a run.

use std::collections::BTreeMap;

use tribunal_statistics::compare::Rule;
use tribunal_traffic::known;

use crate::BaselineError;

/// At most so many metrics decide: each adds its own false alarms.
pub const MOST_PRIMARY: usize = 3;

/// Which metrics decide, and by which rule. All others only warn.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    primary: Vec<String>,
    rule: Rule,
    rules: BTreeMap<String, Rule>,
}

impl Gate {
    /// A gate of these metrics, one to three, by the default rule.
    ///
    /// # Errors
    /// Where there are none or more, one is named twice, or one is not a metric (with the nearest name).
    pub fn new<M: Into<String>>(
        primary: impl IntoIterator<Item = M>,
    ) -> Result<Self, BaselineError> {
        let primary: Vec<String> = primary.into_iter().map(Into::into).collect();
        if primary.is_empty() || primary.len() > MOST_PRIMARY {
            return Err(BaselineError::Gate(format!(
                "a gate has 1 to {MOST_PRIMARY} metrics, got {}\nhelp: each adds its own false alarms; the others warn anyway",
                primary.len()
            )));
        }
        for (place, metric) in primary.iter().enumerate() {
            if primary[..place].contains(metric) {
                return Err(BaselineError::Gate(format!(
                    "`{metric}` stands in the gate twice"
                )));
            }
            known(metric).map_err(|unknown| BaselineError::Gate(unknown.to_string()))?;
        }
        let (rule, rules) = (Rule::default(), BTreeMap::new());
        Ok(Self {
            primary,
            rule,
            rules,
        })
    }

    /// By this rule, for every metric without one of its own.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// By this rule for one metric.
    #[must_use]
    pub fn rule_of(mut self, metric: &str, rule: Rule) -> Self {
        self.rules.insert(metric.to_owned(), rule);
        self
    }

    /// The metrics that decide.
    pub fn primary(&self) -> &[String] {
        &self.primary
    }

    /// The rule of a metric.
    pub fn of(&self, metric: &str) -> &Rule {
        self.rules.get(metric).unwrap_or(&self.rule)
    }
}
