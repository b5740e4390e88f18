//! The first pass over `[levels]`.

use super::Assembly;
use super::sections::place;
use crate::document::Item;
use crate::level::Level;
use crate::marker::Role;

impl Assembly<'_> {
    pub(super) fn level(&mut self, item: &Item<'_>) {
        let id = self.declare(item.key, item.key_span, Role::Level, None);
        let Some(fields) = self.document.table(item, "a table: { doc = \"…\" }") else {
            return;
        };
        let (mut doc, mut budget, mut implies, mut needs_timeout, mut after) =
            (None, None, None, None, None);
        for field in fields {
            match field.key {
                "doc" => doc = Some(self.document.doc(&field)),
                "budget" => budget = self.document.duration(&field),
                "implies" => implies = self.document.texts(&field),
                "timeout" => {
                    needs_timeout = self.choice(&field, &[("required", true), ("optional", false)])
                }
                "after" => after = self.document.located(&field),
                _ => self.document.unknown_key(
                    &field,
                    "a level",
                    &["doc", "budget", "implies", "timeout", "after"],
                ),
            }
        }
        let Some(id) = id else { return };
        let old = self
            .vocabulary
            .levels
            .iter()
            .position(|level| level.id == id);
        let mut level = match old {
            Some(old) => self.vocabulary.levels.remove(old),
            None => Level {
                name: item.key.to_owned(),
                doc: String::new(),
                budget: None,
                implies: Vec::new(),
                needs_timeout: false,
                id,
            },
        };
        if old.is_none() && doc.is_none() {
            self.no_doc(item, "level");
        }
        if let Some(doc) = doc.flatten() {
            self.vocabulary.markers[id.index()].doc.clone_from(&doc);
            level.doc = doc;
        }
        level.budget = budget.or(level.budget);
        level.needs_timeout = needs_timeout.unwrap_or(level.needs_timeout);
        if let Some(implies) = implies {
            level.implies = implies.iter().map(|name| name.text.clone()).collect();
            self.references.implies.push((id, implies));
        }
        let names: Vec<&str> = self
            .vocabulary
            .levels
            .iter()
            .map(|level| &*level.name)
            .collect();
        let at = place(&names, old, after, |span, message, help| {
            self.document.mistake(span, message, Some(help))
        });
        self.vocabulary.levels.insert(at, level);
    }
}
