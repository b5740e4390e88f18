//! What a rule is, and the table of all of them.
//!
//! Promise: a verdict holds no rule that is not in [`RULES`], and one that is judged in depth has every rule of its kind, also those
//! that found no object. Rejected: a trait object for each rule. Rules of one kind share what they looked up, and a table can be
//! printed, searched and counted.

use std::fmt;

use crate::depth::Depth;

pub use crate::table::RULES;

/// What kind of answer is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A chat answer.
    Chat,
    /// An answer of the completions route.
    Completion,
    /// An answer of the responses route.
    Responses,
    /// Embeddings.
    Embeddings,
    /// An order of documents.
    Rerank,
    /// Scores of pairs of texts.
    Score,
    /// Classes of texts.
    Classify,
    /// Spoken audio.
    Speech,
    /// Generated audio that is no speech.
    Audio,
    /// A transcript or a translation.
    Transcription,
    /// Pictures.
    Images,
    /// A video.
    Video,
    /// A refusal.
    Error,
    /// The metrics of a server.
    Metrics,
    /// Two answers to one request.
    Comparison,
}

impl Kind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Kind; 15] = [
        Kind::Chat,
        Kind::Completion,
        Kind::Responses,
        Kind::Embeddings,
        Kind::Rerank,
        Kind::Score,
        Kind::Classify,
        Kind::Speech,
        Kind::Audio,
        Kind::Transcription,
        Kind::Images,
        Kind::Video,
        Kind::Error,
        Kind::Metrics,
        Kind::Comparison,
    ];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Chat => "chat",
            Kind::Completion => "completion",
            Kind::Responses => "responses",
            Kind::Embeddings => "embeddings",
            Kind::Rerank => "rerank",
            Kind::Score => "score",
            Kind::Classify => "classify",
            Kind::Speech => "speech",
            Kind::Audio => "audio",
            Kind::Transcription => "transcription",
            Kind::Images => "images",
            Kind::Video => "video",
            Kind::Error => "error",
            Kind::Metrics => "metrics",
            Kind::Comparison => "comparison",
        })
    }
}

/// One rule, as the table has it.
#[derive(Debug)]
pub struct Rule {
    /// Its name; stable, and the same in every report.
    pub name: &'static str,
    /// To which kinds of answers it applies.
    pub kinds: &'static [Kind],
    /// From which depth on it is asked.
    pub level: Depth,
    /// What it says, in a line.
    pub says: &'static str,
    /// The numbers that it holds figures against, and that can be set.
    pub limits: &'static [Limit],
}

/// A number that figures are held against.
#[derive(Debug)]
pub struct Limit {
    /// The name by which it is set; that of the rule, where a rule has one.
    pub name: &'static str,
    /// What it is unless somebody says otherwise.
    pub default: f64,
    /// What it says, in a line.
    pub says: &'static str,
    /// Where the number comes from.
    pub source: &'static str,
}

/// The rule of this name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

/// The limit of this name.
pub fn limit(name: &str) -> Option<&'static Limit> {
    limits().find(|limit| limit.name == name)
}

/// All limits, in the order of the rules.
pub fn limits() -> impl Iterator<Item = &'static Limit> {
    RULES.iter().flat_map(|rule| rule.limits)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_words() {
        let mut seen = BTreeSet::new();
        for rule in RULES {
            assert!(seen.insert(rule.name), "{} stands twice", rule.name);
            let word = |name: &str| {
                !name.is_empty()
                    && name
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
            };
            assert!(word(rule.name), "{}", rule.name);
            assert!(
                !rule.kinds.is_empty() && !rule.says.is_empty(),
                "{}",
                rule.name
            );
        }
        let mut seen = BTreeSet::new();
        for limit in limits() {
            assert!(seen.insert(limit.name), "{} stands twice", limit.name);
            assert!(
                limit.default.is_finite() && !limit.says.is_empty() && !limit.source.is_empty(),
                "{}",
                limit.name
            );
        }
    }

    #[test]
    fn every_kind_has_a_rule_of_each_depth_or_is_judged_alike_at_all() {
        for kind in Kind::ALL {
            assert!(
                RULES.iter().any(|rule| rule.kinds.contains(&kind)),
                "{kind}"
            );
        }
    }
}
