//! What people are told: rows of the table at the end of the run, a file in the evidence, and the message of a case that fails.

use tribunal::Row;
use tribunal::faults::{Broken, FaultError, Figures, Judgement, Report, Ruling, Subject};
use tribunal::prelude::*;

/// From here on the terminal only counts.
const HELD: u8 = 128;

/// Puts what was found into the table. What is broken and known is an expected failure; what is broken and not known fails, and so does what is
/// known and no longer seen.
pub fn told(
    deployment: &str,
    case: &str,
    report: Result<Report, FaultError>,
    subject: &Subject,
) -> TestResult {
    let report = match report {
        Ok(report) => report,
        // Known before anything was tried.
        Err(error) if error.is_gate() => skip!("{error}"),
        Err(error) => return Err(Error::of(error)),
    };
    for judgement in &report.judgements {
        row(deployment, case, judgement, &report.figures, subject).add();
    }
    if let Ok(folder) = tribunal::evidence() {
        report.write(&folder)?;
    }
    verdict(deployment, case, &report, subject)
}

fn verdict(deployment: &str, case: &str, report: &Report, subject: &Subject) -> TestResult {
    let broken: Vec<&str> = report.broken().map(|one| one.oracle.name()).collect();
    let new: Vec<&str> = broken
        .iter()
        .copied()
        .filter(|oracle| subject.known(case, oracle).is_none())
        .collect();
    if let Some(first) = new.first() {
        let held = report.held().map_err(|broken: Broken| broken.to_string());
        let text = held.err().unwrap_or_default();
        return Err(Error::msg(format!(
            "{text}\nhelp: what a server is known to do can be told in fixtures/reliability/{deployment}.toml or reliability/{deployment}.toml:\n[[known]]\ncase = \"{case}\"\noracle = \"{first}\"\ndoes = \"in words\"\nlink = \"where it is discussed\""
        )));
    }
    let over: Vec<&str> = subject
        .known_of(case)
        .filter(|known| !known.sometimes && !broken.contains(&known.oracle.as_str()))
        .map(|known| known.oracle.as_str())
        .collect();
    if !over.is_empty() {
        return Err(Error::msg(format!(
            "{} of {case} is known as a deviation of {deployment} and was not seen: take it out of its file, or say `sometimes = true`\n{report}",
            over.join(", ")
        )));
    }
    if let Err(text) = report.held() {
        let known: Vec<String> = subject
            .known_of(case)
            .filter(|known| broken.contains(&known.oracle.as_str()))
            .map(|known| format!("{}: {} ({})", known.oracle, known.does, known.link))
            .collect();
        tribunal::expect_failure(known.join("; "))?;
        return Err(Error::of(text));
    }
    tribunal::log!("{report}");
    Ok(())
}

/// Puts something into the table that a case found by itself; an error where it is not as it should be.
#[cfg(target_os = "linux")]
pub fn found(
    deployment: &str,
    case: &str,
    what: &str,
    found: Result<String, String>,
    after: Option<f64>,
) -> TestResult {
    let (place, heading) = match &found {
        Ok(_) => (HELD, "held"),
        Err(_) => (0, "broken"),
    };
    let says = match &found {
        Ok(says) | Err(says) => says.lines().next().unwrap_or_default(),
    };
    let after = after.map_or_else(|| "–".to_owned(), |after| format!("{after:.2} s"));
    Row::new(format!("reliability of {deployment}"), place, heading)
        .cell("case", case)
        .cell("oracle", what)
        .cell("found", says)
        .cell("first error", "–")
        .cell("detected", after)
        .cell("recovered", "–")
        .add();
    match found {
        Ok(says) => {
            tribunal::log!("{what}: {says}");
            Ok(())
        }
        Err(why) => Err(Error::msg(format!("{what}: {why}"))),
    }
}

fn row(
    deployment: &str,
    case: &str,
    judgement: &Judgement,
    figures: &Figures,
    subject: &Subject,
) -> Row {
    let name = judgement.oracle.name();
    let (place, heading) = match &judgement.ruling {
        Ruling::Broken if subject.known(case, name).is_some() => (1, "known deviations"),
        Ruling::Broken => (0, "broken"),
        Ruling::NotMade(_) => (HELD + 1, "not made"),
        Ruling::Held => (HELD, "held"),
    };
    let after = |at: Option<f64>, from: Option<f64>| match (at, from) {
        (Some(at), Some(from)) => format!("{:.2} s", at - from),
        _ => "–".to_owned(),
    };
    Row::new(format!("reliability of {deployment}"), place, heading)
        .cell("case", case)
        .cell("oracle", judgement.oracle.to_string())
        .cell("found", &judgement.says)
        .cell(
            "first error",
            after(figures.t_first_error, figures.t_inject),
        )
        .cell("detected", after(figures.t_detected, figures.t_inject))
        .cell("recovered", after(figures.t_recovered, figures.t_undone))
}
