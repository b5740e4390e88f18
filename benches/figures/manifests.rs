//! Figures of manifests for a cluster: a hundred of them, from the text of their files to their own.

use std::path::Path;
use std::time::Instant;

use tribunal_benches::{Figure, Unit};
use tribunal_kubernetes::{Manifest, RunId, Settings, Subject};
use tribunal_nodes::NodesFile;
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups};

use crate::options::Options;

const TIMES: usize = 100;
/// At most this many milliseconds for all of them.
const BUDGET: f64 = 1000.0;

/// A hundred manifests for four nodes.
pub fn manifests(options: &Options, figures: &mut Vec<Figure>) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let path = root.join("nodes/two-prefillers-one-decoder.yaml");
    let text =
        std::fs::read_to_string(&path).map_err(|why| format!("{}: {why}", path.display()))?;
    let settings = Settings::read(&root.join("kubernetes/ascend-a3.toml"))
        .map_err(|wrong| wrong.to_string())?;
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let mut figure = Figure::new(
        "manifests",
        "100 manifests of four nodes",
        Unit::Milliseconds,
        Some(BUDGET),
    );
    for _ in 0..options.runs() {
        let begin = Instant::now();
        let mut bytes = 0;
        for at in 0..TIMES {
            let file =
                NodesFile::parse(&text, &path, &lookups).map_err(|wrong| wrong.to_string())?;
            let subject = Subject::Nodes {
                file: &file,
                text: &text,
            };
            let run = RunId::of(&at.to_le_bytes());
            bytes += Manifest::render(subject, &settings, &run)?.yaml().len();
        }
        if bytes < TIMES * text.len() {
            return Err("the manifests lack the text of their files".to_owned());
        }
        figure.samples.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    figures.push(figure);
    Ok(())
}
