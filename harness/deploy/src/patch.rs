//! Patches: `update`, `insert` and `delete` by dotted paths.
//!
//! One policy for all of them: `update` and `delete` want a path that is there, `insert` one that is not, and a path that does not
//! fit is an error that lists what is there. Deletions come first and are found before any is made, so that their order does not matter and
//! indexes are those of the file; then updates, then insertions, in the order of the file. A table on the way is a step, so that
//! `a.b = 1` and `a = { b = 1 }` say the same.
//!
//! Rejected: making missing paths silently (a misspelt key would then change nothing and nobody would know).

use tribunal_vocabulary::nearest;

use crate::node::{Entry, Node, Table, Value};
use crate::path::{Path, Step, resolve, select, walk};
use crate::source::{Found, Place};

/// The keys of a table that hold patches.
pub(crate) const KEYS: [&str; 4] = ["update", "insert", "delete", "patch"];

/// One set of changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Patch {
    pub delete: Vec<Path>,
    pub update: Vec<(Path, Node)>,
    pub insert: Vec<(Path, Node)>,
}

/// Takes the patches out of a table: those of its own keys first, then those of its list `patch`.
pub(crate) fn take(table: &mut Table, found: &mut Vec<Found>) -> Vec<Patch> {
    let mut patches = vec![read(table, found)];
    if let Some(entry) = table.take("patch") {
        let Value::List(list) = entry.node.value else {
            found.push(Found::at(
                entry.node.at,
                "`patch` must be a list of tables",
                Some("write [[patch]] with `update`, `insert` or `delete` below it".to_owned()),
            ));
            return patches;
        };
        for node in list {
            let Value::Table(mut table) = node.value else {
                let message = format!("a patch is a table, not {}", node.sort());
                found.push(Found::at(node.at, message, None));
                continue;
            };
            patches.push(read(&mut table, found));
            for entry in table.0 {
                let near = nearest(&entry.key, ["update", "insert", "delete"]);
                found.push(Found::at(
                    entry.key_at,
                    format!("a patch has no key `{}`", entry.key),
                    Some(near.map_or_else(
                        || "known keys: `update`, `insert`, `delete`".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    )),
                ));
            }
        }
    }
    patches.retain(|patch| *patch != Patch::default());
    patches
}

fn read(table: &mut Table, found: &mut Vec<Found>) -> Patch {
    let mut patch = Patch::default();
    for (key, into) in [("update", &mut patch.update), ("insert", &mut patch.insert)] {
        if let Some(entry) = table.take(key) {
            match entry.node.value {
                Value::Table(table) => leaves(table, &[], into, found),
                _ => found.push(Found::at(
                    entry.node.at,
                    format!("`{key}` must be a table of paths with their values"),
                    Some(format!("for example: [{key}] with \"a.b\" = 1 below it")),
                )),
            }
        }
    }
    if let Some(entry) = table.take("delete") {
        deletions(entry.node, entry.key_at, &[], &mut patch.delete, found);
    }
    patch
}

fn leaves(table: Table, above: &[String], into: &mut Vec<(Path, Node)>, found: &mut Vec<Found>) {
    for entry in table.0 {
        let Some(path) = below(above, &entry.key, entry.key_at, found) else {
            continue;
        };
        match entry.node.value {
            Value::Table(table) if !table.0.is_empty() => leaves(table, &path.steps, into, found),
            _ => into.push((path, entry.node)),
        }
    }
}

fn deletions(
    node: Node,
    key_at: Place,
    above: &[String],
    into: &mut Vec<Path>,
    found: &mut Vec<Found>,
) {
    match node.value {
        Value::Table(table) => {
            for entry in table.0 {
                if let Some(path) = below(above, &entry.key, entry.key_at, found) {
                    deletions(entry.node, entry.key_at, &path.steps, into, found);
                }
            }
        }
        Value::List(list) => {
            for node in list {
                match node.text() {
                    Some(text) => into.extend(below(above, text, node.at, found)),
                    None => found.push(Found::at(
                        node.at,
                        format!("a path to delete is text, not {}", node.sort()),
                        None,
                    )),
                }
            }
        }
        Value::Bool(true) if !above.is_empty() => into.push(Path {
            steps: above.to_vec(),
            at: key_at,
        }),
        _ => found.push(Found::at(
            node.at,
            "`delete` is a list of paths, or a table that ends in such lists or in `true`",
            Some("for example: delete = [\"env.X\", \"command.3\"]".to_owned()),
        )),
    }
}

