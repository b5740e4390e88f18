//! Secrets in what a server prints: replaced by `***` before anything is written or shown.
//!
//! Known secrets are the values of variables and options whose names say so; beyond them, what looks like a key of a
//! hub or an API, or follows `Bearer`, is one. The text comes in pieces, and a secret may lie across two of them:
//! what could still become one is held back until more comes, and nothing else is. Regular expressions were
//! rejected for the stream: they cannot be paused, and most of a log holds none of the few beginnings looked for here.

use std::ffi::OsString;

use aho_corasick::{AhoCorasick, Input, MatchKind};

use crate::text::names_secret;

/// Shorter values are too likely to be ordinary words.
const SHORTEST: usize = 6;
/// A key that is still going on after so much is masked as far as it has come.
const LONGEST_KEY: usize = 4 << 10;
const MASK: &[u8] = b"***";

/// What a key looks like after a beginning that gives it away.
#[derive(Clone, Copy)]
struct Shape {
    start: &'static [u8],
    /// How many characters of a key must follow.
    at_least: usize,
    /// The beginning is no secret and stays readable.
    shows_start: bool,
    other: &'static [u8],
}

const SHAPES: [Shape; 5] = {
    let bearer = Shape {
        start: b"Bearer ",
        at_least: SHORTEST,
        shows_start: true,
        other: b"-._~+/=",
    };
    [
        bearer,
        Shape {
            start: b"bearer ",
            ..bearer
        },
        Shape {
            start: b"BEARER ",
            ..bearer
        },
        Shape {
            start: b"hf_",
            at_least: 20,
            shows_start: false,
            other: b"",
        },
        Shape {
            start: b"sk-",
            at_least: 20,
            shows_start: false,
            other: b"-_",
        },
    ]
};

impl Shape {
    fn goes_on(&self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || self.other.contains(&byte)
    }
}

/// Masks one stream.
pub(crate) struct Masker {
    /// The known secrets, and after them the beginnings of [`SHAPES`].
    finder: AhoCorasick,
    secrets: Vec<Vec<u8>>,
    longest: usize,
    held: Vec<u8>,
    /// The last byte that went out, which decides whether a word begins.
    before: u8,
    /// A key that was masked already goes on: the rest of it is dropped.
    inside: Option<Shape>,
}

impl Masker {
    /// For a server that inherits this process's environment and has this on top.
    #[cfg(any(target_os = "linux", test))]
    pub(crate) fn for_server(
        args: &[OsString],
        env: &[(OsString, Option<OsString>)],
    ) -> Result<Self, String> {
        let inherited = std::env::vars_os();
        Self::new(known_secrets(inherited, args, env))
    }

    fn new(mut secrets: Vec<Vec<u8>>) -> Result<Self, String> {
        secrets.sort_unstable();
        secrets.dedup();
        let starts = SHAPES.iter().map(|s| s.start);
        let patterns = secrets.iter().map(Vec::as_slice).chain(starts);
        let longest = patterns.clone().map(<[u8]>::len).max().unwrap_or(0);
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(patterns);
        Ok(Self {
            finder: finder
                .map_err(|e| format!("the secrets of its environment are too many: {e}"))?,
            longest,
            secrets,
            held: Vec::new(),
            before: b'\n',
            inside: None,
        })
    }

