//! From words to a tree.
//!
//! Recursive descent, one word of lookahead, depth bounded. Chains of `and` and of `or` are flat however long, so that only
//! parentheses and `not` count as depth.

use super::token::{self, Kind, Token};
use super::{Call, Fault, Node};
use crate::value::Value;

/// How deep parentheses and `not` may nest. Python's own parser gives up at 200; nobody writes ten.
const MAX_DEPTH: usize = 100;

/// How many letters of an unexpected word a message repeats.
const SHOWN: usize = 60;

pub(super) fn parse(text: &str) -> Result<Option<Node>, Fault> {
    let mut parser = Parser {
        text,
        current: token::next(text, 0)?,
        depth: 0,
    };
    if parser.accept(Kind::End)?.is_some() {
        return Ok(None);
    }
    let root = parser.or()?;
    parser.expect(&[Kind::End])?;
    Ok(Some(root))
}

struct Parser<'t> {
    text: &'t str,
    current: Token,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn accept(&mut self, kind: Kind) -> Result<Option<Token>, Fault> {
        let token = self.current;
        if token.kind != kind {
            return Ok(None);
        }
        if kind != Kind::End {
            self.current = token::next(self.text, token.end)?;
        }
        Ok(Some(token))
    }

    fn expect(&mut self, kinds: &[Kind]) -> Result<Token, Fault> {
        if kinds.contains(&self.current.kind)
            && let Some(token) = self.accept(self.current.kind)?
        {
            return Ok(token);
        }
        Err(self.unexpected(kinds))
    }

    fn unexpected(&self, kinds: &[Kind]) -> Fault {
        let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        let wanted = match &*names {
            [] => "something else".to_owned(),
            [one] => (*one).to_owned(),
            [some @ .., last] => format!("{} or {last}", some.join(", ")),
        };
        let Token { kind, start, end } = self.current;
        let got = match kind {
            Kind::Ident => format!(
                "`{}`",
                self.text[start..end]
                    .chars()
                    .take(SHOWN)
                    .collect::<String>()
            ),
            other => other.name().to_owned(),
        };
        let help = match (kinds, kind) {
            ([Kind::End], Kind::Ident | Kind::Not | Kind::Open) => {
                Some("join two parts with `and` or `or`".to_owned())
            }
            ([Kind::Equal], _) => Some("arguments are written `name=value`".to_owned()),
            _ => None,
        };
        Fault::new(
            self.text,
            start,
            end - start,
            format!("expected {wanted}, got {got}"),
            help,
        )
    }

    fn or(&mut self) -> Result<Node, Fault> {
        let mut parts = vec![self.and()?];
        while self.accept(Kind::Or)?.is_some() {
            parts.push(self.and()?);
        }
        Ok(single(parts, Node::Or))
    }

    fn and(&mut self) -> Result<Node, Fault> {
        let mut parts = vec![self.not()?];
        while self.accept(Kind::And)?.is_some() {
            parts.push(self.not()?);
        }
        Ok(single(parts, Node::And))
    }

    fn not(&mut self) -> Result<Node, Fault> {
        if let Some(token) = self.accept(Kind::Not)? {
            self.deeper(token)?;
            let inner = self.not()?;
            self.depth -= 1;
            return Ok(Node::Not(Box::new(inner)));
        }
        if let Some(token) = self.accept(Kind::Open)? {
            self.deeper(token)?;
            let inner = self.or()?;
            self.expect(&[Kind::Close])?;
            self.depth -= 1;
            return Ok(inner);
        }
        if self.current.kind != Kind::Ident {
            return Err(self.unexpected(&[Kind::Not, Kind::Open, Kind::Ident]));
        }
        self.call()
    }

    fn deeper(&mut self, token: Token) -> Result<(), Fault> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            let message = format!("parentheses and `not` nest deeper than {MAX_DEPTH}");
            return Err(Fault::new(
                self.text,
                token.start,
                token.end - token.start,
                message,
                None,
            ));
        }
        Ok(())
    }

    fn call(&mut self) -> Result<Node, Fault> {
        let token = self.expect(&[Kind::Ident])?;
        let name = &self.text[token.start..token.end];
        let mut call = Call {
            name: name.to_owned(),
            lower: name.to_lowercase(),
            args: Vec::new(),
            at: token.start,
            args_at: Vec::new(),
        };
        if self.accept(Kind::Open)?.is_some() {
            self.argument(&mut call)?;
            while self.accept(Kind::Comma)?.is_some() {
                self.argument(&mut call)?;
            }
            self.expect(&[Kind::Close])?;
        }
        Ok(Node::Marker(call))
    }

    fn argument(&mut self, call: &mut Call) -> Result<(), Fault> {
        let token = self.expect(&[Kind::Ident])?;
        let name = &self.text[token.start..token.end];
        let fault = |message: String| {
            Err(Fault::new(
                self.text,
                token.start,
                token.end - token.start,
                message,
                None,
            ))
        };
        if !is_identifier(name) {
            return fault(format!("`{name}` cannot be the name of an argument"));
        }
        if KEYWORDS.contains(&name) {
            return fault(format!(
                "`{name}` is a word of Python and cannot be the name of an argument"
            ));
        }
        if call.args.iter().any(|(known, _)| known == name) {
            return fault(format!("argument `{name}` is given twice"));
        }
        self.expect(&[Kind::Equal])?;
        let value = self.value()?;
        call.args.push((name.to_owned(), value));
        call.args_at.push(token.start);
        Ok(())
    }

    fn value(&mut self) -> Result<Value, Fault> {
        if let Some(token) = self.accept(Kind::Text)? {
            return Ok(Value::Str(
                self.text[token.start + 1..token.end - 1].to_owned(),
            ));
        }
        let token = self.expect(&[Kind::Ident])?;
        let word = &self.text[token.start..token.end];
        let digits = word.strip_prefix('-').unwrap_or(word);
        let fault = |message: String, help: Option<String>| {
            Err(Fault::new(
                self.text,
                token.start,
                token.end - token.start,
                message,
                help,
            ))
        };
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return match word.parse() {
                Ok(int) => Ok(Value::Int(int)),
                Err(_) => fault(format!("{word} does not fit into 64 bits"), None),
            };
        }
        match word {
            "True" => Ok(Value::Bool(true)),
            "False" => Ok(Value::Bool(false)),
            "None" => Ok(Value::None),
            _ => {
                let help =
                    "a value is an integer, True, False, None, or a text in quotes".to_owned();
                fault(format!("`{word}` is no value"), Some(help))
            }
        }
    }
}

fn single(mut parts: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Node {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            join(parts)
        }
        None => join(parts),
    }
}

fn is_identifier(name: &str) -> bool {
    name.chars()
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// `keyword.kwlist` of Python 3.
const KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue",
    "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
    "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while",
    "with", "yield",
];
