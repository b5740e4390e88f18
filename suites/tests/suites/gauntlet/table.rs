//! The table of the gauntlet in docs/verdicts.md: what proves each rule.

use std::fmt::Write as _;
use std::path::Path;

use tribunal::prelude::*;
use tribunal::verdict::{Depth, RULES};

use super::asks::ASKS;
use super::rows::{Catch, ROWS};

const BEGIN: &str = "<!-- the table of the gauntlet -->\n";
const END: &str = "<!-- the end of the gauntlet -->";

/// Compares the documentation with the table, or writes it.
pub fn hold() -> TestResult {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/verdicts.md");
    let text = std::fs::read_to_string(&path)?;
    let parts = text.split_once(BEGIN);
    let parts = parts.and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        fail!("docs/verdicts.md has no place for the table of the gauntlet");
    };
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        std::fs::write(&path, wanted)?;
        return Ok(());
    }
    if text != wanted {
        fail!(
            "docs/verdicts.md has another table than the gauntlet; UPDATE_DOCS=1 cargo test -p tribunal-suites gauntlet writes it"
        );
    }
    Ok(())
}

fn table() -> String {
    let mut text = String::from("| rule | from | catches | and passes |\n|---|---|---|---|\n");
    for rule in RULES {
        let level = match rule.level {
            Depth::Basic => "`core_model`",
            Depth::Deep => "`advanced_model`",
        };
        line(
            &mut text,
            &format!("`{}`", rule.name),
            level,
            Catch::Rule(rule.name),
        );
    }
    let mut said: Vec<&str> = vec![];
    for row in ROWS {
        if let Catch::Client(says) = row.catch
            && !said.contains(&says)
        {
            said.push(says);
            line(
                &mut text,
                &format!("the client: “{says}”"),
                "any",
                row.catch,
            );
        }
    }
    text
}

/// The line of one rule: its defects, and the requests that pass it without them.
fn line(text: &mut String, name: &str, level: &str, catch: Catch) {
    let (mut defects, mut healthy): (Vec<String>, Vec<String>) = (vec![], vec![]);
    for row in ROWS.iter().filter(|row| row.catch == catch) {
        let says = ASKS.iter().find(|ask| ask.name == row.ask);
        for (list, new) in [
            (&mut defects, format!("`{}`", row.defect)),
            (
                &mut healthy,
                says.map_or(row.ask, |ask| ask.says).to_owned(),
            ),
        ] {
            if !list.contains(&new) {
                list.push(new);
            }
        }
    }
    if defects.is_empty() {
        defects.push("a literal answer".to_owned());
        healthy.push("a literal answer".to_owned());
    }
    let (defects, healthy) = (defects.join(", "), healthy.join("; "));
    let _ = writeln!(text, "| {name} | {level} | {defects} | {healthy} |");
}
