//! Log-probabilities of chosen tokens, in the two shapes of the OpenAI API.
//!
//! JSON cannot say minus infinity; servers write `null` or a very small number instead. `null` is
//! kept as `None`, never as zero (which would mean certainty).

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// A list for which a server may write `null`: there is nothing in it.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(field: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(field)?.unwrap_or_default())
}

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
    #[serde(default, deserialize_with = "list")]
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
    #[serde(default, deserialize_with = "list")]
    pub tokens: Vec<String>,
    /// Their natural log-probabilities; with `echo`, the first token of the prompt has none.
    #[serde(default, deserialize_with = "list")]
    pub token_logprobs: Vec<Option<f64>>,
    /// The likeliest tokens at each position. The API gives a map, so their order is not kept.
    #[serde(default)]
    pub top_logprobs: Option<Vec<Option<Map<String, Value>>>>,
    /// Where each token starts in the text, in characters.
    #[serde(default, deserialize_with = "list")]
    pub text_offset: Vec<u64>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_null_where_a_list_may_stand_is_an_empty_one() {
        let token = json!({ "token": "a", "logprob": -0.5, "bytes": null, "top_logprobs": null });
        let token: TokenLogprob = serde_json::from_value(token).expect("a token");
        assert_eq!(token.top_logprobs, []);
        let lists = json!({ "tokens": ["a"], "token_logprobs": [null], "top_logprobs": null, "text_offset": null });
        let lists: CompletionLogprobs = serde_json::from_value(lists).expect("lists");
        assert_eq!((lists.top_logprobs, lists.text_offset), (None, vec![]));
        assert_eq!(lists.token_logprobs, [None]);
    }
}
