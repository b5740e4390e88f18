//! What stands below the summary: what did not run and why, the slowest cases, notes; and the exit code.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tribunal_runner::{
    Counts, Ended, NoTests, Outcome, Run, Severity, Summary, exit_code as code, seconds,
};

use crate::context::Context;

/// The exit code of a run.
pub fn exit_code(context: &Context, summary: &Summary) -> u8 {
    if let Some(signal) = summary.signal {
        // As shells do: 128 and the signal's number. What the signal cut short has not failed by itself.
        128 + signal as u8
    } else if summary.counts.plainly_failed() > 0
        || summary.counts.not_run > 0
        || summary.stray_panics > 0
        || !summary.late_errors.is_empty()
    {
        code::FAILED
    } else if summary.counts.regressed > 0 {
        code::REGRESSED
    } else if summary.counts.inconclusive + summary.counts.invalid > 0 {
        code::INCONCLUSIVE
    } else if context.absent_code() != 0 {
        context.absent_code()
    } else if summary.counts.executed() == 0 {
        context.empty_code()
    } else {
        0
    }
}

/// The lines directly below the summary line: what libtest has no word for.
pub(crate) fn counted(counts: &Counts) -> String {
    let mut out = String::new();
    for (n, what) in [
        (counts.flaky, "of the passed flaky"),
        (counts.quarantined, "failed in quarantine"),
        (counts.regressed, "of the failed regressed"),
        (counts.inconclusive, "of the failed inconclusive"),
        (counts.invalid, "of the failed invalid"),
        (counts.not_run, "not run"),
    ] {
        if n > 0 {
            let _ = writeln!(out, "{n} {what}");
        }
    }
    out
}

/// The text below the summary line.
pub(crate) fn text(context: &Context, run: &Run, summary: &Summary) -> String {
    let mut out = String::new();
    let all: Vec<&Ended> = (0..run.plan().cases.len())
        .filter_map(|i| run.result(i))
        .collect();
    let name = |e: &Ended| run.name(e.planned).to_string();

    if context.options.show_output {
        let printed: Vec<&&Ended> = all
            .iter()
            .filter(|e| !e.outcome.is_failure() && !e.output.is_empty())
            .collect();
        if !printed.is_empty() {
            out.push_str("successes:\n\n");
            for ended in printed {
                let _ = writeln!(
                    out,
                    "---- {} ----\n{}\n",
                    name(ended),
                    ended.output.text().trim_end()
                );
            }
        }
    }
    let mut groups: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for ended in &all {
        match &ended.outcome {
            Outcome::Skipped(reason) => groups
                .entry(("skipped", reason))
                .or_default()
                .push(name(ended)),
            Outcome::NotRun(reason) => groups
                .entry(("not run", reason))
                .or_default()
                .push(name(ended)),
            Outcome::Ignored(reason) => groups
                .entry((
                    "ignored",
                    if reason.is_empty() {
                        "no reason given"
                    } else {
                        reason
                    },
                ))
                .or_default()
                .push(name(ended)),
            _ => {}
        }
    }
    if !groups.is_empty() {
        out.push_str("what did not run, and why:\n");
        for ((kind, reason), names) in &groups {
            let mut lines = reason.lines();
            let _ = writeln!(
                out,
                "  {:4} {kind}: {}",
                names.len(),
                lines.next().unwrap_or("")
            );
            for line in lines {
                let _ = writeln!(out, "       {line}");
            }
            let shown = if names.len() > 3 {
                format!("{}, {} and {} more", names[0], names[1], names.len() - 2)
            } else {
                names.join(", ")
            };
            let _ = writeln!(out, "       {shown}");
        }
        out.push('\n');
    }
    let expected: Vec<&&Ended> = all
        .iter()
        .filter(|e| matches!(e.outcome, Outcome::ExpectedFailure(_)))
        .collect();
    if !expected.is_empty() {
        let _ = writeln!(out, "expected failures, counted as passed:");
        for ended in expected {
            let _ = writeln!(out, "    {}: {}", name(ended), ended.outcome.text());
        }
        out.push('\n');
    }
    out.push_str(&measured(&all, &name));
    out.push_str(&crate::causes::text(&all, &name));
    let noted: Vec<&&Ended> = all
        .iter()
        .filter(|e| !e.notes.is_empty() && !e.outcome.is_failure())
        .collect();
    if !noted.is_empty() {
        out.push_str("notes:\n");
        for ended in noted {
            for note in &ended.notes {
                let _ = writeln!(out, "    {}: {note}", name(ended));
            }
        }
        out.push('\n');
    }
    for table in &summary.tables {
        out.push_str(&table.text());
        out.push('\n');
    }
    if let Some(n) = context.options.durations {
        out.push_str(&durations(&all, &name, n));
    }
    for note in &summary.notes {
        let _ = writeln!(out, "note: {note}");
    }
    for name in &context.absent {
        let word = if context.absent_code() == 0 {
            "note"
        } else {
            "error"
        };
        let _ = writeln!(
            out,
            "{word}: --deploy {name}: none of its cases was executed, because it is not installed here (--no-tests pass accepts it)"
        );
    }
    for error in &summary.late_errors {
        let _ = writeln!(out, "error: {error}");
    }
    if context.filtered_out() > 0 {
        let _ = writeln!(out, "filtered out: {}", context.removed_text());
    }
    if context
        .removed
        .iter()
        .any(|(f, _)| *f == tribunal_runner::Filter::Level)
        && let Some(next) = context.vocabulary.levels().get(context.level.index + 1)
    {
        let _ = writeln!(out, "deeper: --run-level {}", next.name);
    }
    if context.findings.contains(&Severity::Warning) {
        let n = context
            .findings
            .iter()
            .filter(|s| **s == Severity::Warning)
            .count();
        let _ = writeln!(
            out,
            "{n} warning{} about tests: --lint shows {}",
            if n == 1 { "" } else { "s" },
            if n == 1 { "it" } else { "them" }
        );
    }
    if summary.counts.executed() == 0 && summary.counts.not_run == 0 {
        match context.empty_is() {
            NoTests::Pass => {}
            NoTests::Warn => out.push_str("note: nothing was executed (--no-tests fail makes this an error)\n"),
            NoTests::Fail => out.push_str("error: nothing was executed, so this run says nothing about the system under test\nhelp: --list shows what is selected, --explain NAME why a test is not; --no-tests pass accepts it\n"),
        }
    }
    out
}

