//! Markers written into the source of a test.
//!
//! Promise: only attributes of that one function change; every other byte stays, comments and line ends included. A marker that is there
//! is replaced where it stands, one that is not is added above the function's head, in the form of the project's formatter. Written twice,
//! the second time changes nothing.
//!
//! Rejected: printing the parsed file anew (it has no comments and no layout), and search and replace by lines (an attribute may stand on
//! several, or in a string).

use std::ops::Range;

use syn::spanned::Spanned as _;
use syn::{Attribute, Item, ItemFn, Meta, Visibility};

use crate::advice::Marker;

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// A line of it, from 1: of its attributes, its head or its body.
    pub line: usize,
    /// Its name.
    pub name: &'a str,
}

/// A file with other markers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The whole file.
    pub text: String,
    /// What is different; nothing where the file already said all of it.
    pub changes: Vec<Change>,
}

/// One attribute that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What stood there; `None` for one that was added.
    pub was: Option<String>,
    /// What stands there now; `None` for one that another makes superfluous.
    pub now: Option<String>,
}

/// Why a file cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The file is no Rust.
    Syntax {
        /// Where, from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// No function of this name has this line.
    NotFound {
        /// The line that was looked at.
        line: usize,
        /// The name that was looked for.
        name: String,
        /// Where functions of this name are.
        elsewhere: Vec<usize>,
    },
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Mistake::Syntax { line, what } => write!(f, "line {line} is no Rust: {what}"),
            Mistake::NotFound {
                line,
                name,
                elsewhere,
            } => {
                write!(f, "there is no function `{name}` at line {line}")?;
                if let Some(first) = elsewhere.first() {
                    write!(f, "; there is one at line {first}")?;
                }
                f.write_str(
                    " (was the file edited since the test was built, or does a macro make the test?)",
                )
            }
        }
    }
}

impl std::error::Error for Mistake {}

/// The file with these markers on that function.
///
/// # Errors
/// The file is no Rust, or has no such function there.
pub fn rewrite(source: &str, place: Place<'_>, markers: &[Marker]) -> Result<Rewritten, Mistake> {
    // The parser drops the mark; places in the text would be wrong by it.
    let (mark, body) = match source.strip_prefix('\u{feff}') {
        Some(body) => ("\u{feff}", body),
        None => ("", source),
    };
    let file = syn::parse_file(body).map_err(|error| Mistake::Syntax {
        line: error.span().start().line,
        what: error.to_string(),
    })?;
    let mut search = Functions {
        place,
        found: None,
        elsewhere: vec![],
    };
    search.look(&file.items);
    let (attributes, head) = search.found.ok_or_else(|| Mistake::NotFound {
        line: place.line,
        name: place.name.to_owned(),
        elsewhere: search.elsewhere,
    })?;

    let mut edits: Vec<(Range<usize>, String)> = vec![];
    let mut changes = vec![];
    let mut added: Vec<String> = vec![];
    for marker in markers {
        let now = format!("#[{}]", marker.rust());
        let mut same = attributes.iter().filter(|a| replaces(marker, a));
        match same.next() {
            None => {
                changes.push(Change {
                    was: None,
                    now: Some(now.clone()),
                });
                added.push(now);
            }
            Some(old) => {
                let (range, new) = replacement(marker, old, &now);
                if body[range.clone()] != new {
                    let all = old.span().byte_range();
                    let mut now = body[all.clone()].to_owned();
                    now.replace_range(range.start - all.start..range.end - all.start, &new);
                    changes.push(Change {
                        was: Some(body[all].to_owned()),
                        now: Some(now),
                    });
                    edits.push((range, new));
                }
            }
        }
        for superfluous in same {
            let range = superfluous.span().byte_range();
            changes.push(Change {
                was: Some(body[range.clone()].to_owned()),
                now: None,
            });
            edits.push((with_its_line(body, range), String::new()));
        }
    }
    if !added.is_empty() {
        edits.push(insertion(body, head, &added));
    }
    edits.sort_by_key(|(range, _)| range.start);
    let mut text = body.to_owned();
    for (range, new) in edits.into_iter().rev() {
        text.replace_range(range, &new);
    }
    Ok(Rewritten {
        text: format!("{mark}{text}"),
        changes,
    })
}

