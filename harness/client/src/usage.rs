//! The token counts of an answer, as reported and as required.
//!
//! Two types, because absence must not read as zero: [`ReportedUsage`] is what the server sent, field
//! by field; [`Usage`] is what a test calculates with, and exists only when the three counts do.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The `usage` object as the server sent it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct ReportedUsage {
    /// Tokens of the prompt.
    pub prompt_tokens: Option<u64>,
    /// Tokens generated, over all choices.
    pub completion_tokens: Option<u64>,
    /// The sum, as the server says.
    pub total_tokens: Option<u64>,
    /// Everything else (`prompt_tokens_details`, vendor counts).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// Token counts that are all there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens generated, over all choices.
    pub completion_tokens: u64,
    /// The sum, as the server says; nothing here checks it.
    pub total_tokens: u64,
}

impl ReportedUsage {
    /// `prompt_tokens_details.cached_tokens`: how much of the prompt came from a prefix cache.
    pub fn cached_tokens(&self) -> Option<u64> {
        self.extra
            .get("prompt_tokens_details")?
            .get("cached_tokens")?
            .as_u64()
    }

    /// The three counts, or the name of the first that is missing.
    ///
    /// # Errors
    /// The missing field's name.
    pub fn complete(&self) -> Result<Usage, &'static str> {
        Ok(Usage {
            prompt_tokens: self.prompt_tokens.ok_or("prompt_tokens")?,
            completion_tokens: self.completion_tokens.ok_or("completion_tokens")?,
            total_tokens: self.total_tokens.ok_or("total_tokens")?,
        })
    }
}

/// Why a usage cannot be given, in words; `hint` applies where the object is missing from a stream.
pub(crate) fn required(usage: Option<&ReportedUsage>, stream: bool) -> Result<Usage, String> {
    match usage {
        None if stream => Err("the answer has no `usage`: a stream carries it only when asked; add `.include_usage()` to the request".into()),
        None => Err("the answer has no `usage`: the server did not count its tokens".into()),
        Some(usage) => usage.complete().map_err(|field| format!("the answer's `usage` lacks `{field}`")),
    }
}
