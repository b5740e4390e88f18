//! The scaffolded projects: real cargo packages whose binaries the rows run.
//!
//! Promise: everything lies below the target folder; all projects share one target folder of their own, so that dependencies are built once; the
//! repository's lock file is used, so that nothing is resolved or fetched anew; files are written only when they change, so that a second run builds
//! nothing. A row that edits files has a project of its own and holds a lock on it.
//!
//! Rejected: the shipped suites as the subject (they must not hold tests that fail or hang), and one project per row (each links for seconds).

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use crate::call::Call;
use crate::said::Said;

/// The packages of the shared workspace with their files; those of the recorded command lines come with them.
const FILES: [(&str, &str); 25] = [
    (
        ".cargo/config.toml",
        "[alias]\ncalm = \"test -q -p mixed --test calm --\"\n",
    ),
    ("lab/Cargo.toml", include_str!("project/lab_manifest.toml")),
    ("lab/markers.toml", include_str!("project/markers.toml")),
    (
        "lab/src/fake_server.rs",
        include_str!("project/fake_server.rs"),
    ),
    ("lab/tests/lab.rs", include_str!("project/lab.rs")),
    ("lab/tests/crowd.rs", include_str!("project/crowd.rs")),
    ("lab/tests/servers.rs", include_str!("project/servers.rs")),
    ("lab/tests/rooms.rs", include_str!("project/rooms.rs")),
    (
        "lab/src/fault_server.rs",
        include_str!("project/fault_server.rs"),
    ),
    ("lab/tests/faults.rs", include_str!("project/faults.rs")),
    ("lab/tests/town.rs", include_str!("project/town.rs")),
    ("lab/tests/cards.rs", include_str!("project/cards.rs")),
    ("lab/tests/twin.rs", include_str!("project/twin.rs")),
    ("lab/tests/common/same.rs", include_str!("project/same.rs")),
    (
        "mixed/Cargo.toml",
        include_str!("project/mixed_manifest.toml"),
    ),
    (
        "mixed/src/lib.rs",
        "//! Nothing but a place for unit tests.\n\n#[test]\nfn unit() {}\n",
    ),
    ("mixed/tests/calm.rs", include_str!("project/calm.rs")),
    ("mixed/tests/classic.rs", "#[test]\nfn classic() {}\n"),
    (
        "oracles/Cargo.toml",
        include_str!("project/oracles_manifest.toml"),
    ),
    ("oracles/tests/plain.rs", include_str!("project/plain.rs")),
    (
        "oracles/tests/mimicked.rs",
        include_str!("project/mimicked.rs"),
    ),
    (
        "oracles/tests/common/same.rs",
        include_str!("project/same.rs"),
    ),
    (
        "twice/Cargo.toml",
        include_str!("project/twice_manifest.toml"),
    ),
    ("twice/src/lib.rs", include_str!("project/twice_lib.rs")),
    ("twice/tests/twice.rs", include_str!("project/twice.rs")),
];

/// A package with one harness target, its name in place of `{name}`.
const SINGLE: &str = include_str!("project/single_manifest.toml");

/// Without debug information links are faster; panics keep their places.
const WORKSPACE: &str = include_str!("project/workspace_manifest.toml");

/// A clean build on a small machine that does other things as well.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// One workspace on disk.
pub struct Workspace {
    root: PathBuf,
    binaries: BTreeMap<String, PathBuf>,
    /// Held while a row edits a folder of its own.
    _lock: Option<File>,
}

/// Below the target folder.
fn home() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("contracts")
}

/// The folder that all scaffolded projects build into: beside the folder that built this test.
pub fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .expect("a target folder")
        .join("scaffold")
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the root of the repository")
        .to_path_buf()
}

fn fill(template: &str, name: &str) -> String {
    template
        .replace("{tribunal}", env!("CARGO_MANIFEST_DIR"))
        .replace("{name}", name)
}