/// Looks for functions of a name.
struct Functions<'a> {
    place: Place<'a>,
    /// Its attributes, and where its head begins.
    found: Option<(Vec<Attribute>, usize)>,
    elsewhere: Vec<usize>,
}

impl Functions<'_> {
    /// Tests are items of a file or of its modules; one inside a function has no path to be registered by.
    fn look(&mut self, items: &[Item]) {
        for item in items {
            match item {
                Item::Fn(function) => self.at(function),
                Item::Mod(module) => {
                    if let Some((_, items)) = &module.content {
                        self.look(items);
                    }
                }
                _ => {}
            }
        }
    }

    fn at(&mut self, function: &ItemFn) {
        let name = function.sig.ident.to_string();
        // A test has an attribute that makes it one.
        let Some(first) = function.attrs.first() else {
            return;
        };
        if name.strip_prefix("r#").unwrap_or(&name) != self.place.name {
            return;
        }
        let lines = first.span().start().line..=function.block.span().end().line;
        if lines.contains(&self.place.line) {
            let head = match &function.vis {
                Visibility::Inherited => function.sig.span(),
                visibility => visibility.span(),
            };
            self.found = Some((function.attrs.clone(), head.byte_range().start));
        } else {
            self.elsewhere.push(function.sig.ident.span().start().line);
        }
    }
}

/// Whether the marker takes the place of this attribute.
fn replaces(marker: &Marker, attribute: &Attribute) -> bool {
    let Some(name) = attribute.path().get_ident().map(ToString::to_string) else {
        return false;
    };
    let plain = matches!(attribute.meta, Meta::Path(_));
    match marker {
        Marker::Gpus(_) => {
            plain
                && (["cpu", "gpu"].contains(&name.as_str())
                    || count(&name, "gpu_")
                    || count(&name, "cards_"))
        }
        Marker::MaxVramGib(_) => ["max_vram_gib", "profiled_vram_gib"].contains(&name.as_str()),
        Marker::Timeout(_) => name == "timeout",
        Marker::Model(_) => name == "model",
        Marker::Cache(cache, _) => name == *cache,
        Marker::Kind(_) => plain && ["unit", "integration", "e2e"].contains(&name.as_str()),
        Marker::PreMerge => plain && name == "pre_merge",
    }
}

fn count(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// What to put where. Of a timeout only the limit of the body was measured: what is said of other phases stays.
fn replacement(marker: &Marker, old: &Attribute, now: &str) -> (Range<usize>, String) {
    if let (Marker::Timeout(seconds), Meta::List(list)) = (marker, &old.meta) {
        let first: Vec<Range<usize>> = list
            .tokens
            .clone()
            .into_iter()
            .take_while(
                |token| !matches!(token, proc_macro2::TokenTree::Punct(p) if p.as_char() == ','),
            )
            .map(|token| token.span().byte_range())
            .collect();
        if let (Some(from), Some(to)) = (first.first(), first.last()) {
            return (from.start..to.end, format!("\"{seconds}s\""));
        }
    }
    (old.span().byte_range(), now.to_owned())
}

/// The range and the rest of its line, where nothing else stands on it.
fn with_its_line(body: &str, range: Range<usize>) -> Range<usize> {
    let begin = body[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let end = body[range.end..]
        .find('\n')
        .map_or(body.len(), |at| range.end + at + 1);
    let alone =
        body[begin..range.start].trim().is_empty() && body[range.end..end].trim().is_empty();
    if alone { begin..end } else { range }
}

/// The attributes above the function's head: on lines of their own, unless something else stands on the head's line. Not below the last
/// attribute: a comment may begin there and end lines later.
fn insertion(body: &str, head: usize, added: &[String]) -> (Range<usize>, String) {
    let begin = body[..head].rfind('\n').map_or(0, |at| at + 1);
    let indent = &body[begin..head];
    let between = match (indent.trim().is_empty(), body[..begin].ends_with("\r\n")) {
        (false, _) => " ".to_owned(),
        (true, false) => format!("\n{indent}"),
        (true, true) => format!("\r\n{indent}"),
    };
    let text = added.iter().map(|one| format!("{one}{between}")).collect();
    (head..head, text)
}

#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod tests;
