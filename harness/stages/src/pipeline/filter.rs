//! Pipelines that are written by hand, with `source_file_dependencies` at their steps.
//!
//! A step without the key stays; one with it stays where a file changed that is one of its paths or lies below one. The value is a path, the name of
//! a list in the registry, or a list of both, nested as anchors leave it. The registry's `source_filter_fallback` keeps every step where one of its
//! paths changed. The key is stripped in any case, a group without steps is dropped, and so is what names a dropped step.
//!
//! Promise: the rest of the file means what it meant; each dropped step is listed with the reason; what cannot be told keeps every step. Rejected:
//! editing the text (an anchor at a dropped step may be what another step refers to).

use std::collections::{BTreeMap, BTreeSet};

use saphyr::{Mapping, Yaml};

use super::plan::Omitted;
use super::tree::{get, get_mut, load, take};
use super::yaml::document;
use crate::paths::touches;

/// The key of a step, and of the registry's table.
const KEY: &str = "source_file_dependencies";
/// The entry of the registry that keeps every step.
const FALLBACK: &str = "source_filter_fallback";
/// How deep groups and lists may nest.
const DEEPEST: usize = 16;

/// How to filter.
#[derive(Clone, Debug, Default)]
pub struct FilterOptions {
    /// The files that changed; `Err` says why that is not known, or why it does not matter, and every step stays.
    pub changed: Option<Result<Vec<String>, String>>,
    /// The text of the registry: lists of paths by name under `source_file_dependencies`.
    pub registry: Option<String>,
    /// Only the top-level groups whose name contains this.
    pub group: Option<String>,
}

/// A filtered pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filtered {
    /// The pipeline, as YAML.
    pub text: String,
    /// What was left out.
    pub omitted: Vec<Omitted>,
    /// Why every step stays, if so.
    pub everything: Option<String>,
}

/// Filters a pipeline: Buildkite's `steps`, or GitHub's `jobs`.
///
/// # Errors
/// The file or the registry is no YAML or no pipeline; a step's value is no path or list of paths; a name that the registry does not have.
pub fn filter(pipeline: &str, options: &FilterOptions) -> Result<Filtered, String> {
    let Yaml::Mapping(mut root) = load(pipeline, "the pipeline")? else {
        return Err("the pipeline is no table: it needs `steps` or `jobs`".into());
    };
    let mut registry = registry(options.registry.as_deref())?;
    // A table of that name beside the steps is a registry as well.
    if let Some(own) = take(&mut root, KEY) {
        registry.extend(lists(&own)?);
    }
    let mut filter = Filter {
        fallback: registry.remove(FALLBACK).unwrap_or_default(),
        registry,
        changed: None,
        omitted: vec![],
        dropped: BTreeSet::new(),
    };
    let everything = filter.look(options.changed.clone());
    let (steps, jobs) = (get(&root, "steps").is_some(), get(&root, "jobs").is_some());
    if let Some(Yaml::Sequence(steps)) = get_mut(&mut root, "steps") {
        let mut kept = std::mem::take(steps);
        if let Some(group) = &options.group {
            filter.groups(&mut kept, group);
        }
        *steps = filter.steps(kept, 0)?;
        strip_dependencies(steps, &filter.dropped, "depends_on", 0);
    } else if let Some(Yaml::Mapping(jobs)) = get_mut(&mut root, "jobs") {
        let kept = std::mem::take(jobs);
        *jobs = filter.jobs(kept)?;
    } else if steps || jobs {
        return Err("`steps` must be a list, and `jobs` a table".into());
    } else {
        return Err("the pipeline has neither `steps` nor `jobs`".into());
    }
    Ok(Filtered {
        text: document(&[], &Yaml::Mapping(root))?,
        omitted: filter.omitted,
        everything,
    })
}

struct Filter {
    registry: BTreeMap<String, Vec<String>>,
    fallback: Vec<String>,
    /// `None`: every step stays.
    changed: Option<Vec<String>>,
    omitted: Vec<Omitted>,
    /// Keys of dropped steps.
    dropped: BTreeSet<String>,
}

