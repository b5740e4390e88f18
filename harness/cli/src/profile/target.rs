//! Which program has the test, and where the test stands in the source.
//!
//! Promise: what must be built is built before anything is measured, and the program is then run as `cargo test` runs it: in the folder
//! of its package, with its variables. Rejected: `cargo test` for each run (its own time would be measured, and a program that it starts
//! would outlive it when it is stopped).

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::options::ProfileOptions;
use crate::command::clean;
use crate::program;

/// The program of a test.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) program: PathBuf,
    /// Where it runs.
    pub(crate) folder: PathBuf,
    pub(crate) variables: Vec<(OsString, OsString)>,
    pub(crate) listed: Listed,
}

/// What the program says of the test.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Listed {
    /// The file, relative to the workspace.
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The test without its case.
    pub(crate) test: String,
    /// All markers, also those of its module, and those that follow from others.
    pub(crate) markers: Vec<String>,
    /// The model that it names.
    pub(crate) model: Option<String>,
    /// Why it would not run here.
    pub(crate) skip: Option<String>,
}

/// The longest that a program may take to list its tests.
const LISTING: Duration = Duration::from_secs(60);

/// The program that has the test.
///
/// # Errors
/// In words: nothing can be built, no program has the test (with the nearest name), or several have.
pub(crate) fn find(o: &ProfileOptions) -> Result<Target, String> {
    let candidates = match &o.binary {
        Some(binary) => {
            let program = binary
                .canonicalize()
                .map_err(|error| format!("`{}`: {error}", binary.display()))?;
            let folder = std::env::current_dir().map_err(|error| error.to_string())?;
            vec![(program, folder, vec![])]
        }
        None => build(o)?,
    };
    let mut found = vec![];
    let mut known = BTreeSet::new();
    let mut complaints = String::new();
    for (program, folder, variables) in &candidates {
        match listed(program, folder, variables, o) {
            Ok(listed) => found.push(Target {
                program: program.clone(),
                folder: folder.clone(),
                variables: variables.clone(),
                listed,
            }),
            Err(complaint) => {
                known.extend(names(program));
                complaints.push_str(&complaint);
            }
        }
    }
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(unknown(&o.test, candidates.len(), &known) + &complaints),
        _ => {
            let all: Vec<String> = found
                .iter()
                .map(|target| target.program.display().to_string())
                .collect();
            Err(format!(
                "several programs have a test `{}`: {}\nhelp: choose one by --package, --test or --binary\n",
                clean(&o.test),
                all.join(", ")
            ))
        }
    }
}

fn unknown(test: &str, programs: usize, known: &BTreeSet<String>) -> String {
    let test = clean(test);
    let last = test.rsplit("::").next().unwrap_or(&test);
    let near = known
        .iter()
        .min_by_key(|name| {
            let same_end = !last.is_empty() && name.ends_with(last);
            (!same_end, strsim::damerau_levenshtein(&test, name))
        })
        .filter(|name| name.ends_with(last) || strsim::damerau_levenshtein(&test, name) <= 5);
    let hint = match near {
        Some(near) => format!("help: did you mean `{near}`?\n"),
        None => "help: `cargo test -- --list` prints the names; --package and --test choose other programs\n".into(),
    };
    format!("none of {programs} test programs has a case `{test}`\n{hint}")
}

type Candidate = (PathBuf, PathBuf, Vec<(OsString, OsString)>);

