//! A command line as it stands in a file: split into words as a shell would, without a shell.
//!
//! Promise: quotes, backslashes and line breaks mean what they mean to a shell; a variable that the file or the run knows is put in wherever it stands, within single quotes
//! too, since the program that these files were written for does so; whatever only a shell could do (`&&`, `$(…)`, `*`) is a mistake with its place,
//! never handed on as if it were an argument. Rejected: `sh -c` (it would run whatever a file says, and quoting would depend on the machine).

use std::ops::Range;

use super::text::{Piece, Text};

/// The most bytes of a value or a command line, with all variables filled in: a kernel takes no argument that is longer.
pub(crate) const LONGEST: usize = 128 * 1024;

/// That there is more.
fn too_long(range: Range<usize>) -> Slip {
    Slip {
        range,
        message: format!("this is longer than {LONGEST} bytes, with its variables filled in"),
        help: "no program takes an argument or a variable of that length".to_owned(),
    }
}

/// A word, with the bytes that it was made of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word {
    pub text: Text,
    pub range: Range<usize>,
}

/// Something that is wrong in a text, with the bytes that it is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slip {
    pub range: Range<usize>,
    pub message: String,
    pub help: String,
}

/// What a name means; or why it means nothing: message and help.
pub(crate) type Lookup<'a> = dyn FnMut(&str, Spelt) -> Result<Text, (String, String)> + 'a;

/// How a variable is spelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelt {
    /// `$NAME`
    Plain,
    /// `${NAME}`
    Braced,
}

/// What a `$` begins.
enum Dollar<'t> {
    /// A variable: its name and how many bytes it takes.
    Name(&'t str, Spelt, usize),
    /// `${` without a name and a brace.
    Broken,
    /// `$(`.
    Command,
    /// A dollar sign.
    Plain,
}

fn dollar(rest: &str) -> Dollar<'_> {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let name = |text: &str| {
        let end = text.find(|c| !inner(c)).unwrap_or(text.len());
        if text.starts_with(|c: char| c.is_ascii_digit()) {
            0
        } else {
            end
        }
    };
    let after = &rest[1..];
    if let Some(braced) = after.strip_prefix('{') {
        let end = name(braced);
        if end > 0 && braced[end..].starts_with('}') {
            return Dollar::Name(&braced[..end], Spelt::Braced, end + 3);
        }
        return Dollar::Broken;
    }
    if after.starts_with('(') {
        return Dollar::Command;
    }
    match name(after) {
        0 => Dollar::Plain,
        end => Dollar::Name(&after[..end], Spelt::Plain, end + 1),
    }
}

/// Fills in the variables of a text that is one value: an environment variable, an element of a list.
pub(crate) fn fill(raw: &str, lookup: &mut Lookup<'_>, slips: &mut Vec<Slip>) -> Text {
    let mut text = Text::default();
    let mut at = 0;
    let mut length = raw.len();
    while let Some(next) = raw[at..].find('$').filter(|_| length <= LONGEST) {
        text.push_str(&raw[at..at + next]);
        at += next;
        let (piece, taken) = variable(raw, at, false, lookup, slips);
        length += piece.length();
        text.push(&piece);
        at += taken;
    }
    if length > LONGEST {
        slips.push(too_long(0..raw.len()));
        return Text::default();
    }
    text.push_str(&raw[at..]);
    text
}

