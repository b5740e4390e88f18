//! What people are told: rows of the table at the end of the run, a file in the evidence, and the message of a case that fails.

use std::fmt::Write as _;

use tribunal::Row;
use tribunal::conformance::{Entry, Group, Known, Report, entries};
use tribunal::prelude::*;

/// Below this heading the terminal only counts.
const HELD: u8 = 128;

/// Puts what was found into the table, and fails where something must not be so that nobody knew of, or where the server broke.
pub fn told(deployment: &str, reports: &[Report], known: &Known) -> TestResult {
    let entries = entries(reports, known);
    for entry in &entries {
        row(deployment, entry).add();
    }
    let new: Vec<&Entry> = entries
        .iter()
        .filter(|e| e.group == Group::MustNew)
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let mut text = String::new();
    for entry in &new {
        let Entry {
            route,
            row,
            sent,
            expected,
            found,
            ..
        } = entry;
        let _ = writeln!(
            text,
            "{route}/{row}: {sent}\n  expected: {expected}\n  found: {found}"
        );
        if let Some(curl) = &entry.curl {
            let _ = writeln!(text, "  again: {}", cut(curl));
        }
    }
    if let Ok(folder) = tribunal::evidence() {
        // The message has it too; the file is for those who come later.
        let _ = std::fs::write(folder.join("deviations.txt"), &text);
    }
    let _ = write!(
        text,
        "{} of {} rows are not as they have to be",
        new.len(),
        reports.len()
    );
    if let Some((entry, found)) = new.iter().find_map(|e| Some((e, e.known_as.as_ref()?))) {
        let _ = write!(
            text,
            "\nhelp: what the engine is known to do can be told in fixtures/conformance/known/{deployment}.toml or conformance/known/{deployment}.toml:\n[[known]]\nroute = \"{}\"\nrow = \"{}\"\nfound = \"{found}\"\ndoes = \"in words\"\nlink = \"where it is discussed\"",
            entry.route, entry.row
        );
    }
    Err(Error::msg(text))
}

/// A route that the deployment does not have.
pub fn not_offered(deployment: &str, route: &str, capability: &str, rows: usize) {
    let entry = Entry {
        group: Group::NotMade,
        route: route.to_owned(),
        row: format!("all {rows}"),
        sent: String::new(),
        expected: String::new(),
        found: format!("the deployment does not offer `{capability}`"),
        link: String::new(),
        curl: None,
        known_as: None,
    };
    row(deployment, &entry).add();
}

fn row(deployment: &str, entry: &Entry) -> Row {
    let place = match entry.group {
        Group::Held => HELD,
        group => group as u8,
    };
    Row::new(
        format!("conformance of {deployment}"),
        place,
        entry.group.heading(),
    )
    .cell("route", &entry.route)
    .cell("row", &entry.row)
    .cell("sent", &entry.sent)
    .cell("expected", &entry.expected)
    .cell("found", &entry.found)
    .cell("link", &entry.link)
}

/// A command line that is short enough to be read.
fn cut(line: &str) -> String {
    const LONGEST: usize = 400;
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}… ({} bytes in all)", &line[..at], line.len()),
        None => line.to_owned(),
    }
}
