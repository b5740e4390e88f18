//! Mapping files: logical names and identifiers of a hub to paths, and back.
//!
//! ```toml
//! [models]
//! "Qwen/Qwen3-0.6B" = "/srv/models/qwen3-0.6b"                     # name to path
//! small = { id = "Qwen/Qwen3-0.6B" }                              # another name for it
//! large = { path = "large", id = "Qwen/Qwen3-32B", copy = true }  # relative to this file; copied to the fast store
//! ```
//!
//! Promise: read both ways (a test that is given a path still learns the identifier under which the model is known), the
//! first file that has a name decides, and an unknown key is an error with the nearest known one.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::name::{Name, shown};

const LARGEST: u64 = 4 << 20;
const KEYS: [&str; 3] = ["path", "id", "copy"];

/// Entries in the order of their files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mappings {
    entries: Vec<Entry>,
}

/// What one name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    path: Option<PathBuf>,
    id: Option<String>,
    /// The path is a source for the fast store.
    copy: bool,
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub id: String,
    /// Each path, and whether it is a source for the fast store.
    pub paths: Vec<(PathBuf, bool)>,
}

impl Entry {
    /// The identifier under which hubs and stores know it.
    fn id(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.name)
    }
}

impl Mappings {
    /// Adds the entries of a file after those that are there.
    pub(crate) fn read(&mut self, file: &Path) -> Result<(), String> {
        let mut bytes = Vec::new();
        File::open(file)
            .and_then(|opened| opened.take(LARGEST + 1).read_to_end(&mut bytes))
            .map_err(|e| e.to_string())?;
        if bytes.len() as u64 > LARGEST {
            return Err(format!("it is larger than {LARGEST} bytes"));
        }
        let text = String::from_utf8(bytes).map_err(|e| e.to_string())?;
        let file = std::path::absolute(file).map_err(|e| e.to_string())?;
        self.add(&text, &file)
    }

    fn add(&mut self, text: &str, file: &Path) -> Result<(), String> {
        let table: Table = text.parse().map_err(|e: toml::de::Error| e.to_string())?;
        for (key, value) in &table {
            if key != "models" {
                return Err(unknown("the file", key, &["models"]));
            }
            let models = value
                .as_table()
                .ok_or("`models` must be a table of names")?;
            for (name, value) in models {
                self.entries.push(entry(name, value, file)?);
            }
        }
        Ok(())
    }

    /// What `name` stands for: the identifier, and every path that an entry of that name or identifier gives, those of
    /// the name first.
    pub(crate) fn of(&self, name: &str) -> Option<Meaning> {
        let named = || self.entries.iter().filter(|e| e.name == name);
        let first = named().next();
        let id = first
            .or_else(|| self.entries.iter().find(|e| e.id() == name))?
            .id();
        let others = self
            .entries
            .iter()
            .filter(|e| e.name != name && (e.name == id || e.id() == id));
        let paths = named()
            .chain(others)
            .filter_map(|e| Some((e.path.clone()?, e.copy)));
        Some(Meaning {
            id: id.to_owned(),
            paths: paths.collect(),
        })
    }

    /// The identifier of what lies at `path`.
    pub(crate) fn id_of(&self, path: &Path) -> Option<&str> {
        let same = |known: &Path| {
            known == path
                || known
                    .canonicalize()
                    .is_ok_and(|known| path.canonicalize().is_ok_and(|path| path == known))
        };
        self.entries
            .iter()
            .find(|e| e.path.as_deref().is_some_and(same))
            .map(Entry::id)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|e| e.name.as_str())
    }
}

fn entry(name: &str, value: &Value, file: &Path) -> Result<Entry, String> {
    if !matches!(Name::parse(name), Ok(Name::Logical(_))) {
        return Err(match Name::parse(name) {
            Err(error) => error.to_string(),
            Ok(_) => format!("`{}` is a path; on the left stands a name", shown(name)),
        });
    }
    let mut entry = Entry {
        name: name.to_owned(),
        path: None,
        id: None,
        copy: false,
    };
    let place = format!("`{}`", shown(name));
    match value {
        Value::String(path) => entry.path = Some(absolute(path, file, &place)?),
        Value::Table(table) => {
            for (key, value) in table {
                match (key.as_str(), value) {
                    ("path", Value::String(path)) => {
                        entry.path = Some(absolute(path, file, &place)?)
                    }
                    ("id", Value::String(id)) => {
                        if !matches!(Name::parse(id), Ok(Name::Logical(_))) {
                            return Err(format!(
                                "`id` of {place} is `{}`, which is no name of a model",
                                shown(id)
                            ));
                        }
                        entry.id = Some(id.clone());
                    }
                    ("copy", Value::Boolean(copy)) => entry.copy = *copy,
                    ("path" | "id", other) => return Err(wrong(key, &place, "a text", other)),
                    ("copy", other) => return Err(wrong(key, &place, "true or false", other)),
                    _ => return Err(unknown(&place, key, &KEYS)),
                }
            }
            if entry.path.is_none() && entry.id.is_none() {
                return Err(format!("{place} has neither `path` nor `id`"));
            }
            if entry.copy && entry.path.is_none() {
                return Err(format!("{place} has `copy`, but no `path` to copy from"));
            }
        }
        other => {
            return Err(wrong(
                "the value",
                &place,
                "a path or a table with `path` and `id`",
                other,
            ));
        }
    }
    Ok(entry)
}

