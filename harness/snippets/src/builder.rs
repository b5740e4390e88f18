//! From what is on a page to its blocks: names by section, comments with the block that follows, outputs with what prints them.

use std::collections::{BTreeMap, BTreeSet};

use tribunal_vocabulary::nearest;

use crate::annotation::{Annotation, inside};
use crate::find::Found;
use crate::lines::{Fence, Place};
use crate::page::{Mistake, slug};
use crate::snippet::{Kind, Snippet, Stated};
use crate::{console, placeholder, ready};

#[derive(Default)]
pub(crate) struct Builder {
    /// The name of the file, for what stands below no heading of the second level.
    pub stem: String,
    /// The headings above, by level.
    pub sections: BTreeMap<usize, String>,
    pub counts: BTreeMap<String, usize>,
    pub names: BTreeSet<String>,
    pub comment: Option<(Place, String)>,
    pub snippets: Vec<Snippet>,
    pub mistakes: Vec<Mistake>,
}

impl Builder {
    pub(crate) fn take(&mut self, place: Place, found: Found) {
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
            } if Fence::opened_by(code.lines().next().unwrap_or("")).is_some() => {
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
    pub(crate) fn unclaimed(&mut self) {
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
    pub(crate) fn state_outputs(&mut self) {
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
