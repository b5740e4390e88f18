//! The layouts of nodes files as cases.
//!
//! Promise: each layout is a case with the name that its file gives it; one that asks nothing is skipped with that reason before anything starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tribunal_nodes::{Layout, NodesFile};
use tribunal_runner::{Error, ProviderCase as Case};
use tribunal_vocabulary::{Value, slug};
use tribunal_workload::Lookups;

/// A layout of a nodes file, as the value of a case.
#[derive(Debug)]
pub struct FromNodes {
    /// The file.
    pub file: PathBuf,
    /// What it describes there.
    pub layout: Arc<Layout>,
    /// Whether the file has others.
    pub one_of_several: bool,
}

/// The nodes files that `--deploy` names, each once.
pub fn files_asked_for() -> Vec<PathBuf> {
    let mut files = vec![];
    for name in crate::deployments_asked_for() {
        let file = parted(&name).and_then(|(file, _)| crate::asked::found(file));
        if let Some(file) = file.filter(|file| !files.contains(file)) {
            files.push(file);
        }
    }
    files
}

/// The file of a deployment that is a layout, and the layout, where the file has several: `FILE.yaml`, `FILE.yaml#LAYOUT`.
fn parted(deployment: &str) -> Option<(&str, Option<&str>)> {
    let (file, layout) = match deployment.rsplit_once('#') {
        Some((file, layout)) => (file, Some(layout)),
        None => (deployment, None),
    };
    let is_one = file.ends_with(".yaml") || file.ends_with(".yml");
    (is_one && !file.contains("://")).then_some((file, layout))
}

impl FromNodes {
    /// Skips the test on another deployment than the one that the layout describes: several may be asked for at once.
    ///
    /// # Errors
    /// None; the skip is a panic of its own kind.
    pub fn only_its_own(&self, deployment: &str) -> Result<(), Error> {
        let own = parted(deployment).is_some_and(|(file, layout)| {
            let same = layout.is_none_or(|layout| layout == self.layout.name);
            same && crate::asked::found(file).as_ref() == Some(&self.file)
        });
        match own {
            true => Ok(()),
            false => crate::skip!(
                "{} ({}) is for the servers that it describes, and this is {deployment}",
                self.file.display(),
                self.layout.name
            ),
        }
    }
}

/// The layouts of these files as cases.
///
/// # Errors
/// All mistakes of the first file that has some.
pub fn layouts_of(files: &[PathBuf]) -> Result<Vec<Case<FromNodes>>, String> {
    let data = crate::performance::data_table()?;
    let lookups = Lookups {
        vocabulary: crate::vocabulary_of_run(),
        data: &data,
        roots: &[],
    };
    let mut cases = vec![];
    for path in files {
        let file = NodesFile::read(path, &lookups).map_err(|e| e.to_string())?;
        let several = file.layouts.len() > 1;
        for layout in file.layouts {
            cases.push(case(path, layout, several));
        }
    }
    Ok(cases)
}

fn case(path: &Path, layout: Layout, one_of_several: bool) -> Case<FromNodes> {
    let name = name(path, one_of_several.then_some(&*layout.name));
    let text = format!("{}: {}", path.display(), layout.test_name);
    let asks = asks(&layout);
    let value = FromNodes {
        file: path.to_path_buf(),
        layout: Arc::new(layout),
        one_of_several,
    };
    // Who names the file asks for what it asks, however long it takes.
    let case = Case::new(name, value).text(text).marker("core_model");
    match asks {
        true => case,
        false => case.marker_with(
            "skip",
            [(
                String::new(),
                Value::Str("it asks nothing of its servers: it has neither `benchmarks` nor `test_content`".to_owned()),
            )],
        ),
    }
}

/// Whether there is something to be done.
fn asks(layout: &Layout) -> bool {
    let steps = layout.workload.as_ref().map_or(0, |case| case.steps.len());
    let phases = layout.content.as_ref().map_or(0, |c| c.phases.len());
    steps + phases > 0
}

/// An identifier: of the file, and of the layout where the file has several.
fn name(path: &Path, layout: Option<&str>) -> String {
    let stem = slug(&path.file_stem().unwrap_or_default().to_string_lossy());
    let begins = stem.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let stem = if begins { stem } else { format!("n_{stem}") };
    match layout {
        Some(layout) => format!("{stem}__{layout}"),
        None => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_identifiers() {
        for (path, layout, expected) in [
            ("a/two-nodes.yaml", None, "two_nodes"),
            ("2P1D.yaml", None, "n_2p1d"),
            ("one.yaml", Some("qwen3_32b"), "one__qwen3_32b"),
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
    fn every_shipped_layout_is_a_case() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/nodes");
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.sort();
        let cases = layouts_of(&files).expect("no mistakes");
        assert!(cases.len() >= 6, "{}", cases.len());
        let wrong = std::env::temp_dir().join("there-is-no-such-nodes-file.yaml");
        let said = layouts_of(&[wrong]).err().expect("it is not there");
        assert!(said.contains("there-is-no-such-nodes-file"), "{said}");
    }
}
