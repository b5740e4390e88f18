//! Where a model lies on this machine: from the name that a deployment gives to a folder (or file) that an engine can open.
//!
//! [`ModelPaths`] knows the places (mapping files, a fast local store, shared read-only stores, the hub cache) and
//! [`ModelPaths::resolve`] asks them in that order. A model of a shared store is copied to the fast one when that is
//! writable and has room; otherwise the shared copy is used and a note says why.
//!
//! Promises:
//! * what is returned is whole, as far as can be told without reading it all: links lead somewhere, every shard that an
//!   index names is there, safetensors files are as long as their headers say, and a copy agrees with its manifest;
//! * a model appears in the fast store whole or not at all, also after a crash between any two steps, and a later copy
//!   keeps what an earlier one had finished;
//! * nothing that is in use is removed: a [`Lease`] holds a kernel lock that ends with its holder;
//! * a name cannot lead out of a store.
//!
//! Rejected: a marker file that says "complete" beside a folder that grows in place. Two processes then write into one
//! folder, and a reader that comes between the last file and the marker copies everything again.

mod complete;
mod copy;
mod digest;
mod error;
mod hub;
mod lock;
mod manifest;
mod mapping;
mod name;
mod paths;
mod resolved;
mod room;
mod scan;
mod search;
mod settings;
mod step;
mod store;
mod tree;

#[cfg(test)]
mod tests;

pub use error::{ModelError, ModelErrorKind};
pub use lock::Lease;
pub use name::NameError;
pub use paths::{ModelPaths, Wanted};
pub use resolved::{Copied, Look, Place, Progress, Resolved};
