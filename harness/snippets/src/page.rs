//! A page: its headings, its blocks in order, and what is wrong with it.
//!
//! Promise: every block of code that a reader sees is listed, with what becomes of it and why; nothing on a page makes this panic
//! or read without a bound. Rejected: regular expressions over the text, which find fences in fences and miss those in lists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tribunal_vocabulary::nearest;

use crate::annotation::{Annotation, inside};
use crate::find::{Entry, Found, entries};
use crate::include::{Includes, LARGEST};
use crate::lines::{Place, split, without_front_matter};
use crate::snippet::{Kind, Snippet, Stated};
use crate::{console, copy, mkdocs, placeholder, ready};

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

#[derive(Default)]
struct Builder {
    stem: String,
    /// The headings above, by level.
    sections: BTreeMap<usize, String>,
    counts: BTreeMap<String, usize>,
    names: BTreeSet<String>,
    comment: Option<(Place, String)>,
    snippets: Vec<Snippet>,
    mistakes: Vec<Mistake>,
}

impl Builder {
    fn take(&mut self, place: Place, found: Found) {
        match found {
            Found::Text => self.unclaimed(),
            Found::Heading { level, text } => {
                self.unclaimed();
                self.sections.retain(|above, _| *above < level);
                self.sections.insert(level, text);
            }
            Found::Comment(text) => {
                if let Some(text) = inside(&text) {
                    match &mut self.comment {
                        Some((_, before)) => {
                            before.push(' ');
                            before.push_str(text);
                        }
                        None => self.comment = Some((place, text.to_owned())),
                    }
                }
            }
            Found::Block {
                info: None, code, ..
            } if crate::lines::Fence::opened_by(&code).is_some() => {
                self.unclaimed();
                let text = "this fence is indented by four or more columns, so that Markdown shows it as text; indent it as what it belongs to";
                self.mistakes.push(Mistake {
                    place,
                    text: text.to_owned(),
                });
            }
            Found::Block {
                info,
                code,
                first,
                closed,
            } => self.block(place, info, code, first, closed),
        }
    }

    /// A comment that no block followed.
    fn unclaimed(&mut self) {
        if let Some((place, _)) = self.comment.take() {
            let text =
                "this comment belongs to no block; put it directly before the fence".to_owned();
            self.mistakes.push(Mistake { place, text });
        }
    }

    fn block(
        &mut self,
        place: Place,
        info: Option<String>,
        code: String,
        first: Place,
        closed: bool,
    ) {
        let (annotation, mut mistakes) = match self.comment.take() {
            Some((_, text)) => Annotation::read(&text),
            None => Default::default(),
        };
        if !closed {
            mistakes.push(
                "the fence is not closed, so that all that follows is taken for code".to_owned(),
            );
        }
        let kind = kind(&annotation, info.as_deref(), &code);
        let mut skip = annotation.skip.clone();
        if skip.is_none() && kind.runs() {
            let shell = matches!(kind, Kind::Shell | Kind::Session(_));
            skip = placeholder::hole(&code, shell)
                .map(|hole| format!("the reader has to fill in `{hole}`"));
        }
        if skip.is_none() && kind.runs() && code.trim().is_empty() {
            mistakes.push("the block is empty".to_owned());
        }
        let server = match &annotation.server {
            Some(Some(url)) => ready::parts(url)
                .map(|_| Some(url.clone()))
                .unwrap_or_else(|why| {
                    mistakes.push(why);
                    None
                }),
            Some(None) => {
                let url = ready::by_port(&code);
                if url.is_none() {
                    mistakes.push("which port the server answers on is not known; say server=http://127.0.0.1:PORT".to_owned());
                }
                url
            }
            None if matches!(kind, Kind::Shell | Kind::Session(_)) => {
                ready::of_code(&commands_of(&kind, &code))
            }
            None => None,
        };
        let id = self.name(&annotation, &kind, &mut mistakes);
        self.snippets.push(Snippet {
            id,
            sections: self.sections.values().cloned().collect(),
            place,
            info: info.unwrap_or_default(),
            kind,
            annotation,
            code,
            first,
            skip,
            server,
            stated: None,
            mistakes,
        });
    }

