//! The first pass over `[stages]`.

use super::{Assembly, StageReferences};
use crate::document::Item;
use crate::marker::{NAME_RULE, is_name};
use crate::stage::{Stage, Step};

impl Assembly<'_> {
    pub(super) fn stage(&mut self, item: &Item<'_>) {
        if !is_name(item.key) {
            self.document.mistake(
                item.key_span,
                format!("`{}` is no name of a stage", item.key),
                Some(NAME_RULE.to_owned()),
            );
            return;
        }
        let Some(fields) = self.document.table(item, "a table") else {
            return;
        };
        let known = self
            .vocabulary
            .stages
            .iter()
            .position(|stage| stage.name == item.key);
        let at = known.unwrap_or(self.vocabulary.stages.len());
        if known.is_none() {
            let (name, covers) = (item.key.to_owned(), Vec::new());
            self.vocabulary.stages.push(Stage {
                name,
                doc: String::new(),
                level: None,
                select: None,
                covers,
                steps: Vec::new(),
            });
        }
        let mut references = StageReferences {
            stage: at,
            key_span: item.key_span,
            level: None,
            selects: Vec::new(),
        };
        for field in fields {
            match field.key {
                "doc" => {
                    if let Some(doc) = self.document.doc(&field) {
                        self.vocabulary.stages[at].doc = doc;
                    }
                }
                "level" => {
                    references.level = self.document.located(&field);
                    self.vocabulary.stages[at].level =
                        references.level.as_ref().map(|level| level.text.clone());
                }
                "select" => {
                    if let Some(select) = self.document.located(&field) {
                        self.vocabulary.stages[at].select = Some(select.text.clone());
                        references.selects.push(select);
                    }
                }
                "steps" => {
                    for step in self
                        .document
                        .table(&field, "a table of steps")
                        .unwrap_or_default()
                    {
                        self.step(&step, at, &mut references);
                    }
                }
                _ => self.document.unknown_key(
                    &field,
                    "a stage",
                    &["doc", "level", "select", "steps"],
                ),
            }
        }
        self.references.stages.push(references);
    }

    fn step(&mut self, item: &Item<'_>, stage: usize, references: &mut StageReferences) {
        if !is_name(item.key) {
            self.document.mistake(
                item.key_span,
                format!("`{}` is no name of a step", item.key),
                Some(NAME_RULE.to_owned()),
            );
            return;
        }
        let Some(fields) = self.document.table(item, "a table") else {
            return;
        };
        let known = self.vocabulary.stages[stage]
            .steps
            .iter()
            .position(|step| step.name == item.key);
        let mut step = match known {
            Some(known) => self.vocabulary.stages[stage].steps.remove(known),
            None => Step {
                name: item.key.to_owned(),
                doc: String::new(),
                select: String::new(),
                queue: None,
            },
        };
        let mut selects = known.is_some();
        for field in fields {
            match field.key {
                "doc" => step.doc = self.document.doc(&field).unwrap_or_default(),
                "queue" => step.queue = self.document.doc(&field),
                "select" => {
                    selects = true;
                    if let Some(select) = self.document.located(&field) {
                        step.select.clone_from(&select.text);
                        references.selects.push(select);
                    }
                }
                _ => self
                    .document
                    .unknown_key(&field, "a step", &["doc", "select", "queue"]),
            }
        }
        if !selects {
            let message = format!("step `{}` selects nothing of its own", item.key);
            self.document.mistake(
                item.key_span,
                message,
                Some("give it `select = \"an expression over markers\"`".to_owned()),
            );
        }
        let steps = &mut self.vocabulary.stages[stage].steps;
        steps.insert(known.unwrap_or(steps.len()), step);
    }
}
