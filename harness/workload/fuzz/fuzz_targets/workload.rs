//! A workload file of any form: whatever it says, it is read or refused, and a step that was read can be drawn and rendered.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{BenchServer, DataTable, Lookups, Workload};

fuzz_target!(|input: (u8, String)| {
    let (form, text) = input;
    let name = ["x.json", "x.yaml", "x.toml"][usize::from(form) % 3];
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    match Workload::parse(&text, Path::new(name), &lookups) {
        Ok(workload) => {
            for (_, step) in workload.steps() {
                let _ = step.batch(1).vllm_bench(&BenchServer::default());
            }
        }
        Err(problems) => assert!(!problems.to_string().is_empty()),
    }
});
