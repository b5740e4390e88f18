//! A deployment file with the files that it extends: everything that can be said of it before a level and a platform are chosen.

use std::collections::{BTreeMap, BTreeSet};

use tribunal_serving::{Deployment, Offers};
use tribunal_vocabulary::nearest;

use crate::context::Context;
use crate::draw::Matrix;
use crate::merge;
use crate::node::{Node, Table, Value, read_toml};
use crate::param;
use crate::patch;
use crate::path::Path;
use crate::reader::list;
use crate::recipe::Recipe;
use crate::schema::{self, Job, Read};
use crate::source::{Found, Place, Problems, SETTING, Sources};

/// A deployment that was found: its file and what that extends, checked for every level and platform that it mentions.
#[derive(Clone, Debug)]
pub struct Spec {
    pub(crate) name: String,
    pub(crate) sources: Sources,
    pub(crate) table: Table,
    /// What a command line set, in its order.
    pub(crate) sets: Vec<(String, String, Place)>,
}

/// A deployment for one level and one platform.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rendered {
    /// What the start acts on. Write [`Recipe::config`] into the evidence folder before.
    pub deployment: Deployment,
    /// All that is known of it.
    pub recipe: Recipe,
    /// What is not here and must be, each with what to do about it. Not empty: cases that need the server are skipped with these reasons.
    pub missing: Vec<String>,
}

impl Rendered {
    /// What the server offers.
    pub fn offers(&self) -> &Offers {
        &self.recipe.offers
    }

    /// Whether tests may break the server on purpose.
    pub fn destructive_ok(&self) -> bool {
        self.recipe.destructive_ok
    }
}

impl Spec {
    /// The name by which it was asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the deployment is, in the words of its file.
    pub fn doc(&self) -> Option<&str> {
        self.table.get("doc")?.text()
    }

    /// The levels that it has overlays for.
    pub fn levels(&self) -> Vec<&str> {
        self.overlays("level")
    }

    /// The platforms that it has overlays for.
    pub fn platforms(&self) -> Vec<&str> {
        self.overlays("platform")
    }

    fn overlays(&self, key: &str) -> Vec<&str> {
        let table = self.table.get(key).and_then(Node::table);
        table
            .map(|table| table.keys().collect())
            .unwrap_or_default()
    }

    /// Sets a parameter, or the value at a dotted path of the file: `max_model_len=512`, `ready.within=30s`, `env.MODE=fast`.
    ///
    /// # Errors
    /// It is not of the form `KEY=VALUE`, or the value is not of the parameter's type, or no such key exists.
    pub fn set(&mut self, assignment: &str) -> Result<(), Problems> {
        let source = self.sources.add(SETTING, assignment, None);
        let at = Place {
            source,
            start: 0,
            end: assignment.len(),
        };
        let split = assignment
            .split_once('=')
            .filter(|(key, _)| !key.trim().is_empty());
        let Some((key, value)) = split else {
            let message = format!("`{assignment}` sets nothing");
            let help = "write KEY=VALUE: a parameter (max_model_len=512), or a key of the file (ready.within=30s)";
            return Err(self
                .sources
                .problems(vec![Found::at(at, message, Some(help.to_owned()))]));
        };
        let key = key.trim().to_owned();
        let before = self.sets.len();
        self.sets.push((key, value.to_owned(), at));
        let mut found = Vec::new();
        let mut sources = self.sources.clone();
        let mut root = self.root();
        self.assign(&mut root, before, &mut found);
        if found.is_empty() {
            // Everything was found good before: what is wrong now comes from this.
            self.check(&mut sources, &mut found);
        }
        if found.is_empty() {
            return Ok(());
        }
        self.sets.truncate(before);
        Err(sources.problems(found))
    }

    /// The same without what is done to the server on purpose (parameters with `injected = true`): what figures of it are held against are those of a
    /// server without that.
    #[must_use]
    pub fn without_injected(&self) -> Spec {
        let mut spec = self.clone();
        let params = spec.table.get("params").and_then(Node::table);
        for name in params.map(param::injected).unwrap_or_default() {
            // `false` unsets a parameter of any type.
            let set = spec.set(&format!("{name}=false"));
            debug_assert!(set.is_ok(), "{name} is declared");
        }
        spec
    }

