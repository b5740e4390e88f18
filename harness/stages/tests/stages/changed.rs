//! What diffs leave of tests, and what git says of them.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tribunal_stages::{Kept, Narrowing, changed_files};

use crate::{line, project, suite};

const RULES: &str = "[changes]\nalways = \"stress\"\nfallback = [\"Cargo.toml\", \"src/common\"]\ndocs = [\"docs\", \"**/*.md\"]\n";

fn files(all: &[&str]) -> Result<Vec<String>, String> {
    Ok(all.iter().map(|file| (*file).to_owned()).collect())
}

#[test]
fn what_stays_and_why() {
    let v = project(RULES);
    let depends = |paths: serde_json::Value| json!({"arguments": {"depends_on": paths}});
    let suite = suite(
        &[
            line(
                "qwen",
                &["e2e", "depends_on"],
                &[],
                &depends(json!([{"paths": "src/models/qwen/"}])),
            ),
            // Its module's and its own.
            line(
                "both",
                &["e2e", "depends_on"],
                &[],
                &depends(json!([{"paths": ["src/api"]}, {"paths": ["src/**/*.cu"]}])),
            ),
            line("plain", &["e2e"], &[], &json!({})),
            line(
                "stress",
                &["stress", "depends_on"],
                &[],
                &depends(json!([{"paths": "src/never"}])),
            ),
            line(
                "pages",
                &["unit", "depends_on"],
                &[],
                &depends(json!([{"paths": "docs"}])),
            ),
        ],
        &v,
    );
    let left = |changed: Result<Vec<String>, String>| {
        let narrowing = Narrowing::new(&v, changed);
        let kept = suite
            .cases
            .iter()
            .filter(|case| narrowing.keeps(&case.markers).is_some());
        kept.map(|case| case.name.clone()).collect::<Vec<_>>()
    };
    let all = ["qwen", "both", "plain", "stress", "pages"];
    for (changed, expected) in [
        (
            files(&["src/models/qwen/mod.rs"]),
            &["qwen", "plain", "stress"][..],
        ),
        (files(&["src/models/qwen2/mod.rs"]), &["plain", "stress"]),
        (files(&["src/api/deep/x.rs"]), &["both", "plain", "stress"]),
        (files(&["src/deep/kernel.cu"]), &["both", "plain", "stress"]),
        // Fall-back paths, and what cannot be told.
        (files(&["src/models/qwen2/mod.rs", "Cargo.toml"]), &all),
        (files(&["src/common/x.rs"]), &all),
        (files(&[]), &all),
        (Err("no git".into()), &all),
        // Documentation alone.
        (
            files(&["README.md", "src/models/qwen/notes.md"]),
            &["qwen", "stress"],
        ),
        (files(&["docs/a.md"]), &["stress", "pages"]),
        (
            files(&["docs/a.md", "src/other.rs"]),
            &["plain", "stress", "pages"],
        ),
    ] {
        assert_eq!(left(changed.clone()), expected, "{changed:?}");
    }
    let narrowing = Narrowing::new(&v, files(&["src/models/qwen/mod.rs"]));
    let why: Vec<_> = suite
        .cases
        .iter()
        .map(|case| narrowing.keeps(&case.markers))
        .collect();
    assert_eq!(
        why[0],
        Some(Kept::Changed(
            "src/models/qwen/".into(),
            "src/models/qwen/mod.rs".into()
        ))
    );
    assert_eq!(why[1], None);
    assert_eq!(why[2], Some(Kept::NoPaths));
    assert_eq!(why[3], Some(Kept::Always));
    for (changed, said) in [
        (files(&["Cargo.toml"]), "`Cargo.toml` changed"),
        (files(&[]), "no file changed"),
        (Err("git cannot be started".into()), "git cannot be started"),
        (
            files(&["docs/a", "docs/b"]),
            "2 files changed, all of it documentation",
        ),
    ] {
        let summary = Narrowing::new(&v, changed).summary();
        assert!(summary.contains(said), "{summary}");
    }
}

fn git(folder: &Path, arguments: &[&str]) {
    let done = Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.invalid",
            "-c",
            "commit.gpgsign=false",
            "-c",
            "core.hooksPath=/dev/null",
        ])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git is here");
    assert!(
        done.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn git_says_what_changed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    assert!(changed_files(root, "main").is_err(), "no repository");
    git(root, &["init", "-q", "-b", "main"]);
    write("src/a.rs", &"a line of a file that is renamed\n".repeat(20));
    write("src/b.rs", "b");
    write("src/gone.rs", "gone");
    write(".gitignore", "ignored\n");
    git(root, &["add", "-A"]);
    git(root, &["commit", "-qm", "one"]);
    assert_eq!(changed_files(root, "main"), Ok(vec![]));
    git(root, &["checkout", "-qb", "side"]);
    git(root, &["mv", "src/a.rs", "src/moved.rs"]);
    git(root, &["rm", "-q", "src/gone.rs"]);
    git(root, &["commit", "-qam", "two"]);
    // What the other branch did meanwhile is none of ours.
    git(root, &["checkout", "-q", "main"]);
    write("src/other.rs", "other");
    git(root, &["add", "-A"]);
    git(root, &["commit", "-qm", "three"]);
    git(root, &["checkout", "-q", "side"]);
    write("src/b.rs", "changed and not committed");
    write("src/deep/ü new.rs", "new");
    write("ignored", "ignored");
    let expected = [
        "src/a.rs",
        "src/b.rs",
        "src/deep/ü new.rs",
        "src/gone.rs",
        "src/moved.rs",
    ];
    assert_eq!(changed_files(root, "main").unwrap(), expected);
    assert_eq!(
        changed_files(&root.join("src/deep"), "main").unwrap(),
        expected,
        "from any folder"
    );
    for (wrong, said) in [
        ("nowhere", "knows no commit"),
        ("--output=x", "no reference"),
        ("", "no reference"),
    ] {
        let error = changed_files(root, wrong).unwrap_err();
        assert!(error.contains(said), "{error}");
    }
    git(root, &["checkout", "-q", "--orphan", "alone"]);
    git(root, &["commit", "-qm", "alone"]);
    assert!(
        changed_files(root, "main")
            .unwrap_err()
            .contains("in common")
    );
}
