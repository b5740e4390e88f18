//! Secrets in what is written down.
//!
//! Promise: the value of a variable whose name says that it is a secret is replaced wherever it stands. Rejected: masking by the look of a value.

/// What stands in place of a secret.
const MASK: &str = "***";

/// Shorter values would hit ordinary words.
const SHORTEST: usize = 6;

/// Whether a variable of this name holds a secret. `TOKENIZER` and `MAX_TOKENS` do not: the word must stand alone.
pub(crate) fn names_secret(name: &str) -> bool {
    name.to_ascii_lowercase()
        .split(['_', '-', '.'])
        .any(|word| {
            matches!(
                word,
                "key" | "apikey" | "token" | "secret" | "password" | "passwd" | "credentials"
            )
        })
}

/// The secret values that this process knows of.
#[derive(Clone, Debug)]
pub struct Mask(Vec<String>);

impl Mask {
    /// Those of the environment, as it is now.
    pub fn of_environment() -> Mask {
        Mask::of(
            std::env::vars_os()
                .filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?))),
        )
    }

    fn of(variables: impl Iterator<Item = (String, String)>) -> Mask {
        let mut values: Vec<String> = variables
            .filter(|(name, value)| names_secret(name) && value.len() >= SHORTEST)
            .map(|(_, value)| value)
            .collect();
        // The longest first, or a part of it would be replaced and the rest left standing.
        values.sort_by_key(|v| std::cmp::Reverse(v.len()));
        Mask(values)
    }

    /// A text without them.
    pub fn text(&self, text: &str) -> String {
        self.0
            .iter()
            .fold(text.to_owned(), |text, secret| text.replace(secret, MASK))
    }

    /// The value of a variable as it may be written down.
    pub fn value(&self, name: &str, value: &str) -> String {
        if names_secret(name) && !value.is_empty() {
            MASK.to_owned()
        } else {
            self.text(value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_wherever_they_stand() {
        let mask = Mask::of(
            [
                ("HF_TOKEN", "hf_abcdef"),
                ("MAX_TOKENS", "123456"),
                ("API_KEY", "abc"),
            ]
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .into_iter(),
        );
        assert_eq!(
            mask.text("said hf_abcdef, 123456, abc"),
            "said ***, 123456, abc"
        );
        assert_eq!(mask.value("API_KEY", "abc"), "***");
        assert_eq!(mask.value("URL", "http://hf_abcdef@x"), "http://***@x");
        assert_eq!(mask.value("API_KEY", ""), "");
    }
}
