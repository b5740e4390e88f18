//! What a deployment says of its server: what it can do, which features are on, how its workers are told.
//!
//! Declared, not probed: a test that needs a capability is gated before anything starts.

use std::collections::{BTreeMap, BTreeSet};

use crate::known_model::KnownModel;

/// What a server offers, as its deployment declares it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Offers {
    /// What requests it answers: `chat`, `completions`, `embeddings`, `speech`, `transcription`, `images`, `videos`, `tools`, …
    pub capabilities: BTreeSet<String>,
    /// Features that are on, with their value as text: `prefix_caching = "true"`, `quantization = "fp8"`, `lora = "a,b"`.
    pub features: BTreeMap<String, String>,
    /// The version that the file is pinned to.
    pub version: Option<String>,
    /// How the processes that hold the model are told from the rest of the tree.
    pub workers: Option<Workers>,
    /// The model whose answers are known, if there is one.
    pub known_model: Option<KnownModel>,
}

/// How worker processes are told from the rest of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Workers {
    /// A regular expression that is searched in the process's name and in its command line.
    pub pattern: String,
    /// How many there are once the server is ready.
    pub count: Option<u32>,
}