/// What stands at a `$`, and how many bytes it takes. `literal`: an unknown name is text there, as within single quotes.
fn variable(
    raw: &str,
    at: usize,
    literal: bool,
    lookup: &mut Lookup<'_>,
    slips: &mut Vec<Slip>,
) -> (Text, usize) {
    let mut slip = |length: usize, message: String, help: String| {
        slips.push(Slip {
            range: at..at + length,
            message,
            help,
        });
    };
    match dollar(&raw[at..]) {
        Dollar::Name(name, spelt, length) => match lookup(name, spelt) {
            Ok(text) => (text, length),
            Err(_) if literal => (Text::literal(&raw[at..at + length]), length),
            Err((message, help)) => {
                slip(length, message, help);
                (Text::default(), length)
            }
        },
        Dollar::Broken if !literal => {
            slip(
                2,
                "`${` is not followed by a name and `}`".to_owned(),
                "write ${NAME}; defaults as in ${NAME:-value} are not read".to_owned(),
            );
            (Text::default(), 2)
        }
        Dollar::Command if !literal => {
            let length = raw[at..].find(')').map_or(2, |end| end + 1);
            slip(
                length,
                "`$(` would run a command, and there is no shell here".to_owned(),
                "write its result, or put it into a variable of the environment".to_owned(),
            );
            (Text::default(), length)
        }
        Dollar::Broken | Dollar::Command | Dollar::Plain => (Text::literal("$"), 1),
    }
}

/// Splits a command line.
pub(crate) fn split(raw: &str, lookup: &mut Lookup<'_>, slips: &mut Vec<Slip>) -> Vec<Word> {
    let mut splitter = Splitter {
        length: raw.len(),
        raw,
        at: 0,
        word: None,
        words: Vec::new(),
        slips,
        lookup,
    };
    splitter.run();
    splitter.words
}

struct Splitter<'a, 'l> {
    raw: &'a str,
    at: usize,
    /// The bytes so far, and those that are still to be read.
    length: usize,
    word: Option<Word>,
    words: Vec<Word>,
    slips: &'a mut Vec<Slip>,
    lookup: &'a mut Lookup<'l>,
}

impl Splitter<'_, '_> {
    /// What stands at a `$` that is at `at`, within a part that ends at `end`; nothing once the whole is too long.
    fn variable(&mut self, end: usize, at: usize, literal: bool) -> (Text, usize) {
        let (text, taken) = variable(&self.raw[..end], at, literal, self.lookup, self.slips);
        self.length += text.length();
        if self.length > LONGEST {
            return (Text::default(), taken);
        }
        (text, taken)
    }

    fn run(&mut self) {
        while let Some(c) = self.raw[self.at..].chars().next() {
            match c {
                ' ' | '\t' | '\n' | '\r' => {
                    self.end();
                    self.at += 1;
                }
                '\'' => self.single(),
                '"' => self.double(),
                '\\' => self.backslash(),
                '$' => {
                    let (text, length) = self.variable(self.raw.len(), self.at, false);
                    self.spread(&text);
                    self.at += length;
                    // An empty one at the end of a word adds nothing, and alone is no word.
                    if let Some(word) = &mut self.word {
                        word.range.end = self.at;
                    }
                }
                '|' | '&' | ';' | '<' | '>' | '(' | ')' | '`' => {
                    self.of_a_shell(c, "means something to a shell, and there is none here")
                }
                '*' | '?' => self.of_a_shell(
                    c,
                    "stands for the names of files to a shell, and there is none here",
                ),
                '~' if self.word.is_none() => self.of_a_shell(
                    c,
                    "stands for a home folder to a shell, and there is none here",
                ),
                '#' if self.word.is_none() => {
                    let line = self.raw[self.at..]
                        .find('\n')
                        .unwrap_or(self.raw.len() - self.at);
                    self.slip(line, "`#` begins a comment to a shell".to_owned(), "put the comment before the field: within it every line is part of the command");
                    self.at += line;
                }
                '=' if self.words.is_empty() && self.is_name() => {
                    let name = self
                        .word
                        .as_ref()
                        .and_then(|word| word.text.plain())
                        .unwrap_or_default();
                    self.slip(1, format!("`{name}=` sets a variable before the command to a shell, and there is none here"), "set it in the environment of the node");
                    self.add("=", 1);
                }
                _ => self.add(c.encode_utf8(&mut [0; 4]), c.len_utf8()),
            }
        }
        self.end();
        if self.length > LONGEST {
            self.slips.push(too_long(0..self.raw.len()));
            self.words.clear();
        }
    }

    /// Whether the word so far is the name of a variable.
    fn is_name(&self) -> bool {
        let text = self
            .word
            .as_ref()
            .and_then(|word| word.text.plain())
            .unwrap_or_default();
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    }

