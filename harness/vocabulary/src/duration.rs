//! Durations as people write them: `500ms`, `30s`, `5m`, `1h30m`.
//!
//! Promise: no unit is guessed; a bare number is an error that says so. Rejected: `humantime` (it accepts `1 fortnight`-like
//! spellings and fractions with several meanings, and its messages do not say what is accepted).

use std::time::Duration;

/// The units, largest first, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads a duration: one or more whole numbers, each with its unit (`d`, `h`, `m`, `s`, `ms`), larger units first, each unit at
/// most once. `0s` is allowed; whether zero makes sense is for the reader of the setting to say.
///
/// # Errors
/// The message says what was expected; it does not repeat the place.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = |why: &str| {
        Err(format!(
            "`{text}` is no duration: {why}; write for example `500ms`, `30s`, `5m` or `1h30m`"
        ))
    };
    let mut rest = text.trim();
    if rest.is_empty() {
        return wrong("it is empty");
    }
    let mut total: u64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return wrong(&format!("a whole number was expected at `{rest}`"));
        }
        let (number, after) = rest.split_at(digits);
        let letters = after.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, after) = after.split_at(letters);
        if unit.is_empty() {
            return wrong(if after.is_empty() {
                "the unit is missing"
            } else {
                "only whole numbers with units are accepted"
            });
        }
        let Some(index) = UNITS.iter().position(|(name, _)| *name == unit) else {
            return wrong(&format!("`{unit}` is no unit (known: d, h, m, s, ms)"));
        };
        if index < next_unit {
            return wrong("each unit stands once, larger units first");
        }
        next_unit = index + 1;
        let part = number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(UNITS[index].1));
        total = match part.and_then(|part| total.checked_add(part)) {
            Some(total) => total,
            None => return wrong("it is too long"),
        };
        rest = after;
    }
    Ok(Duration::from_millis(total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            (" 90s ", 90_000),
            ("0s", 0),
        ] {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(millis)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for (text, why) in [
            ("", "it is empty"),
            ("5", "the unit is missing"),
            ("1.5h", "only whole numbers"),
            ("5x", "`x` is no unit"),
            ("30s5m", "larger units first"),
            ("5m5m", "each unit stands once"),
            ("h", "a whole number was expected at `h`"),
            ("-5m", "a whole number was expected"),
            ("99999999999999999999s", "too long"),
            ("18446744073709551615d", "too long"),
            ("5µs", "only whole numbers with units"),
            ("5m ", ""),
        ] {
            match parse_duration(text) {
                Err(message) => assert!(
                    message.contains(why) && !why.is_empty(),
                    "{text}: {message}"
                ),
                Ok(_) => assert!(why.is_empty(), "{text} was accepted"),
            }
        }
    }
}
