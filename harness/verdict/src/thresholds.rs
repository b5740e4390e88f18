//! Thresholds, and who set them: the defaults of the table, the deployment, the test, the command line; the last one wins.
//!
//! Promise: whoever reads a verdict sees whether a number is the default, and if not, who changed it.

use std::collections::BTreeMap;
use std::fmt;

use crate::rule::{RULES, limit, limits};

/// Who set a threshold. The later wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The table of the rules.
    Default,
    /// `[thresholds]` of the deployment.
    Deployment,
    /// The test, at the request.
    Test,
    /// `--threshold`.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Default => "the default",
            Origin::Deployment => "set by the deployment",
            Origin::Test => "set by the test",
            Origin::CommandLine => "set by --threshold",
        })
    }
}

/// A threshold in force. Shown as its number, and who set it where that was somebody.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The number.
    pub value: f64,
    /// Who set it.
    pub origin: Origin,
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value)?;
        match self.origin {
            Origin::Default => Ok(()),
            origin => write!(f, " ({origin})"),
        }
    }
}

/// A threshold that cannot be set so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThresholdError(String);

impl fmt::Display for ThresholdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ThresholdError {}

/// What figures are held against.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Thresholds {
    set: BTreeMap<(&'static str, Origin), f64>,
}

impl Thresholds {
    /// Sets one, in the name of this origin.
    ///
    /// # Errors
    /// When there is no threshold of this name, or the value is no finite number.
    pub fn set(&mut self, origin: Origin, name: &str, value: f64) -> Result<(), ThresholdError> {
        let Some(known) = limit(name) else {
            return Err(ThresholdError(unknown(name)));
        };
        if !value.is_finite() {
            return Err(ThresholdError(format!(
                "the threshold `{name}` must be a number, not {value}"
            )));
        }
        self.set.insert((known.name, origin), value);
        Ok(())
    }

    /// Sets one from `NAME=VALUE`, as on the command line.
    ///
    /// # Errors
    /// When it is not of that form, there is no threshold of this name, or the value is no finite number.
    pub fn assign(&mut self, origin: Origin, text: &str) -> Result<(), ThresholdError> {
        let Some((name, value)) = text.split_once('=') else {
            return Err(ThresholdError(format!(
                "`{text}` sets no threshold\nhelp: write it as NAME=VALUE, for instance wer=0.2"
            )));
        };
        let (name, value) = (name.trim(), value.trim());
        if limit(name).is_none() {
            return Err(ThresholdError(unknown(name)));
        }
        let Ok(value) = value.parse() else {
            return Err(ThresholdError(format!(
                "the threshold `{name}` must be a number, not `{value}`"
            )));
        };
        self.set(origin, name, value)
    }

    /// The threshold of this name that is in force.
    ///
    /// # Panics
    /// When there is none of this name: names are those of the table.
    pub fn get(&self, name: &'static str) -> Threshold {
        let known = limit(name).unwrap_or_else(|| panic!("the table has no threshold `{name}`"));
        [Origin::CommandLine, Origin::Test, Origin::Deployment]
            .into_iter()
            .find_map(|origin| {
                let value = *self.set.get(&(known.name, origin))?;
                Some(Threshold { value, origin })
            })
            .unwrap_or(Threshold {
                value: known.default,
                origin: Origin::Default,
            })
    }
}

/// That there is no such threshold, with the nearest.
fn unknown(name: &str) -> String {
    if let Some(rule) = RULES.iter().find(|rule| rule.name == name) {
        let own: Vec<_> = rule.limits.iter().map(|limit| limit.name).collect();
        let help = match own.is_empty() {
            true => "it passes or fails without a number".to_owned(),
            false => format!("its thresholds are called {}", own.join(", ")),
        };
        return format!("the rule `{name}` has no threshold of its own name\nhelp: {help}");
    }
    let near = tribunal_vocabulary::nearest(name, limits().map(|limit| limit.name));
    let help = near.map_or_else(
        || {
            let all: Vec<_> = limits().map(|limit| limit.name).collect();
            format!("there are {}", all.join(", "))
        },
        |near| format!("did you mean `{near}`?"),
    );
    format!("there is no threshold `{name}`\nhelp: {help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_the_command_lines_whatever_the_order() {
        let mut thresholds = Thresholds::default();
        assert_eq!(thresholds.get("wer").to_string(), "0.15");
        thresholds
            .assign(Origin::CommandLine, " wer = 0.4 ")
            .expect("good");
        thresholds.set(Origin::Test, "wer", 0.3).expect("good");
        thresholds
            .set(Origin::Deployment, "wer", 0.2)
            .expect("good");
        thresholds
            .set(Origin::Deployment, "cer", 0.2)
            .expect("good");
        assert_eq!(
            thresholds.get("wer").to_string(),
            "0.4 (set by --threshold)"
        );
        assert_eq!(
            thresholds.get("cer").to_string(),
            "0.2 (set by the deployment)"
        );
    }

    #[test]
    fn what_cannot_be_set_says_what_can() {
        let mut thresholds = Thresholds::default();
        let mut said = |text: &str| {
            thresholds
                .assign(Origin::CommandLine, text)
                .expect_err("bad")
                .to_string()
        };
        assert!(said("wre=1").contains("did you mean `wer`?"));
        assert!(said("wer").contains("NAME=VALUE"));
        assert!(said("wer=high").contains("must be a number, not `high`"));
        assert!(said("wer=nan").contains("must be a number"));
        assert!(said("transcript=1").contains("wer, cer, short_cer, similarity"));
        assert!(said("tool_name=1").contains("without a number"));
        assert!(said("=1").contains("there are"));
        assert_eq!(thresholds, Thresholds::default());
    }
}
