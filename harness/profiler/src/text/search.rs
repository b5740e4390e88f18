//! The blocks of a search.

use std::fmt::Write as _;
use std::time::Duration;

use super::Style;
use super::frame::{alarm, rule, title};
use super::progress::clock;
use crate::advice::Marker;
use crate::ended::Ended;
use crate::probe::{Allowed, Kind, Probe, Scale, Tried};
use crate::search::{Found, Outcome};
use crate::size::{gib, size};
use crate::tier::{Tier, needed_gib, split};

/// What stands above a search.
#[derive(Clone, Copy, Debug)]
pub struct Heading<'a> {
    /// What is varied.
    pub scale: Scale,
    /// The memory of one device, where known.
    pub total: Option<u64>,
    /// What is in use before anything runs, where known.
    pub in_use: Option<u64>,
    /// What is run.
    pub test: &'a str,
    /// The model, where the test names one.
    pub model: Option<&'a str>,
    /// What the device is: its name, and that it is simulated where it is.
    pub device: Option<&'a str>,
}

/// From this share of a device on, whoever else uses it is warned of.
const BUSY: f64 = 0.1;

/// What stands above a search; `first` is its first run.
pub fn heading(heading: &Heading<'_>, first: &Probe) -> String {
    let whole = |bytes: Option<u64>| bytes.map_or("unknown".into(), |bytes| gib(bytes as f64));
    let mut out = title("FIND MINIMUM VRAM (binary search)");
    let free = heading
        .total
        .zip(heading.in_use)
        .map(|(total, used)| total.saturating_sub(used));
    let _ = writeln!(out, "  GPU total : {}", whole(heading.total));
    let _ = writeln!(
        out,
        "  GPU free  : {}  (in use: {})",
        whole(free),
        whole(heading.in_use)
    );
    if let Some(device) = heading.device {
        let _ = writeln!(out, "  Device    : {device}");
    }
    let _ = writeln!(out, "  Test      : {}", heading.test);
    if let Some(model) = heading.model {
        let _ = writeln!(out, "  Model     : {model}");
    }
    out.push('\n');
    let numbers = heading.scale.numbers();
    match heading.scale {
        Scale::Fraction { .. } => {
            let _ = writeln!(
                out,
                "  Range   : {:.0}% - {:.0}%  (tolerance {:.0}%)",
                numbers.low * 100.0,
                numbers.high * 100.0,
                numbers.tolerance * 100.0
            );
        }
        Scale::Bytes { .. } => {
            let _ = writeln!(
                out,
                "  Range   : {} - {} of KV cache  (tolerance {})",
                size(numbers.low as u64),
                size(numbers.high as u64),
                size(numbers.tolerance as u64)
            );
        }
        Scale::Tokens => {
            let _ = writeln!(
                out,
                "  Range   : {} tokens of KV cache - as many as the engine takes  (tolerance {})",
                numbers.low, numbers.tolerance
            );
        }
    }
    if heading.scale != Scale::Tokens {
        let _ = writeln!(
            out,
            "  Max iter: {} (1 validation + {} bisections)",
            first.of,
            first.of - 1
        );
    }
    if let (Some(total), Some(used)) = (heading.total, heading.in_use)
        && used as f64 > BUSY * total as f64
    {
        let _ = write!(
            out,
            "\n{}",
            alarm(&[
                &format!(
                    "WARNING: {} of the GPU's memory is already in use.",
                    gib(used as f64)
                ),
                "Other processes may make the test fail, or its figures wrong.",
            ])
        );
    }
    out.push('\n');
    out
}

/// An amount, and what it is of the device: `36% (17.2 GiB)`.
pub fn words(allowed: Allowed, scale: Scale) -> String {
    match allowed {
        Allowed::Fraction(fraction) => {
            format!("{:.0}% ({})", fraction * 100.0, of(fraction, scale))
        }
        Allowed::Bytes(_) | Allowed::Tokens(_) => format!("{} of KV cache", amount(allowed)),
        Allowed::Uncapped => "no limit".into(),
    }
}

/// The size of a KV cache.
fn amount(allowed: Allowed) -> String {
    match allowed {
        Allowed::Bytes(bytes) => size(bytes),
        Allowed::Tokens(tokens) => format!("{tokens} tokens"),
        Allowed::Fraction(_) | Allowed::Uncapped => String::new(),
    }
}

fn of(fraction: f64, scale: Scale) -> String {
    match scale {
        Scale::Fraction { total } => gib(fraction * total as f64),
        _ => String::new(),
    }
}

/// The line that announces a run.
pub fn probe(style: Style, probe: &Probe, scale: Scale) -> String {
    let mut out = format!("  [probe {}/{}] ", probe.number, probe.of);
    match (probe.allowed, probe.allowed.value()) {
        (Allowed::Fraction(fraction), Some(value)) => {
            let _ = write!(
                out,
                "{}={value} ({})",
                style.variable(),
                of(fraction, scale)
            );
        }
        (allowed, _) => out.push_str(&words(allowed, scale)),
    }
    match probe.kind {
        Kind::Validation => out.push_str("  [validation run]"),
        Kind::Bisection if probe.left == 0 => out.push_str("  [~0 left, ETA ~0s]"),
        Kind::Bisection => {}
        Kind::Again => out.push_str("  [once more: the failure does not speak of memory]"),
        Kind::Repeat => out.push_str("  [once more: does the boundary hold?]"),
        Kind::Final => out.push_str("  [final run, with the recommended amount]"),
    }
    out.push('\n');
    out
}