    /// Section and number: what is run is counted apart from what is not, as vLLM-Omni does.
    fn name(&mut self, annotation: &Annotation, kind: &Kind, mistakes: &mut Vec<String>) -> String {
        let section = self
            .sections
            .get(&2)
            .map_or_else(|| self.stem.clone(), |title| slug(title));
        let counted = match kind.runs() {
            true => section,
            false => format!("{section}_block"),
        };
        let count = self.counts.entry(counted.clone()).or_default();
        *count += 1;
        let mut id = format!("{counted}_{count:03}");
        if let Some(name) = &annotation.name {
            let name = slug(name);
            if self.names.contains(&name) {
                mistakes.push(format!("another block of the page has the name `{name}`"));
            } else {
                id = name;
            }
        }
        while !self.names.insert(id.clone()) {
            id.push('x');
        }
        id
    }

    /// Gives what `output` blocks state to the examples that print it.
    fn state_outputs(&mut self) {
        for at in 0..self.snippets.len() {
            let Some(named) = self.snippets[at].annotation.output.clone() else {
                continue;
            };
            let of = match &named {
                None => (0..at).rev().find(|i| self.snippets[*i].kind.runs()),
                Some(name) => self
                    .snippets
                    .iter()
                    .position(|s| s.id == *name && s.kind.runs()),
            };
            let stated = Stated {
                text: self.snippets[at].code.clone(),
                place: self.snippets[at].first.clone(),
            };
            match of {
                Some(of) if self.snippets[of].stated.is_none() => {
                    self.snippets[of].stated = Some(stated)
                }
                Some(of) => {
                    let why = format!("what `{}` prints is stated twice", self.snippets[of].id);
                    self.snippets[at].mistakes.push(why);
                }
                None => {
                    let known = self
                        .snippets
                        .iter()
                        .filter(|s| s.kind.runs())
                        .map(|s| s.id.as_str());
                    let near = named.as_deref().and_then(|n| nearest(n, known));
                    let hint = near.map_or(String::new(), |n| format!("; did you mean `{n}`?"));
                    let which = named.map_or("before it".to_owned(), |n| format!("`{n}`"));
                    self.snippets[at].mistakes.push(format!(
                        "there is no example {which} that would print this{hint}"
                    ));
                }
            }
        }
    }
}

fn commands_of(kind: &Kind, code: &str) -> String {
    match kind {
        Kind::Session(commands) => commands
            .iter()
            .map(|c| c.text.as_str())
            .collect::<Vec<_>>()
            .join("\n"),
        _ => code.to_owned(),
    }
}

fn kind(annotation: &Annotation, info: Option<&str>, code: &str) -> Kind {
    if annotation.output.is_some() {
        return Kind::Output;
    }
    if let Some(file) = &annotation.file {
        return Kind::File(file.clone());
    }
    let Some(info) = info else {
        return Kind::Listed("indented code, without a language".to_owned());
    };
    let session = || console::session(code).map_or(Kind::Shell, Kind::Session);
    match language(info).as_str() {
        "" => Kind::Listed("no language".to_owned()),
        "bash" | "sh" | "shell" | "zsh" | "ksh" if code.trim_start().starts_with("$ ") => session(),
        "bash" | "sh" | "shell" | "zsh" | "ksh" => Kind::Shell,
        "console" | "shell-session" | "shellsession" | "sh-session" | "bash-session"
        | "terminal" => session(),
        "python" | "py" | "python3" if code.trim_start().starts_with(">>> ") => Kind::PythonSession,
        "python" | "py" | "python3" => Kind::Python,
        "pycon" | "doctest" => Kind::PythonSession,
        other => Kind::Listed(other.to_owned()),
    }
}

/// The language of an info string, also as an attribute list (`{ .bash .no-copy }`).
fn language(info: &str) -> String {
    let info = info.trim();
    let word = match info.strip_prefix('{') {
        Some(list) => list
            .split_whitespace()
            .find_map(|w| w.strip_prefix('.'))
            .unwrap_or(""),
        None => info
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | '{' | ':'))
            .next()
            .unwrap_or(""),
    };
    word.trim_end_matches('}').to_ascii_lowercase()
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

    #[test]
    fn languages_have_many_spellings() {
        for (info, expected) in [
            ("bash", "bash"),
            ("{ .bash .no-copy }", "bash"),
            ("{.python}", "python"),
            ("Python title=\"x\"", "python"),
            ("rust,no_run", "rust"),
            ("", ""),
        ] {
            assert_eq!(language(info), expected);
        }
    }
}
