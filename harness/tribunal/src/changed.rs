//! `--changed-since`: what git says, and what the declared levels of models, features and deployments still lack.
//!
//! Promise: where git cannot say, every test stays and the first line says why. Rejected: an error (a shallow clone in CI would test nothing).

use std::path::PathBuf;

use tribunal_runner::{Catalog, Options};
use tribunal_stages::{Case, Coverage, Device, Narrowing, Suite, changed_files, coverage};
use tribunal_vocabulary::Vocabulary;

/// What the diff leaves, where one was asked for.
pub(crate) fn narrowing(o: &Options, v: &Vocabulary) -> Option<Narrowing> {
    let reference = o.changed_since.as_deref()?;
    // The folder of the package under cargo; an archived binary knows no other.
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    Some(Narrowing::new(v, changed_files(&here, reference)))
}

/// What the tests of this program cover; `None` where nothing is declared that must be covered.
pub(crate) fn covered(catalog: &Catalog, v: &Vocabulary) -> Option<Coverage> {
    if v.subjects().is_empty() {
        return None;
    }
    let cases = catalog.cases.iter().map(|case| Case {
        name: case.name.clone(),
        test: catalog.tests[case.test].name.clone(),
        place: {
            let place = case.place(catalog);
            (place.file.to_owned(), place.line.into())
        },
        markers: case.marks.set.clone(),
        levels: case.marks.levels.clone(),
        timeout: case.marks.timeout.map(|limit| limit.as_secs_f64()),
        devices: case
            .marks
            .devices
            .iter()
            .map(|d| Device {
                platform: d.platform.clone(),
                models: d.models.clone(),
                count: d.count.into(),
            })
            .collect(),
        max_vram_gib: case.marks.max_vram_gib,
        params: case.params(catalog).into_iter().collect(),
    });
    let suite = Suite {
        cases: cases.collect(),
    };
    Some(coverage(&suite, v))
}
