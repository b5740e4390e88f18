//! Whether the engine that is installed is the one that a deployment file was written for.
//!
//! Promise: a difference is a note and never a failure (a newer engine is often what is being tested); a version that could not be learnt is a note
//! too. The command runs while the server starts, so that nobody waits for it.
//!
//! Rejected: asking the server (few engines have a route for it, and those that do give it other names).

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tribunal_deploy::Version;

/// How much longer than the server's start the command may take: an engine that has to be imported takes its time.
const MORE: Duration = Duration::from_secs(2);
/// How much of the answer a note shows, in characters.
const SHOWN: usize = 80;

/// The question on its way.
pub(crate) struct Asked {
    pinned: String,
    command: String,
    answer: tokio::task::JoinHandle<std::io::Result<std::process::Output>>,
}

/// Asks for the installed version, if the file is pinned to one and says how to ask.
pub(crate) fn ask(version: &Version) -> Option<Asked> {
    let pinned = version.pinned.clone()?;
    let (program, args) = version.command.split_first()?;
    let mut command = Command::new(program);
    command
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Some(Asked {
        pinned,
        command: version.command.join(" "),
        answer: tokio::spawn(async move { command.output().await }),
    })
}

impl Asked {
    /// What is worth saying, once the server is ready.
    pub(crate) async fn note(self) -> Option<String> {
        let Asked {
            pinned,
            command,
            mut answer,
        } = self;
        let answered = tokio::time::timeout(MORE, &mut answer).await;
        answer.abort();
        let why = match answered {
            Ok(Ok(Ok(output))) => return judge(&pinned, &command, &output),
            Ok(Ok(Err(e))) => e.to_string(),
            Ok(Err(e)) => e.to_string(),
            Err(_) => "it took longer than the server".into(),
        };
        Some(not_learnt(&pinned, &command, &why))
    }
}

fn not_learnt(pinned: &str, command: &str, why: &str) -> String {
    format!(
        "the installed version is not known ({command}: {why}); the deployment is pinned to {pinned}"
    )
}

fn judge(pinned: &str, command: &str, output: &std::process::Output) -> Option<String> {
    if !output.status.success() {
        return Some(not_learnt(pinned, command, &output.status.to_string()));
    }
    // Some programs write their version to standard error.
    let said = [&output.stdout[..], b"\n", &output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    if said
        .split(|c: char| c.is_whitespace() || "(),".contains(c))
        .any(|word| is_version(word, pinned))
    {
        return None;
    }
    let first = said
        .lines()
        .find(|l| !l.trim().is_empty())
        .unwrap_or("nothing");
    let shown: String = first
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(SHOWN)
        .collect();
    Some(format!(
        "the deployment is pinned to version {pinned}; `{command}` says: {shown}"
    ))
}

/// Whether a word is the pinned version or one below it: `0.11` holds for `0.11.2` and `v0.11`, not for `0.110`.
fn is_version(word: &str, pinned: &str) -> bool {
    let word = word.trim_start_matches('v').trim_end_matches(['.', ';']);
    match word.strip_prefix(pinned.trim_start_matches('v')) {
        Some(rest) => !rest.starts_with(|c: char| c.is_ascii_digit()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_holds_for_itself_and_what_is_below_it() {
        for (word, pinned, holds) in [
            ("0.11", "0.11", true),
            ("0.11.2", "0.11", true),
            ("v0.11.0rc1", "0.11", true),
            ("0.11.", "0.11", true),
            ("0.110", "0.11", false),
            ("0.1", "0.11", false),
            ("10.11", "0.11", false),
        ] {
            assert_eq!(is_version(word, pinned), holds, "{word} for {pinned}");
        }
    }

    fn note(command: &[&str]) -> Option<String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut version = Version::default();
            version.pinned = Some("1.2".into());
            version.command = command.iter().map(|w| (*w).to_owned()).collect();
            match ask(&version) {
                Some(asked) => asked.note().await,
                None => None,
            }
        })
    }

    #[test]
    fn a_difference_is_told_and_so_is_what_could_not_be_learnt() {
        assert_eq!(note(&["echo", "engine 1.2.3 (linux)"]), None);
        assert_eq!(note(&[]), None, "nobody said how to ask");
        let told = |command: &[&str]| note(command).unwrap_or_default();
        assert_eq!(
            told(&["echo", "engine 1.3.0"]),
            "the deployment is pinned to version 1.2; `echo engine 1.3.0` says: engine 1.3.0"
        );
        for (command, why) in [
            (&["false"][..], "exit status: 1"),
            (&["/nowhere/no-such-engine"], "No such file"),
        ] {
            let told = told(command);
            assert!(
                told.contains("is not known") && told.contains(why),
                "{told}"
            );
        }
    }
}
