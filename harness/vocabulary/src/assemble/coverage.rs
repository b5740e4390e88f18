//! `[changes]`, `[priorities]`, `[models]`, `[features]` and `[deployments]`.

use super::{Assembly, Owed};
use crate::document::{Item, list};
use crate::expression::Expression;
use crate::nearest::nearest;
use crate::pipeline::{Priority, Subject, SubjectKind};

impl Assembly<'_> {
    pub(super) fn changes(&mut self, item: &Item<'_>) {
        for field in self
            .document
            .table(item, "a table of rules")
            .unwrap_or_default()
        {
            match field.key {
                "always" => {
                    let always = self.document.located(&field);
                    self.vocabulary.changes.always =
                        always.as_ref().map(|always| always.text.clone());
                    self.references.always = always;
                }
                "fallback" => self.vocabulary.changes.fallback = self.plain_texts(&field),
                "docs" => self.vocabulary.changes.docs = self.plain_texts(&field),
                _ => self.document.unknown_key(
                    &field,
                    "`[changes]`",
                    &["always", "fallback", "docs"],
                ),
            }
        }
    }

    pub(super) fn priority(&mut self, item: &Item<'_>) {
        if !self.name_of(item, "priority") {
            return;
        }
        let Some(fields) = self.document.table(item, "a table") else {
            return;
        };
        let priorities = &mut self.vocabulary.priorities;
        let known = priorities.iter().position(|one| one.name == item.key);
        let mut priority = match known {
            Some(at) => priorities.remove(at),
            None => Priority {
                name: item.key.to_owned(),
                ..Priority::default()
            },
        };
        for field in fields {
            match field.key {
                "doc" => priority.doc = self.document.doc(&field).unwrap_or_default(),
                "levels" => {
                    let levels = self.document.texts(&field).unwrap_or_default();
                    priority.levels = levels.iter().map(|level| level.text.clone()).collect();
                    self.references
                        .owed
                        .extend(levels.into_iter().map(Owed::Level));
                }
                _ => self
                    .document
                    .unknown_key(&field, "a priority", &["doc", "levels"]),
            }
        }
        let priorities = &mut self.vocabulary.priorities;
        priorities.insert(known.unwrap_or(priorities.len()), priority);
    }

    pub(super) fn model(&mut self, item: &Item<'_>) {
        self.subject(item, SubjectKind::Model);
    }

    pub(super) fn feature(&mut self, item: &Item<'_>) {
        self.subject(item, SubjectKind::Feature);
    }

    pub(super) fn deployment(&mut self, item: &Item<'_>) {
        self.subject(item, SubjectKind::Deployment);
    }

    fn subject(&mut self, item: &Item<'_>, kind: SubjectKind) {
        let Some(fields) = self
            .document
            .table(item, "a table: { priority = \"high\" }")
        else {
            return;
        };
        let same = |one: &Subject| one.kind == kind && one.name == item.key;
        let subjects = &mut self.vocabulary.subjects;
        let known = subjects.iter().position(same);
        let mut subject = match known {
            Some(at) => subjects.remove(at),
            None => Subject {
                kind,
                name: item.key.to_owned(),
                doc: String::new(),
                priority: String::new(),
                also: vec![],
            },
        };
        for field in fields {
            match field.key {
                "doc" => subject.doc = self.document.doc(&field).unwrap_or_default(),
                "priority" => {
                    if let Some(priority) = self.document.located(&field) {
                        subject.priority.clone_from(&priority.text);
                        self.references.owed.push(Owed::Priority(priority));
                    }
                }
                "also" => subject.also = self.plain_texts(&field),
                _ => self
                    .document
                    .unknown_key(&field, kind.word(), &["doc", "priority", "also"]),
            }
        }
        if subject.priority.is_empty() {
            let message = format!("{} `{}` has no `priority`", kind.word(), item.key);
            let names = self.vocabulary.priorities.iter().map(|one| &*one.name);
            let help = format!("the priorities are {}", list(names));
            self.document.mistake(item.key_span, message, Some(help));
        }
        let subjects = &mut self.vocabulary.subjects;
        subjects.insert(known.unwrap_or(subjects.len()), subject);
    }

    /// What these sections name is declared.
    pub(super) fn coverage_references(&mut self) {
        for owed in std::mem::take(&mut self.references.owed) {
            let v = &self.vocabulary;
            let (what, text, names): (_, _, Vec<&str>) = match &owed {
                Owed::Level(text) => (
                    "level",
                    text,
                    v.levels.iter().map(|one| &*one.name).collect(),
                ),
                Owed::Priority(text) => (
                    "priority",
                    text,
                    v.priorities.iter().map(|one| &*one.name).collect(),
                ),
            };
            if names.contains(&&*text.text) {
                continue;
            }
            let help = match nearest(&text.text, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", list(names)),
            };
            let message = format!("`{}` is no {what}", text.text);
            self.document.mistake(text.span, message, Some(help));
        }
        let Some(always) = self.references.always.take() else {
            return;
        };
        let bound = Expression::parse(&always.text)
            .and_then(|expression| expression.bind(&self.vocabulary).map(drop));
        if let Err(error) = bound {
            self.faults(&always, &error);
        }
    }
}
