//! Reads the YAML of an engine's configuration.
//!
//! Promise: a plain scalar that YAML 1.1 (PyYAML) and YAML 1.2 read differently (`yes`, `010`, `1e5`, `12:30`) is an error that says so,
//! since nobody here knows which one the engine uses; aliases are bounded. Rejected: loaders into values (they decide these cases
//! silently, and lose the places).

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use crate::node::{Entry, Node, Table, Value};
use crate::scalar::plain;
use crate::source::{Found, Place, Sources};

/// The most values of a document, with all aliases followed.
const MOST: usize = 100_000;
/// The deepest nesting.
const DEEPEST: usize = 64;

/// A value that is being built.
enum Open {
    List(Vec<Node>, Place, usize),
    Table {
        table: Table,
        at: Place,
        anchor: usize,
        key: Option<(String, Place)>,
        /// The keys that `<<` brought.
        merged: BTreeSet<String>,
    },
}

struct Loader {
    source: usize,
    /// The byte at which each character begins, and the end.
    bytes: Vec<usize>,
    stack: Vec<Open>,
    anchors: BTreeMap<usize, (Node, usize)>,
    count: usize,
    done: Option<Node>,
    /// What is wrong and does not hide what follows.
    found: Vec<Found>,
}

/// Reads one document.
pub(crate) fn read(sources: &Sources, source: usize) -> Result<Node, Found> {
    let mut found = Vec::new();
    let node = read_all(sources, source, &mut found);
    match (node, found.into_iter().next()) {
        (Some(node), None) => Ok(node),
        (_, Some(first)) => Err(first),
        (None, None) => Err(Found::at(sources.whole(source), "this is no YAML", None)),
    }
}

/// The same, with all that is wrong and does not hide what follows: a scalar that has two meanings, a key that is there twice, a tag. `None`: the rest cannot be read.
pub(crate) fn read_all(sources: &Sources, source: usize, found: &mut Vec<Found>) -> Option<Node> {
    match load(sources, source, found) {
        Ok(node) => Some(node),
        Err(last) => {
            found.push(last);
            None
        }
    }
}

fn load(sources: &Sources, source: usize, found: &mut Vec<Found>) -> Result<Node, Found> {
    let text = sources.text(source);
    let mut bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    bytes.push(text.len());
    let mut loader = Loader {
        source,
        bytes,
        stack: Vec::new(),
        anchors: BTreeMap::new(),
        count: 0,
        done: None,
        found: Vec::new(),
    };
    let read = events(&mut loader, text);
    found.append(&mut loader.found);
    read?;
    Ok(loader.done.unwrap_or(Node {
        value: Value::Null,
        at: sources.whole(source),
    }))
}

fn events(loader: &mut Loader, text: &str) -> Result<(), Found> {
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => loader.event(event, span)?,
            Err(error) => {
                let at = loader.byte(error.marker().index());
                let at = Place {
                    source: loader.source,
                    start: at,
                    end: at,
                };
                return Err(Found::at(
                    at,
                    format!("this is no YAML: {}", error.info()),
                    None,
                ));
            }
        }
    }
    Ok(())
}

impl Loader {
    fn byte(&self, index: usize) -> usize {
        self.bytes
            .get(index)
            .or(self.bytes.last())
            .copied()
            .unwrap_or(0)
    }

