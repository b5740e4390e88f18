//! Mistakes of a markers.toml, and how they are shown.
//!
//! Promise: all mistakes of a file at once, in the order of the file, each with line, column, the line itself, carets, and what
//! to do about it. Rejected: `annotate-snippets` and `miette` (this crate is built before every attribute macro; forty lines do).

use std::fmt::{self, Write};

/// One mistake of a markers.toml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    source: String,
    width: usize,
}

/// Everything that is wrong with a markers.toml, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    origin: String,
    list: Vec<Mistake>,
}

impl Mistakes {
    pub(crate) fn new(origin: &str, mut list: Vec<Mistake>) -> Mistakes {
        list.sort_by(|a, b| (a.line, a.column, &a.message).cmp(&(b.line, b.column, &b.message)));
        list.dedup();
        Mistakes {
            origin: origin.to_owned(),
            list,
        }
    }

    pub(crate) fn named(self, origin: &str) -> Mistakes {
        Mistakes {
            origin: origin.to_owned(),
            ..self
        }
    }

    /// The mistakes, in the order of the file. There is at least one.
    pub fn iter(&self) -> std::slice::Iter<'_, Mistake> {
        self.list.iter()
    }

    /// The file as it was named to [`crate::Vocabulary::parse`].
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl<'a> IntoIterator for &'a Mistakes {
    type Item = &'a Mistake;
    type IntoIter = std::slice::Iter<'a, Mistake>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl std::error::Error for Mistakes {}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for mistake in &self.list {
            mistake.show(&self.origin, f)?;
            f.write_char('\n')?;
        }
        match self.list.len() {
            1 => write!(f, "1 mistake in {}", self.origin),
            n => write!(f, "{n} mistakes in {}", self.origin),
        }
    }
}

impl Mistake {
    /// A mistake at a range of bytes of `text`. A range that does not fit is moved to where it does.
    pub(crate) fn at(text: &str, span: Span, message: String, help: Option<String>) -> Mistake {
        let start = floor(text, span.0);
        let end = floor(text, span.1.max(start));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let source = text[line_start..].lines().next().unwrap_or("");
        let column = text[line_start..start].chars().count() + 1;
        // Of a range over several lines the first is marked.
        let marked = text[start..end]
            .lines()
            .next()
            .unwrap_or("")
            .chars()
            .count();
        Mistake {
            line: text[..line_start]
                .bytes()
                .filter(|byte| *byte == b'\n')
                .count()
                + 1,
            column,
            message,
            help,
            source: source.to_owned(),
            width: marked.max(1),
        }
    }

    /// A mistake at a range of bytes of any text, for other readers of files that want their messages to look the same. A range that
    /// does not fit is moved to where it does.
    pub fn in_text(
        text: &str,
        range: std::ops::Range<usize>,
        message: impl Into<String>,
        help: Option<String>,
    ) -> Mistake {
        Mistake::at(text, (range.start, range.end), message.into(), help)
    }

    /// The mistake as it is shown: message, `origin:line:column`, the line, the carets, the help. It ends with a line break.
    pub fn shown_in<'a>(&'a self, origin: &'a str) -> impl fmt::Display + use<'a> {
        struct Shown<'a>(&'a Mistake, &'a str);
        impl fmt::Display for Shown<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.show(self.1, f)
            }
        }
        Shown(self, origin)
    }

    fn show(&self, origin: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (source, indent, carets) = window(&self.source, self.column - 1, self.width);
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "error: {}", self.message)?;
        writeln!(f, "{margin}--> {origin}:{}:{}", self.line, self.column)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{}", format!("{number} | {source}").trim_end())?;
        writeln!(f, "{margin} | {}{}", " ".repeat(indent), "^".repeat(carets))?;
        if let Some(help) = &self.help {
            writeln!(f, "{margin} = help: {help}")?;
        }
        Ok(())
    }
}

/// A range of bytes.
pub(crate) type Span = (usize, usize);

/// The last character boundary at or before `at`.
pub(crate) fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The part of a line that is worth showing, where the mark starts in it, and how long the mark is. Control characters are
/// replaced one for one, so that a mark stands where it should and a terminal is not commanded.
pub(crate) fn window(line: &str, at: usize, width: usize) -> (String, usize, usize) {
    const BEFORE: usize = 80;
    const SHOWN: usize = 160;
    let clean = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    let length = line.chars().count();
    let at = at.min(length);
    if length <= SHOWN {
        return (
            line.chars().map(clean).collect(),
            at,
            width.clamp(1, (length - at).max(1)),
        );
    }
    let first = at.saturating_sub(BEFORE);
    let mut shown = String::new();
    if first > 0 {
        shown.push('…');
    }
    let indent = shown.chars().count() + at - first;
    shown.extend(line.chars().skip(first).take(SHOWN).map(clean));
    if first + SHOWN < length {
        shown.push('…');
    }
    let room = shown.chars().count().saturating_sub(indent);
    (shown, indent, width.clamp(1, room.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_under_what_is_wrong() {
        let text = "[levels]\n\tä = 1 # \u{1b}[31m\n";
        let at = text.find('1').expect("it is there");
        let mistakes = Mistakes::new(
            "markers.toml",
            vec![Mistake::at(
                text,
                (at, at + 1),
                "wrong".into(),
                Some("do this".into()),
            )],
        );
        let want = "error: wrong\n --> markers.toml:2:6\n  |\n2 |  ä = 1 # \u{fffd}[31m\n  |      ^\n  = help: do this\n\n1 mistake in markers.toml";
        assert_eq!(mistakes.to_string(), want);
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let line = format!("{}X{}", "a".repeat(500), "b".repeat(500));
        let (shown, indent, carets) = window(&line, 500, 1);
        assert_eq!(shown.chars().nth(indent), Some('X'));
        assert_eq!(shown.chars().count(), 162);
        assert_eq!(carets, 1);
        assert_eq!(
            window("abc", 3, 9),
            ("abc".into(), 3, 1),
            "a mark behind the end"
        );
    }

    #[test]
    fn mistakes_come_in_the_order_of_the_file_and_once() {
        let text = "a\nb\n";
        let of = |at| Mistake::at(text, (at, at + 1), "wrong".into(), None);
        let mistakes = Mistakes::new("f", vec![of(2), of(0), of(2)]);
        assert_eq!(
            mistakes
                .iter()
                .map(|m| (m.line, m.column))
                .collect::<Vec<_>>(),
            [(1, 1), (2, 1)]
        );
    }
}
