//! Categories: markers that answer one question, and how many of them a test must have.
//!
//! Promise: a marker belongs to one category at most. Rejected: several categories per marker (a default would then depend on
//! the order in which they are filled).

use std::time::Duration;

use crate::marker::MarkerId;
use crate::set::MarkerSet;

/// A category.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Category {
    /// The declared name.
    pub name: String,
    /// What the category says about a test.
    pub doc: String,
    /// How many of its markers a test must have.
    pub rule: Rule,
    /// Whether the order of the members means something: a stage selects the members before its own as well.
    pub ordered: bool,
    /// The marker that a test without any member gets.
    pub default: Option<String>,
    /// The limit of a test's body by marker; of those that match the largest holds.
    pub limits: Vec<(MarkerId, Duration)>,
    /// The members, in the order of the file. Platforms, devices and `cards_N` stand behind the others.
    pub members: Vec<MarkerId>,
    /// A test with one of these needs no member and gets no default.
    pub waived_by: Vec<MarkerId>,
    /// Groups of which a test may have one marker.
    pub exclusive: Vec<Vec<MarkerId>>,
    /// Whether platforms, devices and `cards_N` are members.
    pub platforms: bool,
    /// The members as a set.
    pub(crate) mask: MarkerSet,
}

/// How many markers of a category a test must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// One or more.
    AtLeastOne,
    /// One, and no other.
    ExactlyOne,
    /// Any number.
    Optional,
}

impl Rule {
    pub(crate) const ALL: [(&'static str, Rule); 3] = [
        ("at least one", Rule::AtLeastOne),
        ("exactly one", Rule::ExactlyOne),
        ("optional", Rule::Optional),
    ];

    /// The rule as markers.toml writes it.
    pub fn text(self) -> &'static str {
        match self {
            Rule::AtLeastOne => "at least one",
            Rule::ExactlyOne => "exactly one",
            Rule::Optional => "optional",
        }
    }
}