impl Filter {
    /// Takes what changed; says why every step stays, if so.
    fn look(&mut self, changed: Option<Result<Vec<String>, String>>) -> Option<String> {
        let files = match changed {
            None => return Some("no diff was asked for".into()),
            Some(Err(why)) => return Some(why),
            Some(Ok(files)) if files.is_empty() => return Some("no file changed".into()),
            Some(Ok(files)) => files,
        };
        for file in &files {
            if let Some(path) = self.fallback.iter().find(|path| touches(path, file)) {
                return Some(format!("`{file}` changed, and `{path}` is of {FALLBACK}"));
            }
        }
        self.changed = Some(files);
        None
    }

    fn omit(&mut self, step: &Mapping<'_>, what: String, why: String) {
        for key in ["key", "id", "identifier"] {
            if let Some(key) = get(step, key).and_then(Yaml::as_str) {
                self.dropped.insert(key.to_owned());
            }
        }
        // What stands in a dropped group is dropped too.
        if let Some(Yaml::Sequence(steps)) = get(step, "steps") {
            for inner in steps {
                if let Yaml::Mapping(inner) = inner
                    && let Some(key) = get(inner, "key").and_then(Yaml::as_str)
                {
                    self.dropped.insert(key.to_owned());
                }
            }
        }
        self.omitted.push(Omitted { what, why });
    }

    /// Keeps the top-level groups whose name contains a text.
    fn groups(&mut self, steps: &mut Vec<Yaml<'static>>, wanted: &str) {
        let all = std::mem::take(steps);
        for step in all {
            let name = match &step {
                Yaml::Mapping(map) => get(map, "group").and_then(Yaml::as_str).map(str::to_owned),
                _ => None,
            };
            if name.is_some_and(|name| name.contains(wanted)) {
                steps.push(step);
                continue;
            }
            let why = format!("it is no group whose name has `{wanted}`");
            match &step {
                Yaml::Mapping(map) => self.omit(map, label(map), why),
                _ => self.omitted.push(Omitted {
                    what: "a step without a name".into(),
                    why,
                }),
            }
        }
    }

    fn steps(
        &mut self,
        steps: Vec<Yaml<'static>>,
        depth: usize,
    ) -> Result<Vec<Yaml<'static>>, String> {
        if depth > DEEPEST {
            return Err(format!("groups are nested more than {DEEPEST} deep"));
        }
        let mut kept = vec![];
        for step in steps {
            // `wait`, and whatever else is no table.
            let Yaml::Mapping(mut step) = step else {
                kept.push(step);
                continue;
            };
            if let Some(why) = self.left_out(&mut step)? {
                self.omit(&step, label(&step), why);
                continue;
            }
            let group = matches!(get(&step, "steps"), Some(Yaml::Sequence(_)));
            if let Some(Yaml::Sequence(inner)) = get_mut(&mut step, "steps") {
                let all = std::mem::take(inner);
                let left = self.steps(all, depth + 1)?;
                if let Some(place) = get_mut(&mut step, "steps") {
                    *place = Yaml::Sequence(left);
                }
            }
            let empty =
                matches!(get(&step, "steps"), Some(Yaml::Sequence(inner)) if inner.is_empty());
            if group && empty {
                self.omit(&step, label(&step), "none of its steps is left".into());
                continue;
            }
            kept.push(Yaml::Mapping(step));
        }
        Ok(kept)
    }

    fn jobs(&mut self, jobs: Mapping<'static>) -> Result<Mapping<'static>, String> {
        let mut kept = Mapping::new();
        for (key, job) in jobs {
            let Yaml::Mapping(mut job) = job else {
                kept.insert(key, job);
                continue;
            };
            let name = key.as_str().unwrap_or("a job").to_owned();
            match self.left_out(&mut job)? {
                Some(why) => {
                    self.dropped.insert(name.clone());
                    self.omitted.push(Omitted { what: name, why });
                }
                None => {
                    kept.insert(key, Yaml::Mapping(job));
                }
            }
        }
        for (_, job) in kept.iter_mut() {
            if let Yaml::Mapping(job) = job {
                strip_names(job, &self.dropped, "needs");
            }
        }
        Ok(kept)
    }

    /// Strips the key, and says why the step goes, if it does.
    fn left_out(&mut self, step: &mut Mapping<'static>) -> Result<Option<String>, String> {
        let Some(value) = take(step, KEY) else {
            return Ok(None);
        };
        let mut paths = vec![];
        self.paths(&value, &label(step), &mut paths, 0)?;
        let Some(changed) = &self.changed else {
            return Ok(None);
        };
        let hit = changed
            .iter()
            .any(|file| paths.iter().any(|path| touches(path, file)));
        let shown: Vec<String> = paths
            .iter()
            .take(5)
            .map(|path| format!("`{path}`"))
            .collect();
        let more = if paths.len() > 5 { " and others" } else { "" };
        Ok((!hit).then(|| format!("nothing changed below {}{more}", shown.join(", "))))
    }

    fn paths(
        &self,
        value: &Yaml<'_>,
        step: &str,
        out: &mut Vec<String>,
        depth: usize,
    ) -> Result<(), String> {
        if depth > DEEPEST {
            return Err(format!(
                "`{KEY}` of {step} is nested more than {DEEPEST} deep"
            ));
        }
        match value {
            Yaml::Sequence(list) => list
                .iter()
                .try_for_each(|one| self.paths(one, step, out, depth + 1)),
            one => {
                let Some(word) = one.as_str() else {
                    return Err(format!(
                        "`{KEY}` of {step} must be a path, or a list of paths"
                    ));
                };
                match self.registry.get(word) {
                    Some(list) => out.extend(list.iter().cloned()),
                    // A name that is no path is a name of the registry, misspelt.
                    None if !self.registry.is_empty() && !word.contains(['/', '.']) => {
                        let names = self.registry.keys().map(String::as_str);
                        let near = tribunal_vocabulary::nearest(word, names);
                        let near =
                            near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                        return Err(format!(
                            "`{KEY}` of {step} names `{word}`, which the registry does not have{near}"
                        ));
                    }
                    None => out.push(word.to_owned()),
                }
                Ok(())
            }
        }
    }
}

