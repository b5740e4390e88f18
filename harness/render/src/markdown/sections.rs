//! The parts of the summary, most important first.
//!
//! Promise: each part takes what room there is and stops; failures are told whole while they take less than half of it, then in a line each.
//! Rejected: room that is divided beforehand (most runs have one failure, and much to say about it).

use std::collections::HashMap;

use tribunal_events::{CaseLog, RunLog};

use super::Page;
use crate::standing::{self, Standing};
use crate::text::{count, duration, figure, gist, plain, shortened};

/// The most that is told of one failure.
const FAILURE: usize = 8 * 1024;
/// The most of a text in a table.
const CELL: usize = 300;
/// Above this share of the room failures are told in a line each.
const WHOLE: f64 = 0.5;
/// Above this share they are counted.
const LINES: f64 = 0.75;
/// The most rows of a table.
const ROWS: usize = 200;

/// What is wrong with the run itself.
pub(super) fn troubles(page: &mut Page, run: &RunLog) {
    let mut all = Vec::new();
    if let Some((_, why)) = &run.stopping {
        all.push(format!("The run was stopped: {}", escaped(why, CELL)));
    }
    if run.ended.is_none() {
        all.push(
            "The log has no end: the harness was killed, or is still at work. What follows is known up to there."
                .to_owned(),
        );
    }
    for wrong in run.wrong.iter().take(10) {
        all.push(format!("Log: {}", escaped(wrong, CELL)));
    }
    for (_, text) in run.stray_panics.iter().take(10) {
        all.push(format!(
            "A thread that belongs to no test panicked: {}",
            escaped(text, CELL)
        ));
    }
    for error in run.ended.iter().flat_map(|e| &e.late_errors).take(10) {
        all.push(format!("Teardown: {}", escaped(error, CELL)));
    }
    if !all.is_empty() {
        page.add(&format!("\n- {}\n", all.join("\n- ")));
    }
}

/// Of cases that failed, were cut off, or failed and were waived.
pub(super) fn failures(page: &mut Page, run: &RunLog) {
    for (title, standings) in [
        ("Failed", &[Standing::Failed, Standing::CutOff][..]),
        ("Failed and waived", &[Standing::Waived]),
    ] {
        let of_it: Vec<&CaseLog> = run
            .cases
            .iter()
            .filter(|c| standings.contains(&standing::standing(c)))
            .collect();
        if of_it.is_empty() || !page.add(&format!("\n#### {title}\n\n")) {
            continue;
        }
        let mut lines = false;
        for (told, case) in of_it.iter().enumerate() {
            let full = whole(run, case);
            if !lines && page.taken() < WHOLE && page.fits(full.len()) {
                page.add(&full);
                continue;
            }
            if !lines {
                lines = true;
                page.add("\n");
            }
            let short = brief(case);
            if page.taken() > LINES || !page.fits(short.len()) {
                let more = of_it.len() - told;
                page.add(&format!("\nand {}\n", count(more, "more case")));
                break;
            }
            page.add(&short);
        }
    }
}

/// A failure with its text, folded. The first line is HTML, up to the empty line; the text is a block of code.
fn whole(run: &RunLog, case: &CaseLog) -> String {
    let text = standing::text(case);
    let word = standing::word(case);
    let line = &case.line;
    let class = case.end().and_then(|e| e.class.as_deref());
    let mut facts = Vec::new();
    if !line.place.file.is_empty() {
        facts.push(format!(
            "{}:{}",
            escaped(&line.place.file, CELL),
            line.place.line
        ));
    }
    let mut add = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|v| !v.is_empty()) {
            facts.push(format!("{name} {}", escaped(value, CELL)));
        }
    };
    add("level", line.level.as_deref());
    add("deployment", line.deployment.as_deref());
    if let Some(end) = case.end() {
        add("waived:", end.waived.as_deref());
        add("because", end.class_because.as_deref());
        let evidence = end.evidence.as_deref();
        let folder = evidence.map(|e| standing::attachment(run, case, e, ""));
        add("evidence", folder.as_deref());
        let times = &end.times;
        facts.push(duration(times.set_up + times.body + times.teardown));
    }
    if case.attempts.len() > 1 {
        facts.push(count(case.attempts.len(), "attempt"));
    }
    let class = class.map_or(String::new(), |c| format!(" ({})", html(c, 60)));
    let told = shortened(text, FAILURE);
    let told = plain(&told);
    let fence = fence(&told);
    format!(
        "<details><summary><code>{}</code> {word}{class}: {}</summary>\n\n{}\n\n{fence}text\n{}\n{fence}\n\n</details>\n",
        html(&line.name, 300),
        html(gist(text), CELL),
        facts.join(" · "),
        told.trim_end()
    )
}

/// A failure in a line.
fn brief(case: &CaseLog) -> String {
    format!(
        "- {} {}: {}\n",
        code(&case.line.name),
        standing::word(case),
        escaped(gist(standing::text(case)), CELL)
    )
}

