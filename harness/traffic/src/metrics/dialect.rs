//! Which definitions metrics follow.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::known::Unknown;

/// Whose definitions metrics follow. `docs/metrics.md` has them side by side, formula by formula.
///
/// A metric that a tool does not define is computed as [`Strict`](Self::Strict) defines it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// What a user waits for counts, and nothing else.
    #[default]
    Strict,
    /// As `vllm bench serve`.
    Vllm,
    /// As `vllm bench serve --omni` of vLLM-Omni.
    VllmOmni,
    /// As AIPerf.
    #[serde(rename = "aiperf")]
    AiPerf,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Dialect; 4] = [
        Dialect::Strict,
        Dialect::Vllm,
        Dialect::VllmOmni,
        Dialect::AiPerf,
    ];

    /// Its name, as it is written in files and options.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::Strict => "strict",
            Dialect::Vllm => "vllm",
            Dialect::VllmOmni => "vllm-omni",
            Dialect::AiPerf => "aiperf",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        Self::ALL
            .into_iter()
            .find(|dialect| dialect.name() == text)
            .ok_or_else(|| Unknown::new("dialect", text, Self::ALL.map(Dialect::name)))
    }
}
