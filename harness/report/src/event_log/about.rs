//! What the first line of a log says of the run, its host and its source.
//!
//! Promise: what is not known is left out. Rejected: asking programs (`git`, `hostname`): a run would wait for them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tribunal_events::{Device, Host, Level, RunStarted, SCHEMA, Shard};
use tribunal_runner::{Mask, Run};

use super::vcs;
use crate::context::Context;

/// What a log says of the program that writes it.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The package whose tests run.
    pub package: String,
    /// The test target.
    pub target: String,
    /// The arguments.
    pub args: Vec<OsString>,
    /// The package's folder.
    pub manifest_dir: PathBuf,
    /// Where the history lies that the run adds to, if it does.
    pub history: Option<PathBuf>,
}

/// Milliseconds since the Unix epoch.
pub(super) fn epoch(at: SystemTime) -> f64 {
    at.duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
        * 1000.0
}

pub(super) fn started(
    about: &About,
    context: &Context,
    run: &Run,
    folder: Option<&Path>,
    mask: &Mask,
    at: f64,
) -> RunStarted {
    let env = |name: &str| std::env::var(name).ok();
    let o = &context.options;
    let root = root(&about.manifest_dir);
    let name = folder.and_then(Path::file_name);
    let args = about.args.iter().map(|a| mask.text(&a.to_string_lossy()));
    let removed = context.removed.iter();
    RunStarted {
        schema: SCHEMA,
        at,
        run: name.map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
        group: group(&env),
        harness: env!("CARGO_PKG_VERSION").to_owned(),
        package: about.package.clone(),
        target: about.target.clone(),
        level: Level {
            name: context.level.name.clone(),
            because: context.level.because.clone(),
        },
        args: args.collect(),
        shard: o.shard.map(|(index, count)| Shard { index, count }),
        shuffle: o.shuffle,
        host: host(run),
        vcs: vcs::of(&root, &env),
        deployments: run
            .catalog()
            .deployments
            .iter()
            .map(|d| d.name.clone())
            .collect(),
        root: root.to_string_lossy().into_owned(),
        removed: removed.map(|(f, n)| (f.name().to_owned(), *n)).collect(),
        gaps: context.gaps.clone(),
    }
}

/// What the runs of one job of a build server have in common, or the processes of one run of nextest.
fn group(env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let known = |name: &str| env(name).filter(|value| !value.is_empty());
    if let Some(id) = known("GITHUB_RUN_ID") {
        let attempt = known("GITHUB_RUN_ATTEMPT").unwrap_or_else(|| "1".to_owned());
        return Some(format!("github {id} {attempt}"));
    }
    let others = [
        ("BUILDKITE_BUILD_ID", "buildkite"),
        ("CI_PIPELINE_ID", "gitlab"),
        ("NEXTEST_RUN_ID", "nextest"),
    ];
    others
        .into_iter()
        .find_map(|(name, who)| Some(format!("{who} {}", known(name)?)))
}

fn host(run: &Run) -> Host {
    const GIB: f64 = (1u64 << 30) as f64;
    let system = rustix::system::uname();
    let resources = run.plan().resources.as_ref();
    let devices = resources.into_iter().flat_map(|r| {
        r.cards.iter().map(|card| Device {
            index: card.index,
            name: card.model.clone(),
            memory_gib: card.total.map(|bytes| bytes as f64 / GIB),
            simulated: r.simulated,
        })
    });
    Host {
        name: system.nodename().to_string_lossy().into_owned(),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        cpus: std::thread::available_parallelism().map_or(0, |n| n.get()),
        pid: std::process::id(),
        devices: devices.collect(),
    }
}

/// The workspace of a package: the nearest folder above it with a lock file of cargo.
fn root(package: &Path) -> PathBuf {
    let found = package
        .ancestors()
        .find(|dir| dir.join("Cargo.lock").is_file());
    found.unwrap_or(package).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_has_one_group() {
        let of = |variables: &[(&str, &str)]| {
            group(&|name| {
                let found = variables.iter().find(|(n, _)| *n == name);
                found.map(|(_, v)| (*v).to_owned())
            })
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[("GITHUB_RUN_ID", "")]), None);
        let github = [("GITHUB_RUN_ID", "7"), ("NEXTEST_RUN_ID", "x")];
        assert_eq!(of(&github).as_deref(), Some("github 7 1"));
        assert_eq!(of(&[("NEXTEST_RUN_ID", "x")]).as_deref(), Some("nextest x"));
    }
}
