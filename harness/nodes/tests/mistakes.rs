//! The tables of docs/nodes.md: each row is one mistake that is written into a shipped file, and what is told of it.
//!
//! The tables are the golden file: what they say of a mistake is what whoever makes it reads, at that line, and nothing else.

use std::path::{Path, PathBuf};

use tribunal_nodes::NodesFile;
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups};

/// A row: the file, the line that is changed, what is written there and what instead, the line that is told, message and help.
#[derive(Debug)]
struct Row {
    file: String,
    line: usize,
    written: String,
    instead: String,
    told: usize,
    message: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(folder().join("docs/nodes.md")).expect("it is there");
    let (_, tables) = text
        .split_once("## Fields and mistakes")
        .expect("it has the tables");
    let mut file = String::new();
    let mut rows = Vec::new();
    for line in tables.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            file = heading.trim_matches('`').to_owned();
        }
        let inner = line.trim().trim_start_matches("| ").trim_end_matches(" |");
        let cells: Vec<&str> = inner.split(" | ").map(str::trim).collect();
        let [_, _, _, change, told, message] = cells[..] else {
            continue;
        };
        let Some((at, change)) = change.split_once(": ") else {
            continue;
        };
        let (written, instead) = change.split_once(" ⇒ ").expect("what and what instead");
        let code = |text: &str| text.trim().trim_matches('`').replace("(nothing)", "");
        rows.push(Row {
            file: file.clone(),
            line: at.parse().expect("a line"),
            written: code(written),
            instead: code(instead),
            told: told.parse().expect("a line"),
            message: message.to_owned(),
        });
    }
    rows
}

/// What is told of the file with the change: line, message and help.
fn told(row: &Row) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(folder().join(&row.file)).expect("it is there");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let line = &mut lines[row.line - 1];
    assert!(line.contains(&row.written), "{row:?}: {line}");
    *line = line.replacen(&row.written, &row.instead, 1);
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    match NodesFile::parse(&(lines.join("\n") + "\n"), Path::new("x.yaml"), &lookups) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .messages()
            .zip(problems.places())
            .zip(problems.helps())
            .map(|((message, place), help)| {
                let line = place.map_or(0, |(_, line, _)| line);
                let help = help.map_or(String::new(), |help| format!(" → {help}"));
                (line, format!("{message}{help}").replace('|', "\\|"))
            })
            .collect(),
    }
}

#[test]
fn every_mistake_of_the_tables_is_told_at_its_line_and_alone() {
    let rows = rows();
    assert!(rows.len() >= 60, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let told = told(row);
        if told != [(row.told, row.message.clone())] {
            wrong.push(format!(
                "{}:{}: `{}` ⇒ `{}` is told {told:#?}",
                row.file, row.line, row.written, row.instead
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} of {}",
        wrong.join("\n"),
        wrong.len(),
        rows.len()
    );
}

#[test]
fn every_field_of_the_reference_has_a_mistake() {
    let file = "fixtures/nodes/qwen3-235b-disaggregated.yaml";
    let changed: Vec<usize> = rows()
        .iter()
        .filter(|row| row.file == file)
        .map(|row| row.line)
        .collect();
    assert!(changed.len() >= 30, "{}", changed.len());
    let text = std::fs::read_to_string(folder().join(file)).expect("it is there");
    let line_of = |field: &str| {
        1 + text
            .lines()
            .position(|line| line.trim_start().starts_with(&format!("{field}:")))
            .expect(field)
    };
    for field in [
        "test_name",
        "model",
        "num_nodes",
        "npu_per_node",
        "disaggregated_prefill",
        "enabled",
        "prefiller_host_index",
        "decoder_host_index",
        "deployment",
        "local_index",
        "master_index",
        "headless",
        "env_extend",
        "server_cmd",
        "case_type",
        "request_conf",
        "num_prompts",
        "max_out_len",
        "baseline",
        "threshold",
        "batch_size",
        "dataset_path",
    ] {
        assert!(changed.contains(&line_of(field)), "{field} has no row");
    }
}

#[test]
fn several_mistakes_are_told_at_once() {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let text = "model: 5\nnum_nodes: two\nnpu_per_node: on\ndeployment:\n  - server_cmd: vllm serve m --port $PROT\n    env_extend: {A: 010}\n";
    let problems = NodesFile::parse(text, Path::new("x.yaml"), &lookups).unwrap_err();
    let lines: Vec<usize> = problems
        .places()
        .map(|place| place.map_or(0, |(_, line, _)| line))
        .collect();
    assert_eq!(lines, [1, 2, 3, 5, 6], "{problems}");
}
