//! Levels: how deep a test looks.
//!
//! Promise: the order of [`crate::Vocabulary::levels`] is the order of depth, lowest first. Rejected: a number per level (two
//! files could then disagree about what lies between).

use std::time::Duration;

use crate::marker::MarkerId;

/// A level.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Level {
    /// The declared name; the level is also a marker of that name.
    pub name: String,
    /// What the level covers.
    pub doc: String,
    /// What the whole level may take.
    pub budget: Option<Duration>,
    /// The markers that a test of the level gets with it.
    pub implies: Vec<String>,
    /// Whether a test of the level must state its own limit.
    pub needs_timeout: bool,
    /// The marker of that name.
    pub id: MarkerId,
}