    fn slip(&mut self, length: usize, message: String, help: &str) {
        self.slips.push(Slip {
            range: self.at..self.at + length,
            message,
            help: help.to_owned(),
        });
    }

    fn of_a_shell(&mut self, c: char, why: &str) {
        // `&&` and `||` are one thing.
        let rest = &self.raw[self.at..];
        let length = rest.len() - rest.trim_start_matches(c).len();
        let written = rest[..length].to_owned();
        self.slip(
            length,
            format!("`{written}` {why}"),
            "put it into quotes where it is meant as it stands",
        );
        self.add(&written, length);
    }

    fn word(&mut self) -> &mut Word {
        let at = self.at;
        self.word.get_or_insert_with(|| Word {
            text: Text::default(),
            range: at..at,
        })
    }

    fn add(&mut self, text: &str, length: usize) {
        let end = self.at + length;
        let word = self.word();
        word.text.push_str(text);
        word.range.end = end;
        self.at = end;
    }

    fn end(&mut self) {
        self.words.extend(self.word.take());
    }

    /// A value outside of quotes: its blanks end words.
    fn spread(&mut self, text: &Text) {
        for piece in &text.0 {
            let Piece::Literal(literal) = piece else {
                self.word().text.push(&Text(vec![piece.clone()]));
                continue;
            };
            for (index, part) in literal.split([' ', '\t', '\n']).enumerate() {
                if index > 0 {
                    self.end();
                }
                if !part.is_empty() {
                    self.word().text.push_str(part);
                }
            }
        }
    }

    fn single(&mut self) {
        let inner = self.at + 1;
        let Some(length) = self.raw[inner..].find('\'') else {
            return self.unclosed('\'');
        };
        let end = inner + length;
        self.word();
        let mut at = inner;
        while let Some(next) = self.raw[at..end].find('$') {
            let literal = &self.raw[at..at + next];
            at += next;
            let (text, length) = self.variable(end, at, true);
            let word = self.word();
            word.text.push_str(literal);
            word.text.push(&text);
            at += length;
        }
        let rest = &self.raw[at..end];
        let word = self.word();
        word.text.push_str(rest);
        word.range.end = end + 1;
        self.at = end + 1;
    }

    fn double(&mut self) {
        let begin = self.at;
        self.word();
        self.at += 1;
        loop {
            let Some(c) = self.raw[self.at..].chars().next() else {
                self.at = begin;
                return self.unclosed('"');
            };
            match c {
                '"' => {
                    self.add("", 1);
                    return;
                }
                '\\' => match self.raw[self.at + 1..].chars().next() {
                    Some('\n') => self.add("", 2),
                    Some(next @ ('$' | '`' | '"' | '\\')) => {
                        self.add(next.encode_utf8(&mut [0; 4]), 2)
                    }
                    _ => self.add("\\", 1),
                },
                '$' => {
                    let (text, length) = self.variable(self.raw.len(), self.at, false);
                    self.word().text.push(&text);
                    self.at += length;
                }
                '`' => self.of_a_shell(c, "would run a command, and there is no shell here"),
                _ => self.add(c.encode_utf8(&mut [0; 4]), c.len_utf8()),
            }
        }
    }

    fn backslash(&mut self) {
        match self.raw[self.at + 1..].chars().next() {
            Some('\n') => self.at += 2,
            Some(' ') => {
                self.slip(
                    1,
                    "a backslash before a blank makes the blank an argument".to_owned(),
                    "drop the backslash: the lines of a folded command are one line already",
                );
                self.at += 1;
            }
            Some(next) => self.add(next.encode_utf8(&mut [0; 4]), 1 + next.len_utf8()),
            None => self.add("\\", 1),
        }
    }

    fn unclosed(&mut self, quote: char) {
        self.slip(
            1,
            format!("this `{quote}` is never closed"),
            "close it, or write \\ before it where it is meant as it stands",
        );
        self.word = None;
        self.at = self.raw.len();
    }
}
