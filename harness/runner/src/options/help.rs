//! The text of `--help`: the table in two groups.

use std::fmt::Write as _;

use super::Options;
use super::table::Group::{Libtest, Own};
use super::table::TABLE;

impl Options {
    /// The text of `--help`.
    pub fn help(program: &str) -> String {
        let mut out = format!(
            "Usage: cargo test -- [OPTIONS] [FILTER…]\n       {program} [OPTIONS] [FILTER…]\n\n\
             FILTER selects cases whose name contains it; several are joined by `or`. A filter that equals a case's or a test's name selects it whatever its level.\n"
        );
        for (group, title) in [(Own, "Tribunal"), (Libtest, "As in libtest")] {
            let _ = write!(out, "\n{title}:\n");
            for row in TABLE.iter().filter(|r| r.group == group) {
                let short = row.short.map_or("    ".to_owned(), |c| {
                    format!("-{c}{}", if row.long.is_empty() { "  " } else { ", " })
                });
                let long = if row.long.is_empty() {
                    String::new()
                } else {
                    format!("--{}", row.long)
                };
                let left = format!(
                    "{short}{long}{}{}",
                    if row.value.is_empty() { "" } else { " " },
                    row.value
                );
                if left.len() > 30 {
                    let _ = writeln!(out, "  {left}\n  {:30}  {}", "", row.help);
                } else {
                    let _ = writeln!(out, "  {left:30}  {}", row.help);
                }
            }
        }
        out.push_str(
            "\nEvery option --foo-bar is also the variable TRIBUNAL_FOO_BAR (nextest and editors can pass nothing else), but for those that run nothing.\n\
             Exit codes: 0 all passed, 2 the command line or a rule is wrong, 4 nothing was executed, 5 something regressed, 6 something was measured without a verdict,\n\
             101 something failed (wins over 5, and 5 over 6), 128 + n stopped by signal n.\n",
        );
        out
    }
}
