//! The lines of a page, each with the place where somebody can edit it.
//!
//! Promise: whatever is put in (includes) or taken away (front matter, indentation), a line keeps the file and the number
//! that it has on disk, so that every message points at something that can be opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The file, as the pages are named.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// As people read it: `page.md:3`.
impl Serialize for Place {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A line with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub text: String,
    pub place: Place,
    /// Its number in the whole page, with what it includes; bodies that are read alone are put in order by it.
    pub at: usize,
}

/// The lines of a text: without byte order mark and carriage returns.
pub(crate) fn split(text: &str, file: &Path) -> Vec<Line> {
    let file: Arc<Path> = PathBuf::from(file).into();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let numbered = text.lines().enumerate();
    numbered
        .map(|(at, text)| Line {
            // Python's and old editors' line ends leave one behind in the middle of nothing.
            text: text.trim_end_matches('\r').replace('\0', "\u{fffd}"),
            place: Place {
                file: file.clone(),
                line: at + 1,
            },
            at,
        })
        .collect()
}

/// Empties the front matter: what stands between `---` in the first line and the next `---` or `...`.
pub(crate) fn without_front_matter(lines: &mut [Line]) {
    if lines.first().is_none_or(|l| l.text.trim_end() != "---") {
        return;
    }
    let end = lines
        .iter()
        .skip(1)
        .position(|l| matches!(l.text.trim_end(), "---" | "..."));
    // Without an end it is a rule and ordinary text.
    if let Some(end) = end {
        for line in &mut lines[..end + 2] {
            line.text.clear();
        }
    }
}

/// How far a line is indented, in columns, with tabs to the next multiple of four; `None` where it is blank.
pub(crate) fn indent(text: &str) -> Option<usize> {
    let mut columns = 0;
    for c in text.chars() {
        match c {
            ' ' => columns += 1,
            '\t' => columns += 4 - columns % 4,
            _ => return Some(columns),
        }
    }
    None
}

/// The line without its first `columns` of indentation.
pub(crate) fn dedent(text: &str, columns: usize) -> String {
    let mut at = 0;
    for (index, c) in text.char_indices() {
        let width = match c {
            _ if at >= columns => return text[index..].to_owned(),
            ' ' => 1,
            '\t' => 4 - at % 4,
            _ => return text[index..].to_owned(),
        };
        at += width;
        if at > columns {
            // A tab that reaches beyond: the rest of it stays.
            return " ".repeat(at - columns) + &text[index + 1..];
        }
    }
    String::new()
}

/// A fence that is open: its character, its length, and how far it is indented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fence {
    mark: char,
    length: usize,
}

impl Fence {
    /// What a line opens. Indentation is not looked at: a list or a block above decides what it means.
    pub(crate) fn opened_by(text: &str) -> Option<Self> {
        let text = text.trim_start();
        let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let length = text.chars().take_while(|c| *c == mark).count();
        let info = &text[length..];
        (length >= 3 && !(mark == '`' && info.contains('`'))).then_some(Self { mark, length })
    }

    /// Whether a line closes it.
    pub(crate) fn is_closed_by(self, text: &str) -> bool {
        let text = text.trim();
        text.len() >= self.length && text.chars().all(|c| c == self.mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers() {
        let mut lines = split(
            "\u{feff}---\r\ntitle: x\r\n---\r\n# A\r\n",
            Path::new("p.md"),
        );
        without_front_matter(&mut lines);
        let texts: Vec<&str> = lines.iter().map(|l| l.text.as_str()).collect();
        assert_eq!(texts, ["", "", "", "# A"]);
        assert_eq!(lines[3].place.to_string(), "p.md:4");
        let mut open = split("---\n# A\n", Path::new("p.md"));
        without_front_matter(&mut open);
        assert_eq!(open[1].text, "# A");
    }

    #[test]
    fn indentation_counts_columns() {
        for (text, columns) in [("a", 0), ("  a", 2), ("\ta", 4), ("  \ta", 4), ("\t a", 5)] {
            assert_eq!(indent(text), Some(columns), "{text:?}");
        }
        assert_eq!(indent(" \t "), None);
        for (text, columns, rest) in [
            ("    a", 4, "a"),
            ("\ta", 4, "a"),
            ("\t\ta", 4, "\ta"),
            ("\ta", 2, "  a"),
            ("  a", 4, "a"),
            ("   ", 4, ""),
        ] {
            assert_eq!(dedent(text, columns), rest, "{text:?} by {columns}");
        }
    }

    #[test]
    fn fences_open_and_close() {
        let fence = Fence::opened_by("  ````bash").unwrap();
        assert!(!fence.is_closed_by("```"));
        assert!(!fence.is_closed_by("````bash"));
        assert!(fence.is_closed_by(" ````` "));
        assert_eq!(Fence::opened_by("``` a`b"), None);
        assert_eq!(Fence::opened_by("``x"), None);
        assert!(Fence::opened_by("~~~ `x`").unwrap().is_closed_by("~~~"));
    }
}
