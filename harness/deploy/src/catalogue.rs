//! Where deployments are found: a name, a file, or an address.
//!
//! A name is looked for in `fixtures/deploy/` and `deploy/` below each root, then among the shipped ones; a file that extends its own name
//! means the next one of that name. Promise: nothing outside the roots is opened for a name. Rejected: a registry file (the folder is one).

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use tribunal_vocabulary::{Vocabulary, nearest};

use crate::config::bounded;
use crate::node::{Table, read_toml};
use crate::reader::list;
use crate::shipped;
use crate::source::{Found, Problems, Sources};
use crate::spec::Spec;

/// The folders of deployments below a root.
const FOLDERS: [&str; 2] = ["fixtures/deploy", "deploy"];

/// The deployments that can be named here.
#[derive(Clone, Debug)]
pub struct Catalogue {
    pub(crate) roots: Vec<PathBuf>,
    pub(crate) levels: Vec<String>,
    pub(crate) platforms: Vec<String>,
}

/// One deployment that can be named.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// What it is, in the words of its file; `None` where the file does not say or cannot be read.
    pub doc: Option<String>,
    /// The file; `None` for a shipped one.
    pub file: Option<PathBuf>,
}

/// A text of a deployment, before it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    File(PathBuf),
    Shipped(&'static str),
}

impl Origin {
    pub fn shown(&self) -> String {
        match self {
            Origin::File(path) => path.display().to_string(),
            Origin::Shipped(name) => format!("shipped/{name}.toml"),
        }
    }

    /// What tells it from others, also through links.
    pub fn identity(&self) -> String {
        match self {
            Origin::File(path) => std::fs::canonicalize(path)
                .unwrap_or_else(|_| path.clone())
                .display()
                .to_string(),
            Origin::Shipped(_) => self.shown(),
        }
    }
}

impl Catalogue {
    /// The deployments below `roots` (usually the current folder, the package and the workspace, in this order) and the shipped ones, with the
    /// levels and platforms of the shipped vocabulary.
    pub fn new(roots: &[PathBuf]) -> Catalogue {
        Catalogue {
            roots: roots.to_vec(),
            levels: Vec::new(),
            platforms: Vec::new(),
        }
        .vocabulary(Vocabulary::shipped())
    }

    /// The levels and platforms that overlays may be for.
    #[must_use]
    pub fn vocabulary(mut self, vocabulary: &Vocabulary) -> Catalogue {
        self.levels = vocabulary
            .levels()
            .iter()
            .map(|level| level.name.clone())
            .collect();
        self.platforms = vocabulary
            .platforms()
            .iter()
            .map(|platform| platform.name.clone())
            .collect();
        self
    }

    /// What `word` means: a name, a file that ends in `.toml`, or an address that begins with `http://`.
    ///
    /// # Errors
    /// There is no such deployment, or all that is wrong with it on any machine.
    pub fn resolve(&self, word: &str) -> Result<Spec, Problems> {
        if word.contains("://") {
            return self.parse(
                &format!("url = {}\n", serde_json::Value::from(word)),
                "--deploy",
                word,
            );
        }
        let origin = if word.ends_with(".toml") {
            let path = Path::new(word);
            let found = std::iter::once(PathBuf::new())
                .chain(self.roots.iter().cloned())
                .map(|root| root.join(path))
                .find(|path| path.exists());
            match found {
                Some(path) => Origin::File(path),
                None => {
                    return Err(Problems::plain(
                        format!("there is no file `{}`", printable(word)),
                        Some("it is looked for from the current folder, the package and the workspace".to_owned()),
                    ));
                }
            }
        } else {
            self.named(word, None)
                .map_err(|(message, help)| Problems::plain(message, Some(help)))?
        };
        let name = match &origin {
            Origin::File(path) if word.ends_with(".toml") => path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            _ => word.to_owned(),
        };
        let mut sources = Sources::default();
        let mut found = Vec::new();
        let table = self.load(&origin, &mut sources, &mut found, &mut Vec::new());
        self.finish(name, table, sources, found)
    }

