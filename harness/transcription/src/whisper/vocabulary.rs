//! From tokens to text: the words of a byte-level vocabulary, put together.
//!
//! Promise: any numbers give a text. Rejected: the crate `tokenizers`. It reads and splits texts too, which nobody asks of a
//! listener, and wants a file that older models do not have.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// The most words that are believed.
const MOST: usize = 1 << 20;

/// The words of a model.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    /// The bytes of each word, by its number; nothing for marks and for numbers that are not used.
    words: Vec<Option<Vec<u8>>>,
    marks: BTreeMap<String, u32>,
}

impl Vocabulary {
    /// From a `tokenizer.json`.
    pub fn of_tokenizer(file: &Value) -> Result<Self, String> {
        let words = file["model"]["vocab"]
            .as_object()
            .ok_or("it has no table `model.vocab` of words and their numbers")?;
        let mut marks = Map::new();
        for entry in file["added_tokens"].as_array().into_iter().flatten() {
            if let Some(content) = entry["content"].as_str() {
                marks.insert(content.to_owned(), entry["id"].clone());
            }
        }
        Self::of_tables(words, &marks)
    }

    /// From a `vocab.json` and an `added_tokens.json`.
    pub fn of_tables(
        words: &Map<String, Value>,
        marks: &Map<String, Value>,
    ) -> Result<Self, String> {
        let byte_of = bytes();
        let mut found = Self {
            words: Vec::new(),
            marks: BTreeMap::new(),
        };
        for (word, number) in marks {
            found.marks.insert(word.clone(), id(word, number)?);
        }
        for (word, number) in words {
            let at = id(word, number)? as usize;
            // Older files have the marks among the words.
            if is_mark(word) {
                found.marks.entry(word.clone()).or_insert(at as u32);
                continue;
            }
            let of = |c: char| {
                byte_of.get(&c).copied().ok_or_else(|| {
                    let word = word.escape_debug();
                    format!("the word `{word}` has a character that stands for no byte; expected a byte-level vocabulary, as Whisper's are")
                })
            };
            let bytes = word.chars().map(of).collect::<Result<Vec<u8>, String>>()?;
            if found.words.len() <= at {
                found.words.resize(at + 1, None);
            }
            found.words[at] = Some(bytes);
        }
        Ok(found)
    }

    /// The number of a mark.
    pub fn mark(&self, name: &str) -> Option<u32> {
        self.marks.get(name).copied()
    }

    /// The languages that have a mark.
    pub fn languages(&self) -> impl Iterator<Item = (&str, u32)> {
        self.marks.iter().filter_map(|(name, id)| {
            let code = name.strip_prefix("<|")?.strip_suffix("|>")?;
            let short = (2..=3).contains(&code.len());
            (short && code.bytes().all(|b| b.is_ascii_lowercase())).then_some((code, *id))
        })
    }

    /// The text of tokens, without the marks among them.
    pub fn text(&self, tokens: &[u32]) -> String {
        let words = tokens
            .iter()
            .filter_map(|id| self.words.get(*id as usize)?.as_ref());
        let bytes: Vec<u8> = words.flatten().copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn is_mark(word: &str) -> bool {
    word.len() > 4 && word.starts_with("<|") && word.ends_with("|>")
}

fn id(word: &str, number: &Value) -> Result<u32, String> {
    let small = |n: &u64| *n < MOST as u64;
    let number_of = number
        .as_u64()
        .filter(small)
        .and_then(|n| u32::try_from(n).ok());
    number_of.ok_or_else(|| {
        let word = word.escape_debug();
        format!(
            "the number of `{word}` is {number}; expected one from 0 to {}",
            MOST - 1
        )
    })
}

/// Which byte a character of a word stands for: those that can be seen stand for themselves, the others come after 255 in order.
fn bytes() -> BTreeMap<char, u8> {
    let seen = |b: u8| matches!(b, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let others = (0..=255_u8).filter(|b| !seen(*b));
    let others = others
        .zip(256_u32..)
        .filter_map(|(b, c)| Some((char::from_u32(c)?, b)));
    let visible = (0..=255_u8)
        .filter(|b| seen(*b))
        .map(|b| (char::from(b), b));
    visible.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_are_bytes_and_marks_are_silent() {
        let file = json!({
            "model": {"vocab": {"Ġowl": 0, "Ã": 1, "¤": 2, "s": 3, "<|endoftext|>": 4}},
            "added_tokens": [{"id": 5, "content": "<|en|>"}, {"id": 6, "content": "<|nospeech|>"}, {"id": 7, "content": "<|yue|>"}],
        });
        let words = Vocabulary::of_tokenizer(&file).expect("a vocabulary");
        assert_eq!(words.text(&[5, 0, 3, 4, 99, 1, 2]), " owlsä");
        // Half of a character is one that is not known.
        assert_eq!(words.text(&[3, 1]), "s\u{FFFD}");
        assert_eq!(words.mark("<|endoftext|>"), Some(4));
        assert_eq!(
            words.languages().collect::<Vec<_>>(),
            [("en", 5), ("yue", 7)]
        );
    }

    #[test]
    fn a_vocabulary_that_is_none_says_why() {
        let none = Vocabulary::of_tokenizer(&json!({"model": {}})).expect_err("no words");
        assert!(none.contains("model.vocab"), "{none}");
        for (vocab, said) in [
            (json!({"a b": 0}), "byte-level"),
            (json!({"a": -1}), "expected one from 0"),
            (json!({"a": 1_u64 << 40}), "expected one from 0"),
        ] {
            let error = Vocabulary::of_tokenizer(&json!({"model": {"vocab": vocab}}));
            let error = error.expect_err(said);
            assert!(error.contains(said), "{error}");
        }
    }
}