fn absolute(path: &str, file: &Path, place: &str) -> Result<PathBuf, String> {
    if path.is_empty() || path.contains('\0') {
        return Err(format!(
            "the path of {place} is empty or has a NUL character"
        ));
    }
    Ok(file.parent().unwrap_or(Path::new("/")).join(path))
}

fn wrong(key: &str, place: &str, expected: &str, found: &Value) -> String {
    format!(
        "`{key}` of {place} must be {expected}, not a {}",
        found.type_str()
    )
}

fn unknown(place: &str, key: &str, known: &[&str]) -> String {
    let near = crate::error::nearest(key, known.iter().copied());
    let hint = near.map_or_else(
        || format!("known are {}", known.join(", ")),
        |near| format!("did you mean `{near}`?"),
    );
    format!("{place} has the unknown key `{}`; {hint}", shown(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mappings(text: &str) -> Result<Mappings, String> {
        let mut mappings = Mappings::default();
        mappings.add(text, Path::new("/etc/models.toml"))?;
        Ok(mappings)
    }

    #[test]
    fn names_lead_to_paths_and_back() {
        let mappings = mappings(
            "[models]\n'Qwen/Q' = '/srv/q'\nsmall = { id = 'Qwen/Q' }\nlarge = { path = 'l', id = 'Qwen/L', copy = true }",
        )
        .unwrap();
        let of = |name: &str| mappings.of(name).map(|m| (m.id, m.paths));
        let q = Some(("Qwen/Q".to_owned(), vec![(PathBuf::from("/srv/q"), false)]));
        assert_eq!((of("Qwen/Q"), of("small")), (q.clone(), q));
        assert_eq!(
            of("large"),
            Some(("Qwen/L".into(), vec![("/etc/l".into(), true)]))
        );
        assert_eq!(of("Qwen/L"), of("large"), "an identifier is a name too");
        assert_eq!(of("other"), None);
        assert_eq!(mappings.id_of(Path::new("/etc/l")), Some("Qwen/L"));
        assert_eq!(mappings.id_of(Path::new("/etc")), None);
    }

    #[test]
    fn the_first_file_decides() {
        let mut two = mappings("[models]\nx = '/one'").unwrap();
        two.add("[models]\nx = '/two'\ny = '/y'", Path::new("/b.toml"))
            .unwrap();
        let paths = |name: &str| {
            two.of(name)
                .unwrap()
                .paths
                .into_iter()
                .map(|p| p.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(paths("x"), [Path::new("/one"), Path::new("/two")]);
        assert_eq!(paths("y"), [Path::new("/y")]);
    }

    #[test]
    fn mistakes_are_told_where_they_are() {
        for (text, expected) in [
            (
                "[modles]\nx = '/a'",
                "unknown key `modles`; did you mean `models`?",
            ),
            ("models = 3", "`models` must be a table"),
            ("[models]\nx = 3", "`x` must be a path or a table"),
            (
                "[models]\nx = { pth = '/a' }",
                "`x` has the unknown key `pth`; did you mean `path`?",
            ),
            (
                "[models]\nx = { path = 3 }",
                "`path` of `x` must be a text, not a integer",
            ),
            (
                "[models]\nx = { copy = 'yes', path = '/a' }",
                "must be true or false",
            ),
            ("[models]\nx = {}", "neither `path` nor `id`"),
            (
                "[models]\nx = { id = 'a', copy = true }",
                "no `path` to copy from",
            ),
            ("[models]\nx = { id = '../a' }", "no name of a model"),
            ("[models]\n'/x' = '/a'", "on the left stands a name"),
            ("[models]\n'a/../b' = '/a'", "could lead out of a store"),
            ("[models]\nx = ''", "empty"),
            ("[models", "TOML parse error"),
        ] {
            let error = mappings(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
