//! Names of objects on a cluster.
//!
//! Promise: a label of DNS that begins with a letter, short enough that what a cluster appends (ordinals of pods, hashes of revisions) still fits into 63
//! characters. Rejected: `generateName` (whoever deletes must know the name before anything is created).

use sha2::{Digest, Sha256};

/// The longest part that comes from a file: with six characters of the run, an ordinal and the hash of a revision that is 63.
const STEM: usize = 43;
/// The characters of a run's name. Vowels and what looks alike are left out.
const ALPHABET: &[u8; 28] = b"bcdfghjkmnpqrstvwxz234567890";
/// How many of them.
const LENGTH: usize = 6;

/// What tells one run from all others on a cluster: six letters and digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId(String);

impl RunId {
    /// One that was given.
    ///
    /// # Errors
    /// In words: it is not six lower-case letters and digits.
    pub fn parse(text: &str) -> Result<RunId, String> {
        let good = text.len() == LENGTH
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if good {
            Ok(RunId(text.to_owned()))
        } else {
            Err(format!(
                "`{}` names no run: a run is six lower-case letters and digits, the end of its objects' names",
                text.escape_debug()
            ))
        }
    }

    /// One that follows from bytes: random ones for a run, those of the input where a manifest is only shown.
    pub fn of(bytes: &[u8]) -> RunId {
        let digest = Sha256::digest(bytes);
        let letters = digest.iter().take(LENGTH);
        RunId(
            letters
                .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
                .collect(),
        )
    }

    /// The six characters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a run's objects: what of the file's name a cluster takes, and the run.
pub fn object_name(stem: &str, run: &RunId) -> String {
    let mut plain = String::new();
    for c in stem.chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            plain.push(c);
        } else if !plain.is_empty() && !plain.ends_with('-') {
            plain.push('-');
        }
    }
    // The first letter of a Service is no digit.
    if !plain.starts_with(|c: char| c.is_ascii_lowercase()) {
        plain.insert_str(0, if plain.is_empty() { "run" } else { "n-" });
    }
    plain.truncate(STEM);
    format!("{}-{run}", plain.trim_end_matches('-'))
}

/// Whether a cluster takes it as a name.
pub(crate) fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    !name.is_empty()
        && name.len() <= 63
        && name.starts_with(inner)
        && name.ends_with(inner)
        && name.chars().all(|c| inner(c) || c == '-')
}

/// Whether a cluster takes it as the name of an object with dots in it: a claim, a secret.
pub(crate) fn is_subdomain(name: &str) -> bool {
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_keep_what_a_cluster_takes() {
        let run = RunId::parse("abc123").unwrap();
        for (stem, want) in [
            (
                "qwen3-235b-disaggregated",
                "qwen3-235b-disaggregated-abc123",
            ),
            ("Qwen3_235B.A22B", "qwen3-235b-a22b-abc123"),
            ("3.yaml", "n-3-yaml-abc123"),
            ("", "run-abc123"),
            ("___", "run-abc123"),
            ("größe", "gr-e-abc123"),
        ] {
            assert_eq!(object_name(stem, &run), want, "{stem}");
        }
        let long = object_name(&"a".repeat(90), &run);
        assert_eq!(long.len(), 50);
        // Cut behind a hyphen, none is left there.
        let cut = object_name(&format!("{}-b", "a".repeat(42)), &run);
        assert_eq!(cut, format!("{}-abc123", "a".repeat(42)));
    }

    #[test]
    fn a_run_is_six_letters_and_digits() {
        assert!(RunId::parse("ABC123").is_err());
        assert!(RunId::parse("abc12").is_err());
        assert!(RunId::parse("abc12/").is_err());
        assert_eq!(RunId::of(b"x"), RunId::of(b"x"));
        assert_ne!(RunId::of(b"x"), RunId::of(b"y"));
    }

    proptest! {
        #[test]
        fn every_stem_becomes_a_name_of_dns(stem in ".{0,80}", bytes in any::<[u8; 8]>()) {
            let run = RunId::of(&bytes);
            prop_assert!(RunId::parse(run.as_str()).is_ok());
            let name = object_name(&stem, &run);
            prop_assert!(is_label(&name), "{name}");
            prop_assert!(name.starts_with(|c: char| c.is_ascii_lowercase()));
            // The label of a revision: `NAME-0-` and ten characters.
            prop_assert!(name.len() + 13 <= 63);
        }
    }
}
