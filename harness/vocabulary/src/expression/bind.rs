//! An expression over the markers of a vocabulary, ready to be asked many times.
//!
//! Promise: every name is declared, every argument too; asking allocates nothing. Rejected: asking the tree (twice as slow, and
//! selection asks 100,000 times).

use super::{Expression, ExpressionError, Fault, Node};
use crate::args::Args;
use crate::document::list;
use crate::marker::MarkerId;
use crate::nearest::nearest;
use crate::set::MarkerSet;
use crate::value::Value;
use crate::vocabulary::Vocabulary;

/// An expression whose names were looked up. It belongs to the vocabulary that it was bound to.
#[derive(Clone, Debug)]
pub struct Bound {
    ops: Vec<Op>,
    calls: Vec<(MarkerId, Vec<(String, Value)>)>,
}

/// One step; the last value is the answer.
#[derive(Clone, Copy, Debug)]
enum Op {
    Has(MarkerId),
    /// A marker with arguments, by its position in `calls`.
    Call(usize),
    Not,
    /// Goes on at another step if the last value is this one.
    JumpIf(bool, usize),
}

impl Expression {
    /// Looks up every name. Aliases (of devices, for example) stand for their marker.
    ///
    /// # Errors
    /// Every marker and every argument that is not declared, all at once, with the nearest declared name.
    pub fn bind(&self, v: &Vocabulary) -> Result<Bound, ExpressionError> {
        let mut binder = Binder {
            vocabulary: v,
            text: &self.text,
            faults: Vec::new(),
            bound: Bound {
                ops: Vec::new(),
                calls: Vec::new(),
            },
        };
        if let Some(root) = &self.root {
            binder.node(root);
        }
        match binder.faults.is_empty() {
            true => Ok(binder.bound),
            false => Err(ExpressionError::new(&self.text, binder.faults)),
        }
    }
}

impl Bound {
    /// Whether a set of markers matches. The empty expression matches nothing.
    pub fn matches(&self, set: &MarkerSet) -> bool {
        let mut value = false;
        let mut next = 0;
        while let Some(op) = self.ops.get(next) {
            next += 1;
            match *op {
                Op::Has(id) => value = set.contains(id),
                Op::Call(call) => {
                    value = self
                        .calls
                        .get(call)
                        .is_some_and(|(id, args)| holds(set, *id, args))
                }
                Op::Not => value = !value,
                Op::JumpIf(when, target) if value == when => next = target,
                Op::JumpIf(..) => {}
            }
        }
        value
    }
}

/// Whether one occurrence of a marker has all these arguments with these values.
fn holds(set: &MarkerSet, id: MarkerId, wanted: &[(String, Value)]) -> bool {
    let has = |there: &[(String, Value)], (name, value): &(String, Value)| {
        there
            .iter()
            .any(|(known, is)| known == name && is.same(value))
    };
    set.args(id)
        .any(|there| wanted.iter().all(|one| has(there, one)))
}

struct Binder<'e> {
    vocabulary: &'e Vocabulary,
    text: &'e str,
    faults: Vec<Fault>,
    bound: Bound,
}

impl Binder<'_> {
    fn node(&mut self, node: &Node) {
        match node {
            Node::Or(parts) => self.chain(parts, true),
            Node::And(parts) => self.chain(parts, false),
            Node::Not(inner) => {
                self.node(inner);
                self.bound.ops.push(Op::Not);
            }
            Node::Marker(call) => {
                let Some(id) = self.vocabulary.id(&call.name) else {
                    let message = format!(
                        "undeclared marker `{}` (markers are declared in {})",
                        call.name, self.vocabulary.origin
                    );
                    let help = match self.vocabulary.near(&call.name) {
                        Some(near) => Some(format!("did you mean `{near}`?")),
                        None => Some("--markers lists what is declared".to_owned()),
                    };
                    self.faults.push(Fault::new(
                        self.text,
                        call.at,
                        call.name.len(),
                        message,
                        help,
                    ));
                    return;
                };
                for ((name, _), at) in call.args.iter().zip(&call.args_at) {
                    self.argument(id, &call.name, name, *at);
                }
                if call.args.is_empty() {
                    self.bound.ops.push(Op::Has(id));
                } else {
                    self.bound.ops.push(Op::Call(self.bound.calls.len()));
                    self.bound.calls.push((id, call.args.clone()));
                }
            }
        }
    }

    /// Parts of which the first that has the value `end` decides.
    fn chain(&mut self, parts: &[Node], end: bool) {
        let mut jumps = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            self.node(part);
            if index + 1 < parts.len() {
                jumps.push(self.bound.ops.len());
                self.bound.ops.push(Op::JumpIf(end, 0));
            }
        }
        let behind = self.bound.ops.len();
        for jump in jumps {
            self.bound.ops[jump] = Op::JumpIf(end, behind);
        }
    }

    fn argument(&mut self, id: MarkerId, marker: &str, name: &str, at: usize) {
        let names: Vec<&str> = match &self.vocabulary.at(id).args {
            Args::None => Vec::new(),
            Args::Hardware => self
                .vocabulary
                .platforms
                .iter()
                .map(|platform| &*platform.name)
                .chain([crate::hardware::COUNT])
                .collect(),
            Args::Listed { specs, .. } => specs.iter().map(|spec| &*spec.name).collect(),
        };
        if names.contains(&name) {
            return;
        }
        let (message, help) = match (names.is_empty(), nearest(name, names.iter().copied())) {
            (true, _) => (format!("`{marker}` has no arguments"), None),
            (false, Some(near)) => (
                format!("`{marker}` has no argument `{name}`"),
                Some(format!("did you mean `{near}`?")),
            ),
            (false, None) => (
                format!("`{marker}` has no argument `{name}`"),
                Some(format!("its arguments are {}", list(names))),
            ),
        };
        self.faults
            .push(Fault::new(self.text, at, name.len(), message, help));
    }
}
