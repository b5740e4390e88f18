//! Figures of the compiler: what a target of many tests costs, and a whole clean build.

use std::path::Path;

use tribunal_benches::subject::{self, Subject};
use tribunal_benches::{Figure, Unit};

use crate::options::Options;
use crate::process::Job;
use crate::project::{Projects, put, repository, root};

/// 1,000 async tests with two fixtures: from nothing but built dependencies, and after an edit of one test.
pub fn compile(options: &Options, figures: &mut Vec<Figure>) -> Result<(), String> {
    let projects = Projects::write()?;
    let package = Subject::Fixtures.package();
    let build = projects.cargo(&[
        "test",
        "--no-run",
        "--quiet",
        "--package",
        package,
        "--test",
        "subject",
    ]);
    let clean = projects.cargo(&["clean", "--quiet", "--package", package]);
    let source = projects.source(Subject::Fixtures);
    let mut cold = Figure::new(
        "compile",
        "1,000 async tests, two fixtures: clean, dependencies built",
        Unit::Seconds,
        Some(6.0),
    );
    let mut peak = Figure::new(
        "compile",
        "the same: the largest process",
        Unit::Mebibytes,
        Some(1024.0),
    );
    let mut warm = Figure::new(
        "compile",
        "after an edit of one test",
        Unit::Seconds,
        Some(3.0),
    );
    build.succeed()?;
    let measured = (|| -> Result<(), String> {
        for round in 1..=options.runs() {
            clean.succeed()?;
            let done = build.succeed()?;
            cold.samples.push(done.wall.as_secs_f64());
            cold.processor.push(done.processor.as_secs_f64());
            peak.samples.push(done.peak as f64 / f64::from(1 << 20));
            let edit = u32::try_from(round).map_err(|e| e.to_string())?;
            put(&source, &subject::fixtures(edit))?;
            let done = build.succeed()?;
            warm.samples.push(done.wall.as_secs_f64());
            warm.processor.push(done.processor.as_secs_f64());
        }
        Ok(())
    })();
    figures.extend([cold, peak, warm]);
    put(&source, &Subject::Fixtures.source())?;
    measured
}

/// A copy of this repository with an empty target folder, until the lowest level has shown its first result. Dependencies are in cargo's cache.
pub fn clean(options: &Options, figures: &mut Vec<Figure>) -> Result<(), String> {
    let (copy, target) = (root().join("clean"), root().join("clean-target"));
    let mut first = Figure::new(
        "clean",
        "clean build to the first result of the lowest level",
        Unit::Seconds,
        Some(120.0),
    );
    let mut last = Figure::new("clean", "and to the last", Unit::Seconds, None);
    // Downloads are no part of the figure.
    Job::cargo(&["fetch", "--quiet"], &repository(), &target).succeed()?;
    let measured = (|| -> Result<(), String> {
        for _ in 0..options.long_runs() {
            remove(&copy)?;
            remove(&target)?;
            copy_sources(&repository(), &copy)?;
            let done = Job::cargo(&["test", "--", "--run-level", "core_model"], &copy, &target)
                .succeed()?;
            let Some(at) = done.first_result else {
                return Err(format!("no result was shown\n{}", done.tail()));
            };
            first.samples.push(at.as_secs_f64());
            last.samples.push(done.wall.as_secs_f64());
            last.processor.push(done.processor.as_secs_f64());
        }
        Ok(())
    })();
    figures.extend([first, last]);
    remove(&copy)?;
    remove(&target)?;
    measured
}

fn remove(folder: &Path) -> Result<(), String> {
    match std::fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {e}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// Copies what belongs to the repository: neither what was built nor its history.
fn copy_sources(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    std::fs::create_dir_all(to).map_err(|e| failed(to, e))?;
    for entry in std::fs::read_dir(from).map_err(|e| failed(from, e))? {
        let entry = entry.map_err(|e| failed(from, e))?;
        let (path, name) = (entry.path(), entry.file_name());
        let kind = entry.file_type().map_err(|e| failed(&path, e))?;
        if kind.is_dir() {
            // Cargo marks every target folder with this file.
            if name != ".git" && !path.join("CACHEDIR.TAG").exists() {
                copy_sources(&path, &to.join(name))?;
            }
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&path).map_err(|e| failed(&path, e))?;
            std::os::unix::fs::symlink(target, to.join(name)).map_err(|e| failed(&path, e))?;
        } else if kind.is_file() {
            std::fs::copy(&path, to.join(name)).map_err(|e| failed(&path, e))?;
        }
    }
    Ok(())
}