    /// The features of its model that are to be tested together; `None` where it declares none.
    ///
    /// # Errors
    /// All that is wrong with it. What is not known on this machine is left open, so that the cases are the same everywhere.
    pub fn matrix(&self) -> Result<Option<Matrix>, Problems> {
        let mut sources = self.sources.clone();
        let mut found = Vec::new();
        let context = Context::default();
        match self.read(&context, true, &mut sources, &mut found) {
            Some(read) if found.is_empty() => Ok(read.matrix),
            _ => Err(sources.problems(found)),
        }
    }

    /// The same deployment with variants of its matrix on: all that they set is set.
    ///
    /// # Errors
    /// There is no such variant, the model lacks it, or what it sets cannot be set.
    pub fn with_variants(&self, variants: &[&str]) -> Result<Spec, Problems> {
        let matrix = self.matrix()?.unwrap_or_default();
        let all = || matrix.features.iter().flat_map(|f| &f.variants);
        let mut spec = self.clone();
        for name in variants {
            let plain = |message: String, help: Option<String>| Err(Problems::plain(message, help));
            let Some(variant) = all().find(|v| v.name == *name) else {
                let known = || all().map(|v| v.name.as_str());
                let help = match nearest(name, known()) {
                    Some(near) => Some(format!("did you mean `{near}`?")),
                    None if all().next().is_none() => None,
                    None => Some(format!("variants: {}", list(known()))),
                };
                let message = format!("the matrix of `{}` has no variant `{name}`", self.name);
                return plain(message, help);
            };
            if let Some(why) = &variant.lacking {
                return plain(format!("`{}` cannot have `{name}`: {why}", self.name), None);
            }
            for set in &variant.set {
                spec.set(set)?;
            }
        }
        if !variants.is_empty() {
            spec.name = format!("{}[{}]", self.name, variants.join("+"));
        }
        Ok(spec)
    }

    fn root(&self) -> Node {
        Node {
            value: Value::Table(self.table.clone()),
            at: self.sources.whole(0),
        }
    }

