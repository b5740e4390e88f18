//! The keys of one table, under the names that this crate gives them.
//!
//! Promise: `num-prompts` and `num_prompts` are one key, and so is the shorter name of the native form; a message uses the name that was written. A key
//! that is there twice under two spellings is a mistake.

use tribunal_deploy::tree::{Entry, Node, Place, Table};

use crate::reader::Reader;

/// The name of a key: underscores for hyphens.
pub(crate) fn plain(key: &str) -> String {
    key.replace('-', "_")
}

/// The keys of one table.
#[derive(Clone, Debug)]
pub(crate) struct Fields<'n> {
    /// Where the table stands.
    pub at: Place,
    entries: Vec<(String, &'n Entry)>,
}

impl<'n> Fields<'n> {
    /// `other_names`: what the native form calls some keys.
    pub fn of(
        reader: &mut Reader<'_>,
        table: &'n Table,
        at: Place,
        other_names: &[(&str, &str)],
    ) -> Fields<'n> {
        let mut entries: Vec<(String, &'n Entry)> = Vec::new();
        for entry in &table.0 {
            let mut name = plain(&entry.key);
            if let Some((_, known)) = other_names.iter().find(|(other, _)| *other == name) {
                name = (*known).to_owned();
            }
            match entries.iter().find(|(there, _)| *there == name) {
                Some((_, first)) => reader.mistake(
                    entry.key_at,
                    format!(
                        "`{}` is the same key as `{}` on line {}",
                        entry.key,
                        first.key,
                        reader.line(first.key_at)
                    ),
                    Some("drop one of them".to_owned()),
                ),
                None => entries.push((name, entry)),
            }
        }
        Fields { at, entries }
    }

    /// The key with what stands there; not where it is null.
    pub fn entry(&self, name: &str) -> Option<&'n Entry> {
        self.entries
            .iter()
            .find(|(there, _)| there == name)
            .map(|(_, entry)| *entry)
            .filter(|entry| entry.node.value != tribunal_deploy::tree::Value::Null)
    }

    /// What stands at a key.
    pub fn get(&self, name: &str) -> Option<&'n Node> {
        self.entry(name).map(|entry| &entry.node)
    }

    /// All of them, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'n Entry)> {
        self.entries.iter().map(|(name, entry)| (&**name, *entry))
    }

    /// The name of a key as it was written; the one of this crate where it was not.
    pub fn shown<'a>(&'a self, name: &'a str) -> &'a str {
        self.entry(name).map_or(name, |entry| &entry.key)
    }
}