    fn place(&self, span: Span) -> Place {
        Place {
            source: self.source,
            start: self.byte(span.start.index()),
            end: self.byte(span.end.index()),
        }
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Found> {
        let at = self.place(span);
        let refuse = |message: &str, help: &str| Err(Found::at(at, message, Some(help.to_owned())));
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let text_tag = tag
                    .as_ref()
                    .is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                if tag.is_some() && !text_tag {
                    self.tag(at);
                }
                // A key is text whatever it looks like.
                let is_key = matches!(self.stack.last(), Some(Open::Table { key: None, .. }));
                let value = if style == ScalarStyle::Plain && !text_tag && !is_key {
                    plain(&text).unwrap_or_else(|message| {
                        let help = "quote it where text is meant, and write it plainly otherwise (true, false, 8, 100000.0)";
                        self.found.push(Found::at(at, message, Some(help.to_owned())));
                        Value::Text(text.into_owned())
                    })
                } else {
                    Value::Text(text.into_owned())
                };
                self.put(Node { value, at }, anchor, 1)
            }
            Event::SequenceStart(anchor, tag) => {
                if tag.is_some() {
                    self.tag(at);
                }
                self.open(Open::List(Vec::new(), at, anchor), at)
            }
            Event::MappingStart(anchor, tag) => {
                if tag.is_some() {
                    self.tag(at);
                }
                let open = Open::Table {
                    table: Table::default(),
                    at,
                    anchor,
                    key: None,
                    merged: BTreeSet::new(),
                };
                self.open(open, at)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some(Open::List(list, at, anchor)) => self.close(Value::List(list), at, anchor),
                Some(Open::Table {
                    table, at, anchor, ..
                }) => self.close(Value::Table(table), at, anchor),
                None => Ok(()),
            },
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some((node, size)) => self.put(Node { at, ..node }, 0, size),
                None => refuse(
                    "this anchor is not known, or not complete",
                    "an alias stands behind its anchor",
                ),
            },
            Event::DocumentStart(_) if self.done.is_some() => refuse(
                "a second document begins here",
                "an engine's configuration is one document",
            ),
            _ => Ok(()),
        }
    }

    fn tag(&mut self, at: Place) {
        let help = Some("drop the tag".to_owned());
        self.found
            .push(Found::at(at, "tags are not supported", help));
    }

    fn open(&mut self, open: Open, at: Place) -> Result<(), Found> {
        if self.stack.len() >= DEEPEST {
            return Err(Found::at(at, format!("nested deeper than {DEEPEST}"), None));
        }
        if matches!(self.stack.last(), Some(Open::Table { key: None, .. })) {
            return Err(Found::at(at, "a key must be text", None));
        }
        self.stack.push(open);
        Ok(())
    }

    fn close(&mut self, value: Value, at: Place, anchor: usize) -> Result<(), Found> {
        let node = Node { value, at };
        let size = if anchor == 0 { 0 } else { size(&node) };
        // Its parts were counted one by one.
        self.put_sized(node, anchor, size, 1)
    }

    fn put(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), Found> {
        self.put_sized(node, anchor, size, size)
    }

    fn put_sized(
        &mut self,
        node: Node,
        anchor: usize,
        size: usize,
        new: usize,
    ) -> Result<(), Found> {
        self.count = self.count.saturating_add(new);
        if self.count > MOST {
            return Err(Found::at(node.at, format!("more than {MOST} values"), None));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut() {
            None => self.done = Some(node),
            Some(Open::List(list, _, _)) => list.push(node),
            Some(Open::Table {
                table, key, merged, ..
            }) => match key.take() {
                None => match node.scalar() {
                    Some(text) => *key = Some((text, node.at)),
                    None => return Err(Found::at(node.at, "a key must be text", None)),
                },
                Some((key, _)) if key == "<<" => match node.value {
                    Value::Table(brought) => {
                        for entry in brought.0 {
                            if table.get(&entry.key).is_none() {
                                merged.insert(entry.key.clone());
                                table.0.push(entry);
                            }
                        }
                    }
                    _ => return Err(Found::at(node.at, "`<<` takes a mapping", None)),
                },
                Some((key, key_at)) => {
                    if table.get(&key).is_some() && !merged.remove(&key) {
                        self.found
                            .push(Found::at(key_at, format!("`{key}` is there twice"), None));
                    }
                    table.set(Entry { key, key_at, node });
                }
            },
        }
        Ok(())
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(list) => list.iter().map(size).sum(),
        Value::Table(table) => table.0.iter().map(|entry| 1 + size(&entry.node)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::json;

    fn read_text(text: &str) -> Result<String, String> {
        let mut sources = Sources::default();
        let source = sources.add("x.yaml", text, None);
        read(&sources, source)
            .map(|node| json(&node))
            .map_err(|found| found.message)
    }

    #[test]
    fn documents() {
        for (text, want) in [
            ("", "null"),
            (
                "a: 1\nb: [x, 'yes', \"1:30\", 2.5, ~]\n",
                r#"{"a":1,"b":["x","yes","1:30",2.5,null]}"#,
            ),
            (
                "a: &x\n  k: 1\n  l: 2\nb:\n  <<: *x\n  k: 3\n",
                r#"{"a":{"k":1,"l":2},"b":{"k":3,"l":2}}"#,
            ),
            ("b:\n  k: 3\n  <<: {k: 1, l: 2}\n", r#"{"b":{"k":3,"l":2}}"#),
            (
                "a: 1.5e-7\nb: -0x1F\nc: 1.2.3\nd: v1\n",
                r#"{"a":1.5e-7,"b":-31,"c":"1.2.3","d":"v1"}"#,
            ),
            ("0: a\ntrue: b\n", r#"{"0":"a","true":"b"}"#),
            ("s: |\n  two\n  lines\n", r#"{"s":"two\nlines\n"}"#),
        ] {
            assert_eq!(read_text(text), Ok(want.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_readers_of_yaml_disagree_on_is_refused() {
        for text in [
            "yes",
            "Off",
            "010",
            "0o17",
            "1e5",
            "1.5e5",
            "1_000",
            "12:30",
            "2024-01-31",
        ] {
            let message = read_text(&format!("a: {text}\n")).unwrap_err();
            assert!(message.contains("YAML 1.1"), "{text}: {message}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        let deep = format!("{}{}", "[".repeat(80), "]".repeat(80));
        let bomb = format!(
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n{}",
            (1..9)
                .map(|n| format!(
                    "a{n}: &a{n} [{}]\n",
                    vec![
                        if n == 1 {
                            "*a".to_owned()
                        } else {
                            format!("*a{}", n - 1)
                        };
                        10
                    ]
                    .join(",")
                ))
                .collect::<String>()
        );
        for (text, why) in [
            ("a: 1\na: 2\n", "there twice"),
            ("a: !x 1\n", "tags"),
            ("a: .nan\n", "finite"),
            ("a: 1\n---\nb: 2\n", "second document"),
            ("? [a]\n: 1\n", "key must be text"),
            ("a: [1\n", "no YAML"),
            ("a: 99999999999999999999\n", "64 bits"),
            (&deep, "nested deeper"),
            (&bomb, "more than"),
        ] {
            let message = read_text(text).unwrap_err();
            assert!(message.contains(why), "{why}: {message}");
        }
    }
}
