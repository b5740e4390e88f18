//! Dotted paths into a value, and what a step of one means.
//!
//! A step into a table is a key. A step into a list is an index, or, where every element is a table with `stage_id`, `id` or `name`, the value of
//! that key. Promise: a step that does not fit is refused with all that would.

use tribunal_vocabulary::nearest;

use crate::node::{Node, Table, Value};
use crate::source::{Found, Place};

/// Keys that tell the elements of a list apart, the first that all have counts.
const IDS: [&str; 3] = ["stage_id", "id", "name"];

/// A dotted path with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Path {
    pub steps: Vec<String>,
    pub at: Place,
}

impl Path {
    /// Splits a text at its dots. `None` if a step is empty.
    pub fn parse(text: &str, at: Place) -> Option<Path> {
        let steps: Vec<String> = text.split('.').map(str::to_owned).collect();
        (!steps.iter().any(String::is_empty)).then_some(Path { steps, at })
    }

    pub fn shown(&self) -> String {
        self.steps.join(".")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// The steps of a path that is there.
pub(crate) fn resolve(root: &Node, path: &Path) -> Result<Vec<Step>, Found> {
    let mut here = root;
    let mut steps = Vec::new();
    for at in 0..path.steps.len() {
        let (step, next) = select(here, path, at)?;
        steps.push(step);
        here = next;
    }
    Ok(steps)
}

/// The part of a value that step `at` of a path means.
pub(crate) fn select<'n>(
    node: &'n Node,
    path: &Path,
    at: usize,
) -> Result<(Step, &'n Node), Found> {
    let word = &path.steps[at];
    let missing = |what: String, known: Vec<String>| {
        let near = nearest(word, known.iter().map(String::as_str));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "there is nothing in it".to_owned(),
            None => {
                let mut shown: Vec<String> = known
                    .iter()
                    .take(24)
                    .map(|key| format!("`{key}`"))
                    .collect();
                if known.len() > shown.len() {
                    shown.push("…".to_owned());
                }
                format!("there is: {}", shown.join(", "))
            }
        };
        Found::at(path.at, what, Some(help))
    };
    let place = if at == 0 {
        "here".to_owned()
    } else {
        format!("in `{}`", path.steps[..at].join("."))
    };
    match &node.value {
        Value::Table(table) => {
            let word = alias(table, word);
            match table.entry(&word) {
                Some(entry) => Ok((Step::Key(entry.key.clone()), &entry.node)),
                None => Err(missing(
                    format!("there is no `{word}` {place}"),
                    table.keys().map(str::to_owned).collect(),
                )),
            }
        }
        Value::List(list) => {
            let id = id_of(list);
            let named = id.and_then(|id| list.iter().position(|node| is_called(node, id, word)));
            let index = named.or_else(|| {
                // A number means an id where elements have ids that are numbers, and an index elsewhere.
                let may = id.is_none_or(|id| id == "name");
                word.parse::<usize>()
                    .ok()
                    .filter(|index| may && *index < list.len())
            });
            match (index, id) {
                (Some(index), _) => Ok((Step::Index(index), &list[index])),
                (None, Some(id)) => Err(missing(
                    format!("there is no element with `{id}` {word} {place}"),
                    list.iter().filter_map(|node| called(node, id)).collect(),
                )),
                (None, None) => Err(missing(
                    format!("`{word}` is no index {place}, a list of {}", list.len()),
                    (0..list.len()).map(|index| index.to_string()).collect(),
                )),
            }
        }
        _ => Err(Found::at(
            path.at,
            format!("there is no `{word}` {place}, which is {}", node.sort()),
            Some("only tables and lists have parts".to_owned()),
        )),
    }
}

/// `stages` and `stage_args` are two names that engines give to one list: whichever is there is meant.
fn alias(table: &Table, word: &str) -> String {
    let other = match word {
        "stages" => "stage_args",
        "stage_args" => "stages",
        _ => return word.to_owned(),
    };
    let meant = if table.get(word).is_none() && table.get(other).is_some() {
        other
    } else {
        word
    };
    meant.to_owned()
}

fn id_of(list: &[Node]) -> Option<&'static str> {
    IDS.into_iter()
        .find(|id| !list.is_empty() && list.iter().all(|node| called(node, id).is_some()))
}

fn called(node: &Node, id: &str) -> Option<String> {
    node.table()?.get(id)?.scalar()
}

fn is_called(node: &Node, id: &str, word: &str) -> bool {
    called(node, id).is_some_and(|name| name == word)
}

pub(crate) fn walk<'n>(root: &'n mut Node, steps: &[Step]) -> Option<&'n mut Node> {
    steps
        .iter()
        .try_fold(root, |node, step| match (step, &mut node.value) {
            (Step::Key(key), Value::Table(table)) => table.get_mut(key),
            (Step::Index(index), Value::List(list)) => list.get_mut(*index),
            _ => None,
        })
}