    /// A deployment from a text. `origin` is what messages call it.
    ///
    /// # Errors
    /// All that is wrong with it on any machine.
    pub fn parse(&self, text: &str, origin: &str, name: &str) -> Result<Spec, Problems> {
        let mut sources = Sources::default();
        let mut found = Vec::new();
        let source = sources.add(origin, text, None);
        let table = self.layered(source, None, &mut sources, &mut found, &mut Vec::new());
        self.finish(name.to_owned(), table, sources, found)
    }

    fn finish(
        &self,
        name: String,
        table: Option<Table>,
        sources: Sources,
        mut found: Vec<Found>,
    ) -> Result<Spec, Problems> {
        let Some(table) = table else {
            return Err(sources.problems(found));
        };
        let spec = Spec {
            name,
            sources,
            table,
            sets: Vec::new(),
        };
        let mut sources = spec.sources.clone();
        spec.check(&mut sources, &mut found);
        if found.is_empty() {
            return Ok(spec);
        }
        Err(sources.problems(found))
    }

    /// Every deployment that can be named, by name.
    pub fn list(&self) -> Vec<Listed> {
        let mut out: BTreeMap<String, Listed> = BTreeMap::new();
        for (name, text) in shipped::FILES {
            out.insert(
                name.to_owned(),
                Listed {
                    name: name.to_owned(),
                    doc: doc_of(text),
                    file: None,
                },
            );
        }
        for folder in self.folders().rev() {
            for (name, file) in files_of(&folder) {
                let doc = bounded(&file).ok().and_then(|text| doc_of(&text));
                out.insert(
                    name.clone(),
                    Listed {
                        name,
                        doc,
                        file: Some(file),
                    },
                );
            }
        }
        out.into_values().collect()
    }

    fn folders(&self) -> impl DoubleEndedIterator<Item = PathBuf> + '_ {
        self.roots
            .iter()
            .flat_map(|root| FOLDERS.map(|folder| root.join(folder)))
    }

    /// The first text of this name that is not `but`.
    pub(crate) fn named(
        &self,
        name: &str,
        but: Option<&Origin>,
    ) -> Result<Origin, (String, String)> {
        let plain = !name.is_empty()
            && name.len() <= 128
            && Path::new(name)
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
        let but = but.map(Origin::identity);
        let candidates = self
            .folders()
            .map(|folder| folder.join(format!("{name}.toml")))
            .filter(|path| path.is_file())
            .map(Origin::File)
            .chain(
                shipped::FILES
                    .iter()
                    .filter(|(there, _)| *there == name)
                    .map(|(there, _)| Origin::Shipped(there)),
            );
        let found = plain
            .then(|| {
                candidates
                    .into_iter()
                    .find(|origin| Some(origin.identity()) != but)
            })
            .flatten();
        found.ok_or_else(|| {
            let all: Vec<String> = self.list().into_iter().map(|listed| listed.name).collect();
            let near = nearest(name, all.iter().map(String::as_str));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "there is: {}; or name a file that ends in .toml, or an address http://HOST:PORT",
                    list(all.iter().map(String::as_str))
                ),
            };
            (format!("there is no deployment `{}`", printable(name)), help)
        })
    }
}

/// Text from outside for one line of a message.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn doc_of(text: &str) -> Option<String> {
    let mut sources = Sources::default();
    let source = sources.add("", text, None);
    let table = read_toml(&sources, source, &mut Vec::new())?;
    table.get("doc")?.text().map(str::to_owned)
}

/// The files of a folder and of the folders in it, with their names.
fn files_of(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut out = Vec::new();
    let entries = |folder: &Path| {
        let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        paths.sort();
        paths
    };
    let stem = |path: &Path| {
        (path.extension()? == "toml").then_some(())?;
        Some(path.file_stem()?.to_str()?.to_owned())
    };
    for path in entries(folder) {
        if path.is_dir() {
            let Some(group) = path
                .file_name()
                .and_then(|name| name.to_str())
                .map(str::to_owned)
            else {
                continue;
            };
            for file in entries(&path) {
                if let Some(name) = stem(&file) {
                    out.push((format!("{group}/{name}"), file));
                }
            }
        } else if let Some(name) = stem(&path) {
            out.push((name, path));
        }
    }
    out
}