fn registry(source: Option<&str>) -> Result<BTreeMap<String, Vec<String>>, String> {
    let Some(source) = source else {
        return Ok(BTreeMap::new());
    };
    let Yaml::Mapping(root) = load(source, "the registry")? else {
        return Err("the registry is no table".into());
    };
    match get(&root, KEY) {
        Some(table) => lists(table),
        None => Err(format!("the registry has no table `{KEY}`")),
    }
}

fn lists(table: &Yaml<'_>) -> Result<BTreeMap<String, Vec<String>>, String> {
    let Yaml::Mapping(table) = table else {
        return Err(format!(
            "`{KEY}` of a registry is a table of lists of paths"
        ));
    };
    let empty = Filter {
        registry: BTreeMap::new(),
        fallback: vec![],
        changed: None,
        omitted: vec![],
        dropped: BTreeSet::new(),
    };
    let mut out = BTreeMap::new();
    for (key, value) in table {
        let Some(name) = key.as_str() else {
            return Err("a name in the registry is no text".into());
        };
        let mut paths = vec![];
        empty.paths(value, &format!("`{name}` in the registry"), &mut paths, 0)?;
        out.insert(name.to_owned(), paths);
    }
    Ok(out)
}

/// What people call a step.
fn label(step: &Mapping<'_>) -> String {
    let named = ["group", "label", "name", "key", "command"];
    let found = named.iter().find_map(|key| get(step, key)?.as_str());
    found.map_or("a step without a name".into(), str::to_owned)
}

/// Takes dropped steps out of what other steps wait for.
fn strip_dependencies(
    steps: &mut [Yaml<'static>],
    dropped: &BTreeSet<String>,
    key: &str,
    depth: usize,
) {
    if dropped.is_empty() || depth > DEEPEST {
        return;
    }
    for step in steps {
        let Yaml::Mapping(step) = step else { continue };
        strip_names(step, dropped, key);
        if let Some(Yaml::Sequence(inner)) = get_mut(step, "steps") {
            strip_dependencies(inner, dropped, key, depth + 1);
        }
    }
}

fn strip_names(step: &mut Mapping<'static>, dropped: &BTreeSet<String>, key: &str) {
    let gone = |one: &Yaml<'_>| {
        let name = match one {
            Yaml::Mapping(map) => get(map, "step").and_then(Yaml::as_str),
            other => other.as_str(),
        };
        name.is_some_and(|name| dropped.contains(name))
    };
    let empty = match get_mut(step, key) {
        None => false,
        Some(Yaml::Sequence(list)) => {
            let before = list.len();
            list.retain(|one| !gone(one));
            before > 0 && list.is_empty()
        }
        Some(one) => gone(one),
    };
    if empty {
        take(step, key);
    }
}
