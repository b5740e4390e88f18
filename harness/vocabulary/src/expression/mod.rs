//! The expression language of `-m` and `-k`: pytest's, with `&`, `|` and `!` as other spellings of `and`, `or` and `not`.
//!
//! ```text
//! expression: (or_expression)? end
//! or:         and (('or' | '|') and)*
//! and:        not (('and' | '&') not)*
//! not:        ('not' | '!') not | '(' or ')' | ident arguments?
//! ident:      letters, digits, _ : + - . [ ] \ /
//! arguments:  '(' name '=' value (',' name '=' value)* ')'
//! value:      'text' or "text" without \, an integer, True, False, None
//! ```
//!
//! Promise: for every text that pytest accepts the same answer, for every other text an error at the same column (a golden file
//! made by pytest proves both). Parsing never panics and never overflows the stack. Rejected: pytest's habit of taking an
//! undeclared name for `false` (a misspelt name then selects nothing, in silence): [`Expression::bind`] refuses it.

mod bind;
mod error;
mod parse;
mod print;
mod token;

pub use bind::Bound;
pub use error::{ExpressionError, Fault};

use crate::value::Value;

/// A parsed expression. Two are equal if they are written alike but for spaces, superfluous parentheses and spellings of `and`,
/// `or`, `not`.
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
    root: Option<Node>,
}

/// A name in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ident<'e> {
    /// The name as it was written.
    pub name: &'e str,
    /// Where it begins in the text, in bytes.
    pub at: usize,
    /// Whether it stands under an odd number of `not`.
    pub negated: bool,
}

/// Depth is bounded by the parser, so that recursion over it is safe.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    Or(Vec<Node>),
    And(Vec<Node>),
    Not(Box<Node>),
    Marker(Call),
}

#[derive(Clone, Debug)]
struct Call {
    name: String,
    /// The name in lower case, for `-k`.
    lower: String,
    args: Vec<(String, Value)>,
    /// Where the name begins, and where each argument's name does, in bytes.
    at: usize,
    args_at: Vec<usize>,
}

impl PartialEq for Call {
    fn eq(&self, other: &Call) -> bool {
        self.name == other.name && self.args == other.args
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.root == other.root
    }
}

impl Expression {
    /// Reads an expression. The empty text is an expression too ([`Expression::is_empty`]); as pytest has it, its value is false,
    /// and `-m ""` means that nothing is filtered: the caller decides.
    ///
    /// # Errors
    /// The first place at which the text is no expression.
    pub fn parse(text: &str) -> Result<Expression, ExpressionError> {
        let root = parse::parse(text).map_err(|fault| ExpressionError::new(text, vec![fault]))?;
        Ok(Expression {
            text: text.to_owned(),
            root,
        })
    }

    /// Reads an expression over names, as `-k` takes it: the same language without arguments.
    ///
    /// # Errors
    /// As [`Expression::parse`], and every name that has arguments.
    pub fn parse_names(text: &str) -> Result<Expression, ExpressionError> {
        let expression = Expression::parse(text)?;
        let mut faults = Vec::new();
        expression.visit(&mut |call, _| {
            if !call.args.is_empty() {
                let help = "arguments select by marker: use -m".to_owned();
                faults.push(Fault::new(
                    text,
                    call.at,
                    call.name.len(),
                    format!("`{}` has arguments, and names have none", call.name),
                    Some(help),
                ));
            }
        });
        if faults.is_empty() {
            Ok(expression)
        } else {
            Err(ExpressionError::new(text, faults))
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The names in it, in the order of the text.
    pub fn idents(&self) -> impl Iterator<Item = Ident<'_>> {
        let mut idents = Vec::new();
        self.visit(&mut |call, negated| {
            idents.push(Ident {
                name: &call.name,
                at: call.at,
                negated,
            })
        });
        idents.into_iter()
    }

    /// The value of the expression, if `has` says which names (with which arguments) hold. The empty expression is false.
    pub fn evaluate(&self, mut has: impl FnMut(&str, &[(String, Value)]) -> bool) -> bool {
        self.root
            .as_ref()
            .is_some_and(|root| evaluate(root, &mut |call| has(&call.name, &call.args)))
    }

    /// Whether a test of that name matches, by the rule of pytest's `-k`: a name holds if it is part of the test's name, whatever
    /// the case of its letters. Names with arguments never hold ([`Expression::parse_names`] refuses them).
    pub fn matches_names(&self, name: &str) -> bool {
        let name = name.to_lowercase();
        self.root.as_ref().is_some_and(|root| {
            evaluate(root, &mut |call| {
                call.args.is_empty() && name.contains(&*call.lower)
            })
        })
    }

    fn visit<'e>(&'e self, see: &mut impl FnMut(&'e Call, bool)) {
        if let Some(root) = &self.root {
            visit(root, false, see);
        }
    }
}

fn visit<'e>(node: &'e Node, negated: bool, see: &mut impl FnMut(&'e Call, bool)) {
    match node {
        Node::Or(parts) | Node::And(parts) => {
            parts.iter().for_each(|part| visit(part, negated, see))
        }
        Node::Not(inner) => visit(inner, !negated, see),
        Node::Marker(call) => see(call, negated),
    }
}

fn evaluate(node: &Node, has: &mut impl FnMut(&Call) -> bool) -> bool {
    match node {
        Node::Or(parts) => parts.iter().any(|part| evaluate(part, has)),
        Node::And(parts) => parts.iter().all(|part| evaluate(part, has)),
        Node::Not(inner) => !evaluate(inner, has),
        Node::Marker(call) => has(call),
    }
}
