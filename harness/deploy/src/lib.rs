//! Deployment files of Tribunal: how a model server is started or reached, per level and platform.
//!
//! A [`Catalogue`] finds a deployment by name, file or address and checks all of it; the [`Spec`] takes settings from a command line and is rendered
//! for a [`Context`] (level, platform, environment) into a [`Recipe`], plain data to show and compare, and into the
//! [`tribunal_serving::Deployment`] that the start acts on.
//!
//! ```
//! use tribunal_deploy::{Catalogue, Context};
//!
//! let catalogue = Catalogue::new(&[]);
//! let mut spec = catalogue.parse("params.n = 1\ncommand = [\"serve\", \"--port={port}\", \"-n\", \"{n}\"]", "my.toml", "my").unwrap();
//! spec.set("n=2").unwrap();
//! let rendered = spec.render(&Context::default()).unwrap();
//! assert_eq!(rendered.deployment.display_name(), "my");
//! ```
//!
//! Promises: all mistakes at once, each with file, line, caret and what to do; nothing from outside makes it panic; rendering reads variables and
//! files but changes nothing and starts nothing. What the keys mean is in docs/deployments.md.
//!
//! Rejected: serde for the schema (it stops at the first mistake, and a merged value has lost the file it came from), and a template language
//! (what a deployment needs of one is a placeholder and a group that is left out).

mod catalogue;
mod command;
mod config;
mod context;
mod cover;
mod device_table;
mod devices;
mod draw;
mod format;
mod json;
mod judging;
mod known_model;
mod load;
mod matrix;
mod merge;
mod node;
mod offer;
mod param;
mod part;
mod patch;
mod path;
mod process;
mod reader;
mod ready;
mod recipe;
mod scalar;
mod schema;
mod scope;
mod secret;
mod shipped;
mod show;
mod source;
mod spec;
mod text;
pub mod tree;
mod way;
mod yaml;

pub use catalogue::{Catalogue, Listed};
pub use config::ConfigFile;
pub use context::{Context, EnvHook, OfflineHook};
pub use devices::{DeviceProfile, DeviceUse, MemoryLimit};
pub use draw::{
    Cover, Drawing, Feature, MOST_VARIANTS, Matrix, MatrixRow, Priority, Variant, draw,
};
pub use judging::{JudgingFacts, TranscriberFact, VoiceFact};
pub use matrix::MATRIX_FEATURES;
pub use offer::{ASSUMED, CAPABILITIES, feature_names};
pub use recipe::{FatalLine, OfflineJob, Process, Recipe, RecipePart, Requires, Version, Way};
pub use secret::names_secret;
pub use source::Problems;
pub use spec::{Rendered, Spec};