fn below(above: &[String], text: &str, at: Place, found: &mut Vec<Found>) -> Option<Path> {
    let Some(mut path) = Path::parse(text, at) else {
        found.push(Found::at(
            at,
            format!("`{text}` is no path: a step is empty"),
            Some("steps are joined by single dots: a.b.0".to_owned()),
        ));
        return None;
    };
    path.steps.splice(0..0, above.iter().cloned());
    Some(path)
}

impl Patch {
    /// Makes the changes that can be made and reports the others.
    pub fn apply(&self, root: &mut Node, found: &mut Vec<Found>) {
        let mut gone: Vec<Vec<Step>> = Vec::new();
        for path in &self.delete {
            match resolve(root, path) {
                Ok(steps) => gone.push(steps),
                Err(problem) => found.push(problem),
            }
        }
        // The last of a list first, and what lies below before what lies above: no deletion moves another's target.
        gone.sort();
        gone.dedup();
        for steps in gone.iter().rev() {
            remove(root, steps);
        }
        for (path, node) in &self.update {
            match resolve(root, path) {
                Ok(steps) => {
                    if let Some(there) = walk(root, &steps) {
                        *there = node.clone();
                    }
                }
                Err(mut problem) => {
                    problem.help = problem
                        .help
                        .map(|help| format!("{help}; what is to be added stands under `insert`"));
                    found.push(problem);
                }
            }
        }
        for (path, node) in &self.insert {
            if let Err(problem) = insert(root, path, node, false) {
                found.push(problem);
            }
        }
    }
}

/// Sets a path whether or not it is there: what an option of a command line does.
pub(crate) fn set(root: &mut Node, path: &Path, node: &Node) -> Result<(), Found> {
    insert(root, path, node, true)
}

fn remove(root: &mut Node, steps: &[Step]) {
    let Some((last, above)) = steps.split_last() else {
        return;
    };
    let Some(parent) = walk(root, above) else {
        return;
    };
    match (last, &mut parent.value) {
        (Step::Key(key), Value::Table(table)) => drop(table.take(key)),
        (Step::Index(index), Value::List(list)) if *index < list.len() => drop(list.remove(*index)),
        _ => {}
    }
}

fn insert(root: &mut Node, path: &Path, node: &Node, replace: bool) -> Result<(), Found> {
    let mut steps = Vec::new();
    let mut here: &Node = root;
    let mut at = 0;
    while at < path.steps.len() {
        match select(here, path, at) {
            Ok((step, next)) => {
                steps.push(step);
                here = next;
                at += 1;
            }
            Err(problem) => match &here.value {
                Value::Table(_) => break,
                // The end of a list is the one index that is not there and can be inserted.
                Value::List(list)
                    if at + 1 == path.steps.len() && path.steps[at] == list.len().to_string() =>
                {
                    break;
                }
                _ => return Err(problem),
            },
        }
    }
    if at == path.steps.len() && !replace {
        return Err(Found::at(
            path.at,
            format!("`{}` is there already", path.shown()),
            Some("what is there is changed under `update`".to_owned()),
        ));
    }
    let Some(parent) = walk(root, &steps) else {
        return Ok(());
    };
    let mut node = node.clone();
    if at == path.steps.len() {
        *parent = node;
        return Ok(());
    }
    for key in path.steps[at + 1..].iter().rev() {
        let entry = Entry {
            key: key.clone(),
            key_at: path.at,
            node,
        };
        node = Node {
            value: Value::Table(Table(vec![entry])),
            at: path.at,
        };
    }
    match &mut parent.value {
        Value::Table(table) => table.set(Entry {
            key: path.steps[at].clone(),
            key_at: path.at,
            node,
        }),
        Value::List(list) => list.push(node),
        _ => {}
    }
    Ok(())
}
