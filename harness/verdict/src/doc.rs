//! The table of the rules, as Markdown.

use std::fmt::Write as _;

use crate::depth::Depth;
use crate::rule::{RULES, Rule};

/// What a row of the table says beside what the rule says of itself.
#[derive(Debug, Clone, Copy)]
pub struct TableRow<'a> {
    /// The rule.
    pub rule: &'static Rule,
    /// More columns, as many in every row: the defects that it catches, for instance.
    pub more: &'a [String],
}

/// The table of these rules. `columns` are the heads of the columns after our own.
pub fn rules_table(columns: &[&str], rows: &[TableRow<'_>]) -> String {
    let mut text = String::from("| rule | asked of | from | says | thresholds |");
    columns
        .iter()
        .for_each(|column| _ = write!(text, " {column} |"));
    text.push_str("\n|---|---|---|---|---|");
    columns.iter().for_each(|_| text.push_str("---|"));
    text.push('\n');
    for row in rows {
        let rule = row.rule;
        let kinds: Vec<_> = rule.kinds.iter().map(ToString::to_string).collect();
        let kinds = if kinds.len() > 10 {
            "all answers".to_owned()
        } else {
            kinds.join(", ")
        };
        let level = match rule.level {
            Depth::Basic => "`core_model`",
            Depth::Deep => "`advanced_model`",
        };
        let limits: Vec<_> = rule
            .limits
            .iter()
            .map(|limit| {
                format!(
                    "`{}` = {}: {} ({})",
                    limit.name, limit.default, limit.says, limit.source
                )
            })
            .collect();
        _ = write!(
            text,
            "| `{}` | {kinds} | {level} | {} | {} |",
            rule.name,
            rule.says,
            limits.join("; ")
        );
        row.more.iter().for_each(|cell| {
            _ = write!(text, " {} |", cell.replace('|', "\\|").replace('\n', " "))
        });
        text.push('\n');
    }
    text
}

/// The rows of every rule, without more columns.
impl TableRow<'static> {
    /// A row for each rule of the table.
    pub fn all() -> Vec<TableRow<'static>> {
        RULES
            .iter()
            .map(|rule| TableRow { rule, more: &[] })
            .collect()
    }
}
