//! The first pass: the top of the file, and what its sections have in common.

use toml::de::DeTable;

use super::Assembly;
use crate::document::{Item, Text, items, list};
use crate::mistake::Span;
use crate::nearest::nearest;
use crate::vocabulary::Vocabulary;

/// The keys at the top of the file.
const KEYS: [&str; 12] = [
    "extends",
    "levels",
    "markers",
    "categories",
    "platforms",
    "stages",
    "queues",
    "changes",
    "priorities",
    "models",
    "features",
    "deployments",
];

impl Assembly<'_> {
    /// Reads the whole file.
    pub(super) fn sections(&mut self, table: &DeTable<'_>) {
        let all = items(table);
        let of = |key: &str| all.iter().find(|item| item.key == key).copied();
        for item in &all {
            if !KEYS.contains(&item.key) {
                self.document.unknown_key(item, "markers.toml", &KEYS);
            }
        }
        let alone = self.extends(of("extends").as_ref());
        match of("levels") {
            Some(item) => self.each(&item, "a table of levels", Self::level),
            None if alone => {
                let help =
                    "write a table [levels] with at least one level, or drop `extends = \"none\"`";
                self.document.mistake(
                    (0, 0),
                    "a vocabulary that extends none needs levels",
                    Some(help.to_owned()),
                );
            }
            None => {}
        }
        if let Some(item) = of("categories") {
            self.each(&item, "a table of categories", Self::category);
        }
        if let Some(item) = of("markers") {
            self.loose_markers(&item);
        }
        if let Some(item) = of("platforms") {
            self.each(&item, "a table of platforms", Self::platform);
        }
        if let Some(item) = of("stages") {
            self.each(&item, "a table of stages", Self::stage);
        }
        if let Some(item) = of("changes") {
            self.changes(&item);
        }
        if let Some(item) = of("queues") {
            self.each(&item, "a table of queues", Self::queue);
        }
        if let Some(item) = of("priorities") {
            self.each(&item, "a table of priorities", Self::priority);
        }
        if let Some(item) = of("models") {
            self.each(&item, "a table of models", Self::model);
        }
        if let Some(item) = of("features") {
            self.each(&item, "a table of features", Self::feature);
        }
        if let Some(item) = of("deployments") {
            self.each(&item, "a table of deployments", Self::deployment);
        }
    }

    fn each(&mut self, item: &Item<'_>, wanted: &str, read: fn(&mut Self, &Item<'_>)) {
        for inner in self.document.table(item, wanted).unwrap_or_default() {
            read(self, &inner);
        }
    }

    /// Says whether the file stands alone.
    fn extends(&mut self, item: Option<&Item<'_>>) -> bool {
        let word = match item {
            Some(item) => self.document.text(item),
            None => Some("default".to_owned()),
        };
        match (word.as_deref(), item) {
            (Some("none"), _) => return true,
            (Some("default") | None, _) | (_, None) => {}
            (Some(word), Some(item)) => {
                let help = match nearest(word, ["default", "none"]) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => "\"default\" starts from the vocabulary that is shipped, \"none\" from nothing".to_owned(),
                };
                self.document.mistake(
                    item.span,
                    format!("there is no vocabulary `{word}` to extend"),
                    Some(help),
                );
            }
        }
        let origin = std::mem::take(&mut self.vocabulary.origin);
        self.vocabulary = Vocabulary {
            origin,
            ..Vocabulary::shipped().clone()
        };
        false
    }

    /// A text that is one of a few words.
    pub(super) fn choice<T: Copy>(&mut self, item: &Item<'_>, words: &[(&str, T)]) -> Option<T> {
        let text = self.document.text(item)?;
        let found = words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let all = words.iter().map(|(word, _)| *word);
            let help = match nearest(&text, all.clone()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("known: {}", list(all)),
            };
            self.document.mistake(
                item.span,
                format!("`{}` cannot be `{text}`", item.key),
                Some(help),
            );
        }
        found
    }

    pub(super) fn no_doc(&mut self, item: &Item<'_>, what: &str) {
        let message = format!("{what} `{}` has no `doc`", item.key);
        self.document.mistake(
            item.key_span,
            message,
            Some("say in a few words what it means".to_owned()),
        );
    }
}

/// Where an entry goes in its order: behind the one that it names, else where it was, else at the end.
pub(super) fn place(
    names: &[&str],
    old: Option<usize>,
    after: Option<Text>,
    mut mistake: impl FnMut(Span, String, String),
) -> usize {
    let fallback = old.unwrap_or(names.len());
    let Some(after) = after else { return fallback };
    match names.iter().position(|name| *name == after.text) {
        Some(at) => at + 1,
        None => {
            let help = match nearest(&after.text, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("so far there are {}", list(names.iter().copied())),
            };
            mistake(
                after.span,
                format!("there is no `{}` to come after", after.text),
                help,
            );
            fallback
        }
    }
}