/// How a run ended, with the empty line below it.
pub fn ended(style: Style, probe: &Probe, tried: &Tried, scale: Scale) -> String {
    let seconds = |time: Duration| match (style, time.as_secs()) {
        // A test of half a second takes no "0s".
        (Style::Rust, 0..10) => format!("{:.1}s", time.as_secs_f64()),
        _ => format!("{:.0}s", time.as_secs_f64()),
    };
    let took = seconds(tried.took);
    let at = words(probe.allowed, scale);
    let peak = tried.peak.map_or("unknown".into(), size);
    let mut out = match (&tried.ended, style) {
        (Ended::Passed, _) => {
            let wall = seconds(tried.wall);
            format!("  [PASS] peak {peak}, wall {wall}, iter took {took}\n")
        }
        (Ended::TimedOut, Style::Pytest) => format!(
            "  [TIMEOUT] pytest exceeded {}s limit (teardown likely hung)\n",
            probe.limit.as_secs()
        ),
        (Ended::TimedOut, Style::Rust) => format!(
            "  [TIMEOUT] at {at}: exceeded the limit of {} (teardown likely hung)\n",
            clock(probe.limit)
        ),
        (_, Style::Pytest) => format!("  [FAIL] OOM or error at {at}, iter took {took}\n"),
        (Ended::OutOfMemory(said), Style::Rust) => {
            format!("  [FAIL] out of memory at {at}, iter took {took}\n         {said}\n")
        }
        (Ended::Broken { why, .. }, Style::Rust) => {
            format!("  [FAIL] error at {at}, iter took {took}\n         {why}\n")
        }
    };
    out.push('\n');
    out
}

/// The result. `name` is the test's own name.
pub fn found(style: Style, name: &str, found: &Found, used: u64, scale: Scale) -> String {
    let mut out = title("MINIMUM VRAM RESULT");
    let peak = found.peak.map_or(
        "peak observed: unknown, no device could be read".into(),
        |peak| {
            let safe = gib(peak as f64 * 1.1);
            format!("peak observed: {}, +10% safety: {safe}", size(peak))
        },
    );
    match found.lowest {
        Allowed::Fraction(fraction) => {
            let _ = writeln!(
                out,
                "  Lowest passing utilization : {:.0}%\n  Minimum VRAM needed        : ~{} ({peak})",
                fraction * 100.0,
                of(fraction, scale)
            );
        }
        lowest => {
            let _ = writeln!(out, "  Lowest passing KV cache    : {}", amount(lowest));
            match found.recommended {
                Some(recommended) => {
                    let _ = writeln!(
                        out,
                        "  Recommended KV cache       : {} ({peak})",
                        amount(recommended)
                    );
                }
                None => {
                    let _ = writeln!(out, "  Minimum VRAM needed        : ({peak})");
                }
            }
        }
    }
    for note in notes(found, scale) {
        let _ = writeln!(out, "  NOTE: {note}");
    }
    if let Some(peak) = found.peak.filter(|_| used > crate::TOLERANCE) {
        let gib = needed_gib(peak);
        let marker = Marker::MaxVramGib(gib);
        let (sign, marker) = match style {
            Style::Rust => ("//", format!("#[{}]", marker.rust())),
            Style::Pytest => ("#", format!("@pytest.mark.{}", marker.pytest())),
        };
        let (fits, not) = split(gib);
        let list = |tiers: Vec<Tier>| match tiers.len() {
            0 => "none".to_owned(),
            _ => tiers
                .iter()
                .map(Tier::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        };
        let _ = write!(
            out,
            "\n  {sign} {name}: {marker}\n  {sign} Fits on: {}\n  {sign} Will OOM on: {}\n",
            list(fits),
            list(not)
        );
    }
    out + &rule('=') + "\n"
}

/// What the reader must know of a result before believing it.
fn notes(found: &Found, scale: Scale) -> Vec<String> {
    let mut notes: Vec<String> = found
        .wavering
        .iter()
        .map(|at| {
            format!(
                "it both passed and failed at {}: the boundary is not sharp",
                words(*at, scale)
            )
        })
        .collect();
    notes.extend(found.unclear.iter().map(|(at, ended)| {
        let why = match ended {
            Ended::Broken { why, .. } | Ended::OutOfMemory(why) => why.as_str(),
            _ => "it did not end in time",
        };
        format!(
            "at {} it failed, and nothing says that memory was the reason ({why}); it may need less than this",
            words(*at, scale)
        )
    }));
    if found.early {
        notes.push("less KV cache was not tried: the peak had stopped to fall".into());
    }
    notes
}

/// What there is to say where nothing was found; empty for [`Outcome::Found`].
pub fn unresolved(style: Style, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Found(_) => String::new(),
        Outcome::Fails(Ended::Broken { why, .. }) if style == Style::Rust => format!(
            "  ERROR: the test fails with all the memory there is, and not for memory ({why}).\n  Make it pass first: `cargo test -- --exact TEST`.\n"
        ),
        Outcome::Fails(_) => {
            "  ERROR: test fails even at max utilization. Cannot determine minimum.\n".into()
        }
        Outcome::Ignored { least, most } => alarm(&[
            &format!(
                "WARNING: the peak is the same in all runs ({} to {}).",
                size(*least),
                size(*most)
            ),
            &format!("The test seems to ignore {}:", style.variable()),
            "its server must be started with it, or its minimum cannot be found.",
            "No markers are recommended.",
        ]),
        Outcome::NoTokenCount => alarm(&[
            "ERROR: the engine's log does not tell how many tokens its KV cache holds.",
            "Without it there is nothing to bisect: use the search by fraction or by bytes.",
        ]),
    }
}
