//! Files of vLLM-Ascend: one node (`test_cases`) or several; of both the `benchmarks` are read.
//!
//! Promise: what is not read is said to be, so that nobody thinks that a file was run when half of it was. Rejected: starting servers from these files
//! (a workload says what is sent, a deployment how servers are started).

use std::collections::BTreeMap;
use std::path::Path;

use tribunal_deploy::tree::{Entry, Found, Node, Place, Sources, Table, Value};
use tribunal_vocabulary::{nearest, slug};

use crate::case::{Comparison, WorkCase};
use crate::lookups::Lookups;
use crate::reader::Reader;
use crate::server::ServerParams;
use crate::step::Step;
use crate::workload::{Note, unique};

const CASE: [&str; 20] = [
    "name",
    "model",
    "envs",
    "service_mode",
    "server_cmd",
    "server_cmd_extra",
    "epd_server_cmds",
    "epd_proxy_args",
    "prompts",
    "api_keyword_args",
    "test_content",
    "benchmarks",
    "benchmark_comparisons_args",
    "kv_pool",
    "special_dependencies",
    "mm_request",
    "expected_response",
    "server_parameters",
    "description",
    "server_port",
];
const ROOT: [&str; 19] = [
    "test_name",
    "model",
    "num_nodes",
    "npu_per_node",
    "env_common",
    "disaggregated_prefill",
    "deployment",
    "benchmarks",
    "server_port",
    "cluster_hosts",
    "routing",
    "config",
    "templates",
    "kv_pool",
    "special_dependencies",
    "test_cases",
    "description",
    "name",
    "benchmark_comparisons_args",
];

/// What [`benchmarks`] read.
#[derive(Clone, Debug, Default)]
pub struct Benchmarks {
    /// The case; `None`: something is wrong.
    pub case: Option<WorkCase>,
    /// What is wrong.
    pub found: Vec<Found>,
    /// What is no mistake and should be known.
    pub notes: Vec<Note>,
}

/// Reads the benchmarks of a table that another reader has: `test_name`, `benchmarks` and `benchmark_comparisons_args`. `sources` hold the text that the table came
/// from, so that a mistake is shown where it stands.
pub fn benchmarks(
    table: &Table,
    at: Place,
    sources: &Sources,
    path: &Path,
    lookups: &Lookups<'_>,
) -> Benchmarks {
    let mut reader = Reader::new(lookups);
    reader.sources = sources.clone();
    let mut cases: Vec<WorkCase> = reader
        .ascend_case(table, at, &ROOT, path)
        .into_iter()
        .collect();
    unique(&mut cases);
    Benchmarks {
        case: cases.pop(),
        found: reader.found,
        notes: reader.notes,
    }
}

