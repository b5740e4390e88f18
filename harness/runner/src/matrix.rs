//! Cases of tests that ask for features: one for each combination that their deployment draws.
//!
//! Promise: a pure function of the catalog and of what is drawn; a test without the marker `features` is left as it is, and nothing is drawn for it. A
//! deployment that has none of the features leaves one case, which is skipped and says so.
//! Rejected: a provider of cases, as `#[cases(from = …)]` has it. It is called before the deployments are known.

use std::collections::HashMap;
use std::sync::Arc;

use tribunal_vocabulary::{Arg, MarkerSet, Value, Vocabulary};

use crate::catalog::{Case, Catalog};
use crate::marks::{DeviceLine, Marks};

/// What a deployment drew.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// The cases.
    pub cases: Vec<Arc<DrawnCase>>,
    /// Why there are no others: what was left out, replaced or found.
    pub notes: Vec<String>,
}

/// One case of a matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnCase {
    /// Its segment in the names of cases.
    pub segment: String,
    /// The deployment with the case's variants, by the name under which it is found.
    pub deployment: String,
    /// The devices that it uses, if it needs some of its own.
    pub devices: Option<DeviceLine>,
    /// What no other case covers.
    pub why: String,
    /// The notes of the drawing.
    pub notes: Arc<[String]>,
}

/// Draws the cases for a deployment and some features; see [`Catalog::drawn`].
pub type Draw<'a> = dyn FnMut(&str, &[String]) -> Result<Option<Drawn>, String> + 'a;

impl Catalog {
    /// Lets every case that asks for features run once for each combination that `draw` finds for its deployment and these features. `None` where
    /// nothing is known of the deployment: what is wrong with it is told when the case is about to run.
    ///
    /// # Errors
    /// What `draw` says that is wrong with a matrix.
    pub fn drawn(mut self, v: &Vocabulary, draw: &mut Draw<'_>) -> Result<Catalog, String> {
        if self.cases.iter().all(|c| c.marks.features.is_empty()) {
            return Ok(self);
        }
        let mut known: HashMap<(String, Vec<String>), Option<Drawn>> = HashMap::new();
        let mut cases = Vec::with_capacity(self.cases.len());
        for case in std::mem::take(&mut self.cases) {
            let features = case.marks.features.clone();
            let deployment = case.deployment(&self).map(str::to_owned);
            let (false, Some(deployment)) = (features.is_empty(), deployment) else {
                cases.push(case);
                continue;
            };
            let key = (deployment, features);
            if !known.contains_key(&key) {
                let drawn = draw(&key.0, &key.1)?;
                known.insert(key.clone(), drawn);
            }
            match &known[&key] {
                None => cases.push(case),
                Some(drawn) if drawn.cases.is_empty() => {
                    cases.push(without(case, &key.0, drawn));
                }
                Some(drawn) => {
                    cases.extend(drawn.cases.iter().map(|row| self.with(&case, row, v)));
                }
            }
        }
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        self.cases = cases;
        Ok(self)
    }

    /// The case for one combination. The deployment stays the last segment, where there are several.
    fn with(&self, case: &Case, row: &Arc<DrawnCase>, v: &Vocabulary) -> Case {
        let base = case.base_name(self);
        let name = [base, "::", &row.segment, &case.name[base.len()..]].concat();
        let marks = match &row.devices {
            None => case.marks.clone(),
            Some(line) => {
                let mut marks = (*case.marks).clone();
                marks.set = on_devices(&marks, line, v);
                marks.devices = vec![line.clone()];
                Arc::new(marks)
            }
        };
        Case {
            test: case.test,
            name,
            marks,
            index: case.index,
            provided: case.provided.clone(),
            chosen: case.chosen,
            on: case.on.clone(),
            row: Some(row.clone()),
        }
    }
}

/// The markers of a case that needs these devices, as if `hardware_test` stood on it; not that it needs none, which was only a default.
fn on_devices(marks: &Marks, line: &DeviceLine, v: &Vocabulary) -> MarkerSet {
    let none = v.id("gpu_0").filter(|_| marks.devices.is_empty());
    let mut set = MarkerSet::new();
    for id in marks.set.iter().filter(|id| Some(*id) != none) {
        set.insert(id);
        for args in marks.set.args(id) {
            set.insert_args(id, args.to_vec());
        }
    }
    let arg = |key: &str, value| Arg {
        key: key.to_owned(),
        value,
    };
    let models = line.models.iter().cloned().map(Value::Str).collect();
    let args = [
        arg(&line.platform, Value::List(models)),
        arg("num_cards", Value::Int(line.count.into())),
    ];
    v.add(&mut set, "hardware_test", &args);
    set
}

fn without(case: Case, deployment: &str, drawn: &Drawn) -> Case {
    let mut marks = (*case.marks).clone();
    marks.skip.get_or_insert_with(|| {
        let notes = drawn.notes.join("; ");
        format!("deployment {deployment} has none of the features that it asks for: {notes}")
    });
    Case {
        marks: Arc::new(marks),
        ..case
    }
}
