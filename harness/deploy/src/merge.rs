//! How one layer lies on another: a file on the one that it extends, an overlay on its file.
//!
//! Scalars and lists replace, tables merge key by key. Four things differ: `args_add` and `patch` go on where the layer below ends; lists of
//! tables that all have a `name` merge by that name; a parameter keeps the type of its first declaration; and a layer that says how the
//! server is reached (`command`, `url` or `offline`) replaces the way of the layer below.

use crate::node::{Entry, Node, Table, Value};
use crate::param;
use crate::source::Found;

/// The ways in which a server is reached; a layer that has one drops those below.
pub(crate) const WAYS: [&str; 3] = ["command", "url", "offline"];

/// Lays `over` on `base`; both are whole deployments or overlays.
pub(crate) fn layer(base: &mut Table, over: Table, found: &mut Vec<Found>) {
    if WAYS
        .iter()
        .any(|way| over.get(way).is_some_and(|node| !node.is_false()))
    {
        for way in WAYS.iter().filter(|way| over.get(way).is_none()) {
            base.take(way);
        }
    }
    for entry in over.0 {
        match (&*entry.key, base.get_mut(&entry.key), entry.node.value) {
            ("level" | "platform", Some(there), Value::Table(overlays))
                if there.table().is_some() =>
            {
                if let Value::Table(base) = &mut there.value {
                    overlaid(base, overlays, found);
                }
            }
            ("params", Some(there), Value::Table(over)) if there.table().is_some() => {
                if let Value::Table(base) = &mut there.value {
                    param::layer(base, over, found);
                }
            }
            (_, _, value) => one(
                base,
                Entry {
                    node: Node {
                        value,
                        at: entry.node.at,
                    },
                    ..entry
                },
            ),
        }
    }
}

fn overlaid(base: &mut Table, over: Table, found: &mut Vec<Found>) {
    for entry in over.0 {
        match (base.get_mut(&entry.key), entry.node.value) {
            (Some(there), Value::Table(over)) if there.table().is_some() => {
                if let Value::Table(base) = &mut there.value {
                    layer(base, over, found);
                }
            }
            (_, value) => base.set(Entry {
                node: Node {
                    value,
                    at: entry.node.at,
                },
                ..entry
            }),
        }
    }
}

/// Merges one key of an ordinary table.
fn one(base: &mut Table, over: Entry) {
    let Some(there) = base.get_mut(&over.key) else {
        base.0.push(over);
        return;
    };
    match (&mut there.value, over.node.value) {
        (Value::Table(base), Value::Table(over)) => {
            for entry in over.0 {
                one(base, entry);
            }
        }
        (Value::List(base), Value::List(over_list))
            if matches!(&*over.key, "args_add" | "patch") =>
        {
            base.extend(over_list);
        }
        (Value::List(base), Value::List(over)) if named(base) && named(&over) => {
            for node in over {
                let same = base.iter_mut().find(|there| name(there) == name(&node));
                match (same, node.value) {
                    (Some(there), Value::Table(over)) => {
                        if let Value::Table(base) = &mut there.value {
                            for entry in over.0 {
                                one(base, entry);
                            }
                        }
                    }
                    (_, value) => base.push(Node { value, at: node.at }),
                }
            }
        }
        (_, value) => {
            *there = Node {
                value,
                at: over.node.at,
            };
        }
    }
}

fn named(list: &[Node]) -> bool {
    !list.is_empty() && list.iter().all(|node| name(node).is_some())
}

fn name(node: &Node) -> Option<&str> {
    node.table()?.get("name")?.text()
}
