//! Secrets of the environment in what is shown of a deployment.
//!
//! Promise: the value of a variable whose name says that it is a secret is shown nowhere, wherever a file puts it. Rejected: masking by the name of
//! the option or the variable that gets the value alone; an address or a folder can have a password in it.

use serde_json::Value;

/// Shorter values would hit ordinary words.
const SHORTEST: usize = 6;
const MASK: &str = "***";

/// Whether a name says that its value is a secret.
pub fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    // `--tokenizer` and `--max-tokens` are none: the word stands alone.
    name.split('-').any(|word| {
        matches!(
            word,
            "key" | "apikey" | "token" | "secret" | "password" | "passwd" | "credentials"
        )
    })
}

/// Values that were put into a deployment and must not be shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// Takes note of a variable's value, if its name says that it is a secret.
    pub fn note(&mut self, name: &str, value: &str) {
        if !names_secret(name) || value.len() < SHORTEST || self.0.iter().any(|s| s == value) {
            return;
        }
        self.0.push(value.to_owned());
        // The longest first, or a part of it would be replaced and the rest left standing.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// The text without them.
    pub fn masked(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), MASK)
        })
    }

    /// The value without them; keys stay.
    pub fn masked_json(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.masked(&text)),
            Value::Array(list) => list.into_iter().map(|v| self.masked_json(v)).collect(),
            Value::Object(map) => map
                .into_iter()
                .map(|(key, v)| (key, self.masked_json(v)))
                .collect(),
            other => other,
        }
    }
}
