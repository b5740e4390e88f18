//! Answers of the routes that turn text into tokens and back. Nobody judges them: a test compares
//! them with what it knows.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::error::ClientError;
use crate::judge::Judged;
use crate::raw::RawAnswer;

/// An answer of the tokenize route.
#[derive(Debug, Clone)]
pub struct TokenizeAnswer {
    /// The ids.
    pub tokens: Vec<u64>,
    /// How many there are, as the server counts (vLLM).
    pub count: Option<u64>,
    /// How many the model takes at most (vLLM).
    pub max_model_len: Option<u64>,
    /// Everything else (`token_strs` …).
    pub extra: Map<String, Value>,
    /// The response below.
    pub raw: RawAnswer,
}

/// An answer of the detokenize route.
#[derive(Debug, Clone)]
pub struct DetokenizeAnswer {
    /// The text.
    pub text: String,
    /// Everything else.
    pub extra: Map<String, Value>,
    /// The response below.
    pub raw: RawAnswer,
}

#[derive(Deserialize)]
struct Tokenized {
    tokens: Option<Vec<Token>>,
    count: Option<u64>,
    max_model_len: Option<u64>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

/// llama.cpp writes an object for each token where it is asked for the pieces as well.
#[derive(Deserialize)]
#[serde(untagged)]
enum Token {
    Id(u64),
    Piece { id: u64 },
}

#[derive(Deserialize)]
struct Detokenized {
    /// vLLM's name of the text.
    prompt: Option<String>,
    /// llama.cpp's name of it.
    content: Option<String>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl Answer for TokenizeAnswer {
    fn read(raw: RawAnswer) -> Result<Self, ClientError> {
        let wire: Tokenized = raw.json()?;
        let Some(tokens) = wire.tokens else {
            return Err(raw.lacks("tokens", wire.extra.get("error")));
        };
        Ok(Self {
            tokens: tokens
                .into_iter()
                .map(|token| match token {
                    Token::Id(id) | Token::Piece { id } => id,
                })
                .collect(),
            count: wire.count,
            max_model_len: wire.max_model_len,
            extra: wire.extra,
            raw,
        })
    }

    fn judged(&self) -> Option<Judged<'_>> {
        None
    }

    fn raw_mut(&mut self) -> &mut RawAnswer {
        &mut self.raw
    }
}

impl Answer for DetokenizeAnswer {
    fn read(raw: RawAnswer) -> Result<Self, ClientError> {
        let wire: Detokenized = raw.json()?;
        let Some(text) = wire.prompt.or(wire.content) else {
            return Err(raw.lacks("prompt", wire.extra.get("error")));
        };
        Ok(Self {
            text,
            extra: wire.extra,
            raw,
        })
    }

    fn judged(&self) -> Option<Judged<'_>> {
        None
    }

    fn raw_mut(&mut self) -> &mut RawAnswer {
        &mut self.raw
    }
}