impl Reader<'_> {
    /// The cases of a file of vLLM-Ascend.
    pub fn ascend(&mut self, root: &Node, path: &Path) -> Vec<WorkCase> {
        let Some(table) = root.table() else {
            self.mistake(
                root.at,
                format!(
                    "this file is a table with `benchmarks` or `test_cases`, not {}",
                    root.sort()
                ),
                None,
            );
            return Vec::new();
        };
        let Some(entry) = table.entry("test_cases") else {
            if table.get("benchmarks").is_none() {
                self.mistake(
                    root.at,
                    "this file has neither `benchmarks` nor `test_cases`",
                    None,
                );
                return Vec::new();
            }
            return self
                .ascend_case(table, root.at, &ROOT, path)
                .into_iter()
                .collect();
        };
        self.beside(table, &ROOT);
        let Value::List(list) = &entry.node.value else {
            self.wrong_node(&entry.key, &entry.node, "a list of cases");
            return Vec::new();
        };
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        let mut cases = Vec::new();
        for node in list {
            let Some(table) = node.table() else {
                self.mistake(
                    node.at,
                    format!("a case must be a table, not {}", node.sort()),
                    None,
                );
                continue;
            };
            let Some(case) = self.ascend_case(table, node.at, &CASE, path) else {
                continue;
            };
            self.once(&mut lines, &case, (table, node.at), "name");
            cases.push(case);
        }
        cases
    }

    /// Keys that are none of these: a misspelt one is a mistake, another is said to be left alone, as the other tool hands it on.
    fn beside(&mut self, table: &Table, known: &[&str]) {
        for entry in &table.0 {
            if known.contains(&&*entry.key) || entry.key.starts_with('_') {
                continue;
            }
            if nearest(&entry.key, known.iter().copied()).is_some() {
                self.unknown_key(entry, "a case", known, "");
            } else {
                self.note(
                    entry.key_at,
                    format!("`{}` is not known: nothing is done with it", entry.key),
                );
            }
        }
    }

    fn ascend_case(
        &mut self,
        table: &Table,
        at: Place,
        known: &[&str],
        path: &Path,
    ) -> Option<WorkCase> {
        self.beside(table, known);
        let Some(entry) = table.entry("name").or(table.entry("test_name")) else {
            let key = if known.len() == ROOT.len() {
                "test_name"
            } else {
                "name"
            };
            self.mistake(
                at,
                format!("this case has no `{key}`"),
                Some("name it, uniquely in its file".to_owned()),
            );
            return None;
        };
        let test_name = self.text(entry)?;
        let mut server = ServerParams {
            line: self.line(at),
            ..ServerParams::default()
        };
        server.model = table.entry("model").and_then(|entry| self.text(entry));
        for key in ["envs", "env_common"] {
            if let Some(entry) = table
                .entry(key)
                .filter(|entry| entry.node.value != Value::Null)
            {
                server.env.extend(self.env(entry));
            }
        }
        for key in ["server_cmd", "server_cmd_extra"] {
            match table.entry(key).map(|entry| (&entry.node.value, entry)) {
                Some((Value::List(_), entry)) => server
                    .extra_args
                    .extend(self.texts(entry).unwrap_or_default()),
                Some((Value::Null, _)) | None => {}
                Some((_, entry)) => self.note(
                    entry.key_at,
                    format!(
                        "`{key}` is a command line: the deployment says how the server is started"
                    ),
                ),
            }
        }
        if let Some(entry) = table.entry("deployment") {
            self.note(entry.key_at, "`deployment` is not read here: the deployment that is chosen says how servers are started");
        }
        let mut steps = Vec::new();
        match table.entry("benchmarks").map(|entry| &entry.node.value) {
            Some(Value::Table(benchmarks)) => {
                for entry in &benchmarks.0 {
                    // An empty one is skipped by the other tool too.
                    if entry.node.value != Value::Null && !entry.key.starts_with('_') {
                        steps.extend(self.benchmark(entry, &test_name, path));
                    }
                }
            }
            Some(Value::Null) | None => self.note(
                at,
                format!("`{test_name}` has no benchmarks: nothing of it is sent"),
            ),
            Some(_) => {
                if let Some(entry) = table.entry("benchmarks") {
                    self.wrong_node(&entry.key, &entry.node, "a table of benchmarks by name");
                }
            }
        }
        let comparisons = table
            .entry("benchmark_comparisons_args")
            .map(|entry| self.comparisons(entry, &steps))
            .unwrap_or_default();
        Some(WorkCase {
            name: slug(&test_name),
            doc: table
                .entry("description")
                .and_then(|entry| self.text(entry)),
            test_name,
            marks: Vec::new(),
            server,
            steps,
            comparisons,
            line: self.line(at),
        })
    }

    /// `[{metric, baseline, target, ratio, operator}]`.
    fn comparisons(&mut self, entry: &Entry, steps: &[Step]) -> Vec<Comparison> {
        let list = match &entry.node.value {
            Value::List(list) => &**list,
            Value::Table(_) => std::slice::from_ref(&entry.node),
            Value::Null => return Vec::new(),
            _ => {
                self.wrong_node(&entry.key, &entry.node, "a list of comparisons");
                return Vec::new();
            }
        };
        let known = ["metric", "baseline", "target", "ratio", "operator"];
        let mut comparisons = Vec::new();
        for node in list {
            let Some(table) = node.table() else {
                self.wrong_node(&entry.key, node, "a list of comparisons");
                continue;
            };
            for entry in &table.0 {
                if !known.contains(&&*entry.key) {
                    self.unknown_key(
                        entry,
                        "a comparison",
                        &known,
                        "it has metric, baseline, target, ratio and operator",
                    );
                }
            }
            let mut step = |key: &str| {
                let entry = table.entry(key)?;
                let name = self.text(entry)?;
                let there = |step: &&Step| step.label.ends_with(&format!("-{name}"));
                if !steps.iter().any(|step| there(&step)) {
                    self.mistake(
                        entry.node.at,
                        format!("`{key}` names `{name}`, and there is no such benchmark"),
                        None,
                    );
                }
                Some(name)
            };
            let (baseline, target) = (step("baseline"), step("target"));
            let operator = table
                .get("operator")
                .and_then(Node::text)
                .unwrap_or("<")
                .to_owned();
            if !["<", ">", "<=", ">="].contains(&&*operator) {
                let at = table.get("operator").map_or(node.at, |node| node.at);
                self.mistake(
                    at,
                    format!("`{operator}` is no operator"),
                    Some("there are: <, >, <=, >=".to_owned()),
                );
            }
            let (Some(baseline), Some(target)) = (baseline, target) else {
                self.mistake(node.at, "a comparison needs `baseline` and `target`", None);
                continue;
            };
            comparisons.push(Comparison {
                metric: table
                    .get("metric")
                    .and_then(Node::text)
                    .unwrap_or("TTFT")
                    .to_owned(),
                baseline,
                target,
                ratio: table
                    .entry("ratio")
                    .and_then(|entry| self.number(&entry.key, &entry.node))
                    .unwrap_or(1.0),
                operator,
                line: self.line(node.at),
            });
        }
        comparisons
    }
}
