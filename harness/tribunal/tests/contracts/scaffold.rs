//! The scaffolded projects: real cargo packages whose binaries the rows run.
//!
//! Promise: everything lies below the target folder; all projects share one target folder of their own, so that dependencies are built once; the
//! repository's lock file is used, so that nothing is resolved or fetched anew; files are written only when they change, so that a second run builds
//! nothing. A row that edits files has a project of its own and holds a lock on it.
//!
//! Rejected: the shipped suites as the subject (they must not hold tests that fail or hang), and one project per row (each links for seconds).

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::call::{Call, Said};

const LAB_MANIFEST: &str = r#"[package]
name = "lab"
version = "0.1.0"
edition = "2024"

[features]
deep = []

[[bin]]
name = "fake-server"
path = "src/fake_server.rs"
test = false

[dev-dependencies]
tribunal = { path = "{tribunal}" }
tokio = { version = "1", features = ["time"] }

[[test]]
name = "lab"
harness = false

[[test]]
name = "crowd"
harness = false

[[test]]
name = "servers"
harness = false

[[test]]
name = "twin"
harness = false
"#;

const MIXED_MANIFEST: &str = r#"[package]
name = "mixed"
version = "0.1.0"
edition = "2024"

[dev-dependencies]
tribunal = { path = "{tribunal}" }
tokio = { version = "1", features = ["time"] }

[[test]]
name = "calm"
harness = false

[[test]]
name = "classic"
"#;

const ORACLES_MANIFEST: &str = r#"[package]
name = "oracles"
version = "0.1.0"
edition = "2024"

[dev-dependencies]
libtest-mimic = "0.8.2"

[[test]]
name = "plain"

[[test]]
name = "mimicked"
harness = false
"#;

const TWICE_MANIFEST: &str = r#"[package]
name = "twice"
version = "0.1.0"
edition = "2024"

[lib]
test = false
doctest = false

[dependencies]
tribunal = { path = "{tribunal}" }

[[test]]
name = "twice"
harness = false
"#;

/// A package with one harness target, its name in place of `{name}`.
const SINGLE_MANIFEST: &str = r#"[package]
name = "{name}"
version = "0.1.0"
edition = "2024"

[dev-dependencies]
tribunal = { path = "{tribunal}" }
tokio = { version = "1", features = ["time"] }

[[test]]
name = "{name}"
harness = false
"#;

/// Without debug information links are faster; panics keep their places.
const WORKSPACE_MANIFEST: &str = r#"[workspace]
resolver = "3"
members = [{members}]

[profile.dev]
debug = false
incremental = false
"#;

/// One workspace on disk.
pub struct Workspace {
    root: PathBuf,
    binaries: HashMap<String, PathBuf>,
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

fn repository() -> PathBuf {
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
        let file = |path: &str, text: &str| write(&root.join(path), text);
        let trees = crate::seed_commands::sources();
        let seeds: String = trees
            .iter()
            .map(|(name, _)| format!(", \"{name}\""))
            .collect();
        file(
            "Cargo.toml",
            &WORKSPACE_MANIFEST.replace(
                "{members}",
                &format!("\"lab\", \"mixed\", \"oracles\", \"twice\", \"ruled\"{seeds}"),
            ),
        );
        file(
            ".cargo/config.toml",
            "[alias]\ncalm = \"test -q -p mixed --test calm --\"\n",
        );
        file("lab/Cargo.toml", &fill(LAB_MANIFEST, "lab"));
        file("lab/markers.toml", include_str!("project/markers.toml"));
        file(
            "lab/src/fake_server.rs",
            include_str!("project/fake_server.rs"),
        );
        file("lab/tests/lab.rs", include_str!("project/lab.rs"));
        file("lab/tests/crowd.rs", include_str!("project/crowd.rs"));
        file("lab/tests/servers.rs", include_str!("project/servers.rs"));
        file("lab/tests/twin.rs", include_str!("project/twin.rs"));
        file("lab/tests/common/same.rs", include_str!("project/same.rs"));
        file("mixed/Cargo.toml", &fill(MIXED_MANIFEST, "mixed"));
        file(
            "mixed/src/lib.rs",
            "//! Nothing but a place for unit tests.\n\n#[test]\nfn unit() {}\n",
        );
        file("mixed/tests/calm.rs", include_str!("project/calm.rs"));
        file("mixed/tests/classic.rs", "#[test]\nfn classic() {}\n");
        file("oracles/Cargo.toml", &fill(ORACLES_MANIFEST, "oracles"));
        file("oracles/tests/plain.rs", include_str!("project/plain.rs"));
        file(
            "oracles/tests/mimicked.rs",
            include_str!("project/mimicked.rs"),
        );
        file(
            "oracles/tests/common/same.rs",
            include_str!("project/same.rs"),
        );
        file("twice/Cargo.toml", &fill(TWICE_MANIFEST, "twice"));
        file("twice/src/lib.rs", include_str!("project/twice_lib.rs"));
        file("twice/tests/twice.rs", include_str!("project/twice.rs"));
        file("ruled/Cargo.toml", &fill(SINGLE_MANIFEST, "ruled"));
        file("ruled/tests/ruled.rs", include_str!("project/ruled.rs"));
        for (name, source) in &trees {
            file(&format!("{name}/Cargo.toml"), &fill(SINGLE_MANIFEST, name));
            file(&format!("{name}/tests/{name}.rs"), source);
        }
        lock(&root)?;
        let mut workspace = Workspace {
            root,
            binaries: HashMap::new(),
            _lock: None,
        };
        workspace.build(&["--workspace"])?;
        Ok(workspace)
    }

    /// A workspace of one row's own with one package, which the row may edit: its name, its markers.toml if any, and its tests.
    pub fn own(name: &str, markers: Option<&str>, tests: &str) -> Workspace {
        std::fs::create_dir_all(home()).expect("a folder below target");
        let held = File::create(home().join(format!("{name}.lock"))).expect("a file below target");
        rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive)
            .expect("a lock of ours");
        // Always the same folder, or every run would leave binaries of its own in the target folder.
        let root = home().join(name);
        let _ = std::fs::remove_file(root.join("package/markers.toml"));
        write(
            &root.join("Cargo.toml"),
            &WORKSPACE_MANIFEST.replace("{members}", "\"package\""),
        );
        write(
            &root.join("package/Cargo.toml"),
            &fill(SINGLE_MANIFEST, name),
        );
        write(&root.join(format!("package/tests/{name}.rs")), tests);
        if let Some(markers) = markers {
            write(&root.join("package/markers.toml"), markers);
        }
        lock(&root).unwrap_or_else(|e| panic!("{e}"));
        Workspace {
            root,
            binaries: HashMap::new(),
            _lock: Some(held),
        }
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `cargo` in this workspace, without network, with the shared target folder.
    pub fn cargo<A: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Call {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Call::new(cargo)
            .args(args)
            .env("CARGO_TARGET_DIR", target())
            .env("CARGO_NET_OFFLINE", "true")
            .env("CARGO_TERM_COLOR", "never")
            .folder(&self.root)
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
            "lab" | "crowd" | "servers" | "twin" => "lab",
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
fn lock(root: &Path) -> Result<(), String> {
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
pub fn binary<A: AsRef<std::ffi::OsStr>>(target: &str, args: impl IntoIterator<Item = A>) -> Call {
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
