//! Files of vLLM-Ascend's nightly tests, for one node and for several.
//!
//! Promise: a file is read as it is, with the meaning that its fields promise; all mistakes at once, each with file, line, column and what to do. What is
//! read and not acted on is said in a note. Rejected: a format of our own (whoever has such files has hundreds).

mod benchmarks;
mod command;
mod common;
mod config;
mod content;
mod disaggregated;
mod environment;
mod external;
mod headless;
mod instance;
mod layout;
mod locate;
mod multi;
mod nodes;
mod pool;
mod port;
mod proxy;
mod reader;
mod routing;
mod shell;
mod single;
mod text;

use std::path::{Path, PathBuf};

use tribunal_deploy::Problems;
use tribunal_deploy::tree;
use tribunal_workload::{Lookups, Note};

pub use layout::{
    Content, Disaggregated, Layout, Node, Phase, Places, Port, Process, Proxy, Rank, Role, Targets,
};
pub use pool::{Pool, PoolFile, PoolKind};
pub use text::{Piece, Text, Unresolved, Variables};

use reader::Reader;

/// In which form a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A command for each node: `deployment`.
    MultiNode,
    /// A template for each node, and a process for each data-parallel rank: `config` and `templates`.
    ExternalDataParallel,
    /// One node: `test_cases`.
    SingleNode,
}

impl Form {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Form::MultiNode => "multi-node",
            Form::ExternalDataParallel => "external data parallel",
            Form::SingleNode => "single node",
        }
    }
}

/// A file that says what runs on which node, and what is measured there.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NodesFile {
    /// Where it lies.
    pub path: PathBuf,
    /// In which form it is written.
    pub form: Form,
    /// What it describes: one deployment, or of a file for one node each of its cases.
    pub layouts: Vec<Layout>,
    /// What is no mistake, and should be known.
    pub notes: Vec<Note>,
}

impl NodesFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(path: &Path, lookups: &Lookups<'_>) -> Result<NodesFile, Problems> {
        let text = tree::text_of(path).map_err(|why| {
            Problems::plain(
                format!("`{}` cannot be read: {why}", path.display()),
                Some("it is a file of YAML".to_owned()),
            )
        })?;
        NodesFile::parse(&text, path, lookups)
    }

    /// Reads the text of a file; `path` is what messages call it, and where relative paths in it begin.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str, path: &Path, lookups: &Lookups<'_>) -> Result<NodesFile, Problems> {
        let mut reader = Reader::default();
        let folder = path.parent().map(Path::to_path_buf);
        let source = reader.sources.add(path.display().to_string(), text, folder);
        let mut wrong = Vec::new();
        let Some(root) = tree::yaml_all(&reader.sources, source, &mut wrong) else {
            return Err(reader.sources.problems(wrong));
        };
        let mut form = Form::MultiNode;
        let mut layouts = Vec::new();
        match root.table() {
            None => reader.mistake(
                root.at,
                format!("this file is a table of fields, not {}", root.sort()),
                "docs/nodes.md has an example of each form",
            ),
            Some(table) => {
                if let Some(entry) = table.entry("test_cases") {
                    form = Form::SingleNode;
                    layouts = single::read(&mut reader, table, entry, path, lookups);
                } else if config::is_external(table) {
                    form = Form::ExternalDataParallel;
                    layouts.extend(external::read(&mut reader, table, root.at, path, lookups));
                } else {
                    layouts.extend(multi::read(&mut reader, table, root.at, path, lookups));
                }
            }
        }
        // What the reader of YAML found is not told once more by whoever reads the value.
        reader
            .found
            .retain(|found| wrong.iter().all(|earlier| earlier.at != found.at));
        reader.found.extend(wrong);
        if !reader.found.is_empty() {
            return Err(reader.sources.problems(reader.found));
        }
        unique(&mut layouts);
        let mut notes = reader.notes;
        notes.sort_by_key(|note| note.line);
        Ok(NodesFile {
            path: path.to_path_buf(),
            form,
            layouts,
            notes,
        })
    }
}

/// Gives every layout a name of its own that is an identifier.
fn unique(layouts: &mut [Layout]) {
    let mut taken = std::collections::BTreeSet::new();
    for layout in layouts {
        let begins = layout
            .name
            .starts_with(|c: char| c.is_alphabetic() || c == '_');
        let plain = if begins {
            layout.name.clone()
        } else {
            format!("n_{}", layout.name)
        };
        let mut name = plain.clone();
        let mut next = 1;
        while !taken.insert(name.clone()) {
            name = format!("{plain}_{next}");
            next += 1;
        }
        layout.name = name;
    }
}
