//! Manifests from files of several nodes and settings: no cluster is asked.

mod like;
mod manifest;
mod name;
mod pod;
mod quantity;
mod reader;
mod script;
mod settings;
mod volume;
mod yaml;

pub use like::Like;
pub use manifest::{
    LEADER_WORKER_SET, MANAGED_BY, MANAGED_LABEL, MOST_SHARDS, Manifest, RUN_LABEL, Shape, Subject,
    TOKEN_KEY,
};
pub use name::{RunId, object_name};
pub use pod::{EVIDENCE_FOLDER, HARNESS, KEEPER};
pub use quantity::Quantity;
pub use settings::Settings;
pub use volume::Volume;

#[cfg(feature = "driver")]
pub(crate) use manifest::metadata;

/// The settings of a file over those of a manifest, and what of the manifest is not taken over.
pub fn laid_over(settings: Settings, like: Option<Like>) -> (Settings, Vec<String>) {
    match like {
        None => (settings, Vec::new()),
        Some(like) => (settings.over(like.settings), like.notes),
    }
}
