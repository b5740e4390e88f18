//! Log-probabilities of chosen tokens, in the two shapes of the OpenAI API.
//!
//! JSON cannot say minus infinity; servers write `null` or a very small number instead. `null` is
//! kept as `None`, never as zero (which would mean certainty).

use serde::Deserialize;
use serde_json::{Map, Value};

/// `logprobs` of a chat choice.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct ChatLogprobs {
    /// One entry for each generated token of the text; `None` where the server sent `null`.
    pub content: Option<Vec<TokenLogprob>>,
    /// Everything else (`refusal`, vendor fields).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// One generated token with its alternatives.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TokenLogprob {
    /// The token as text.
    pub token: String,
    /// Its natural log-probability.
    pub logprob: Option<f64>,
    /// The token as UTF-8 bytes, where the server says them.
    #[serde(default)]
    pub bytes: Option<Vec<u8>>,
    /// The likeliest tokens at this position, as many as were asked for.
    #[serde(default)]
    pub top_logprobs: Vec<TopLogprob>,
}

/// One of the likeliest tokens at a position.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TopLogprob {
    /// The token as text.
    pub token: String,
    /// Its natural log-probability.
    pub logprob: Option<f64>,
    /// The token as UTF-8 bytes, where the server says them.
    #[serde(default)]
    pub bytes: Option<Vec<u8>>,
}

/// `logprobs` of a choice of the older completions route: parallel lists.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct CompletionLogprobs {
    /// The tokens as text.
    #[serde(default)]
    pub tokens: Vec<String>,
    /// Their natural log-probabilities; with `echo`, the first token of the prompt has none.
    #[serde(default)]
    pub token_logprobs: Vec<Option<f64>>,
    /// The likeliest tokens at each position. The API gives a map, so their order is not kept.
    #[serde(default)]
    pub top_logprobs: Option<Vec<Option<Map<String, Value>>>>,
    /// Where each token starts in the text, in characters.
    #[serde(default)]
    pub text_offset: Vec<u64>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}
