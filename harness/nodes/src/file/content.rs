//! What a file for one node asks of its server beside the benchmarks.

use tribunal_deploy::tree::{Place, Table, Value};
use tribunal_vocabulary::nearest;

use super::layout::{Content, Phase};
use super::reader::Reader;

/// The prompt of a file that has none.
const PROMPT: &str = "San Francisco is a";
/// How long an answer may be, where nothing is said of requests.
const MAX_TOKENS: u32 = 10;

/// Reads `test_content`, `prompts`, `api_keyword_args`, `mm_request` and `expected_response`.
pub(crate) fn read(reader: &mut Reader, table: &Table, at: Place) -> Content {
    let some = |key: &str| {
        table
            .entry(key)
            .filter(|entry| entry.node.value != Value::Null)
    };
    let mut phases = Vec::new();
    let mut compared_at = at;
    match table.entry("test_content") {
        None => phases.push(Phase::Completion),
        Some(entry) if entry.node.value == Value::Null => {}
        Some(entry) => {
            for node in reader.list(entry, "phases").unwrap_or_default() {
                let name = node.text().unwrap_or_default();
                let names = Phase::ALL.map(Phase::name);
                match Phase::ALL.into_iter().find(|phase| phase.name() == name) {
                    Some(phase) => {
                        if phase == Phase::BenchmarkComparisons {
                            compared_at = node.at;
                        }
                        phases.push(phase);
                    }
                    None => {
                        let help = nearest(name, names).map_or_else(
                            || format!("there are {}", names.join(", ")),
                            |near| format!("did you mean `{near}`?"),
                        );
                        reader.mistake(node.at, format!("there is no phase `{name}`"), &help);
                    }
                }
            }
        }
    }
    let mut prompts = Vec::new();
    match some("prompts") {
        None => prompts.push(PROMPT.to_owned()),
        Some(entry) => match &entry.node.value {
            Value::Text(text) => prompts.push(text.clone()),
            _ => {
                for node in reader.list(entry, "texts").unwrap_or_default() {
                    match node.text() {
                        Some(text) => prompts.push(text.to_owned()),
                        None => reader.wrong_node(&entry.key, node, "a list of texts", ""),
                    }
                }
            }
        },
    }
    let request = match some("api_keyword_args") {
        None => [("max_tokens".to_owned(), MAX_TOKENS.into())]
            .into_iter()
            .collect(),
        Some(entry) => match &entry.node.value {
            Value::Table(table) => Reader::object(table),
            _ => {
                reader.wrong(
                    entry,
                    "a table of what stands in each request",
                    "as in {max_tokens: 10}",
                );
                Default::default()
            }
        },
    };
    if phases.contains(&Phase::BenchmarkComparisons) && some("benchmark_comparisons_args").is_none()
    {
        reader.mistake(
            compared_at,
            "`benchmark_comparisons` has nothing to compare",
            "say what in `benchmark_comparisons_args`",
        );
    }
    Content {
        phases,
        prompts,
        request,
        media_request: some("mm_request").map(|entry| Reader::json(&entry.node)),
        expected: some("expected_response").map(|entry| Reader::json(&entry.node)),
    }
}
