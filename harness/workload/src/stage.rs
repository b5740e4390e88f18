//! Changes of a stage configuration: `update` and `delete`.
//!
//! Deletions come first. A path is joined by dots, a step of digits is a place in a list, and what stands below `stage_args` or `stages` is for the stage with
//! that id. Promise: one policy: a deletion and a stage must be there, else it is a mistake that lists what is; an update makes what is missing on its way.
//! Rejected: the reference's three policies (a stage that is not there is an error for `update` and nothing for `delete`).

use serde_json::{Map, Value as Json};
use tribunal_deploy::Problems;
use tribunal_deploy::tree::{self, Entry, Sources, Value};

use crate::reader::{Reader, json};

/// Changes of a stage configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StagePatch {
    /// What goes: the stage, where it is one's own, and the path in it.
    pub delete: Vec<(Option<String>, String)>,
    /// What is set.
    pub update: Vec<(Option<String>, String, Json)>,
}

/// What holds the stages.
const STAGES: [&str; 2] = ["stages", "stage_args"];

impl StagePatch {
    /// Whether nothing is changed.
    pub fn is_empty(&self) -> bool {
        self.delete.is_empty() && self.update.is_empty()
    }

    pub(crate) fn updates(&mut self, reader: &mut Reader<'_>, entry: &Entry) {
        let Some(table) = entry.node.table() else {
            reader.wrong_node(
                &entry.key,
                &entry.node,
                "a table of paths with their values",
            );
            return;
        };
        for entry in &table.0 {
            if !STAGES.contains(&&*entry.key) {
                if path(reader, entry)
                    && let Some(value) = reader.json(&entry.key, &entry.node)
                {
                    self.update.push((None, entry.key.clone(), value));
                }
                continue;
            }
            let Some(stages) = entry.node.table() else {
                reader.wrong_node(
                    &entry.key,
                    &entry.node,
                    "a table by stage: { \"0\": { … } }",
                );
                continue;
            };
            for stage in &stages.0 {
                let Some(values) = stage.node.table() else {
                    reader.wrong_node(
                        &stage.key,
                        &stage.node,
                        "a table of paths with their values",
                    );
                    continue;
                };
                for entry in &values.0 {
                    if path(reader, entry)
                        && let Some(value) = reader.json(&entry.key, &entry.node)
                    {
                        self.update
                            .push((Some(stage.key.clone()), entry.key.clone(), value));
                    }
                }
            }
        }
    }

    pub(crate) fn deletes(&mut self, reader: &mut Reader<'_>, entry: &Entry) {
        let Some(table) = entry.node.table() else {
            // A list of paths at the top says the same as a table of nulls.
            if let Value::List(_) = entry.node.value {
                let paths = reader.texts(entry).unwrap_or_default();
                self.delete
                    .extend(paths.into_iter().map(|path| (None, path)));
            } else {
                reader.wrong_node(
                    &entry.key,
                    &entry.node,
                    "a table of paths, or a list of them",
                );
            }
            return;
        };
        for entry in &table.0 {
            if !STAGES.contains(&&*entry.key) {
                if entry.node.value != Value::Null {
                    reader.mistake(
                        entry.node.at,
                        format!("`{}` is deleted whole", entry.key),
                        Some("write null behind it".to_owned()),
                    );
                } else if path(reader, entry) {
                    self.delete.push((None, entry.key.clone()));
                }
                continue;
            }
            let Some(stages) = entry.node.table() else {
                reader.wrong_node(
                    &entry.key,
                    &entry.node,
                    "a table by stage: { \"2\": [\"path\"] }",
                );
                continue;
            };
            for stage in &stages.0 {
                for path in reader.texts(stage).unwrap_or_default() {
                    self.delete.push((Some(stage.key.clone()), path));
                }
            }
        }
    }

    /// The configuration with the changes made, as JSON, which is YAML too. `name`: of its file, for messages.
    ///
    /// # Errors
    /// It is no YAML; or a path or a stage is not there.
    pub fn apply(&self, text: &str, name: &str) -> Result<String, Problems> {
        let mut sources = Sources::default();
        let source = sources.add(name, text, None);
        let node = tree::yaml(&sources, source).map_err(|found| sources.problems(vec![found]))?;
        let plain = |message: String, help: String| Problems::plain(message, Some(help));
        let mut root = json(&node).map_err(|_| {
            plain(
                format!("`{name}` has a number that JSON has not"),
                "write it as text".to_owned(),
            )
        })?;
        let mut problems: Vec<Problems> = Vec::new();
        for (stage, path) in &self.delete {
            let done = part(&mut root, stage.as_deref(), name).and_then(|part| {
                remove(part, path).map_err(|known| {
                    (
                        format!("`{path}` is not there and cannot be deleted in `{name}`"),
                        known,
                    )
                })
            });
            problems.extend(done.err().map(|(message, help)| plain(message, help)));
        }
        for (stage, path, value) in &self.update {
            let done = part(&mut root, stage.as_deref(), name).and_then(|part| {
                set(part, path, value).map_err(|why| {
                    (
                        format!("`{path}` cannot be set in `{name}`: {why}"),
                        "a list grows by one place at a time".to_owned(),
                    )
                })
            });
            problems.extend(done.err().map(|(message, help)| plain(message, help)));
        }
        match problems.into_iter().reduce(|mut all, more| {
            all.extend(more);
            all
        }) {
            Some(problems) => Err(problems),
            None => Ok(root.to_string() + "\n"),
        }
    }
}

