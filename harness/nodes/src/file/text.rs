//! Texts with variables that are known only when the nodes have met.
//!
//! Promise: what the file itself settles is settled when it is read; what is left has a name that a run can fill in, and a value that is filled in is never
//! split or read again. Rejected: replacing in a joined command line (an address or a path with a blank would become two arguments).

use std::collections::BTreeMap;
use std::fmt;

/// A piece of a [`Text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// What it says.
    Literal(String),
    /// What a run fills in: `LOCAL_IP`, `SERVER_PORT`.
    Variable(String),
    /// What the variable is before the file sets it, on the node itself: `$LD_LIBRARY_PATH` within the value of `LD_LIBRARY_PATH`. Nothing where it is not set.
    Inherited(String),
}

/// A text with variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(pub Vec<Piece>);

impl Text {
    /// A text without variables.
    pub fn literal(text: impl Into<String>) -> Text {
        Text(vec![Piece::Literal(text.into())])
    }

    /// One variable.
    pub fn variable(name: impl Into<String>) -> Text {
        Text(vec![Piece::Variable(name.into())])
    }

    /// What it says, if nothing is left to be filled in.
    pub fn plain(&self) -> Option<String> {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => Some(text.as_str()),
                Piece::Variable(_) | Piece::Inherited(_) => None,
            })
            .collect()
    }

    /// The variables that a run fills in.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Variable(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// What it says in a run.
    ///
    /// # Errors
    /// A variable has no value there.
    pub fn resolve(&self, variables: &Variables) -> Result<String, Unresolved> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.push_str(text),
                Piece::Inherited(name) => {
                    out.push_str(variables.inherited.get(name).map_or("", String::as_str));
                }
                Piece::Variable(name) => match variables.values.get(name) {
                    Some(value) => out.push_str(value),
                    None => {
                        return Err(Unresolved { name: name.clone() });
                    }
                },
            }
        }
        Ok(out)
    }

    /// The bytes of its literals.
    pub(crate) fn length(&self) -> usize {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) | Piece::Variable(text) | Piece::Inherited(text) => text.len(),
            })
            .sum()
    }

    /// Adds what another says; literals that meet become one.
    pub(crate) fn push(&mut self, text: &Text) {
        for piece in &text.0 {
            match piece {
                Piece::Literal(text) => self.push_str(text),
                piece => self.0.push(piece.clone()),
            }
        }
    }

    pub(crate) fn push_str(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(Piece::Literal(last)) => last.push_str(text),
            _ => self.0.push(Piece::Literal(text.to_owned())),
        }
    }
}

/// The text as a person reads it, `${NAME}` where something is filled in.
impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => f.write_str(text)?,
                Piece::Variable(name) | Piece::Inherited(name) => write!(f, "${{{name}}}")?,
            }
        }
        Ok(())
    }
}

/// The values of a run, for one process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    values: BTreeMap<String, String>,
    inherited: BTreeMap<String, String>,
}

impl Variables {
    /// Gives a variable its value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.insert(name.into(), value.into());
    }

    /// Says what a variable is on the node before the file sets it.
    pub fn inherit(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.inherited.insert(name.into(), value.into());
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The names that have a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}

/// A variable that has no value in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Its name.
    pub name: String,
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the variable `{}` has no value in this run", self.name)
    }
}

impl std::error::Error for Unresolved {}
