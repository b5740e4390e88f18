//! The first pass over `[categories]`.

use toml::de::DeValue;

use super::sections::place;
use super::{Assembly, CategoryReferences};
use crate::args::read_args;
use crate::category::{Category, Rule};
use crate::document::{Item, Text};
use crate::marker::{MarkerId, NAME_RULE, Role, is_name};
use crate::set::MarkerSet;

/// The category of the markers that a file declares outside of any.
const LOOSE: &str = "project";

impl Assembly<'_> {
    pub(super) fn category(&mut self, item: &Item<'_>) {
        if !is_name(item.key) {
            self.document.mistake(
                item.key_span,
                format!("`{}` is no name of a category", item.key),
                Some(NAME_RULE.to_owned()),
            );
            return;
        }
        let Some(fields) = self.document.table(item, "a table") else {
            return;
        };
        let at = self.category_at(item.key);
        let mut references = CategoryReferences {
            category: at,
            key_span: item.key_span,
            ..CategoryReferences::default()
        };
        for field in fields {
            match field.key {
                "doc" => {
                    if let Some(doc) = self.document.doc(&field) {
                        self.vocabulary.categories[at].doc = doc;
                    }
                }
                "rule" => {
                    if let Some(rule) = self.choice(&field, &Rule::ALL) {
                        self.vocabulary.categories[at].rule = rule;
                    }
                }
                "ordered" => {
                    if let Some(ordered) = self.document.boolean(&field) {
                        self.vocabulary.categories[at].ordered = ordered;
                    }
                }
                "platforms" => self.platforms_are_members(&field, at),
                "default" => references.default = self.document.located(&field),
                "waived_by" => references.waived_by = self.document.texts(&field),
                "exclusive" => references.exclusive = self.document.groups(&field),
                "limits" => {
                    for limit in self
                        .document
                        .table(&field, "a table of durations")
                        .unwrap_or_default()
                    {
                        let name = Text {
                            text: limit.key.to_owned(),
                            span: limit.key_span,
                        };
                        references
                            .limits
                            .push((name, self.document.duration(&limit)));
                    }
                }
                "markers" => {
                    for marker in self
                        .document
                        .table(&field, "a table of markers")
                        .unwrap_or_default()
                    {
                        references.has_markers = true;
                        self.member(&marker, at);
                    }
                }
                _ => {
                    let known = [
                        "doc",
                        "rule",
                        "ordered",
                        "default",
                        "limits",
                        "platforms",
                        "exclusive",
                        "waived_by",
                        "markers",
                    ];
                    self.document.unknown_key(&field, "a category", &known);
                }
            }
        }
        self.references.categories.push(references);
    }

    /// The category of that name, a new optional one if there is none.
    fn category_at(&mut self, name: &str) -> usize {
        let categories = &mut self.vocabulary.categories;
        if let Some(at) = categories.iter().position(|known| known.name == name) {
            return at;
        }
        categories.push(Category {
            name: name.to_owned(),
            doc: String::new(),
            rule: Rule::Optional,
            ordered: false,
            default: None,
            limits: Vec::new(),
            members: Vec::new(),
            waived_by: Vec::new(),
            exclusive: Vec::new(),
            platforms: false,
            mask: MarkerSet::new(),
        });
        categories.len() - 1
    }

    /// `[markers]`: words that answer no question of a category. They stand in an optional category of their own.
    pub(super) fn loose_markers(&mut self, item: &Item<'_>) {
        let markers = self
            .document
            .table(item, "a table of markers")
            .unwrap_or_default();
        if markers.is_empty() {
            return;
        }
        let at = self.category_at(LOOSE);
        if self.vocabulary.categories[at].doc.is_empty() {
            self.vocabulary.categories[at].doc =
                "what the project declares under [markers]".to_owned();
        }
        for marker in markers {
            self.member(&marker, at);
        }
    }

    fn platforms_are_members(&mut self, field: &Item<'_>, at: usize) {
        let Some(platforms) = self.document.boolean(field) else {
            return;
        };
        let other = self
            .vocabulary
            .categories
            .iter()
            .position(|category| category.platforms);
        match other {
            Some(other) if platforms && other != at => {
                let message = format!(
                    "the platforms are already members of category `{}`",
                    self.vocabulary.categories[other].name
                );
                self.document.mistake(
                    field.key_span,
                    message,
                    Some("only one category can have `platforms = true`".to_owned()),
                );
            }
            _ => self.vocabulary.categories[at].platforms = platforms,
        }
    }

    /// A marker of a category: `name = "doc"` or `name = { doc = "…", … }`.
    fn member(&mut self, item: &Item<'_>, category: usize) {
        let name = self.vocabulary.categories[category].name.clone();
        let known = self.vocabulary.id(item.key).is_some();
        let id = self.declare(item.key, item.key_span, Role::Member, Some(&name));
        let (mut doc, mut implies, mut conflicts, mut alias, mut args, mut min_args, mut after) =
            (None, None, None, None, None, None, None);
        if let DeValue::String(_) = item.value {
            doc = Some(self.document.doc(item));
        } else {
            let Some(fields) = self
                .document
                .table(item, "what it means, as text, or a table")
            else {
                return;
            };
            for field in fields {
                match field.key {
                    "doc" => doc = Some(self.document.doc(&field)),
                    "implies" => implies = self.document.texts(&field),
                    "conflicts" => conflicts = self.document.texts(&field),
                    "alias" => alias = self.document.texts(&field),
                    "args" => args = Some(field),
                    "min_args" => min_args = Some(field),
                    "after" => after = self.document.located(&field),
                    _ => {
                        let known = [
                            "doc",
                            "implies",
                            "conflicts",
                            "alias",
                            "args",
                            "min_args",
                            "after",
                        ];
                        self.document.unknown_key(&field, "a marker", &known);
                    }
                }
            }
        }
        let args = read_args(&mut self.document, args.as_ref(), min_args.as_ref());
        let Some(id) = id else { return };
        if !known && doc.is_none() {
            self.no_doc(item, "marker");
        }
        let marker = &mut self.vocabulary.markers[id.index()];
        if let Some(doc) = doc.flatten() {
            marker.doc = doc;
        }
        if let Some(args) = args {
            marker.args = args;
        }
        for alias in alias.unwrap_or_default() {
            self.declare_alias(id, alias);
        }
        self.references
            .implies
            .extend(implies.map(|names| (id, names)));
        self.references
            .conflicts
            .extend(conflicts.map(|names| (id, names)));
        let old = self.vocabulary.categories[category]
            .members
            .iter()
            .position(|member| *member == id);
        if let Some(old) = old {
            self.vocabulary.categories[category].members.remove(old);
        }
        let names: Vec<&str> = self.vocabulary.categories[category]
            .members
            .iter()
            .map(|id| self.vocabulary.name(*id))
            .collect();
        let at = place(&names, old, after, |span, message, help| {
            self.document.mistake(span, message, Some(help))
        });
        self.vocabulary.categories[category].members.insert(at, id);
    }

    /// Adds platforms, devices and counts to the category that has them as members.
    pub(super) fn hardware_members(&mut self) {
        let Some(at) = self
            .vocabulary
            .categories
            .iter()
            .position(|category| category.platforms)
        else {
            return;
        };
        let name = self.vocabulary.categories[at].name.clone();
        let mut members = std::mem::take(&mut self.vocabulary.categories[at].members);
        members.retain(|id| self.vocabulary.at(*id).role == Role::Member);
        let cards = |id: &MarkerId| matches!(self.vocabulary.at(*id).role, Role::Cards(_));
        let ids: Vec<MarkerId> = (0..self.vocabulary.markers.len())
            .map(|index| MarkerId(index as u32))
            .collect();
        let mut hardware: Vec<MarkerId> = Vec::new();
        for platform in &self.vocabulary.platforms {
            hardware.push(platform.id);
            hardware.extend(platform.devices.iter().map(|device| device.id));
        }
        hardware.extend(ids.iter().copied().filter(cards));
        for id in &hardware {
            self.vocabulary.markers[id.index()].category = Some(name.clone());
        }
        members.extend(hardware);
        self.vocabulary.categories[at].members = members;
    }
}
