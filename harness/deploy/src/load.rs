//! Reads a deployment's text and everything that it extends into one table.

use std::path::{Path, PathBuf};

use tribunal_vocabulary::nearest;

use crate::catalogue::{Catalogue, Origin, printable};
use crate::config::bounded;
use crate::merge;
use crate::node::{Entry, Node, Table, Value, read_toml};
use crate::patch;
use crate::reader::list;
use crate::schema;
use crate::shipped;
use crate::source::{Found, Sources};

/// The longest chain of `extends`.
const LONGEST: usize = 16;

impl Catalogue {
    /// Reads a text and everything that it extends.
    pub(crate) fn load(
        &self,
        origin: &Origin,
        sources: &mut Sources,
        found: &mut Vec<Found>,
        chain: &mut Vec<Origin>,
    ) -> Option<Table> {
        let (text, folder) = match origin {
            Origin::Shipped(name) => (shipped::text(name).unwrap_or_default().to_owned(), None),
            Origin::File(path) => match bounded(path) {
                Ok(text) => {
                    let folder = path.parent().map(Path::to_path_buf);
                    // A bare name lies in the current folder.
                    (
                        text,
                        folder.map(|folder| {
                            if folder.as_os_str().is_empty() {
                                PathBuf::from(".")
                            } else {
                                folder
                            }
                        }),
                    )
                }
                Err(why) => {
                    found.push(Found {
                        at: None,
                        message: format!("`{}` cannot be read: {why}", path.display()),
                        help: None,
                    });
                    return None;
                }
            },
        };
        let source = sources.add(origin.shown(), text, folder);
        self.layered(source, Some(origin), sources, found, chain)
    }

    /// Reads a text and lays it on what it extends.
    pub(crate) fn layered(
        &self,
        source: usize,
        origin: Option<&Origin>,
        sources: &mut Sources,
        found: &mut Vec<Found>,
        chain: &mut Vec<Origin>,
    ) -> Option<Table> {
        let mut own = read_toml(sources, source, found)?;
        self.overlays(&mut own, found);
        let patches = patch::take(&mut own, found);
        let base = match own.take("extends").filter(|entry| !entry.node.is_false()) {
            None => None,
            Some(entry) => Some(self.base(&entry.node, origin, sources, found, chain)?),
        };
        let mut root = Node {
            value: Value::Table(match base {
                None => own,
                Some(mut base) => {
                    // The doc of a file is about that file.
                    if own.get("doc").is_some() {
                        base.take("doc");
                    }
                    merge::layer(&mut base, own, found);
                    base
                }
            }),
            at: sources.whole(source),
        };
        for patch in &patches {
            patch.apply(&mut root, found);
        }
        match root.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    fn base(
        &self,
        node: &Node,
        origin: Option<&Origin>,
        sources: &mut Sources,
        found: &mut Vec<Found>,
        chain: &mut Vec<Origin>,
    ) -> Option<Table> {
        let mut refuse = |message: String, help: Option<String>| {
            found.push(Found::at(node.at, message, help));
            None
        };
        let Some(word) = node.text() else {
            return refuse(
                format!("`extends` must be text, not {}", node.sort()),
                Some("the name of a deployment, or a file that ends in .toml".to_owned()),
            );
        };
        let base = if word.ends_with(".toml") {
            let folder = sources.folder(node.at.source).map(Path::to_path_buf);
            let path = folder
                .into_iter()
                .chain([PathBuf::new()])
                .chain(self.roots.iter().cloned())
                .map(|root| root.join(word))
                .find(|path| path.exists());
            match path {
                Some(path) => Origin::File(path),
                None => {
                    return refuse(
                        format!("there is no file `{}`", printable(word)),
                        Some("it is looked for beside this file, in the current folder, the package and the workspace".to_owned()),
                    );
                }
            }
        } else {
            match self.named(word, origin) {
                Ok(base) => base,
                Err((message, help)) => return refuse(message, Some(help)),
            }
        };
        chain.extend(origin.cloned());
        let identity = base.identity();
        if let Some(first) = chain
            .iter()
            .position(|origin| origin.identity() == identity)
        {
            let ring: Vec<String> = chain[first..]
                .iter()
                .chain([&base])
                .map(Origin::shown)
                .collect();
            return refuse(
                format!("these files extend each other: {}", ring.join(" → ")),
                Some("one of them must extend nothing".to_owned()),
            );
        }
        if chain.len() >= LONGEST {
            return refuse(format!("more than {LONGEST} files extend each other"), None);
        }
        self.load(&base, sources, found, chain)
    }

    /// Checks what only a look at the overlays themselves can tell, and drops what it reports.
    fn overlays(&self, table: &mut Table, found: &mut Vec<Found>) {
        for (key, known) in [("level", &self.levels), ("platform", &self.platforms)] {
            let Some(node) = table.get_mut(key) else {
                continue;
            };
            let Value::Table(overlays) = &mut node.value else {
                let first = known.first().map_or("NAME", |name| name);
                found.push(Found::at(
                    node.at,
                    format!("`{key}` must be a table of overlays, not {}", node.sort()),
                    Some(format!(
                        "write [{key}.{first}] and the keys that differ below it"
                    )),
                ));
                continue;
            };
            for entry in &mut overlays.0 {
                if !known.contains(&entry.key) {
                    let names = known.iter().map(String::as_str);
                    found.push(Found::at(
                        entry.key_at,
                        format!("`{}` is no {key}", entry.key),
                        Some(suggestion(&entry.key, names, "known: ")),
                    ));
                }
                let at = entry.node.at;
                let sort = entry.node.sort();
                match &mut entry.node.value {
                    Value::Table(overlay) => overlay.0.retain(|entry| overlay_key(entry, found)),
                    _ => found.push(Found::at(
                        at,
                        format!("an overlay is a table, not {sort}"),
                        None,
                    )),
                }
            }
        }
    }
}

/// Whether a key can stand in an overlay; if not, it is reported.
fn overlay_key(entry: &Entry, found: &mut Vec<Found>) -> bool {
    let key = &*entry.key;
    if schema::KEYS.contains(&key) || patch::KEYS.contains(&key) {
        return true;
    }
    let (message, help) = if schema::FILE_KEYS.contains(&key) {
        (
            format!("an overlay cannot have `{key}`"),
            "it belongs to the whole file".to_owned(),
        )
    } else {
        (
            format!("an overlay has no key `{key}`"),
            suggestion(key, schema::KEYS, "known keys: "),
        )
    };
    found.push(Found::at(entry.key_at, message, Some(help)));
    false
}

fn suggestion<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
    else_list: &str,
) -> String {
    match nearest(word, known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("{else_list}{}", list(known)),
    }
}
