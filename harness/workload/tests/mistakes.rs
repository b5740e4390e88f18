//! The table of mistakes in docs/workloads.md: each row is written into a file, and the file is read.
//!
//! The table is the golden file: what it says of a mistake is what whoever makes it reads, at that line.

use std::path::Path;

use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups, Workload};

/// What a row says: where, what is written, the line, and the message with its help.
struct Row {
    place: String,
    written: String,
    line: usize,
    message: String,
}

fn rows() -> Vec<Row> {
    let doc = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/workloads.md");
    let text = std::fs::read_to_string(doc).expect("the document is there");
    let (_, table) = text.split_once("## Mistakes").expect("it has the table");
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner
            .split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| where"))
        .map(|line| match &*cells(line) {
            [place, written, line, message] => Row {
                place: place.clone(),
                written: written.trim_matches('`').to_owned(),
                line: line.parse().expect("a line"),
                message: message.clone(),
            },
            other => panic!("this row has {} cells: {line}", other.len()),
        })
        .collect()
}

/// The file that a row stands for. What is written is on the line that the row names, unless the mistake is about what is around it.
fn file(row: &Row) -> (String, &'static str) {
    let written = &row.written;
    let block = |usual: &str| {
        let comma = if usual.is_empty() || written.is_empty() {
            ""
        } else {
            ","
        };
        format!(
            "[\n{{\n\"test_name\": \"t\", \"server_params\": {{}},\n\"benchmark_params\": [{{\n{written}{comma}\n{usual}\n}}]\n}}\n]\n"
        )
    };
    let json = "x.json";
    match &*row.place {
        "block" => (
            block("\"num_prompts\": 4, \"max_concurrency\": [1, 2]"),
            json,
        ),
        "whole block" => (block(""), json),
        "soak" => (block("\"duration_sec\": 60, \"request_rate\": 1"), json),
        "case" => (
            format!(
                "[\n{{\n{written},\n\"test_name\": \"t\", \"server_params\": {{}}, \"benchmark_params\": [{{ \"num_prompts\": 1 }}]\n}}\n]\n"
            ),
            json,
        ),
        "whole case" => (format!("[\n{{\n{written}\n}}\n]\n"), json),
        "server" => (
            format!(
                "[\n{{\n\"test_name\": \"t\", \"benchmark_params\": [{{ \"num_prompts\": 1 }}], \"server_params\": {{\n{written}\n}}\n}}\n]\n"
            ),
            json,
        ),
        "file" => (format!("{written}\n"), json),
        "TOML" => (
            format!(
                "[[case]]\nname = \"t\"\n[[case.step]]\n{written}\nprompts = 4\nconcurrency = [1, 2]\n"
            ),
            "x.toml",
        ),
        "Ascend" => {
            let base = [
                "case_type: performance",
                "dataset_path: x-in10",
                "request_conf: vllm_api_stream_chat",
                "num_prompts: 1",
                "max_out_len: 1",
                "batch_size: 1",
            ];
            let key = written.split(':').next().unwrap_or_default();
            let rest: Vec<String> = base
                .iter()
                .filter(|line| line.split(':').next() != Some(key.trim_start_matches("no ")))
                .map(|line| format!("    {line}\n"))
                .collect();
            let own = if written.starts_with("no ") {
                String::new()
            } else {
                format!("    {written}\n")
            };
            (
                format!("test_name: t\nbenchmarks:\n  perf:\n{own}{}", rest.concat()),
                "x.yaml",
            )
        }
        other => panic!("`{other}` is no place of a row"),
    }
}

#[test]
fn every_row_of_the_table_is_what_is_said() {
    let rows = rows();
    assert!(rows.len() >= 25, "the table has {} rows", rows.len());
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let mut wrong = String::new();
    for row in &rows {
        let (text, name) = file(row);
        let told = match Workload::parse(&text, Path::new(name), &lookups) {
            Ok(_) => "nothing is wrong".to_owned(),
            Err(problems) => {
                let said: Vec<String> = problems
                    .messages()
                    .zip(problems.helps())
                    .zip(problems.places())
                    .map(|((message, help), place)| {
                        let line = place.map_or(0, |(file, line, column)| {
                            assert_eq!(file, name);
                            assert!(column > 0);
                            line
                        });
                        let help = help.map_or(String::new(), |help| format!(" → {help}"));
                        format!("{line} | {message}{help}")
                    })
                    .collect();
                said.join(" AND ")
            }
        };
        if told != format!("{} | {}", row.line, row.message) {
            wrong.push_str(&format!("| {} | `{}` | {told} |\n", row.place, row.written));
        }
    }
    assert!(
        wrong.is_empty(),
        "these rows are not what is said:\n{wrong}"
    );
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once_in_its_order() {
    let text = "[\n{\n\"test_name\": \"t\", \"server_param\": {}, \"server_params\": {},\n\"mark\": [\"full_modle\"],\n\"benchmark_params\": [{\n\"num_prompt\": 1, \"num_prompts\": 0,\n\"max_concurrency\": 0,\n\"baseline\": { \"mean_tftt_ms\": 1 }\n}]\n}\n]\n";
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let problems = Workload::parse(text, Path::new("x.json"), &lookups).unwrap_err();
    let lines: Vec<usize> = problems
        .places()
        .flatten()
        .map(|(_, line, _)| line)
        .collect();
    assert_eq!(lines, [3, 4, 6, 7], "{problems}");
    let told = problems.to_string();
    for part in [
        "x.json:3:19",
        "did you mean `server_params`?",
        "did you mean `full_model`?",
        "did you mean `num_prompts`?",
        "4 mistakes",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}
