//! From the text of a markers.toml to a vocabulary.
//!
//! Two passes. The first, a file per section, declares every name and notes what it refers to; [`resolve`] then looks the references up, so that
//! the order of the file does not matter. Promise: all mistakes at once, and no mistake that only follows from another.
//! Rejected: one pass with forward declarations (the file would have an order that nobody remembers).

mod categories;
mod coverage;
mod levels;
mod platforms;
mod queues;
mod resolve;
mod sections;
mod stages;

use std::collections::HashMap;

use crate::document::{Document, Text};
use crate::marker::{Marker, MarkerId, NAME_RULE, Role, is_name, is_reserved};
use crate::mistake::{Mistakes, Span};
use crate::vocabulary::Vocabulary;

/// Reads a file, on top of the shipped vocabulary unless it says otherwise.
pub(crate) fn read(text: &str, origin: &str) -> Result<Vocabulary, Mistakes> {
    let mut assembly = Assembly {
        document: Document::new(text),
        vocabulary: Vocabulary {
            origin: origin.to_owned(),
            ..Vocabulary::default()
        },
        here: HashMap::new(),
        references: References::default(),
    };
    if let Some(table) = assembly.document.parse() {
        assembly.sections(&table);
        assembly.resolve();
    }
    if assembly.document.mistakes.is_empty() {
        Ok(assembly.vocabulary)
    } else {
        Err(Mistakes::new(origin, assembly.document.mistakes))
    }
}

struct Assembly<'t> {
    document: Document<'t>,
    vocabulary: Vocabulary,
    /// Where this file declares or changes a marker.
    here: HashMap<MarkerId, Span>,
    references: References,
}

/// What the file refers to by name, looked up once everything is declared.
#[derive(Default)]
struct References {
    implies: Vec<(MarkerId, Vec<Text>)>,
    conflicts: Vec<(MarkerId, Vec<Text>)>,
    categories: Vec<CategoryReferences>,
    stages: Vec<StageReferences>,
    /// Devices that queues name.
    devices: Vec<Text>,
    owed: Vec<Owed>,
    /// `always` of `[changes]`.
    always: Option<Text>,
}

/// What the sections of coverage name.
enum Owed {
    Level(Text),
    Priority(Text),
}

/// References of one category, by its index.
#[derive(Default)]
struct CategoryReferences {
    category: usize,
    key_span: Span,
    /// Whether the file names any marker of it, right or wrong.
    has_markers: bool,
    default: Option<Text>,
    limits: Vec<(Text, Option<std::time::Duration>)>,
    waived_by: Option<Vec<Text>>,
    exclusive: Option<Vec<Vec<Text>>>,
}

/// References of one stage, by its index.
struct StageReferences {
    stage: usize,
    key_span: Span,
    level: Option<Text>,
    /// The selections of the stage and of its steps.
    selects: Vec<Text>,
}

impl Assembly<'_> {
    /// Declares a name, or finds the marker that it changes. `None` if the name cannot be declared as that.
    fn declare(
        &mut self,
        name: &str,
        span: Span,
        role: Role,
        category: Option<&str>,
    ) -> Option<MarkerId> {
        if !is_name(name) {
            self.document.mistake(
                span,
                format!("`{name}` is no name of a marker"),
                Some(NAME_RULE.to_owned()),
            );
            return None;
        }
        if is_reserved(name) {
            let help = "it is a word of Rust or of the expression language, or an attribute that means something else; choose another";
            self.document.mistake(
                span,
                format!("`{name}` cannot be the name of a marker"),
                Some(help.to_owned()),
            );
            return None;
        }
        let Some(id) = self.vocabulary.id(name) else {
            let id = MarkerId(self.vocabulary.markers.len() as u32);
            self.vocabulary
                .markers
                .push(Marker::new(name, role, category));
            self.vocabulary.by_name.insert(name.to_owned(), id);
            self.here.insert(id, span);
            return Some(id);
        };
        let known = self.vocabulary.at(id);
        let (is, wanted) = (
            self.describe(id),
            describe(role, category, &self.vocabulary),
        );
        let alias = known.name != name;
        let same = known.role == role && known.category.as_deref() == category && !alias;
        let message = match self.here.get(&id) {
            Some(first) if alias => format!(
                "`{name}` is already an alias of `{}` (line {})",
                known.name,
                self.document.line(*first)
            ),
            Some(first) if !matches!(role, Role::Cards(_)) => {
                format!(
                    "`{name}` is declared twice: {is} (line {}), and {wanted}",
                    self.document.line(*first)
                )
            }
            _ if same => {
                self.here.insert(id, span);
                let marker = &mut self.vocabulary.markers[id.index()];
                marker.shipped = false;
                return Some(id);
            }
            _ if alias => format!("`{name}` is already an alias of `{}`", known.name),
            _ => format!("`{name}` is already {is}; it cannot be {wanted} as well"),
        };
        self.document.mistake(
            span,
            message,
            Some("choose another name, or change the one that is there".to_owned()),
        );
        None
    }

    /// Declares another spelling of a marker.
    fn declare_alias(&mut self, id: MarkerId, alias: Text) {
        if !is_name(&alias.text) || is_reserved(&alias.text) {
            let message = format!("`{}` cannot be an alias", alias.text);
            self.document
                .mistake(alias.span, message, Some(NAME_RULE.to_owned()));
            return;
        }
        let name = self.vocabulary.name(id).to_owned();
        match self.vocabulary.id(&alias.text) {
            // An alias that equals its own name, and one that was there before the file changed the marker.
            Some(same) if same == id && alias.text == name => {
                let message = format!("`{name}` is its own alias");
                self.document.mistake(
                    alias.span,
                    message,
                    Some("drop it: a marker is always known by its name".to_owned()),
                );
            }
            Some(same) if same == id => {}
            Some(other) => {
                let known = self.vocabulary.name(other);
                let what = if known == alias.text {
                    self.describe(other)
                } else {
                    format!("an alias of `{known}`")
                };
                let message = format!("alias `{}` of `{name}` is already {what}", alias.text);
                self.document.mistake(
                    alias.span,
                    message,
                    Some("choose another spelling".to_owned()),
                );
            }
            None => {
                self.vocabulary.by_name.insert(alias.text.clone(), id);
                self.vocabulary.markers[id.index()].aliases.push(alias.text);
            }
        }
    }

    fn describe(&self, id: MarkerId) -> String {
        let marker = self.vocabulary.at(id);
        describe(marker.role, marker.category.as_deref(), &self.vocabulary)
    }
}

/// What a name is, with its article: "a level", "a marker of category `kind`".
fn describe(role: Role, category: Option<&str>, vocabulary: &Vocabulary) -> String {
    match role {
        Role::Level => "a level".to_owned(),
        Role::Member => format!("a marker of category `{}`", category.unwrap_or("")),
        Role::Platform => "a platform".to_owned(),
        Role::Device(platform) => format!(
            "a device of platform `{}`",
            vocabulary.platforms.get(platform).map_or("", |p| &p.name)
        ),
        Role::Cards(_) => "a count of cards".to_owned(),
    }
}
