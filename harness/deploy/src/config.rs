//! The engine's own configuration file, with patches: read, changed, and written anew for the run.
//!
//! Promise: only what a patch names is changed, keys keep their order, and the name of the file has a digest of its content, so that two
//! deployments with different configurations are different deployments. JSON is written for `.json` and for `.yaml` (every JSON text
//! is a YAML text), TOML for `.toml`. Rejected: changing the file in place, and writing it while rendering (rendering touches no disk).

use std::io;
use std::path::{Path, PathBuf};

use crate::format::{Format, json, parsed, toml};
use crate::node::{Node, Table, Value};
use crate::patch;
use crate::reader::Reader;
use crate::scope::Holes;
use crate::source::Sources;

/// The largest configuration that is read.
const LARGEST: u64 = 4 << 20;

/// A configuration file of the engine, as it is to be written into the evidence folder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigFile {
    /// Where it was read.
    pub from: PathBuf,
    /// Its name in the evidence folder.
    pub name: String,
    /// What it says.
    pub text: String,
}

impl ConfigFile {
    /// Writes the file into a folder, which must be there, and says where it is.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<PathBuf> {
        let path = folder.join(&self.name);
        std::fs::write(&path, &self.text)?;
        Ok(path)
    }
}

/// Reads `[config]`. The mistakes in the file itself are shown in the file.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    table: &Table,
    sources: &mut Sources,
) -> Option<ConfigFile> {
    let node = reader.set(table, "config")?;
    let mut config = reader
        .table("config", &node, "a table with `file`")?
        .clone();
    let patches = patch::take(&mut config, &mut reader.found);
    reader.known(
        &config,
        "`config`",
        &["file", "update", "insert", "delete", "patch"],
    );
    let Some(file_node) = config.get("file") else {
        reader.mistake(node.at, "`config` has no `file`", None);
        return None;
    };
    let file = reader.text("file", file_node)?;
    if reader.open(&file) {
        return None;
    }
    let format = match Path::new(&file).extension().and_then(|end| end.to_str()) {
        Some("json") => Format::Json,
        Some("toml") => Format::Toml,
        Some("yaml" | "yml") => Format::Yaml,
        _ => {
            reader.mistake(
                file_node.at,
                format!("`{file}` ends in none of .json, .toml, .yaml and .yml"),
                Some("the end of the name says how it is read".to_owned()),
            );
            return None;
        }
    };
    let folder = reader.sources.folder(file_node.at.source);
    let Some(path) = reader.scope.context.locate(folder, &file) else {
        reader.mistake(
            file_node.at,
            format!("there is no file `{file}`"),
            Some("it is looked for beside the deployment, in the current folder, the package and the workspace".to_owned()),
        );
        return None;
    };
    let text = match bounded(&path) {
        Ok(text) => text,
        Err(why) => {
            reader.mistake(
                file_node.at,
                format!("`{file}` cannot be read: {why}"),
                None,
            );
            return None;
        }
    };
    let source = sources.add(path.display().to_string(), text, None);
    let mut root = parsed(sources, source, format, &mut reader.found)?;
    for patch in &patches {
        let patch = filled(reader, patch);
        patch.apply(&mut root, &mut reader.found);
    }
    let text = match format {
        Format::Json | Format::Yaml => json(&root) + "\n",
        Format::Toml => toml(&root),
    };
    let end = match format {
        Format::Json => "json",
        Format::Toml => "toml",
        Format::Yaml => "yaml",
    };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let stem: String = stem
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
                c
            } else {
                '-'
            }
        })
        .take(48)
        .collect();
    Some(ConfigFile {
        from: path,
        name: format!("{stem}-{:016x}.{end}", digest(text.as_bytes())),
        text,
    })
}

/// The patch with the variables and parameters in its texts filled in.
fn filled(reader: &mut Reader<'_>, patch: &patch::Patch) -> patch::Patch {
    let mut patch = patch.clone();
    for (_, node) in patch.update.iter_mut().chain(&mut patch.insert) {
        fill(reader, node);
    }
    patch
}

fn fill(reader: &mut Reader<'_>, node: &mut Node) {
    match &mut node.value {
        Value::Text(_) => {
            let Some(value) = reader.value(node) else {
                reader.mistake(
                    node.at,
                    "this parameter is not set",
                    Some("give it a value, or drop the change".to_owned()),
                );
                return;
            };
            if value.text().is_none() {
                *node = value;
            } else if let Some(filled) = reader.filled("a value", &value, Holes::None)
                && let Ok(text) = filled.plain()
            {
                node.value = Value::Text(text);
            }
        }
        Value::List(list) => list.iter_mut().for_each(|node| fill(reader, node)),
        Value::Table(table) => {
            for entry in &mut table.0 {
                fill(reader, &mut entry.node);
            }
        }
        _ => {}
    }
}

/// The text of a file, if it is text and not too large.
pub(crate) fn bounded(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    // Opening a pipe would wait for somebody who writes to it.
    let data = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !data.is_file() {
        return Err("it is no file".to_owned());
    }
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("it has more than {} MiB", LARGEST >> 20));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// FNV-1a: the same on every machine and in every version.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
