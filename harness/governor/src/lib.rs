//! Which case starts when, and on which devices.
mod admission;
mod bound;
mod drive;
mod fillers;
mod governor;
mod impossible;
mod job;
mod plan;
mod problem;
mod promise;
mod queue;
mod rooms;
mod search;
mod starting;
mod state;
mod view;
mod why;

pub use bound::{Binding, LowerBound};
pub use governor::{Governor, Start};
pub use impossible::{Impossible, Lack};
pub use job::{Card, IDLE, Job, Limits, Memory, PATIENCE, REFUSED_PAUSE, SHARED};
pub use plan::{Planned, Schedule, plan, plan_with};
pub use problem::Malformed;
pub use view::{Foreign, Reading, View};
pub use why::Why;
