//! Answers as they stand on the wire: only the fields that load looks at, borrowed from the bytes that were read.
//!
//! Promise: one event of one choice is read without an allocation unless its text has escapes. Rejected: `serde_json::Value` (three times the
//! time of everything else that is done for an event).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;

/// Text, borrowed where it has no escapes. Within an `Option`, serde's own `Cow` never borrows.
#[derive(Debug, Default)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Take;
        impl<'de> Visitor<'de> for Take {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Take)
    }
}

/// Several of something, of which there is nearly always one: the first needs no allocation.
#[derive(Debug)]
pub(crate) struct Several<T> {
    pub(crate) first: Option<T>,
    pub(crate) others: Vec<T>,
}

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self {
            first: None,
            others: Vec::new(),
        }
    }
}

impl<T> Several<T> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.first.iter().chain(&self.others)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Take<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Take<T> {
            type Value = Several<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, or null")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Several::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let first = list.next_element()?;
                let mut others = Vec::new();
                while let Some(next) = list.next_element()? {
                    others.push(next);
                }
                Ok(Several { first, others })
            }
        }
        from.deserialize_any(Take(std::marker::PhantomData))
    }
}

/// The content of a message: text, parts, or nothing.
#[derive(Debug, Default)]
pub(crate) enum Content<'a> {
    #[default]
    None,
    Text(Cow<'a, str>),
    Parts(Several<Part<'a>>),
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Take;
        impl<'de> Visitor<'de> for Take {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, a list of parts, or null")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Content::None)
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Content::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let first = list.next_element()?;
                let mut others = Vec::new();
                while let Some(next) = list.next_element()? {
                    others.push(next);
                }
                Ok(Content::Parts(Several { first, others }))
            }
        }
        from.deserialize_any(Take)
    }
}

/// One part of a content.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Part<'a> {
    #[serde(borrow)]
    pub(crate) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) image_url: Option<Url<'a>>,
    #[serde(borrow)]
    pub(crate) audio_url: Option<Url<'a>>,
    #[serde(borrow)]
    pub(crate) video_url: Option<Url<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Url<'a> {
    #[serde(borrow)]
    pub(crate) url: Text<'a>,
}

/// A message, or a piece of one.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Message<'a> {
    #[serde(borrow)]
    pub(crate) content: Content<'a>,
    #[serde(borrow)]
    pub(crate) reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) reasoning: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) refusal: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) tool_calls: Several<ToolCall<'a>>,
    #[serde(borrow)]
    pub(crate) audio: Option<Audio<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct ToolCall<'a> {
    #[serde(borrow)]
    pub(crate) function: Option<Function<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Function<'a> {
    #[serde(borrow)]
    pub(crate) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) arguments: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Audio<'a> {
    #[serde(borrow)]
    pub(crate) data: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) transcript: Option<Text<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Choice<'a> {
    #[serde(borrow)]
    pub(crate) delta: Option<Message<'a>>,
    #[serde(borrow)]
    pub(crate) message: Option<Message<'a>>,
    #[serde(borrow)]
    pub(crate) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) finish_reason: Option<Text<'a>>,
}

/// Token counts, in the words of either dialect.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Usage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    // Fields of their own, not aliases: a server may send both.
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
}

impl Usage {
    pub(crate) fn prompt(&self) -> Option<u64> {
        self.prompt_tokens.or(self.input_tokens)
    }

    pub(crate) fn completion(&self) -> Option<u64> {
        self.completion_tokens.or(self.output_tokens)
    }
}

/// A chat or completion, whole or an event of it; an event of a transcription.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Chunk<'a> {
    #[serde(borrow)]
    pub(crate) choices: Several<Choice<'a>>,
    pub(crate) usage: Option<Usage>,
    #[serde(borrow)]
    pub(crate) modality: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) object: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) delta: Option<Text<'a>>,
    pub(crate) error: Option<Value>,
    pub(crate) metrics: Option<Value>,
    pub(crate) timings: Option<Value>,
}

/// An event of speech.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SpeechEvent<'a> {
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) audio: Option<TextOrData<'a>>,
    pub(crate) sample_rate: Option<u32>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<Value>,
    pub(crate) metrics: Option<Value>,
}

/// Base64, as it is or in an object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum TextOrData<'a> {
    #[serde(borrow)]
    Text(Text<'a>),
    #[serde(borrow)]
    Data(Audio<'a>),
}

/// Images, or a video, in JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Pictures<'a> {
    #[serde(borrow)]
    pub(crate) data: Several<Picture<'a>>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<Value>,
    pub(crate) metrics: Option<Value>,
    pub(crate) stage_durations: Option<Value>,
    pub(crate) peak_memory_mb: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Picture<'a> {
    #[serde(borrow)]
    pub(crate) b64_json: Option<Text<'a>>,
    #[serde(borrow)]
    pub(crate) url: Option<Text<'a>>,
}

/// A transcription in JSON.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Transcript<'a> {
    #[serde(borrow)]
    pub(crate) text: Option<Text<'a>>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<Value>,
}

/// Embeddings.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Embeddings {
    pub(crate) data: Vec<Embedding>,
    pub(crate) usage: Option<Usage>,
    pub(crate) error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Embedding {
    pub(crate) embedding: Length,
}

/// Numbers in a list, or a text in base64: only whether there are any.
#[derive(Debug, Default)]
pub(crate) struct Length(pub(crate) usize);

impl<'de> Deserialize<'de> for Length {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Take;
        impl<'de> Visitor<'de> for Take {
            type Value = Length;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list, or text in base64")
            }

            fn visit_str<E>(self, text: &str) -> Result<Length, E> {
                Ok(Length(text.len()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Length, A::Error> {
                let mut length = 0;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    length += 1;
                }
                Ok(Length(length))
            }
        }
        from.deserialize_any(Take)
    }
}

/// A job that makes a video.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Job {
    pub(crate) id: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) error: Option<Value>,
    /// A number, or a number in quotes.
    pub(crate) seconds: Option<Value>,
    pub(crate) metrics: Option<Value>,
    pub(crate) stage_durations: Option<Value>,
    pub(crate) peak_memory_mb: Option<Value>,
}
