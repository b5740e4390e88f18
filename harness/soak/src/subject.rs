//! What is looked at during a soak.
//!
//! Promise: a trait of two questions, so that hours of a server's life can be played in a test. Whoever answers bounds its own time; a soak goes on
//! without an answer that does not come.

use std::future::Future;
use std::pin::Pin;

use crate::line::{Incident, Sample};

/// What a look found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Looked {
    /// What the server holds; its time is set by who asked.
    pub sample: Sample,
    /// What has happened to its processes since the last look. That it is another process than before is told by the samples.
    pub incidents: Vec<Incident>,
}

/// A look, or a probe, on its way.
pub type Probing<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What is looked at during a soak.
pub trait Subject {
    /// What it holds now.
    fn look(&self) -> Probing<'_, Looked>;

    /// Whether it is well; an error says in words what is wrong.
    fn probe(&self) -> Probing<'_, Result<(), String>>;
}
