//! What is measured: the benchmarks of a file, read by whoever reads workload files.

use std::path::Path;

use tribunal_deploy::tree::{Entry, Node, Place, Table, Value};
use tribunal_workload::{Lookups, WorkCase, benchmarks};

use super::reader::Reader;

/// The keys that say what is measured.
const KEYS: [&str; 2] = ["benchmarks", "benchmark_comparisons_args"];

/// The benchmarks of a table, as a case of a workload. `None`: there are none.
pub(crate) fn read(
    reader: &mut Reader,
    table: &Table,
    at: Place,
    test_name: &str,
    path: &Path,
    lookups: &Lookups<'_>,
) -> Option<WorkCase> {
    let some = |node: &Node| node.value != Value::Null;
    if !table.get("benchmarks").is_some_and(some) {
        return None;
    }
    let name = Entry {
        key: "test_name".to_owned(),
        key_at: at,
        node: Node {
            value: Value::Text(test_name.to_owned()),
            at,
        },
    };
    let of_them = table.0.iter().filter(|entry| KEYS.contains(&&*entry.key));
    let table = Table(std::iter::once(name).chain(of_them.cloned()).collect());
    let read = benchmarks(&table, at, &reader.sources, path, lookups);
    reader.found.extend(read.found);
    for note in read.notes {
        if !reader.notes.contains(&note) {
            reader.notes.push(note);
        }
    }
    read.case
}
