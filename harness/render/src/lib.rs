//! Reports of runs, each a pure function of the event log: for build servers, for people, for timelines.
//!
//! Promise: nothing is looked up and no clock is read, so that a report made tomorrow, or on another machine, is the one that the run itself would have
//! made; whatever a model wrote is escaped for the format that it goes into. Only the page and the timeline look at evidence, in the log's own folder.
//!
//! Rejected: a common document model that every format is made from (what the formats can say differs too much: the least of them would decide).

mod annotations;
mod ctrf;
mod html;
mod junit;
mod logs;
mod markdown;
mod reports;
mod standing;
mod text;
mod trace;

pub use annotations::{BuildkiteAnnotation, annotations_buildkite, annotations_github};
pub use ctrf::ctrf;
pub use html::{Html, HtmlOptions, html};
pub use junit::junit;
pub use logs::read;
pub use markdown::{GOOD_LIMIT, markdown};
pub use reports::{Annotator, Reports, Written};
pub use trace::{MemorySample, memory_samples, trace};
