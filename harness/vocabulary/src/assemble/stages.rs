//! `[stages]`: the first pass, and what is checked once every marker is declared.

use super::{Assembly, StageReferences};
use crate::document::{Item, Text, list};
use crate::expression::{Expression, ExpressionError};
use crate::marker::{NAME_RULE, is_name};
use crate::mistake::Span;
use crate::nearest::nearest;
use crate::pipeline::Triggers;
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
                triggers: Triggers::default(),
                limit: None,
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
                "triggers" => self.vocabulary.stages[at].triggers = self.triggers(&field),
                "limit" => self.vocabulary.stages[at].limit = self.limit(&field),
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
                    &["doc", "level", "select", "steps", "triggers", "limit"],
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
                deployments: Vec::new(),
                limit: None,
                shards: None,
            },
        };
        let mut selects = known.is_some();
        for field in fields {
            match field.key {
                "doc" => step.doc = self.document.doc(&field).unwrap_or_default(),
                "queue" => step.queue = self.document.doc(&field),
                "deployments" => step.deployments = self.plain_texts(&field),
                "limit" => step.limit = self.limit(&field),
                "shards" => step.shards = self.shards(&field),
                "select" => {
                    selects = true;
                    if let Some(select) = self.document.located(&field) {
                        step.select.clone_from(&select.text);
                        references.selects.push(select);
                    }
                }
                _ => self.document.unknown_key(
                    &field,
                    "a step",
                    &["doc", "select", "queue", "deployments", "limit", "shards"],
                ),
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

    /// A stage that is named after a member of an ordered category covers that member and those before it.
    pub(super) fn lifecycle_of_stages(&mut self) {
        for at in 0..self.vocabulary.stages.len() {
            let id = self.vocabulary.id(&self.vocabulary.stages[at].name);
            let ordered = self
                .vocabulary
                .categories
                .iter()
                .filter(|category| category.ordered);
            let covers = ordered
                .filter_map(|category| {
                    let last = category
                        .members
                        .iter()
                        .position(|member| Some(*member) == id)?;
                    Some(category.members[..=last].to_vec())
                })
                .next();
            self.vocabulary.stages[at].covers = covers.unwrap_or_default();
        }
    }

    pub(super) fn stage_references(&mut self, references: StageReferences) {
        if let Some(level) = references.level
            && self.vocabulary.level(&level.text).is_none()
        {
            let names = self.vocabulary.levels.iter().map(|level| &*level.name);
            let help = match nearest(&level.text, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the levels are {}", list(names)),
            };
            self.document.mistake(
                level.span,
                format!("`{}` is no level", level.text),
                Some(help),
            );
        }
        let stage = &self.vocabulary.stages[references.stage];
        if stage.covers.is_empty() && stage.select.is_none() {
            let message = format!("stage `{}` would select every test", stage.name);
            let help = "name it after a marker of an ordered category, or give it `select`";
            self.document
                .mistake(references.key_span, message, Some(help.to_owned()));
        }
        for select in references.selects {
            let result = match Expression::parse(&select.text) {
                Ok(expression) if expression.is_empty() => {
                    let help =
                        "drop the key, or write an expression over markers: \"e2e and not slow\"";
                    self.document
                        .mistake(select.span, "`select` is empty", Some(help.to_owned()));
                    continue;
                }
                Ok(expression) => expression.bind(&self.vocabulary).map(drop),
                Err(error) => Err(error),
            };
            if let Err(error) = result {
                self.faults(&select, &error);
            }
        }
    }

    /// The faults of an expression, at their places inside the text of the file.
    pub(super) fn faults(&mut self, select: &Text, error: &ExpressionError) {
        // Behind the opening quote, unless escapes or several quotes make the text differ from what stands in the file.
        let begin = select.span.0 + 1;
        let verbatim =
            self.document.text.get(begin..begin + select.text.len()) == Some(&*select.text);
        for fault in error.faults() {
            let span: Span = match verbatim {
                true => (begin + fault.at, begin + fault.at + fault.len),
                false => select.span,
            };
            self.document
                .mistake(span, fault.message.clone(), fault.help.clone());
        }
    }
}