    /// Makes the assignments from `first` on.
    fn assign(&self, root: &mut Node, first: usize, found: &mut Vec<Found>) {
        for (key, text, at) in &self.sets[first..] {
            let Value::Table(table) = &mut root.value else {
                return;
            };
            if let Some(params) = table.get_mut("params")
                && let Value::Table(params) = &mut params.value
                && param::set_text(params, key, text, *at, found)
            {
                continue;
            }
            let first = key.split('.').next().unwrap_or_default();
            let known = schema::KEYS.into_iter().chain(["destructive"]);
            if !known.clone().any(|known| known == first) {
                let params = table.get("params").and_then(Node::table);
                let params: Vec<&str> = params
                    .map(|params| params.keys().collect())
                    .unwrap_or_default();
                let near = nearest(key, params.iter().copied().chain(known.clone()));
                let help = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None if params.is_empty() => {
                        format!("it has no parameters; keys: {}", list(known))
                    }
                    None => format!("parameters: {}; keys: {}", list(params), list(known)),
                };
                let place = Place {
                    end: at.start + key.len(),
                    ..*at
                };
                found.push(Found::at(
                    place,
                    format!("`{}` has no parameter and no key `{key}`", self.name),
                    Some(help),
                ));
                continue;
            }
            let Some(path) = Path::parse(key, *at) else {
                found.push(Found::at(
                    *at,
                    format!("`{key}` is no path: a step is empty"),
                    None,
                ));
                continue;
            };
            let mut node = Node {
                value: value_of(text),
                at: *at,
            };
            moved(&mut node, *at);
            if let Err(problem) = patch::set(root, &path, &node) {
                found.push(problem);
            }
        }
    }

    /// The deployment for a level, a platform and an environment.
    ///
    /// # Errors
    /// All that is wrong with it there: a variable that is not set, a file that is not there, a mistake of an overlay.
    pub fn recipe(&self, context: &Context<'_>) -> Result<Recipe, Problems> {
        let mut sources = self.sources.clone();
        let mut found = Vec::new();
        let read = self.read(context, false, &mut sources, &mut found);
        match read.and_then(|read| read.recipe) {
            Some(recipe) if found.is_empty() => Ok(recipe),
            _ => Err(sources.problems(found)),
        }
    }

    /// The deployment as the start wants it, with what is missing on this machine.
    ///
    /// # Errors
    /// As [`Spec::recipe`]; and an offline job without [`Context::offline`].
    pub fn render(&self, context: &Context<'_>) -> Result<Rendered, Problems> {
        let recipe = self.recipe(context)?;
        let deployment = recipe
            .deployment(context.offline)
            .map_err(|why| Problems::plain(format!("`{}`: {why}", self.name), None))?;
        let missing = recipe.missing(context);
        Ok(Rendered {
            deployment,
            recipe,
            missing,
        })
    }

    /// Everything that is wrong with it on any machine, for every overlay.
    pub(crate) fn check(&self, sources: &mut Sources, found: &mut Vec<Found>) {
        let mut used = BTreeSet::new();
        let mut params: BTreeMap<String, Place> = BTreeMap::new();
        let levels = self.levels();
        let platforms = self.platforms();
        let levels = levels.iter().map(|level| (Some(*level), None));
        let platforms = platforms.iter().map(|platform| (None, Some(*platform)));
        for (level, platform) in [(None, None)].into_iter().chain(levels).chain(platforms) {
            let context = Context {
                level,
                platform,
                ..Context::default()
            };
            if let Some(read) = self.read(&context, true, sources, found) {
                used.extend(read.used);
                params.extend(read.params);
            }
        }
        // A parameter that nothing uses is a misspelt one. What an extended file declares is that file's own affair.
        params.retain(|name, at| at.source == 0 && !used.contains(name));
        for (name, at) in params {
            let near = nearest(&name, used.iter().map(String::as_str));
            let help = near.map_or_else(
                || format!("use it as {{{name}}}, or drop it"),
                |near| format!("did you mean `{near}`?"),
            );
            found.push(Found::at(
                at,
                format!("nothing uses the parameter `{name}`"),
                Some(help),
            ));
        }
    }

    fn read(
        &self,
        context: &Context<'_>,
        lenient: bool,
        sources: &mut Sources,
        found: &mut Vec<Found>,
    ) -> Option<Read> {
        let mut root = self.root();
        for (key, chosen) in [("level", context.level), ("platform", context.platform)] {
            overlay(&mut root, key, chosen, found);
        }
        self.assign(&mut root, 0, found);
        let Value::Table(table) = &root.value else {
            return None;
        };
        let job = Job {
            name: &self.name,
            table,
            context,
            lenient,
            texts: self.sources.names().map(str::to_owned).collect(),
        };
        Some(schema::read(&job, sources, found))
    }
}

/// Lays the overlay on that is chosen, with its patches.
fn overlay(root: &mut Node, key: &str, chosen: Option<&str>, found: &mut Vec<Found>) {
    let Value::Table(table) = &mut root.value else {
        return;
    };
    let over = chosen
        .and_then(|chosen| table.get(key)?.table()?.get(chosen))
        .and_then(Node::table)
        .cloned();
    let Some(mut over) = over else {
        return;
    };
    let patches = patch::take(&mut over, found);
    merge::layer(table, over, found);
    for patch in &patches {
        patch.apply(root, found);
    }
}

/// A value of a command line: as TOML reads it where it is a number, a bool, a list or a table; else the text.
fn value_of(text: &str) -> Value {
    let text = text.trim();
    let literal = text.starts_with(['[', '{', '"', '\''])
        || text.parse::<f64>().is_ok()
        || text == "true"
        || text == "false";
    if literal {
        let mut sources = Sources::default();
        let source = sources.add("", format!("x = {text}\n"), None);
        let mut found = Vec::new();
        if let Some(mut table) = read_toml(&sources, source, &mut found)
            && found.is_empty()
            && table.0.len() == 1
            && let Some(entry) = table.take("x")
        {
            return entry.node.value;
        }
    }
    Value::Text(text.to_owned())
}

/// Gives a value and all its parts one place.
fn moved(node: &mut Node, at: Place) {
    node.at = at;
    match &mut node.value {
        Value::List(list) => list.iter_mut().for_each(|node| moved(node, at)),
        Value::Table(table) => {
            for entry in &mut table.0 {
                entry.key_at = at;
                moved(&mut entry.node, at);
            }
        }
        _ => {}
    }
}
