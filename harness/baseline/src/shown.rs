//! A verdict for people.

use std::fmt;

use tribunal_statistics::compare::Effect;

use crate::verdict::{State, Verdict};

/// A number with as many digits as tell something.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.4}"),
    }
}

fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

fn change(f: &mut fmt::Formatter<'_>, unit: &str, effect: &Effect) -> fmt::Result {
    let space = if unit.is_empty() { "" } else { " " };
    write!(
        f,
        "{}{space}{unit} → {}{space}{unit}, {}",
        number(effect.base),
        number(effect.new),
        percent(effect.ratio)
    )?;
    if let Some(interval) = effect.interval {
        write!(
            f,
            " (95 %: {} to {})",
            percent(interval.low),
            percent(interval.high)
        )?;
    }
    Ok(())
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = |count: usize, what: &str| {
            format!("{count} {what} run{}", if count == 1 { "" } else { "s" })
        };
        writeln!(
            f,
            "{}: {} beside {}",
            self.state,
            runs(self.new_runs, "new"),
            runs(self.base_runs, "accepted")
        )?;
        for judged in &self.metrics {
            write!(f, "  {}: {}", judged.metric, judged.state)?;
            if let Some(effect) = &judged.effect {
                f.write_str(": ")?;
                change(f, judged.unit, effect)?;
                write!(f, ", limit {} %", judged.rule.limit() * 100.0)?;
            }
            if let Some(why) = &judged.why {
                write!(f, ": {why}")?;
            }
            f.write_str("\n")?;
        }
        for warning in &self.warnings {
            write!(f, "  warning: {}: ", warning.metric)?;
            change(f, warning.unit, &warning.effect)?;
            writeln!(
                f,
                ", p {:.3} among {} metrics that do not decide",
                warning.p, self.others
            )?;
        }
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        match self.state {
            State::NoBaseline => writeln!(
                f,
                "  only absolute thresholds judge these runs\n  help: accept runs of this step that are right: `cargo tribunal baseline accept RESULT…`"
            ),
            State::Improved => {
                writeln!(
                    f,
                    "  help: to make it the new bar: `cargo tribunal baseline accept RESULT…`; nothing is accepted by itself"
                )
            }
            _ => Ok(()),
        }
    }
}