/// Builds the test programs.
fn build(o: &ProfileOptions) -> Result<Vec<Candidate>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "test",
            "--no-run",
            "--message-format",
            "json-render-diagnostics",
        ])
        .args(&o.cargo)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        // Its progress and its complaints are for whoever waits.
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if !output.status.success() {
        return Err("the tests do not build (see above)".into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let all: Vec<Candidate> = text.lines().filter_map(artifact).collect();
    match all.is_empty() {
        true => Err("there is no test program here\nhelp: choose a package by --package\n".into()),
        false => Ok(all),
    }
}

/// A line of cargo's that tells of a test program.
fn artifact(line: &str) -> Option<Candidate> {
    let message: Value = serde_json::from_str(line).ok()?;
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let program = PathBuf::from(message["executable"].as_str()?);
    let manifest = PathBuf::from(message["manifest_path"].as_str()?);
    let folder = manifest.parent()?.to_path_buf();
    let mut variables: Vec<(OsString, OsString)> = vec![
        ("CARGO_MANIFEST_DIR".into(), folder.clone().into()),
        ("CARGO_MANIFEST_PATH".into(), manifest.clone().into()),
    ];
    // `path+file:///…/suites#tribunal-suites@0.1.0`; the name is left out where the folder has it.
    if let Some((path, id)) = message["package_id"].as_str()?.split_once('#') {
        let (name, version) = id
            .split_once('@')
            .unwrap_or((path.rsplit('/').next().unwrap_or(path), id));
        variables.push(("CARGO_PKG_NAME".into(), name.into()));
        variables.push(("CARGO_PKG_VERSION".into(), version.into()));
    }
    Some((program, folder, variables))
}

/// What a program says of the test; else what it complains of: nothing, where it has no such test.
fn listed(
    program: &Path,
    folder: &Path,
    variables: &[(OsString, OsString)],
    o: &ProfileOptions,
) -> Result<Listed, String> {
    let output = Command::new(program)
        .args(["--list", "--format", "json"])
        .args(o.selection())
        .current_dir(folder)
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .output();
    let said = |text: &str| format!("note: {} says: {}\n", program.display(), clean(text));
    let output = output.map_err(|error| said(&error.to_string()))?;
    read_list(&String::from_utf8_lossy(&output.stdout), &o.test).ok_or_else(|| {
        let errors = String::from_utf8_lossy(&output.stderr);
        let first = errors.lines().find(|line| !line.trim().is_empty());
        match output.status.success() {
            true => String::new(),
            false => said(first.unwrap_or("nothing, and it failed")),
        }
    })
}

fn read_list(text: &str, test: &str) -> Option<Listed> {
    let event = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|event| event["event"] == "discovered" && event["name"] == test)?;
    let ours = &event["harness"];
    let texts = |value: &Value| -> Vec<String> {
        let list = value.as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect()
    };
    Some(Listed {
        file: event["source_path"].as_str()?.to_owned(),
        line: usize::try_from(event["start_line"].as_u64()?).ok()?,
        test: ours["test"].as_str().unwrap_or(test).to_owned(),
        markers: texts(&ours["markers"]),
        // A program built with an older harness names its markers and nothing more.
        model: ours["arguments"]["model"][0]["id"].as_str().map(clean),
        skip: ours["skip"].as_str().map(str::to_owned),
    })
}

/// Names to suggest from; a program that does not list has none.
fn names(program: &Path) -> Vec<String> {
    let text = program::output(program, &["--list"], LISTING).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.strip_suffix(": test"))
        .map(clean)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_as_cargo_tells_of_them() {
        let line = r#"{"reason":"compiler-artifact","package_id":"path+file:///w/suites#my-suites@0.2.0","manifest_path":"/w/suites/Cargo.toml","target":{"kind":["test"],"name":"suites"},"profile":{"test":true},"executable":"/t/suites-1"}"#;
        let (program, folder, variables) = artifact(line).unwrap();
        assert_eq!(program, Path::new("/t/suites-1"));
        assert_eq!(folder, Path::new("/w/suites"));
        assert!(variables.contains(&("CARGO_PKG_NAME".into(), "my-suites".into())));
        let unnamed = line.replace("my-suites@0.2.0", "0.2.0");
        assert!(
            artifact(&unnamed)
                .unwrap()
                .2
                .contains(&("CARGO_PKG_NAME".into(), "suites".into()))
        );
        for other in [
            line.replace("\"test\":true", "\"test\":false"),
            line.replace("\"/t/suites-1\"", "null"),
            line.replace("compiler-artifact", "build-script-executed"),
            "no JSON".into(),
        ] {
            assert_eq!(artifact(&other), None, "{other}");
        }
    }

    #[test]
    fn a_test_as_its_program_lists_it() {
        let text = r#"{"type":"suite","event":"discovery"}
{"type":"test","event":"discovered","name":"e2e::chat::answers::a","ignore":true,"source_path":"suites/tests/suites/e2e/chat.rs","start_line":27,"harness":{"test":"e2e::chat::answers","markers":["e2e","gpu_1","model"],"arguments":{"model":[{"id":"a/b"},{"id":"c/d"}]},"skip":"needs 1 cuda device"}}"#;
        let listed = read_list(text, "e2e::chat::answers::a").unwrap();
        assert_eq!(
            listed,
            Listed {
                file: "suites/tests/suites/e2e/chat.rs".into(),
                line: 27,
                test: "e2e::chat::answers".into(),
                markers: ["e2e", "gpu_1", "model"].map(String::from).into(),
                model: Some("a/b".into()),
                skip: Some("needs 1 cuda device".into()),
            }
        );
        let older = text.replace("arguments", "else");
        let listed = read_list(&older, "e2e::chat::answers::a").unwrap();
        assert_eq!(listed.model, None);
        assert_eq!(read_list(text, "e2e::chat::answers"), None);
        assert_eq!(read_list("", "x"), None);
    }

    #[test]
    fn a_test_that_is_not_there_is_answered_with_the_nearest() {
        let known = ["e2e::chat::answers", "e2e::chat::asks"]
            .map(String::from)
            .into();
        for test in ["chat::answers", "e2e::chat::answer"] {
            let text = unknown(test, 2, &known);
            assert!(text.contains("did you mean `e2e::chat::answers`"), "{text}");
        }
        assert!(unknown("zzzzzzzzzz", 1, &known).contains("--list"));
    }
}
