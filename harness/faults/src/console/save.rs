//! A session as the text of a test.
//!
//! Promise: what was done by hand stands in it line by line, and what it says compiles in any package that uses the prelude. What must hold is the
//! reader's to say; the text begins with what always must. Rejected: oracles guessed from what was seen: they would declare a broken server right.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::command::Action;
use super::session::History;

/// The text of the test.
///
/// # Errors
/// No fault was injected, so that there is nothing to test.
pub(super) fn text(server: &str, history: &History) -> Result<String, String> {
    let faults = history
        .iter()
        .filter(|(_, action)| matches!(action, Action::Inject(_)));
    let (Some((begin, _)), true) = (history.first(), faults.count() > 0) else {
        return Err("no fault was injected yet, so there is nothing to save".into());
    };
    let lines = history.iter();
    let rest: Vec<_> = lines
        .map(|(at, action)| (at.saturating_sub(*begin), action))
        .collect();
    let doc: Vec<String> = rest
        .iter()
        .map(|(_, action)| format!("`{action}`"))
        .collect();
    let mut script = String::new();
    for (at, action) in &rest {
        // What a String cannot fail to take.
        let _ = writeln!(
            script,
            "        (\"{}ms\", {:?}),",
            at.as_millis(),
            action.to_string()
        );
    }
    let server: String = server.chars().filter(|c| !c.is_control()).collect();
    Ok(format!(
        "//! A session at the fault console of `{server}`, saved as a test.\n\
         \n\
         use tribunal::faults::{{Experiment, Oracle, Script}};\n\
         use tribunal::prelude::*;\n\
         use tribunal::{{offers, serving::Offers}};\n\
         \n\
         /// What was done by hand is done again: {doc}.\n\
         #[tribunal::test]\n\
         #[slow]\n\
         #[server(fresh)]\n\
         #[timeout(\"{limit}s\")]\n\
         async fn console_session(server: Server, offers: Offers) -> TestResult {{\n    \
             let script = Script::new([\n{script}    ])?;\n    \
             let scene = Script::scene(&server, &offers)?;\n    \
             let model = Script::model(&scene)?;\n    \
             // What must hold is yours to say: `Oracle` has all there is.\n    \
             let report = Experiment::new(script.to_string(), &server, &model, &scene.timeline)\n        \
                 .expect(Oracle::Conserved)\n        \
                 .evidence(tribunal::evidence()?)\n        \
                 .run(async |moment| script.play(&scene, moment).await)\n        \
                 .await?;\n    \
             report.held()?;\n    \
             Ok(())\n\
         }}\n",
        doc = doc.join(", then "),
        limit = limit(&rest),
    ))
}

/// Three times as long as the session took, and room for a start.
fn limit(lines: &[(Duration, &Action)]) -> u64 {
    let longest = lines.iter().map(|(at, _)| at.as_secs()).max();
    longest.unwrap_or(0).saturating_mul(3).saturating_add(300)
}

/// Writes the test into a new file; says where it lies.
///
/// # Errors
/// As [`text`]; the file is there already, or cannot be written.
pub(super) fn write(path: &Path, server: &str, history: &History) -> Result<PathBuf, String> {
    let text = text(server, history)?;
    let shown = path.display();
    let mut file = File::create_new(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => format!("{shown} is there already; name another file"),
        _ => format!("{shown} cannot be written: {error}"),
    })?;
    let written = file.write_all(text.as_bytes());
    written.map_err(|error| format!("{shown} cannot be written: {error}"))?;
    Ok(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
}