/// Writes a file unless it says the same already, so that cargo sees no change where there is none.
pub fn write(path: &Path, text: &str) {
    if std::fs::read_to_string(path).is_ok_and(|old| old == text) {
        return;
    }
    std::fs::create_dir_all(path.parent().expect("a file in a folder"))
        .expect("folders below target");
    std::fs::write(path, text).expect("a file below target");
}

/// Keeps other processes away from a project until it is dropped.
fn hold(name: &str) -> File {
    std::fs::create_dir_all(home()).expect("a folder below target");
    let file = File::create(home().join(format!("{name}.lock"))).expect("a file below target");
    flock(&file, FlockOperation::LockExclusive).expect("a lock on a file of ours");
    file
}

impl Workspace {
    /// The workspace that most rows share; written and built once per run.
    pub fn shared() -> &'static Workspace {
        static SHARED: OnceLock<Result<Workspace, String>> = OnceLock::new();
        static TOLD: AtomicBool = AtomicBool::new(false);
        match SHARED.get_or_init(Workspace::make_shared) {
            Ok(workspace) => workspace,
            // Once is enough for what every row would say.
            Err(text) if !TOLD.swap(true, Ordering::Relaxed) => panic!("{text}"),
            Err(_) => panic!("the scaffolded project does not build; another row says why"),
        }
    }

    fn make_shared() -> Result<Workspace, String> {
        let root = home().join("shared");
        let _held = hold("shared");
        // Under nextest every row is a process: the first one builds, the others read what it found.
        let found = std::env::var("NEXTEST_RUN_ID")
            .ok()
            .map(|run| (home().join("shared.binaries"), run));
        if let Some((path, run)) = &found
            && let Ok(text) = std::fs::read_to_string(path)
            && let Ok((of, binaries)) =
                serde_json::from_str::<(String, BTreeMap<String, PathBuf>)>(&text)
            && of == *run
        {
            return Ok(Workspace {
                root,
                binaries,
                _lock: None,
            });
        }
        for (path, text) in FILES {
            write(&root.join(path), &fill(text, ""));
        }
        let mut members = vec![
            "lab".to_owned(),
            "mixed".to_owned(),
            "oracles".to_owned(),
            "twice".to_owned(),
        ];
        let mut single = crate::seed_commands::sources();
        single.push((
            "ruled".to_owned(),
            include_str!("project/ruled.rs").to_owned(),
        ));
        single.push((
            "again".to_owned(),
            include_str!("project/again.rs").to_owned(),
        ));
        single.push((
            "figures".to_owned(),
            include_str!("project/figures.rs").to_owned(),
        ));
        for (name, source) in single {
            write(
                &root.join(format!("{name}/Cargo.toml")),
                &fill(SINGLE, &name),
            );
            write(&root.join(format!("{name}/tests/{name}.rs")), &source);
            members.push(name);
        }
        let members: Vec<String> = members.iter().map(|m| format!("\"{m}\"")).collect();
        write(
            &root.join("Cargo.toml"),
            &WORKSPACE.replace("{members}", &members.join(", ")),
        );
        lock_file(&root)?;
        let mut workspace = Workspace {
            root,
            binaries: BTreeMap::new(),
            _lock: None,
        };
        workspace.build(&["--workspace"])?;
        if let Some(found) = found {
            let text = serde_json::to_string(&(found.1, &workspace.binaries))
                .map_err(|e| e.to_string())?;
            write(&found.0, &text);
        }
        Ok(workspace)
    }

    /// A workspace of one row's own with one package, which the row may edit: its name, its markers.toml if any, and its tests.
    pub fn own(name: &str, markers: Option<&str>, tests: &str) -> Workspace {
        Workspace::own_with(
            name,
            markers,
            &fill(SINGLE, name),
            &format!("tests/{name}.rs"),
            tests,
        )
    }

    /// The same with a manifest and a path of the tests.
    pub fn own_with(
        name: &str,
        markers: Option<&str>,
        manifest: &str,
        path: &str,
        tests: &str,
    ) -> Workspace {
        let held = hold(name);
        // Always the same folder, or every run would leave binaries of its own in the target folder.
        let root = home().join(name);
        let package = root.join("package");
        write(
            &root.join("Cargo.toml"),
            &WORKSPACE.replace("{members}", "\"package\""),
        );
        write(&package.join("Cargo.toml"), manifest);
        write(&package.join(path), tests);
        match markers {
            Some(markers) => write(&package.join("markers.toml"), markers),
            // It may be left from an earlier run, or may not.
            None => drop(std::fs::remove_file(package.join("markers.toml"))),
        }
        lock_file(&root).unwrap_or_else(|e| panic!("{e}"));
        Workspace {
            root,
            binaries: BTreeMap::new(),
            _lock: Some(held),
        }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `cargo` in this workspace, without network, with the shared target folder.
    pub fn cargo<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Call {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Call::new(cargo)
            .args(args)
            .env("CARGO_TARGET_DIR", target())
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TERM_COLOR", "never")
            .folder(&self.root)
            .limit(BUILD_LIMIT)
    }

    /// `cargo` as the whole text of a command line, split at spaces.
    pub fn cargo_line(&self, line: &str) -> Call {
        self.cargo(line.split(' '))
    }

    /// Builds its tests and remembers where the binaries are.
    pub fn build(&mut self, which: &[&str]) -> Result<(), String> {
        let said = self
            .cargo([
                "test",
                "--no-run",
                "--message-format",
                "json-render-diagnostics",
            ])
            .args(which)
            .run();
        if said.code != 0 {
            return Err(format!(
                "the scaffolded project does not build:\n{}",
                said.err
            ));
        }
        for line in said.out.lines() {
            let message: Value = serde_json::from_str(line)
                .map_err(|e| format!("not a message of cargo ({e}): {line}"))?;
            if let (Some(name), Some(binary)) = (
                message["target"]["name"].as_str(),
                message["executable"].as_str(),
            ) && message["target"]["kind"][0] == "test"
            {
                self.binaries.insert(name.to_owned(), PathBuf::from(binary));
            }
        }
        Ok(())
    }

    /// A call of a test binary in the folder that cargo would call it in.
    #[track_caller]
    pub fn binary(&self, target: &str) -> Call {
        let binary = self
            .binaries
            .get(target)
            .unwrap_or_else(|| panic!("no test target {target} was built"));
        Call::new(binary).folder(&self.package_of(target))
    }

    /// The folder of the package that holds a test target.
    pub fn package_of(&self, target: &str) -> PathBuf {
        let package = match target {
            "cards" | "lab" | "crowd" | "faults" | "rooms" | "servers" | "town" | "twin" => "lab",
            "calm" | "classic" => "mixed",
            "plain" | "mimicked" => "oracles",
            other => other,
        };
        let folder = self.root.join(package);
        if folder.is_dir() {
            folder
        } else {
            self.root.join("package")
        }
    }
}

/// The repository's lock file, so that cargo need not resolve anything; cargo adds the packages of the workspace itself.
fn lock_file(root: &Path) -> Result<(), String> {
    let stamp = root.join("Cargo.lock.of-the-repository");
    let text = std::fs::read_to_string(repository().join("Cargo.lock"))
        .map_err(|e| format!("the repository's Cargo.lock: {e}"))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|old| old == text)
        && root.join("Cargo.lock").exists()
    {
        return Ok(());
    }
    write(&root.join("Cargo.lock"), &text);
    write(&stamp, &text);
    Ok(())
}

/// A binary of the shared workspace with these arguments.
#[track_caller]
pub fn binary<A: AsRef<OsStr>>(target: &str, args: impl IntoIterator<Item = A>) -> Call {
    Workspace::shared().binary(target).args(args)
}

/// The rich test target with these arguments, run to its end.
#[track_caller]
pub fn lab<const N: usize>(args: [&str; N]) -> Said {
    binary("lab", args).run()
}

/// The quiet test target with these arguments, run to its end.
#[track_caller]
pub fn calm<const N: usize>(args: [&str; N]) -> Said {
    binary("calm", args).run()
}
