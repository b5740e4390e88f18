//! A case of a workload file: a server, and what is sent to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tribunal_deploy::tree::{Entry, Node, Place, Table, Value, text_of};

use crate::fields::{Fields, plain};
use crate::json;
use crate::marks::Mark;
use crate::reader::Reader;
use crate::server::ServerParams;
use crate::step::Step;
use tribunal_traffic::Dialect;

/// A case of a workload file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct WorkCase {
    /// A Rust identifier, and no other case of the file has it.
    pub name: String,
    /// The name as it was written.
    pub test_name: String,
    /// What it is, where that is said.
    pub doc: Option<String>,
    /// Its markers.
    pub marks: Vec<Mark>,
    /// The server that it wants.
    pub server: ServerParams,
    /// What is sent, in the order of the file.
    pub steps: Vec<Step>,
    /// Steps that are compared with each other.
    pub comparisons: Vec<Comparison>,
    /// Where it stands.
    pub line: usize,
}

/// A metric of one step against the same of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The metric, as the file names it.
    pub metric: String,
    /// The step that is the measure.
    pub baseline: String,
    /// The step that is judged.
    pub target: String,
    /// What the baseline is multiplied with.
    pub ratio: f64,
    /// `<`, `>`, `<=` or `>=`: how the target must stand to that.
    pub operator: String,
    /// Where it stands.
    pub line: usize,
}

/// What a block knows of its case.
pub(crate) struct Around {
    pub test_name: String,
    pub endpoint: Option<(String, Place)>,
    pub folder: Option<PathBuf>,
    pub dialect: Dialect,
    /// Whether a block that does not say is a soak.
    pub stability: bool,
    pub native: bool,
    /// How often each suffix stood so far.
    pub suffixes: BTreeMap<String, u32>,
}

const KEYS: [&str; 9] = [
    "test_name",
    "mark",
    "description",
    "server_type",
    "server_params",
    "judge_server_params",
    "benchmark_params",
    "benchmark_endpoint",
    "enabled",
];

/// The longest chain of `$ref`.
const LONGEST: usize = 8;

