//! JSON as people write it by hand: comments, a comma behind the last value, and infinity.
//!
//! Promise: every value knows its place; a mistake of the grammar is shown where it stands, and says what was meant where that can be told; any
//! bytes are read or refused, never more than [`DEEPEST`] deep. Rejected: `serde_json` behind a remover of comments (no places, and of two equal keys
//! the second wins silently).

use crate::number::number;
use tribunal_deploy::tree::{Entry, Found, Node, Place, Sources, Table, Value};

/// The deepest nesting.
const DEEPEST: usize = 64;

/// Reads one document. `None`: its grammar is wrong, and `found` says where.
pub(crate) fn read(sources: &Sources, source: usize, found: &mut Vec<Found>) -> Option<Node> {
    let text = sources.text(source);
    let mut parser = Parser {
        text,
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
        source,
        depth: 0,
        found,
    };
    match parser.document() {
        Ok(node) => Some(node),
        Err(problem) => {
            parser.found.push(problem);
            None
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    /// Always at the beginning of a character.
    at: usize,
    source: usize,
    depth: usize,
    found: &'a mut Vec<Found>,
}

type Parsed<T> = Result<T, Found>;

impl<'a> Parser<'a> {
    fn document(&mut self) -> Parsed<Node> {
        self.blank()?;
        let node = self.value()?;
        self.blank()?;
        match self.peek() {
            None => Ok(node),
            Some(_) => self.refuse(
                "the value ended before this",
                Some("a file is one list of cases, or one case"),
            ),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn place(&self, start: usize) -> Place {
        Place {
            source: self.source,
            start,
            end: self.at,
        }
    }

    fn here(&self) -> Place {
        Place {
            source: self.source,
            start: self.at,
            end: self.at + self.peek().map_or(0, char::len_utf8),
        }
    }

    fn refuse<T>(&self, message: impl Into<String>, help: Option<&str>) -> Parsed<T> {
        Err(Found::at(self.here(), message, help.map(str::to_owned)))
    }

    /// Steps over white space and comments.
    fn blank(&mut self) -> Parsed<()> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            self.at += rest.len() - trimmed.len();
            if self.rest().starts_with("//") {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            } else if self.rest().starts_with("/*") {
                match self.rest()[2..].find("*/") {
                    Some(end) => self.at += end + 4,
                    None => {
                        return self.refuse("this comment does not end", Some("end it with */"));
                    }
                }
            } else if self.rest().starts_with('#') {
                return self.refuse("`#` begins no comment here", Some("write // or /* … */"));
            } else {
                return Ok(());
            }
        }
    }

    fn value(&mut self) -> Parsed<Node> {
        let start = self.at;
        let value = match self.peek() {
            None => return self.refuse("a value is missing: the file ends here", None),
            Some('{') => self.nested(Parser::table)?,
            Some('[') => self.nested(Parser::list)?,
            Some('"') => Value::Text(self.text()?),
            Some('\'') => return self.refuse("text stands in double quotes", Some("write \"…\"")),
            Some(_) => self.word()?,
        };
        Ok(Node {
            value,
            at: self.place(start),
        })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Parsed<Value>) -> Parsed<Value> {
        if self.depth >= DEEPEST {
            return self.refuse(format!("nested deeper than {DEEPEST}"), None);
        }
        self.depth += 1;
        self.at += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn list(&mut self) -> Parsed<Value> {
        let mut list = Vec::new();
        loop {
            self.blank()?;
            if self.ends(']', "list")? {
                return Ok(Value::List(list));
            }
            list.push(self.value()?);
            self.comma(']', "values of a list")?;
        }
    }

    fn table(&mut self) -> Parsed<Value> {
        let mut table = Table::default();
        loop {
            self.blank()?;
            if self.ends('}', "table")? {
                return Ok(Value::Table(table));
            }
            let start = self.at;
            if self.peek() != Some('"') {
                let word = self.letters();
                return match word {
                    "" => self.refuse("a key is missing here", Some("write \"key\": value")),
                    word => self.refuse(
                        "a key stands in double quotes",
                        Some(&format!("write \"{word}\"")),
                    ),
                };
            }
            let key = self.text()?;
            let key_at = self.place(start);
            self.blank()?;
            if self.peek() != Some(':') {
                return self.refuse(
                    format!("`:` is missing behind the key `{key}`"),
                    Some("write \"key\": value"),
                );
            }
            self.at += 1;
            self.blank()?;
            let node = self.value()?;
            if let Some(first) = table.entry(&key) {
                let line = 1 + self.text.as_bytes()[..first.key_at.start]
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count();
                self.found.push(Found::at(
                    key_at,
                    format!("`{key}` is there twice: first on line {line}"),
                    Some("put both into one, or drop one".to_owned()),
                ));
            } else {
                table.0.push(Entry { key, key_at, node });
            }
            self.comma('}', "keys of a table")?;
        }
    }

    /// Whether the list or table ends here.
    fn ends(&mut self, end: char, what: &str) -> Parsed<bool> {
        match self.peek() {
            Some(c) if c == end => {
                self.at += 1;
                Ok(true)
            }
            Some(',') => self.refuse("a value is missing before this comma", None),
            None => self.refuse(
                format!("this {what} does not end: the file ends here"),
                Some(if end == ']' {
                    "close it with ]"
                } else {
                    "close it with }"
                }),
            ),
            Some(_) => Ok(false),
        }
    }

    /// The comma behind a value; before the end it may be left out, or stand.
    fn comma(&mut self, end: char, what: &str) -> Parsed<()> {
        self.blank()?;
        match self.peek() {
            Some(',') => {
                self.at += 1;
                Ok(())
            }
            Some(c) if c == end => Ok(()),
            // Where the list or table does not end is said when its end is looked for.
            None => Ok(()),
            Some(_) => self.refuse(format!("a comma is missing between two {what}"), None),
        }
    }

    /// Letters, digits and what stands in numbers.
    fn letters(&self) -> &'a str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '+' | '-' | '.' | '_' | '$')))
            .unwrap_or(rest.len());
        &rest[..end]
    }

    fn word(&mut self) -> Parsed<Value> {
        let word = self.letters();
        let place = Place {
            end: self.at + word.len().max(self.peek().map_or(0, char::len_utf8)),
            ..self.here()
        };
        let wrong = |message: String, help: Option<&str>| {
            Err(Found::at(place, message, help.map(str::to_owned)))
        };
        let value = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            "inf" | "+inf" | "Infinity" | "+Infinity" => Value::Float(f64::INFINITY),
            "-inf" | "-Infinity" => Value::Float(f64::NEG_INFINITY),
            "nan" | "NaN" => return wrong(format!("`{word}` is no value of anything here"), None),
            "True" | "False" | "None" => {
                let json = if word == "None" {
                    "null".to_owned()
                } else {
                    word.to_lowercase()
                };
                return wrong(
                    format!("`{word}` is Python's"),
                    Some(&format!("write {json}")),
                );
            }
            "" => {
                let c = self.peek().unwrap_or(' ');
                return wrong(format!("`{}` begins no value", c.escape_debug()), None);
            }
            word if word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) => {
                match number(word) {
                    Ok(value) => value,
                    Err(why) => return wrong(format!("`{word}` is no number: {why}"), None),
                }
            }
            word => {
                return wrong(
                    format!("`{word}` is no value"),
                    Some(&format!("text stands in double quotes: \"{word}\"")),
                );
            }
        };
        self.at += word.len();
        Ok(value)
    }

    fn text(&mut self) -> Parsed<String> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.peek() else {
                return Err(Found::at(
                    Place {
                        end: start + 1,
                        ..self.place(start)
                    },
                    "this text does not end",
                    Some("close it with \"".to_owned()),
                ));
            };
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(out);
                }
                '\n' | '\r' => {
                    return Err(Found::at(
                        self.place(start),
                        "this text does not end on its line",
                        Some("close it with \", and write a line break as \\n".to_owned()),
                    ));
                }
                '\\' => out.push(self.escape()?),
                c => {
                    out.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        let start = self.at;
        let wrong = |at: usize| {
            Err(Found::at(
                Place {
                    source: self.source,
                    start,
                    end: at,
                },
                "there is no such escape",
                Some("there are \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\uXXXX".to_owned()),
            ))
        };
        let mut chars = self.rest().chars().skip(1);
        let c = match chars.next() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => {
                let Some(first) = self.hex(start + 2) else {
                    return wrong(start + 2);
                };
                let (code, end) = if (0xd800..0xdc00).contains(&first)
                    && self.text[start + 6..].starts_with("\\u")
                    && let Some(second @ 0xdc00..0xe000) = self.hex(start + 8)
                {
                    (
                        0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                        start + 12,
                    )
                } else {
                    (first, start + 6)
                };
                let Some(c) = char::from_u32(code) else {
                    return wrong(end);
                };
                self.at = end;
                return Ok(c);
            }
            Some(c) => return wrong(start + 1 + c.len_utf8()),
            None => return wrong(start + 1),
        };
        self.at += 2;
        Ok(c)
    }

    /// Four hexadecimal digits.
    fn hex(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        digits
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| u32::from_str_radix(digits, 16).ok())?
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