/// What was measured and did not simply pass or fail.
fn measured(all: &[&Ended], name: &dyn Fn(&Ended) -> String) -> String {
    let mut out = String::new();
    for (word, heading) in [
        (
            "no baseline",
            "measured without a baseline, counted as passed (--accept-baseline makes one, --require-baseline fails without one):",
        ),
        ("regressed", "worse than their baselines (exit code 5):"),
        ("inconclusive", "measured without a verdict (exit code 6):"),
        ("invalid", "measurements that are no good (exit code 6):"),
    ] {
        let these = all
            .iter()
            .filter(|e| e.outcome.word() == word && e.waived.is_none());
        let mut lines = String::new();
        for ended in these {
            let text = ended.outcome.text();
            let first = text.lines().next().unwrap_or_default();
            let first = first.strip_prefix(&format!("{word}: ")).unwrap_or(first);
            let _ = writeln!(lines, "    {}: {first}", name(ended));
        }
        if !lines.is_empty() {
            let _ = write!(out, "{heading}\n{lines}\n");
        }
    }
    out
}

fn durations(all: &[&Ended], name: &dyn Fn(&Ended) -> String, n: usize) -> String {
    let mut ran: Vec<&&Ended> = all.iter().filter(|e| e.outcome.was_executed()).collect();
    ran.sort_by_key(|e| std::cmp::Reverse(e.times.total()));
    if n > 0 {
        ran.truncate(n);
    }
    let mut out = format!(
        "slowest {}:\n  {:>9} {:>9} {:>9} {:>9}\n",
        if n == 0 {
            "cases, all of them".to_owned()
        } else {
            format!("{} cases", ran.len())
        },
        "total",
        "set-up",
        "body",
        "teardown"
    );
    for ended in ran {
        let t = ended.times;
        let _ = writeln!(
            out,
            "  {:>9} {:>9} {:>9} {:>9}  {}",
            seconds(t.total()),
            seconds(t.set_up),
            seconds(t.body),
            seconds(t.teardown),
            name(ended)
        );
    }
    out.push('\n');
    out
}

/// The whole text of a failure, as it stands under the case's name.
pub(crate) fn failure(ended: &Ended) -> String {
    let mut text = ended.outcome.text();
    for note in &ended.notes {
        let _ = write!(text, "\nnote: {note}");
    }
    if let Some(folder) = &ended.evidence {
        let _ = write!(text, "\nevidence: {folder}");
    }
    if !ended.output.is_empty() {
        let _ = write!(text, "\n--- output ---\n{}", ended.output.text().trim_end());
    }
    text
}
