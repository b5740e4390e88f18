//! What an engine is known to do otherwise.
//!
//! Promise: a known deviation covers exactly what it names: a route, a row, and what was found. If the row is answered rightly, or a worse thing is found,
//! that is told. Ill health is never known: a test run must not go on as if nothing were.
//!
//! Rejected: marking whole rows as expected to fail (a server that answered 200 and now hangs would still count as known).

use std::collections::BTreeSet;

use toml::de::DeTable;

use crate::expect::Fault;
use tribunal_tables::{File, Mistakes};

/// What one engine is known to do otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The deviations, in the order of their files.
    pub list: Vec<KnownDeviation>,
}

/// One known deviation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownDeviation {
    /// The route.
    pub route: String,
    /// The row.
    pub row: String,
    /// What is found: a status, `hang`, `dropped`, `shape` or `message`.
    pub found: String,
    /// What the engine does, in words.
    pub does: String,
    /// Where it is discussed or documented.
    pub link: String,
    /// The version in which it was seen first, or was looked for first.
    pub since: Option<String>,
}

const KEYS: [&str; 6] = ["route", "row", "found", "does", "link", "since"];

impl Known {
    /// Reads a file of known deviations: tables `[[known]]`. With `extends = "NAME"` it begins with those of another engine, which `other` reads.
    ///
    /// # Errors
    /// All mistakes of the text, or those of the other.
    pub fn parse(
        text: &str,
        shown: &str,
        other: impl FnOnce(&str) -> Option<Result<Known, Mistakes>>,
    ) -> Result<Known, Mistakes> {
        let mut file = File::new(text);
        let mut known = Known::default();
        if let Some(table) = file.parse() {
            file.known(
                &table,
                "a file of known deviations",
                &["doc", "extends", "known", "since", "link", "gone"],
            );
            if let Some(name) = file.text(&table, "extends") {
                match other(&name) {
                    Some(read) => known = read?,
                    None => {
                        let at = table.get("extends").map_or(0..0, |n| n.span());
                        file.mistake(at, format!("nothing is known of `{name}`"), None);
                    }
                }
            }
            known.without(&mut file, &table);
            known.read(&mut file, &table);
        }
        file.done(shown)?;
        Ok(known)
    }

    /// Takes out what the file says does not hold here: `gone = ["route/row"]`.
    fn without(&mut self, file: &mut File<'_>, table: &DeTable<'_>) {
        for name in file.texts(table, "gone").unwrap_or_default() {
            let before = self.list.len();
            self.list
                .retain(|k| format!("{}/{}", k.route, k.row) != name);
            if before == self.list.len() {
                let at = table.get("gone").map_or(0..0, |n| n.span());
                file.mistake(at, format!("`{name}` is not among what it extends"), None);
            }
        }
    }

    fn read(&mut self, file: &mut File<'_>, table: &DeTable<'_>) {
        let since = file.text(table, "since");
        let link = file.text(table, "link");
        for (at, entry) in file.tables(table, "known") {
            file.known(entry, "a known deviation", &KEYS);
            let what = "a known deviation";
            let one = KnownDeviation {
                route: file.needed(entry, at.clone(), what, "route"),
                row: file.needed(entry, at.clone(), what, "row"),
                found: file.needed(entry, at.clone(), what, "found"),
                does: file.needed(entry, at.clone(), what, "does"),
                link: match (&link, entry.contains_key("link")) {
                    (Some(link), false) => link.clone(),
                    _ => file.needed(entry, at.clone(), what, "link"),
                },
                since: file.text(entry, "since").or_else(|| since.clone()),
            };
            let words = ["hang", "dropped", "shape", "message"];
            let status = one
                .found
                .parse::<u16>()
                .is_ok_and(|s| (200..=599).contains(&s));
            if !one.found.is_empty() && !status && !words.contains(&&*one.found) {
                let help = format!("a status, or one of {}", words.join(", "));
                let place = entry.get("found").map_or(at.clone(), |n| n.span());
                file.mistake(
                    place,
                    format!("`{}` cannot be found", one.found),
                    Some(help),
                );
            }
            if self
                .list
                .iter()
                .any(|k| (&k.route, &k.row, &k.found) == (&one.route, &one.row, &one.found))
            {
                let message = format!(
                    "`{}/{}` with `{}` is there twice",
                    one.route, one.row, one.found
                );
                file.mistake(at, message, None);
            }
            self.list.push(one);
        }
    }

    /// What is known of this fault in this row.
    pub fn of(&self, route: &str, row: &str, fault: &Fault) -> Option<&KnownDeviation> {
        let found = fault.to_string();
        self.list
            .iter()
            .find(|k| k.route == route && k.row == row && k.found == found)
    }

    /// What is known of this row, whatever the fault.
    pub fn of_row<'k>(
        &'k self,
        route: &'k str,
        row: &'k str,
    ) -> impl Iterator<Item = &'k KnownDeviation> {
        self.list
            .iter()
            .filter(move |k| k.route == route && k.row == row)
    }

    /// Known deviations of rows that are not there, as `route/row`: a row was renamed, or this is a spelling.
    pub fn strangers(&self, rows: &BTreeSet<(String, String)>) -> Vec<String> {
        self.list
            .iter()
            .filter(|k| !rows.contains(&(k.route.clone(), k.row.clone())))
            .map(|k| format!("{}/{}", k.route, k.row))
            .collect()
    }
}