/// Cases that passed on a later attempt.
pub(super) fn flaky(page: &mut Page, run: &RunLog) {
    let of_it: Vec<&CaseLog> = run
        .cases
        .iter()
        .filter(|c| standing::standing(c) == Standing::Flaky)
        .collect();
    let rows = of_it.iter().map(|case| {
        let before = case.attempts.iter().find_map(|a| a.ended.as_ref());
        let text = before.map_or("", |e| gist(&e.text));
        format!(
            "| {} | {} | {} |\n",
            code(&case.line.name),
            case.attempts.len(),
            escaped(text, CELL)
        )
    });
    let head = "| case | passed on attempt | failed before |\n|---|---|---|\n";
    table(page, "Flaky", head, of_it.len(), rows);
}

/// Cases that did not run, by reason.
pub(super) fn absent(page: &mut Page, run: &RunLog) {
    let mut reasons: Vec<(&'static str, &str, Vec<&CaseLog>)> = Vec::new();
    let mut known: HashMap<(&'static str, &str), usize> = HashMap::new();
    for case in &run.cases {
        if !matches!(
            standing::standing(case),
            Standing::Skipped | Standing::NotRun
        ) {
            continue;
        }
        let key = (standing::word(case), gist(standing::text(case)));
        let index = *known.entry(key).or_insert_with(|| {
            reasons.push((key.0, key.1, Vec::new()));
            reasons.len() - 1
        });
        reasons[index].2.push(case);
    }
    reasons.sort_by_key(|(_, _, cases)| std::cmp::Reverse(cases.len()));
    let rows = reasons.iter().map(|(word, why, cases)| {
        let names = match cases.len() {
            1 => code(&cases[0].line.name),
            n => format!("{n} cases, such as {}", code(&cases[0].line.name)),
        };
        format!("| {names} | {word} | {} |\n", escaped(why, CELL))
    });
    let head = "| what | | why |\n|---|---|---|\n";
    table(page, "What did not run, and why", head, reasons.len(), rows);
}

/// Figures that have a verdict; the worst first.
pub(super) fn figures(page: &mut Page, run: &RunLog) {
    let mut all = Vec::new();
    for case in &run.cases {
        for one in case.end().iter().flat_map(|e| &e.figures) {
            let rank = match one.verdict.as_str() {
                "regressed" => 0,
                "invalid" => 1,
                "inconclusive" => 2,
                "no baseline" => 3,
                "improved" => 4,
                "pass" => 5,
                _ => continue,
            };
            all.push((rank, case, one));
        }
    }
    all.sort_by_key(|(rank, ..)| *rank);
    let rows = all.iter().map(|(_, case, one)| {
        let step = match one.step.is_empty() {
            true => String::new(),
            false => format!("{}: ", escaped(&one.step, 100)),
        };
        format!(
            "| {} | {step}{} | {} |\n",
            code(&case.line.name),
            escaped(&one.metric, 100),
            escaped(&figure(one), CELL)
        )
    });
    let head = "| case | figure | value |\n|---|---|---|\n";
    table(page, "Figures", head, all.len(), rows);
}

/// What is worth saying of the run.
pub(super) fn notes(page: &mut Page, run: &RunLog) {
    let Some(end) = run.ended.as_ref().filter(|e| !e.notes.is_empty()) else {
        return;
    };
    if !page.add("\n#### Notes\n\n") {
        return;
    }
    for note in &end.notes {
        if !page.add(&format!("- {}\n", escaped(note, 1000))) {
            break;
        }
    }
}

/// A table with as many rows as there is room for.
fn table(page: &mut Page, title: &str, head: &str, rows: usize, all: impl Iterator<Item = String>) {
    if rows == 0 || !page.add(&format!("\n#### {title}\n\n{head}")) {
        return;
    }
    let mut told = 0;
    for row in all.take(ROWS) {
        if !page.fits(row.len()) {
            break;
        }
        page.add(&row);
        told += 1;
    }
    if told < rows {
        page.add(&format!("\nand {}\n", count(rows - told, "more row")));
    }
}

/// A text in a line of Markdown, as it is.
pub(super) fn escaped(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for c in plain(&shortened(text, limit)).chars() {
        match c {
            '\n' | '\t' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Not a link that somebody else wrote, and no mention of a person.
            ':' => out.push_str("&#58;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// A name in a line of Markdown, set as code.
fn code(name: &str) -> String {
    format!("<code>{}</code>", escaped(name, 300))
}

/// A text in a line of HTML, as it is.
fn html(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for c in plain(&shortened(text, limit)).chars() {
        match c {
            // A line break could begin an empty line, behind which Markdown begins.
            '\n' | '\t' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

/// A fence that no line of the text closes.
fn fence(text: &str) -> String {
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    "`".repeat((longest + 1).max(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_no_markup() {
        assert_eq!(
            escaped("a|b <img> [x](http://y) `c`\n@z", 100),
            r"a\|b &lt;img&gt; \[x\](http&#58;//y) \`c\` &#64;z"
        );
        assert_eq!(
            html("</summary>\n\n# a & b", 100),
            "&lt;/summary&gt;  # a &amp; b"
        );
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        assert_eq!(fence("no"), "```");
        assert_eq!(fence("a ``` b ````` c"), "``````");
    }
}
