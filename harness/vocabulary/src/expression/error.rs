//! What is wrong with an expression.
//!
//! Promise: the message shows the text, with carets under every wrong part. Rejected: a bare column number (nobody counts).

use std::fmt;

use crate::mistake::{floor, window};

/// An expression that cannot be read, or names that are not declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    text: String,
    faults: Vec<Fault>,
}

/// One wrong part of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Where it begins, in bytes.
    pub at: usize,
    /// How long it is, in bytes; 0 at the end of the text.
    pub len: usize,
    /// Where it begins, in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Fault {
    pub(crate) fn new(
        text: &str,
        at: usize,
        len: usize,
        message: String,
        help: Option<String>,
    ) -> Fault {
        let at = floor(text, at);
        Fault {
            at,
            len,
            column: text[..at].chars().count() + 1,
            message,
            help,
        }
    }
}

impl ExpressionError {
    pub(crate) fn new(text: &str, faults: Vec<Fault>) -> ExpressionError {
        ExpressionError {
            text: text.to_owned(),
            faults,
        }
    }

    /// The wrong parts, in the order of the text. There is at least one.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl std::error::Error for ExpressionError {}

impl fmt::Display for ExpressionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            let end = floor(&self.text, fault.at + fault.len);
            let width = self.text[fault.at..end.max(fault.at)].chars().count();
            let (shown, indent, carets) = window(&self.text, fault.column - 1, width);
            writeln!(f, "{} (column {})", fault.message, fault.column)?;
            writeln!(f, "  {}", shown.trim_end())?;
            write!(f, "  {}{}", " ".repeat(indent), "^".repeat(carets))?;
            if let Some(help) = &fault.help {
                write!(f, "\nhelp: {help}")?;
            }
        }
        Ok(())
    }
}