fn path(reader: &mut Reader<'_>, entry: &Entry) -> bool {
    let good = entry.key.split('.').all(|step| !step.trim().is_empty());
    if !good {
        reader.mistake(
            entry.key_at,
            format!("`{}` is no path: a step is empty", entry.key),
            Some("steps are joined by single dots: a.b.0".to_owned()),
        );
    }
    good
}

/// The whole, or the stage with an id.
fn part<'a>(
    root: &'a mut Json,
    stage: Option<&str>,
    name: &str,
) -> Result<&'a mut Json, (String, String)> {
    let Some(stage) = stage else {
        return Ok(root);
    };
    let key = STAGES
        .into_iter()
        .find(|key| root.get(key).is_some_and(Json::is_array));
    let Some(list) = key
        .and_then(|key| root.get_mut(key))
        .and_then(Json::as_array_mut)
    else {
        return Err((
            format!("`{name}` has no stages"),
            "it has no list `stages` or `stage_args`".to_owned(),
        ));
    };
    let id = |there: &Json| there.get("stage_id").map(Json::to_string);
    let ids: Vec<String> = list.iter().filter_map(id).collect();
    match list
        .iter()
        .position(|there| id(there).as_deref() == Some(stage))
    {
        Some(index) => Ok(&mut list[index]),
        None => Err((
            format!("`{name}` has no stage `{stage}`"),
            format!("stages: {}", ids.join(", ")),
        )),
    }
}

fn known(value: &Json) -> String {
    match value {
        Json::Object(map) => format!(
            "there are: {}",
            map.keys().take(20).cloned().collect::<Vec<_>>().join(", ")
        ),
        Json::Array(list) => format!("the list has {} values", list.len()),
        _ => "what stands there has no parts".to_owned(),
    }
}

fn remove(root: &mut Json, path: &str) -> Result<(), String> {
    let (above, last) = path
        .rsplit_once('.')
        .map_or((None, path), |(above, last)| (Some(above), last));
    let mut here = root;
    for step in above.into_iter().flat_map(|above| above.split('.')) {
        let words = known(here);
        here = match here {
            Json::Object(map) => map.get_mut(step),
            Json::Array(list) => step
                .parse::<usize>()
                .ok()
                .and_then(|index| list.get_mut(index)),
            _ => None,
        }
        .ok_or(words)?;
    }
    let words = known(here);
    match here {
        Json::Object(map) => map.remove(last).map(drop).ok_or(words),
        Json::Array(list) => match last.parse::<usize>() {
            Ok(index) if index < list.len() => {
                list.remove(index);
                Ok(())
            }
            _ => Err(words),
        },
        _ => Err(words),
    }
}

fn set(root: &mut Json, path: &str, value: &Json) -> Result<(), String> {
    let mut here = root;
    for step in path.split('.') {
        let index = step.parse::<usize>().ok();
        // A scalar in the way makes room.
        let fits = here.is_object() || (here.is_array() && index.is_some());
        if !fits {
            *here = if index.is_some() {
                Json::Array(Vec::new())
            } else {
                Json::Object(Map::new())
            };
        }
        here = match (here, index) {
            (Json::Array(list), Some(index)) => {
                if index > list.len() {
                    return Err(format!(
                        "the list has {} values, and {index} is beyond its end",
                        list.len()
                    ));
                }
                if index == list.len() {
                    list.push(Json::Null);
                }
                &mut list[index]
            }
            (Json::Object(map), _) => map.entry(step).or_insert(Json::Null),
            // Unreachable: what was neither was replaced.
            (other, _) => other,
        };
    }
    *here = value.clone();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const CONFIG: &str = "async_chunk: false\nstage_args:\n  - stage_id: 0\n    engine_args: {tp: 1}\n  - stage_id: 2\n    custom_process_input_func: f\n    list: [1, 2]\n";

    fn applied(patch: &StagePatch) -> Result<Json, String> {
        patch
            .apply(CONFIG, "stages.yaml")
            .map(|text| serde_json::from_str(&text).expect("JSON"))
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn the_example_of_the_reference() {
        let patch = StagePatch {
            delete: vec![(Some("2".into()), "custom_process_input_func".into())],
            update: vec![
                (None, "async_chunk".into(), json!(true)),
                (
                    Some("0".into()),
                    "engine_args.custom.next".into(),
                    json!("x.y"),
                ),
                (Some("2".into()), "list.2".into(), json!(3)),
            ],
        };
        assert_eq!(
            applied(&patch),
            Ok(json!({
                "async_chunk": true,
                "stage_args": [
                    { "stage_id": 0, "engine_args": { "tp": 1, "custom": { "next": "x.y" } } },
                    { "stage_id": 2, "list": [1, 2, 3] },
                ],
            }))
        );
    }

    #[test]
    fn what_is_not_there_is_said_with_what_is() {
        let patch = StagePatch {
            delete: vec![
                (None, "async_chunks".into()),
                (Some("7".into()), "x".into()),
            ],
            update: vec![(Some("2".into()), "list.9".into(), json!(1))],
        };
        let told = applied(&patch).unwrap_err();
        for part in [
            "`async_chunks` is not there",
            "there are: async_chunk, stage_args",
            "no stage `7`",
            "stages: 0, 2",
            "beyond its end",
            "3 mistakes",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
}
