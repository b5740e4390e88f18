//! The findings for people: aligned, grouped, with a remedy below each that is not ok.
//!
//! Promise: text from outside (names of devices, paths) cannot move the cursor or change colours. Rejected: a table with
//! borders (breaks on narrow terminals and in logs).

use super::finding::{Finding, State};

/// The width of the longest state and one blank.
const STATE: usize = 9;

pub(crate) fn render(findings: &[Finding], colours: bool) -> String {
    let title = findings
        .iter()
        .map(|finding| finding.title.len())
        .max()
        .unwrap_or(0)
        + 2;
    let mut text = String::from("Tribunal doctor: what works on this machine\n");
    let mut group = "";
    for finding in findings {
        if finding.group != group {
            group = finding.group;
            text.push_str(&format!("\n{group}\n"));
        }
        let found = clean(&finding.found);
        text.push_str(&format!(
            "  {}{:<title$}{found}\n",
            state(finding.state, colours),
            finding.title
        ));
        if let Some(remedy) = &finding.remedy {
            text.push_str(&format!(
                "  {:STATE$}{:<title$}-> {}\n",
                "",
                "",
                clean(remedy)
            ));
        }
    }
    text.push('\n');
    text.push_str(&summary(findings));
    text
}

fn state(state: State, colours: bool) -> String {
    let (word, colour) = match state {
        State::Ok => ("ok", "32"),
        State::Warn => ("warn", "33"),
        State::Fail => ("FAIL", "1;31"),
        State::NotMade => ("not made", "2"),
    };
    let padded = format!("{word:<STATE$}");
    if colours {
        format!("\u{1b}[{colour}m{padded}\u{1b}[0m")
    } else {
        padded
    }
}

/// How many findings ended so.
pub(crate) fn count(findings: &[Finding], state: State) -> usize {
    findings
        .iter()
        .filter(|finding| finding.state == state)
        .count()
}

fn summary(findings: &[Finding]) -> String {
    let of = |state| count(findings, state);
    let failed = of(State::Fail);
    let verdict = if failed == 0 {
        "Nothing that `cargo test` needs is missing.".to_string()
    } else {
        let ids: Vec<&str> = findings
            .iter()
            .filter(|finding| finding.state == State::Fail)
            .map(|finding| finding.title)
            .collect();
        format!("`cargo test` needs: {}.", ids.join(", "))
    };
    format!(
        "{} ok, {} warn, {failed} failed, {} not made. {verdict}\n",
        of(State::Ok),
        of(State::Warn),
        of(State::NotMade)
    )
}

/// One line without control characters.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Check;

    fn findings() -> Vec<Finding> {
        let check = |group, title| Check {
            id: title,
            group,
            title,
        };
        vec![
            check("Toolchain", "cargo").ok("cargo 1.95.0"),
            check("Toolchain", "rustc").fail("not found", "install Rust"),
            check("Models", "hub token").warn("none\u{1b}[31m\nnext", "export HF_TOKEN=..."),
            check("Models", "x").not_made("not looked for", "look"),
        ]
    }

    #[test]
    fn text_for_people() {
        assert_eq!(
            render(&findings(), false),
            "\
Tribunal doctor: what works on this machine

Toolchain
  ok       cargo      cargo 1.95.0
  FAIL     rustc      not found
                      -> install Rust

Models
  warn     hub token  none [31m next
                      -> export HF_TOKEN=...
  not made x          not looked for
                      -> look

1 ok, 1 warn, 1 failed, 1 not made. `cargo test` needs: rustc.
"
        );
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let coloured = render(&findings(), true);
        assert!(coloured.contains("\u{1b}[1;31mFAIL     \u{1b}[0m"));
        let mut plain = coloured;
        for code in [
            "\u{1b}[32m",
            "\u{1b}[33m",
            "\u{1b}[1;31m",
            "\u{1b}[2m",
            "\u{1b}[0m",
        ] {
            plain = plain.replace(code, "");
        }
        assert_eq!(plain, render(&findings(), false));
    }

    #[test]
    fn a_machine_with_nothing_missing_is_told_so() {
        let fine = &findings()[..1];
        assert!(render(fine, false).ends_with(
            "1 ok, 0 warn, 0 failed, 0 not made. Nothing that `cargo test` needs is missing.\n"
        ));
    }
}
