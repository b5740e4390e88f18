//! A page: its headings, its blocks in order, and what is wrong with it.
//!
//! Promise: every block of code that a reader sees is listed, with what becomes of it and why; nothing on a page makes this panic
//! or read without a bound. Rejected: regular expressions over the text, which find fences in fences and miss those in lists.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::builder::Builder;
use crate::find::{Entry, entries};
use crate::include::{Includes, LARGEST};
use crate::lines::{Place, split, without_front_matter};
use crate::snippet::Snippet;
use crate::{copy, mkdocs};

/// Something that an author has to mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// What, and what would be right.
    pub text: String,
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// A page, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Page {
    /// Its name: the path from the root.
    pub name: PathBuf,
    /// The folder of the project that it belongs to.
    pub root: PathBuf,
    /// Its blocks, in the order in which they are read.
    pub snippets: Vec<Snippet>,
    /// What is wrong with the page, beyond what is wrong with single blocks.
    pub mistakes: Vec<Mistake>,
}

impl Page {
    /// Reads a page; `name` is its path from `root`, and nothing outside of `root` is read.
    ///
    /// # Errors
    /// It cannot be read, is too large, or is no text in UTF-8.
    pub fn read(root: &Path, name: &Path) -> Result<Self, String> {
        let mut page = Self::read_alone(root, name)?;
        copy::compare(&mut page);
        Ok(page)
    }

    /// Without comparing copies, so that two pages may copy from one another.
    pub(crate) fn read_alone(root: &Path, name: &Path) -> Result<Self, String> {
        let path = root.join(name);
        let text = text_of(&path)?;
        let mut mistakes = Vec::new();
        let mut lines = split(&text, name);
        without_front_matter(&mut lines);
        let open = [path.canonicalize().unwrap_or(path)];
        let mut lines = Includes {
            root,
            mistakes: &mut mistakes,
        }
        .resolve(lines, &open);
        for (at, line) in lines.iter_mut().enumerate() {
            line.at = at;
        }
        let mut found: Vec<Entry> = mkdocs::parts(lines).iter().flat_map(entries).collect();
        found.sort_by_key(|(at, ..)| *at);
        let stem = name
            .file_stem()
            .map_or_else(|| "page".into(), |s| s.to_string_lossy());
        let mut builder = Builder {
            stem: slug(&stem),
            mistakes,
            ..Builder::default()
        };
        for (_, place, found) in found {
            builder.take(place, found);
        }
        builder.unclaimed();
        builder.state_outputs();
        Ok(Self {
            name: name.to_path_buf(),
            root: root.to_path_buf(),
            snippets: builder.snippets,
            mistakes: builder.mistakes,
        })
    }
}

/// A file's text, up to the bound.
pub(crate) fn text_of(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let facts = fs::metadata(path).map_err(|e| format!("{shown}: {e}"))?;
    if !facts.is_file() {
        return Err(format!("{shown} is no file"));
    }
    if facts.len() > LARGEST {
        return Err(format!(
            "{shown} has {} bytes; up to {LARGEST} are read",
            facts.len()
        ));
    }
    let bytes = fs::read(path).map_err(|e| format!("{shown}: {e}"))?;
    String::from_utf8(bytes).map_err(|e| {
        format!(
            "{shown} is no text in UTF-8: byte {} is wrong",
            e.utf8_error().valid_up_to()
        )
    })
}

/// Lower case, every run of other characters one `_`.
pub(crate) fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect();
    match words.join("_") {
        slug if slug.is_empty() => "section".to_owned(),
        slug => slug.chars().take(80).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_of_headings() {
        for (title, expected) in [
            ("Basic usage", "basic_usage"),
            ("`vllm` — C++ & more!", "vllm_c_more"),
            ("日本語", "日本語"),
            ("!!", "section"),
        ] {
            assert_eq!(slug(title), expected);
        }
    }
}
