//! The catalog of tests, as the test program lists it.
//!
//! Promise: a list that was made with another vocabulary is refused, not misread. Rejected: serde structs (an unknown key of a later version would
//! have to be thought of at every place).

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tribunal_vocabulary::{MarkerSet, Stage, Value, Vocabulary};

/// Every case of one or several test programs.
#[derive(Clone, Debug, Default)]
pub struct Suite {
    /// The cases, in the order of the list.
    pub cases: Vec<Case>,
}

/// A case.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The name of its test.
    pub test: String,
    /// Where it stands: the file, and the line from 1.
    pub place: (String, u64),
    /// Its markers, with their arguments.
    pub markers: MarkerSet,
    /// Its levels, as positions in the vocabulary, lowest first.
    pub levels: Vec<usize>,
    /// The limit of its body, seconds.
    pub timeout: Option<f64>,
    /// The devices that it needs; any one of them will do.
    pub devices: Vec<Device>,
    /// What each device must have, GiB.
    pub max_vram_gib: Option<f64>,
    /// Its parameters, as text.
    pub params: BTreeMap<String, String>,
}

/// The devices of one platform that a case needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The platform.
    pub platform: String,
    /// The models that will do; any, if empty.
    pub models: Vec<String>,
    /// How many.
    pub count: u64,
}

impl Suite {
    /// Reads what `--list --format json` printed. Lines that are no JSON object are passed over.
    ///
    /// # Errors
    /// There is no case's line; or a case has a marker or a level that the vocabulary does not declare.
    pub fn parse(text: &str, v: &Vocabulary) -> Result<Suite, String> {
        let mut suite = Suite::default();
        let mut listed = false;
        for line in text.lines().filter(|line| line.starts_with('{')) {
            let Ok(event) = serde_json::from_str::<Json>(line) else {
                continue;
            };
            listed |= event["event"] == "discovery";
            if event["event"] != "discovered" || !event["harness"].is_object() {
                continue;
            }
            suite.cases.push(case(&event, v)?);
        }
        if suite.cases.is_empty() && !listed {
            return Err(
                "this is no list of tests: `cargo test -- --list --format json` prints one".into(),
            );
        }
        Ok(suite)
    }
}

fn case(event: &Json, v: &Vocabulary) -> Result<Case, String> {
    let ours = &event["harness"];
    let name = text(&event["name"]);
    let other = |what: &str, word: &str| {
        format!(
            "`{name}` has the {what} `{word}`, which {} does not declare: the list was made with another vocabulary\nhelp: list the tests again",
            v.origin()
        )
    };
    let mut markers = MarkerSet::new();
    for marker in texts(&ours["markers"]) {
        let id = v.id(&marker).ok_or_else(|| other("marker", &marker))?;
        markers.insert(id);
    }
    for (marker, occurrences) in ours["arguments"].as_object().into_iter().flatten() {
        let id = v.id(marker).ok_or_else(|| other("marker", marker))?;
        for one in occurrences.as_array().into_iter().flatten() {
            let Value::Map(args) = value(one) else {
                continue;
            };
            markers.insert_args(id, args);
        }
    }
    let mut levels = vec![];
    for level in texts(&ours["levels"]) {
        levels.push(v.level(&level).ok_or_else(|| other("level", &level))?);
    }
    levels.sort_unstable();
    let devices = ours["needs"]["devices"].as_array();
    let devices = devices.into_iter().flatten().map(|device| Device {
        platform: text(&device["platform"]),
        models: texts(&device["models"]),
        count: device["count"].as_u64().unwrap_or(1),
    });
    let params = ours["params"].as_object();
    let params = params.into_iter().flatten();
    Ok(Case {
        test: text(&ours["test"]),
        place: (
            text(&event["source_path"]),
            event["start_line"].as_u64().unwrap_or(0),
        ),
        markers,
        levels,
        timeout: ours["timeout"].as_f64(),
        devices: devices.collect(),
        max_vram_gib: ours["needs"]["max_vram_gib"].as_f64(),
        params: params
            .map(|(key, value)| (key.clone(), text(value)))
            .collect(),
        name,
    })
}

/// A text as it is, anything else as JSON.
fn text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn texts(value: &Json) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(b) => Value::Bool(*b),
        Json::Number(n) => match n.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Str(text.clone()),
        Json::Array(list) => Value::List(list.iter().map(value).collect()),
        Json::Object(map) => Value::Map(
            map.iter()
                .map(|(key, one)| (key.clone(), value(one)))
                .collect(),
        ),
    }
}

/// Which cases a stage selects, and each of its steps: what `--stage NAME` and `--stage NAME.STEP` would, as a list of yes and no for each.
/// The first list is the stage's, then come its steps in their order.
pub fn in_stage(suite: &Suite, v: &Vocabulary, stage: &Stage) -> Vec<Vec<bool>> {
    let level = stage
        .level
        .as_deref()
        .and_then(|name| v.level(name))
        .unwrap_or(0);
    let steps = stage.steps.iter().map(|step| Some(&*step.name));
    let all = std::iter::once(None).chain(steps).map(|step| {
        // The vocabulary was read, so its selections can be.
        let bound = v
            .selection(&stage.name, step)
            .and_then(|expression| expression.bind(v).ok());
        let selected = suite.cases.iter().map(|case| {
            let deep = case.levels.first().is_some_and(|lowest| *lowest > level);
            !deep && bound.as_ref().is_some_and(|b| b.matches(&case.markers))
        });
        selected.collect()
    });
    all.collect()
}