    /// What may be written now of everything fed so far.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.mask(bytes, false)
    }

    /// The rest: nothing more will come.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        self.mask(&[], true)
    }

    fn mask(&mut self, bytes: &[u8], last: bool) -> Vec<u8> {
        let joined;
        let text = if self.held.is_empty() {
            bytes
        } else {
            self.held.extend_from_slice(bytes);
            joined = std::mem::take(&mut self.held);
            &joined
        };
        let mut out = Vec::with_capacity(text.len());
        let mut at = self.rest_of_key(text);
        while let Some((start, end, pattern)) = self.find(text, at) {
            // A longer secret may begin here or before, and the end of it may still be on its way.
            if !last && start + self.longest > text.len() {
                let grows_from = text.len() - self.unfinished(&text[at..]);
                if grows_from <= start {
                    return self.hold(text, grows_from, at, out);
                }
            }
            let Some(shape) = pattern.checked_sub(self.secrets.len()).map(|i| SHAPES[i]) else {
                self.copy(&text[at..start], &mut out);
                self.replace(&mut out);
                at = end;
                continue;
            };
            let before = match start.checked_sub(1) {
                Some(i) if i >= at => text[i],
                _ => self.before,
            };
            if before.is_ascii_alphanumeric() {
                // `task-` and `disk-` are no keys.
                self.copy(&text[at..=start], &mut out);
                at = start + 1;
                continue;
            }
            let key = text[end..]
                .iter()
                .take_while(|b| shape.goes_on(**b))
                .count();
            let open = end + key == text.len() && !last;
            if open && key < LONGEST_KEY {
                return self.hold(text, start, at, out);
            }
            if key < shape.at_least {
                self.copy(&text[at..=start], &mut out);
                at = start + 1;
                continue;
            }
            let shown = if shape.shows_start { end } else { start };
            self.copy(&text[at..shown], &mut out);
            self.replace(&mut out);
            at = end + key;
            if open {
                self.inside = Some(shape);
            }
        }
        let hold = if last {
            text.len()
        } else {
            text.len() - self.unfinished(&text[at..])
        };
        self.hold(text, hold, at, out)
    }

    /// Writes up to `hold` and keeps what follows.
    fn hold(&mut self, text: &[u8], hold: usize, at: usize, mut out: Vec<u8>) -> Vec<u8> {
        self.copy(&text[at..hold], &mut out);
        self.held = text[hold..].to_vec();
        out
    }

    /// The next beginning or known secret from `at` on: where it begins and ends, and which one it is.
    fn find(&self, text: &[u8], at: usize) -> Option<(usize, usize, usize)> {
        let found = self.finder.find(Input::new(text).range(at..))?;
        Some((found.start(), found.end(), found.pattern().as_usize()))
    }

    fn copy(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(bytes);
        if let Some(byte) = bytes.last() {
            self.before = *byte;
        }
    }

    fn replace(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(MASK);
        self.before = b'*';
    }

    /// How much of the beginning belongs to a key that is masked already.
    fn rest_of_key(&mut self, text: &[u8]) -> usize {
        let Some(shape) = self.inside else { return 0 };
        let rest = text.iter().take_while(|b| shape.goes_on(**b)).count();
        if rest < text.len() {
            self.inside = None;
        }
        rest
    }

    /// How many bytes at the end could be the beginning of a secret.
    fn unfinished(&self, text: &[u8]) -> usize {
        let starts = SHAPES.iter().map(|s| s.start);
        let patterns = self.secrets.iter().map(Vec::as_slice).chain(starts);
        let longest = patterns.map(|p| beginning_at_end(p, text)).max();
        longest.unwrap_or(0)
    }
}

/// The length of the longest end of `text` that is a beginning of `pattern`, but not all of it.
fn beginning_at_end(pattern: &[u8], text: &[u8]) -> usize {
    let most = pattern.len().saturating_sub(1).min(text.len());
    (1..=most)
        .rev()
        .find(|n| text[text.len() - n..] == pattern[..*n])
        .unwrap_or(0)
}

/// `text` without what looks like a key.
pub(crate) fn without_keys(text: &str) -> String {
    without(Vec::new(), text)
}

/// `text` with `***` for what looks like a key, and for the values of this process's variables whose names say that they are
/// secret.
pub fn without_secrets(text: &str) -> String {
    without(known_secrets(std::env::vars_os(), &[], &[]), text)
}

fn without(secrets: Vec<Vec<u8>>, text: &str) -> String {
    let Ok(mut masker) = Masker::new(secrets) else {
        return "***".into();
    };
    let mut out = masker.feed(text.as_bytes());
    out.extend(masker.finish());
    String::from_utf8_lossy(&out).into_owned()
}

/// The values that must not be shown.
fn known_secrets(
    inherited: impl Iterator<Item = (OsString, OsString)>,
    args: &[OsString],
    env: &[(OsString, Option<OsString>)],
) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut add = |value: &[u8]| {
        let value = value.trim_ascii();
        if value.len() >= SHORTEST {
            found.push(value.to_vec());
        }
    };
    let set = env
        .iter()
        .filter_map(|(n, v)| Some((n.clone(), v.clone()?)));
    for (name, value) in inherited.chain(set) {
        if names_secret(&name.to_string_lossy()) {
            add(value.as_encoded_bytes());
        }
    }
    let mut follows = false;
    for arg in args {
        let bytes = arg.as_encoded_bytes();
        if std::mem::take(&mut follows) && !bytes.starts_with(b"-") {
            add(bytes);
            continue;
        }
        if !bytes.starts_with(b"-") {
            continue;
        }
        match bytes.iter().position(|b| *b == b'=') {
            Some(at) if names_secret(&String::from_utf8_lossy(&bytes[..at])) => {
                add(&bytes[at + 1..]);
            }
            Some(_) => {}
            None => follows = names_secret(&arg.to_string_lossy()),
        }
    }
    found
}

#[cfg(test)]
#[path = "mask_tests.rs"]
mod tests;