impl Reader<'_> {
    /// The cases of a file of vLLM-Omni: a list, or one.
    pub fn omni(&mut self, root: &Node, path: &Path) -> Vec<WorkCase> {
        let one = std::slice::from_ref(root);
        let list = match &root.value {
            Value::List(list) => &**list,
            Value::Table(_) => one,
            _ => {
                self.mistake(
                    root.at,
                    format!(
                        "a workload file is a list of cases, or one, not {}",
                        root.sort()
                    ),
                    None,
                );
                return Vec::new();
            }
        };
        if list.is_empty() {
            self.mistake(root.at, "this file has no case", None);
        }
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        let mut cases = Vec::new();
        for node in list {
            let Some(node) = self.followed(node, LONGEST) else {
                continue;
            };
            let Some(table) = node.table() else {
                self.mistake(
                    node.at,
                    format!("a case must be a table, not {}", node.sort()),
                    None,
                );
                continue;
            };
            let Some(case) = self.omni_case(table, node.at, path) else {
                continue;
            };
            self.once(&mut lines, &case, (table, node.at), "test_name");
            cases.push(case);
        }
        cases
    }

    fn omni_case(&mut self, table: &Table, at: Place, path: &Path) -> Option<WorkCase> {
        let fields = Fields::of(self, table, at, &[]);
        for (name, entry) in fields.iter() {
            // What is scored elsewhere stands in the case too.
            let scored = name.starts_with("omniinteract_") || name.starts_with("duplex_");
            if scored || name == "judge_server_params" {
                self.note(
                    entry.key_at,
                    format!(
                        "`{}` is for a judge that is not part of this: nothing is done with it",
                        entry.key
                    ),
                );
            } else if !KEYS.contains(&name) && !name.starts_with('_') {
                self.unknown_key(entry, "a case", &KEYS, "an option of the benchmark stands in `benchmark_params`, one of the server in `server_params`");
            }
        }
        let Some(name) = fields.entry("test_name") else {
            self.mistake(
                at,
                "this case has no `test_name`",
                Some("name it, uniquely in its file".to_owned()),
            );
            return None;
        };
        let test_name = self.text(name)?;
        let mut server = match fields.entry("server_params") {
            Some(entry) => match self.followed(&entry.node, LONGEST) {
                Some(node) => self.server(&Entry {
                    node,
                    ..entry.clone()
                }),
                None => ServerParams::default(),
            },
            None => {
                self.mistake(
                    at,
                    format!("`{test_name}` has no `server_params`"),
                    Some("write {} where any server will do".to_owned()),
                );
                ServerParams::default()
            }
        };
        if let Some(entry) = fields.entry("server_type") {
            server.server_type = self.text(entry);
        }
        let endpoint = fields
            .entry("benchmark_endpoint")
            .and_then(|entry| Some((self.text(entry)?, entry.node.at)));
        let mut around = Around {
            test_name: test_name.clone(),
            endpoint,
            folder: path.parent().map(Path::to_path_buf),
            dialect: Dialect::VllmOmni,
            stability: path
                .components()
                .any(|part| part.as_os_str() == "stability"),
            native: false,
            suffixes: BTreeMap::new(),
        };
        let mut steps = Vec::new();
        match fields.entry("benchmark_params") {
            None => self.mistake(
                at,
                format!("`{test_name}` has no `benchmark_params`"),
                Some("it is a list of blocks".to_owned()),
            ),
            Some(entry) => {
                let blocks = self.blocks(&entry.key, &entry.node);
                if blocks.is_empty() && !self.found_at(entry.node.at) {
                    self.mistake(entry.node.at, format!("`{}` is empty", entry.key), None);
                }
                for block in &blocks {
                    match block.table() {
                        Some(table) => steps.extend(self.block(table, block.at, &mut around)),
                        None => self.mistake(
                            block.at,
                            format!("a benchmark block must be a table, not {}", block.sort()),
                            None,
                        ),
                    }
                }
            }
        }
        let marks = fields
            .entry("mark")
            .map(|entry| self.marks(entry))
            .unwrap_or_default();
        if fields.entry("enabled").and_then(|entry| self.bool(entry)) == Some(false) {
            self.note(at, format!("`{test_name}` is off: `enabled` is false"));
            steps.clear();
        }
        Some(WorkCase {
            name: tribunal_vocabulary::slug(&test_name),
            doc: fields
                .entry("description")
                .and_then(|entry| self.text(entry)),
            test_name,
            marks,
            server,
            steps,
            comparisons: Vec::new(),
            line: self.line(at),
        })
    }

    /// Whether something is wrong within a place.
    fn found_at(&self, place: Place) -> bool {
        self.found
            .iter()
            .filter_map(|found| found.at)
            .any(|at| at.source != place.source || (at.start >= place.start && at.end <= place.end))
    }

    /// The blocks of a list, those that it refers to among them.
    fn blocks(&mut self, key: &str, node: &Node) -> Vec<Node> {
        let Some(node) = self.followed(node, LONGEST) else {
            return Vec::new();
        };
        match node.value {
            Value::List(list) => {
                let mut blocks = Vec::new();
                for node in list {
                    match self.followed(&node, LONGEST) {
                        Some(Node {
                            value: Value::List(more),
                            ..
                        }) => blocks.extend(more),
                        Some(node) => blocks.push(node),
                        None => {}
                    }
                }
                blocks
            }
            Value::Table(_) => vec![node],
            _ => {
                self.wrong_node(key, &node, "a list of blocks");
                Vec::new()
            }
        }
    }

    /// What `{"$ref": "file.json#/0/key"}` stands for; keys beside it are laid over. Anything else stands for itself.
    fn followed(&mut self, node: &Node, left: usize) -> Option<Node> {
        let Some(entry) = node.table().and_then(|table| table.entry("$ref")) else {
            return Some(node.clone());
        };
        let refuse = |reader: &mut Self, message: String, help: &str| {
            reader.mistake(entry.node.at, message, Some(help.to_owned()));
            None
        };
        let Some(target) = entry.node.text() else {
            return refuse(
                self,
                format!("`$ref` must be text, not {}", entry.node.sort()),
                "write \"file.json\" or \"#/0/benchmark_params\"",
            );
        };
        if left == 0 {
            return refuse(
                self,
                format!("more than {LONGEST} `$ref` lead to each other"),
                "one of them must be a value",
            );
        }
        let (file, pointer) = target.split_once('#').unwrap_or((target, ""));
        let source = if file.is_empty() {
            node.at.source
        } else {
            let folder = self.sources.folder(node.at.source).map(Path::to_path_buf);
            let Some(path) = self.lookups.locate(folder.as_deref(), file) else {
                return refuse(
                    self,
                    format!("there is no file `{file}`"),
                    "it is looked for beside this file, and in the workspace",
                );
            };
            let text = match text_of(&path) {
                Ok(text) => text,
                Err(why) => {
                    return refuse(
                        self,
                        format!("`{file}` cannot be read: {why}"),
                        "it is JSON, as this file is",
                    );
                }
            };
            let folder = path.parent().map(Path::to_path_buf);
            self.sources.add(path.display().to_string(), text, folder)
        };
        let mut found = Vec::new();
        let root = json::read(&self.sources, source, &mut found);
        if !file.is_empty() {
            self.found.append(&mut found);
        }
        let root = root?;
        let mut here = &root;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let next = match &here.value {
                Value::Table(table) => table
                    .0
                    .iter()
                    .find(|entry| plain(&entry.key) == plain(&step))
                    .map(|entry| &entry.node),
                Value::List(list) => step.parse::<usize>().ok().and_then(|index| list.get(index)),
                _ => None,
            };
            match next {
                Some(next) => here = next,
                None => {
                    return refuse(
                        self,
                        format!("`{target}` leads nowhere: there is no `{step}`"),
                        "a pointer is #/0/key: places in lists, and keys",
                    );
                }
            }
        }
        let mut target = self.followed(here, left - 1)?;
        let beside = node
            .table()
            .into_iter()
            .flat_map(|table| &table.0)
            .filter(|entry| entry.key != "$ref");
        for entry in beside {
            match &mut target.value {
                Value::Table(table) => {
                    table
                        .0
                        .retain(|there| plain(&there.key) != plain(&entry.key));
                    table.0.push(entry.clone());
                }
                _ => self.mistake(
                    entry.key_at,
                    format!(
                        "`{}` stands beside a `$ref` to {}",
                        entry.key,
                        target.sort()
                    ),
                    Some("keys are laid over a table".to_owned()),
                ),
            }
        }
        Some(target)
    }
}
