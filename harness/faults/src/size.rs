//! Sizes and spans of time in words: `512MiB`, `30s`.
//!
//! Promise: what is written reads back as the same; a number without a unit is an error. Rejected: bare numbers, of which nobody knows the unit.

use std::time::Duration;

const SIZES: [(&str, u64); 4] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];
/// Nanoseconds each; the largest first.
const SPANS: [(&str, u128); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// The whole number and the unit behind it.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// `512MiB`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!(
            "`{text}` is no size: expected a whole number and B, KiB, MiB or GiB, as in `512MiB`"
        )
    };
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let (_, factor) = SIZES.iter().find(|(n, _)| *n == unit).ok_or_else(wrong)?;
    number
        .checked_mul(*factor)
        .ok_or_else(|| format!("`{text}` is more than there is"))
}

/// Exactly, in the largest unit that divides it.
pub(crate) fn exactly(bytes: u64) -> String {
    let fits = SIZES
        .iter()
        .find(|(_, n)| bytes > 0 && bytes.is_multiple_of(*n));
    let (unit, factor) = fits.unwrap_or(&SIZES[3]);
    format!("{}{unit}", bytes / factor)
}

/// For people.
pub(crate) fn shown(bytes: u64) -> String {
    let mib = bytes as f64 / 1_048_576.0;
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{mib:.0} MiB"),
        _ => format!("{:.1} GiB", mib / 1024.0),
    }
}

/// `500ms`, `30s`, `5m`, `2h`, `1d`.
pub(crate) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || {
        format!(
            "`{text}` is no span of time: expected a whole number and ms, s, m, h or d, as in `30s`"
        )
    };
    let (number, unit) = split(text).ok_or_else(wrong)?;
    let (_, factor) = SPANS.iter().find(|(n, _)| *n == unit).ok_or_else(wrong)?;
    let nanos = u128::from(number) * factor;
    let seconds = u64::try_from(nanos / 1_000_000_000)
        .map_err(|_| format!("`{text}` is longer than anybody waits"))?;
    // Below a thousand million by the remainder.
    Ok(Duration::new(seconds, (nanos % 1_000_000_000) as u32))
}

/// Exactly, in the largest unit that divides it; `None` where no whole number of one fits.
pub(crate) fn span_exactly(span: Duration) -> Option<String> {
    let nanos = span.as_nanos();
    let fits = |(_, n): &&(&str, u128)| nanos.is_multiple_of(*n);
    let (unit, factor) = match nanos {
        0 => &SPANS[3],
        _ => SPANS.iter().find(fits)?,
    };
    let number = u64::try_from(nanos / factor).ok()?;
    Some(format!("{number}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("512MiB"), Ok(512 << 20));
        assert_eq!(exactly(1536 << 20), "1536MiB");
        assert_eq!(exactly(0), "0B");
        for wrong in [
            "512",
            "MiB",
            "-1MiB",
            "1 MiB",
            "1mib",
            "1.5GiB",
            "99999999999999GiB",
            "",
        ] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(shown(61 << 20), "61 MiB");
        assert_eq!(shown(24 << 30), "24.0 GiB");
    }

    #[test]
    fn spans() {
        assert_eq!(span("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(span_exactly(Duration::from_secs(90)).unwrap(), "90s");
        assert_eq!(span_exactly(Duration::from_secs(7200)).unwrap(), "2h");
        assert_eq!(span_exactly(Duration::ZERO).unwrap(), "0s");
        for wrong in ["30", "s", "-1s", "1.5s", "30 s", "18446744073709551615d"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
