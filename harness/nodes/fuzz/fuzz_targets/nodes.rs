//! A file of several nodes: whatever it says, it is read or refused, and the commands of what was read can be asked for.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tribunal_nodes::{NodesFile, Places};
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups};

fuzz_target!(|text: String| {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    match NodesFile::parse(&text, Path::new("x.yaml"), &lookups) {
        Ok(file) => {
            for layout in &file.layouts {
                for node in &layout.nodes {
                    for process in 0..node.processes.len() {
                        let _ = layout.command(node.index, process, &Places::default());
                    }
                }
            }
        }
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
