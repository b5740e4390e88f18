//! The block of recommended markers.

use std::fmt::Write as _;

use super::Style;
use super::frame::{rule, title};
use crate::advice::Advice;

/// The markers, each with its reason, ready to be copied; `command` is what measured them.
pub fn advice(style: Style, advice: &Advice, command: &str) -> String {
    let (what, sign) = match style {
        Style::Rust => ("attributes to add to your test", "//"),
        Style::Pytest => ("markers to add to your pytest", "#"),
    };
    let mut out = title(&format!("Recommended {what}. You can copy-paste this:"));
    let _ = writeln!(out, "{sign} Measured using: {command}");
    for item in &advice.items {
        let _ = match style {
            Style::Rust => writeln!(out, "#[{}] // {}", item.marker.rust(), item.reason),
            Style::Pytest => writeln!(
                out,
                "@pytest.mark.{}  # {}",
                item.marker.pytest(),
                item.reason
            ),
        };
    }
    if let (Style::Rust, Some((seconds, reason))) = (style, &advice.ready_within) {
        let _ = writeln!(
            out,
            "// and in the deployment's file: ready.within = \"{seconds}s\" ({reason})"
        );
    }
    if !advice.warnings.is_empty() {
        out.push('\n');
    }
    for warning in &advice.warnings {
        let _ = writeln!(out, "  WARNING: {warning}");
    }
    out + &rule('=')
}
