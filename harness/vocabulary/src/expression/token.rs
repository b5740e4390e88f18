//! The words of an expression.
//!
//! Words are read one at a time, when the parser asks for the next one: of two mistakes the earlier is then reported, as pytest
//! does.

use super::Fault;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Open,
    Close,
    Or,
    And,
    Not,
    Ident,
    End,
    Equal,
    Text,
    Comma,
}

impl Kind {
    /// What it is called in messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Open => "`(`",
            Kind::Close => "`)`",
            Kind::Or => "`or`",
            Kind::And => "`and`",
            Kind::Not => "`not`",
            Kind::Ident => "a name",
            Kind::End => "the end",
            Kind::Equal => "`=`",
            Kind::Text => "a quoted text",
            Kind::Comma => "`,`",
        }
    }
}

/// A word: what it is and where it stands, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// The word that begins at or behind `from`.
pub(super) fn next(text: &str, from: usize) -> Result<Token, Fault> {
    let rest = &text[from..];
    let start = from + rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let rest = &text[start..];
    let Some(first) = rest.chars().next() else {
        return Ok(Token {
            kind: Kind::End,
            start,
            end: start,
        });
    };
    let single = match first {
        '(' => Some(Kind::Open),
        ')' => Some(Kind::Close),
        '=' => Some(Kind::Equal),
        ',' => Some(Kind::Comma),
        '&' => Some(Kind::And),
        '|' => Some(Kind::Or),
        '!' => Some(Kind::Not),
        _ => None,
    };
    if let Some(kind) = single {
        return Ok(Token {
            kind,
            start,
            end: start + 1,
        });
    }
    if matches!(first, '\'' | '"') {
        return quoted(text, start, first);
    }
    let length = rest.find(|c| !is_part_of_ident(c)).unwrap_or(rest.len());
    if length == 0 {
        let message = format!("unexpected character `{}`", first.escape_debug());
        return Err(Fault::new(text, start, first.len_utf8(), message, None));
    }
    let kind = match &rest[..length] {
        "or" => Kind::Or,
        "and" => Kind::And,
        "not" => Kind::Not,
        _ => Kind::Ident,
    };
    Ok(Token {
        kind,
        start,
        end: start + length,
    })
}

fn quoted(text: &str, start: usize, quote: char) -> Result<Token, Fault> {
    let inside = &text[start + 1..];
    let Some(length) = inside.find(quote) else {
        let message = format!("the closing quote `{quote}` is missing");
        return Err(Fault::new(text, start, text.len() - start, message, None));
    };
    if let Some(escape) = inside[..length].find('\\') {
        let message = "a text cannot contain `\\`".to_owned();
        let help =
            "there are no escapes; a text with one kind of quotes in it is put into the other kind"
                .to_owned();
        return Err(Fault::new(text, start + 1 + escape, 1, message, Some(help)));
    }
    Ok(Token {
        kind: Kind::Text,
        start,
        end: start + length + 2,
    })
}

/// pytest's `\w|:|\+|-|\.|\[|\]|\\|/`.
pub(super) fn is_part_of_ident(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | ':' | '+' | '-' | '.' | '[' | ']' | '\\' | '/')
}
