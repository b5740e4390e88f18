//! `repeat.sh`: runs exactly one case again.
//!
//! Promise: the same binary, folder, options and steering variables; only what selects other cases is left out. Nothing is interpreted by the shell:
//! every word is quoted. A variable that holds a secret is demanded, not written down.
//!
//! Rejected: a `cargo test` line (it builds anew, and what is repeated may then be another program).

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::environment::{Facts, matters};
use super::mask::names_secret;
use crate::options::TABLE;

pub(super) const NAME: &str = "repeat.sh";

/// Options that choose among cases, or would send the report elsewhere.
const LEFT_OUT: [&str; 23] = [
    "exact",
    "skip",
    "shard",
    "changed-since",
    "shuffle",
    "shuffle-seed",
    "fail-fast",
    "max-fail",
    "maxfail",
    "logfile",
    "retries",
    "max-retries-per-run",
    "flaky-result",
    "stress",
    "stress-duration",
    "format",
    "quiet",
    "test-threads",
    "evidence-dir",
    "history-dir",
    "shard-history",
    "last-failed",
    "failed-first",
];

pub(super) fn script(facts: &Facts<'_>, args: &[OsString]) -> String {
    let binary = std::env::current_exe().unwrap_or_default();
    let folder = std::env::current_dir().unwrap_or_default();
    let variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(n, v)| Some((n.into_string().ok()?, v.into_string().ok()?)))
        .collect();
    render(
        facts.case,
        args,
        &binary.to_string_lossy(),
        &folder.to_string_lossy(),
        &variables,
    )
}

fn render(
    case: &str,
    args: &[OsString],
    binary: &str,
    folder: &str,
    variables: &[(String, String)],
) -> String {
    let mut out = format!(
        "#!/bin/sh\n# Runs the case {} again, as it ran. After another build the program may be elsewhere or another one.\n",
        case.replace(char::is_control, " ")
    );
    let _ = writeln!(out, "cd {} || exit 2", quoted(folder));
    // What the caller's own shell says must not choose among cases; secrets may come from there.
    out.push_str("for name in $(env | sed -n 's/^\\(TRIBUNAL_[A-Z0-9_]*\\)=.*/\\1/p'); do\n");
    out.push_str("  case $name in *KEY*|*TOKEN*|*SECRET*|*PASSW*|*CREDENTIALS*) ;; *) unset \"$name\" ;; esac\ndone\n");
    for (name, value) in variables.iter().filter(|(n, _)| repeats(n)) {
        if names_secret(name) {
            let _ = writeln!(out, ": \"${{{name}:?is a secret: set it first}}\"");
        } else {
            let _ = writeln!(out, "export {name}={}", quoted(value));
        }
    }
    let _ = write!(out, "exec {} --exact {}", quoted(binary), quoted(case));
    for arg in kept(args) {
        let _ = write!(out, " {}", quoted(&arg));
    }
    out.push_str(" \"$@\"\n");
    out
}

/// Variables that the script sets. The twins of what is left out would choose among cases again.
fn repeats(name: &str) -> bool {
    let twin = |long: &&str| crate::options::twin(long) == name;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name
        && matters(name)
        && name != "PATH"
        && !name.starts_with("NEXTEST")
        && !LEFT_OUT.iter().any(twin)
}

/// The options of a command line that are repeated.
fn kept(args: &[OsString]) -> Vec<String> {
    let mut out = vec![];
    let mut parser = lexopt::Parser::from_args(args);
    // The line was understood once; should it not be now, what was read before is repeated.
    while let Ok(Some(arg)) = parser.next() {
        let row = match &arg {
            lexopt::Arg::Value(_) => continue,
            lexopt::Arg::Long(long) => TABLE.iter().find(|r| r.long == *long),
            lexopt::Arg::Short(short) => TABLE.iter().find(|r| r.short == Some(*short)),
        };
        let Some(row) = row else { continue };
        let written = if row.long.is_empty() {
            format!("-{}", row.short.unwrap_or(' '))
        } else {
            format!("--{}", row.long)
        };
        let value = match row.value.is_empty() {
            true => None,
            false => parser.value().ok(),
        };
        if LEFT_OUT.contains(&row.long) {
            continue;
        }
        out.push(written);
        out.extend(value.map(|v| v.to_string_lossy().into_owned()));
    }
    out
}

/// One word for a shell.
pub(super) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

pub(super) fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if path.file_name().is_some_and(|n| n == NAME) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(args: &[&str]) -> Vec<String> {
        kept(&args.iter().map(|a| a.into()).collect::<Vec<_>>())
    }

    #[test]
    fn what_chooses_other_cases_is_left_out() {
        assert_eq!(
            line(&[
                "chat",
                "--exact",
                "-m",
                "e2e and not vllm",
                "--run-level=full_model",
                "-n",
                "4",
                "--skip",
                "x",
                "--shard",
                "1/2"
            ]),
            ["--select", "e2e and not vllm", "--run-level", "full_model"]
        );
        assert_eq!(
            line(&["--timeout-scale", "2", "-x", "-s", "--", "chat"]),
            ["--timeout-scale", "2", "--nocapture"]
        );
        assert!(line(&["--no-such-option", "x"]).is_empty());
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("m::answers::a"), "m::answers::a");
        assert_eq!(quoted("it's $HOME `x`"), "'it'\\''s $HOME `x`'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn secrets_are_demanded_and_others_set() {
        let variables = [
            ("TRIBUNAL_RUN_LEVEL", "slow"),
            ("TRIBUNAL_API_KEY", "s3cret!"),
            ("HOME", "/h"),
            ("TRIBUNAL_SHARD", "1/2"),
            ("NEXTEST_RUN_ID", "x"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()));
        let text = render(
            "m::a",
            &["-m".into(), "a b".into()],
            "/bin/x y",
            "/w",
            &variables,
        );
        assert!(text.starts_with("#!/bin/sh\n"));
        assert!(text.contains("export TRIBUNAL_RUN_LEVEL=slow\n"));
        assert!(text.contains(": \"${TRIBUNAL_API_KEY:?") && !text.contains("s3cret"));
        assert!(!text.contains("HOME") && !text.contains("SHARD") && !text.contains("NEXTEST"));
        assert!(
            text.ends_with("exec '/bin/x y' --exact m::a --select 'a b' \"$@\"\n"),
            "{text}"
        );
    }
}
