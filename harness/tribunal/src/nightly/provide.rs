//! The layouts of nodes files as cases.
//!
//! Promise: each layout is a case with the name that its file gives it; one that asks nothing is skipped with that reason before anything starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tribunal_nodes::{Layout, NodesFile};
use tribunal_runner::ProviderCase as Case;
use tribunal_vocabulary::{Value, slug};
use tribunal_workload::Lookups;

/// A layout of a nodes file, as the value of a case.
#[derive(Debug)]
pub struct FromNodes {
    /// The file.
    pub file: PathBuf,
    /// What it describes there.
    pub layout: Arc<Layout>,
}

/// The layouts that `--deploy` names as cases. Where it names none, those of the files in `own`, skipped with what to type: a file that is added is seen.
///
/// # Errors
/// All mistakes of the first file that has some.
pub fn layouts(own: &Path) -> Result<Vec<Case<FromNodes>>, String> {
    let mut cases = vec![];
    let mut asked = false;
    for deployment in crate::deployments_asked_for() {
        let Some((file, wanted)) = parted(&deployment) else {
            continue;
        };
        asked = true;
        // One that is not there was told already, and ended the run.
        let Some(path) = crate::asked::found(file) else {
            continue;
        };
        for layout in read(&path)? {
            if wanted.is_none_or(|wanted| wanted == layout.name) {
                let why = (!asks(&layout)).then(|| NOTHING.to_owned());
                // Who names the file asks for what it asks, however long it takes.
                cases.push(case(&path, layout, "core_model", why).only_on(&deployment));
            }
        }
    }
    if !asked {
        for path in files_of(own) {
            for layout in read(&path)? {
                let why = format!(
                    "its servers run under --deploy {}, and on this machine alone with --rehearse beside it",
                    shown(&path, own)
                );
                cases.push(case(&path, layout, "full_model", Some(why)));
            }
        }
    }
    Ok(cases)
}

/// Why a case without anything to do is skipped.
const NOTHING: &str =
    "it asks nothing of its servers: it has neither `benchmarks` nor `test_content`";

/// The nodes files of a folder, sorted; none where it is not there (the program was taken elsewhere).
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.to_str().is_some_and(|path| parted(path).is_some()))
        .collect();
    files.sort();
    files
}

/// A path as it is typed at the root of the project: with the last two folders.
fn shown(path: &Path, own: &Path) -> String {
    let folders: Vec<_> = own.components().rev().take(2).collect();
    let folder: PathBuf = folders.into_iter().rev().collect();
    folder
        .join(path.file_name().unwrap_or_default())
        .display()
        .to_string()
}

fn read(path: &Path) -> Result<Vec<Layout>, String> {
    let data = crate::performance::data_table()?;
    let lookups = Lookups {
        vocabulary: crate::vocabulary_of_run(),
        data: &data,
        roots: &[],
    };
    let file = NodesFile::read(path, &lookups).map_err(|e| e.to_string())?;
    Ok(file.layouts)
}

/// The file of a deployment that is a layout, and the layout, where the file has several: `FILE.yaml`, `FILE.yaml#LAYOUT`.
fn parted(deployment: &str) -> Option<(&str, Option<&str>)> {
    crate::nodes::is_file(deployment).then(|| {
        deployment
            .split_once('#')
            .map_or((deployment, None), |(file, layout)| (file, Some(layout)))
    })
}

fn case(path: &Path, layout: Layout, level: &str, skipped: Option<String>) -> Case<FromNodes> {
    let name = name(path, &layout);
    let text = format!("{}: {}", path.display(), layout.test_name);
    let value = FromNodes {
        file: path.to_path_buf(),
        layout: Arc::new(layout),
    };
    let case = Case::new(name, value).text(text).marker(level);
    match skipped {
        None => case,
        Some(why) => case.marker_with("skip", [(String::new(), Value::Str(why))]),
    }
}

/// Whether there is something to be done.
fn asks(layout: &Layout) -> bool {
    let steps = layout.workload.as_ref().map_or(0, |case| case.steps.len());
    let phases = layout.content.as_ref().map_or(0, |c| c.phases.len());
    steps + phases > 0
}

/// An identifier: of the file, and of the layout of a file that has a list of them.
fn name(path: &Path, layout: &Layout) -> String {
    let stem = slug(&path.file_stem().unwrap_or_default().to_string_lossy());
    let begins = stem.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let stem = if begins { stem } else { format!("n_{stem}") };
    match layout.content {
        Some(_) => format!("{stem}__{}", layout.name),
        None => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/nodes")
    }

    #[test]
    fn names_are_identifiers() {
        let several = read(&shipped().join("two-prefillers-one-decoder.yaml")).expect("a file");
        let one = read(&shipped().join("one-node.yaml")).expect("a file");
        for (path, layout, expected) in [
            ("a/two-nodes.yaml", &several[0], "two_nodes"),
            ("2P1D.yaml", &several[0], "n_2p1d"),
            ("one.yaml", &one[0], "one__qwen3_32b"),
        ] {
            assert_eq!(name(Path::new(path), layout), expected);
        }
    }

    #[test]
    fn a_deployment_that_is_a_layout_names_its_file() {
        for (deployment, expected) in [
            ("a/b.yaml", Some(("a/b.yaml", None))),
            ("b.yml#two", Some(("b.yml", Some("two")))),
            ("embedded", None),
            ("http://host/x.yaml", None),
            ("a.toml", None),
        ] {
            assert_eq!(parted(deployment), expected, "{deployment}");
        }
    }

    #[test]
    fn every_file_that_is_added_is_a_case() {
        let folder = shipped();
        let (count, there) = (
            layouts(&folder).expect("no mistakes").len(),
            files_of(&folder),
        );
        assert!(count > there.len() && there.len() >= 4, "{count}");
        assert!(shown(&there[0], &folder).starts_with("fixtures/nodes/"));
        let new = tempfile::tempdir().expect("a folder");
        assert!(
            layouts(&new.path().join("none"))
                .expect("nothing")
                .is_empty()
        );
        std::fs::copy(&there[0], new.path().join("new.yaml")).expect("copied");
        assert_eq!(layouts(new.path()).expect("no mistakes").len(), 1);
        std::fs::write(new.path().join("wrong.yaml"), "model: [").expect("written");
        let said = layouts(new.path()).err().expect("it is wrong");
        assert!(said.contains("wrong.yaml"), "{said}");
    }
}
