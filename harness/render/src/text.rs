//! Text as reports may hold it: without what steers a terminal, no longer than a bound, and times that people and programs read.
//!
//! Promise: nothing here fails, whatever it is given, and a text that needs no change is not copied. Escaping is the formats' own affair.
//! Rejected: a crate for dates (one function of a number, against a dependency of everybody who runs tests).

use std::borrow::Cow;
use std::fmt::Write as _;

use tribunal_events::Figure;

/// Without control characters, sequences for terminals and marks that turn the direction of what follows; `\r\n` and `\r` become `\n`.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    // Every byte of such a character, or of one that looks like it, is looked at again below.
    let suspect = |b: u8| (b < 0x20 && b != b'\n' && b != b'\t') || b == 0x7f;
    let clean = !text.bytes().any(suspect) && (text.is_ascii() || !text.chars().any(odd));
    if clean {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\u{1b}' => skip_sequence(&mut chars),
            c if odd(c) => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// It is no text: XML forbids it, a terminal obeys it, or it makes a reader see another order than there is.
fn odd(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What follows an escape character, as far as it belongs to it.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.peek() {
        Some('[') => {
            chars.next();
            while let Some(c) = chars.next_if(|c| (' '..='~').contains(c)) {
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
        }
        // A title or a link: up to BEL or to ESC and a backslash, and never further than its line.
        Some(']') => {
            while let Some(c) = chars.next_if(|c| *c != '\n') {
                if c == '\u{7}' {
                    break;
                }
                if c == '\u{1b}' {
                    chars.next_if_eq(&'\\');
                    break;
                }
            }
        }
        Some('@'..='_') => {
            chars.next();
        }
        _ => {}
    }
}

/// At most `limit` bytes: the beginning and the end, and between them how much was left out.
pub(crate) fn shortened(text: &str, limit: usize) -> Cow<'_, str> {
    if text.len() <= limit {
        return Cow::Borrowed(text);
    }
    // The note itself takes room.
    let room = limit.saturating_sub(48);
    let head = (0..=room / 2).rev().find(|i| text.is_char_boundary(*i));
    let tail = (text.len() - (room - room / 2)..).find(|i| text.is_char_boundary(*i));
    // Both ends of a text are boundaries, so that both are found.
    let (head, tail) = (head.unwrap_or(0), tail.unwrap_or(text.len()));
    let note = format!("\n… {} bytes left out …\n", tail - head);
    Cow::Owned(format!("{}{note}{}", &text[..head], &text[tail..]))
}

/// The first line that says something.
pub(crate) fn first_line(text: &str) -> &str {
    text.lines()
        .map(str::trim)
        .find(|l| !l.is_empty())
        .unwrap_or("")
}

/// The line of a failure that tells what happened: the first rule that failed, the message of a panic, whose first line says where, else the first one.
pub(crate) fn gist(text: &str) -> &str {
    if let Some(rule) = text
        .lines()
        .map(str::trim)
        .find(|l| l.starts_with("fail: "))
    {
        return rule;
    }
    let is_head = |l: &&str| l.starts_with("thread '") && l.contains("' panicked at ");
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    match lines.next() {
        Some(head) if is_head(&head) => match lines.next() {
            Some("stack backtrace:") | None => head,
            Some(what) => what,
        },
        first => first.unwrap_or(""),
    }
}

/// `2026-11-22T04:46:23.125Z` of milliseconds since the epoch.
pub(crate) fn iso(at: f64) -> String {
    // Before the epoch, and beyond the year 9999, is nobody's clock.
    let ms = if at.is_finite() {
        at.clamp(0.0, 253_402_300_799_999.0) as u64
    } else {
        0
    };
    let (days, ms) = (ms / 86_400_000, ms % 86_400_000);
    let (year, month, day) = civil(days as i64);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        ms / 3_600_000,
        ms / 60_000 % 60,
        ms / 1000 % 60,
        ms % 1000
    )
}

/// Year, month and day of a day since the epoch, in the Gregorian calendar: years begin in March, so that the odd day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `0.012 s`, `4.2 s`, `3 min 5 s`, `2 h 10 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let s = if seconds.is_finite() {
        seconds.max(0.0)
    } else {
        0.0
    };
    let whole = s.round() as u64;
    match s {
        s if s < 1.0 => format!("{s:.3} s"),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole / 60 % 60),
    }
}

/// `1 case`, `2 cases`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// A figure as people read it: four digits that say something.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => "unknown".to_owned(),
        _ if size >= 1000.0 || value == value.trunc() => format!("{value:.0}"),
        _ if size >= 100.0 => format!("{value:.1}"),
        _ if size >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// A figure with its interval, its baseline and its verdict, in a line.
pub(crate) fn figure(figure: &Figure) -> String {
    let mut text = match figure.value {
        Some(value) => format!("{} {}", number(value), figure.unit),
        None => "unknown".to_owned(),
    };
    text.truncate(text.trim_end().len());
    if let Some((low, high)) = figure.interval {
        let _ = write!(text, " [{}, {}]", number(low), number(high));
    }
    if let Some(baseline) = figure.baseline {
        let _ = write!(text, ", baseline {}", number(baseline));
    }
    if !figure.verdict.is_empty() {
        let _ = write!(text, ", {}", figure.verdict);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_gone_and_the_rest_stays() {
        for (given, expected) in [
            ("a\tb\nc", "a\tb\nc"),
            ("\u{1b}[31;1mred\u{1b}[0m é", "red é"),
            ("\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{1b}\\", "link"),
            ("a\r\nb\rc", "a\nb\nc"),
            ("nul\0 bell\u{7} del\u{7f} c1\u{9b}", "nul bell del c1"),
            ("\u{202e}evil\u{2066} \u{fffe}", "evil "),
            ("cut \u{1b}[", "cut "),
            ("cut \u{1b}]8;;never\nnext", "cut \nnext"),
            ("\u{1b}", ""),
        ] {
            assert_eq!(plain(given), expected, "{given:?}");
        }
        assert!(matches!(plain("ümlaut\n"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_texts_keep_both_ends_and_say_what_is_missing() {
        let long = "é".repeat(500);
        for limit in [0, 10, 48, 49, 100, 999] {
            let short = shortened(&long, limit);
            assert!(short.len() <= limit.max(48), "{limit}: {}", short.len());
            assert!(short.contains("bytes left out"), "{short}");
        }
        assert_eq!(shortened(&long, 1000), long);
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (at, expected) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_125.0, "2000-02-29T00:00:00.125Z"),
            (1_798_761_599_999.9, "2026-12-31T23:59:59.999Z"),
            (4_107_542_400_000.0, "2100-03-01T00:00:00.000Z"),
            (-5.0, "1970-01-01T00:00:00.000Z"),
            (f64::NAN, "1970-01-01T00:00:00.000Z"),
            (f64::INFINITY, "1970-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso(at), expected, "{at}");
        }
    }

    #[test]
    fn the_gist_of_a_panic_is_its_message() {
        for (given, expected) in [
            ("\n no\n  at a.rs:1:2", "no"),
            (
                "Error: POST x\n  caused by: 1 rule failed\n      fail: usage: none",
                "fail: usage: none",
            ),
            (
                "thread 'a' panicked at a.rs:1:2:\nno\nstack backtrace:\n",
                "no",
            ),
            (
                "thread 'a' panicked at a.rs:1:2:\n\nstack backtrace:\n 0: x",
                "thread 'a' panicked at a.rs:1:2:",
            ),
            ("", ""),
        ] {
            assert_eq!(gist(given), expected, "{given}");
        }
    }

    #[test]
    fn figures_are_short() {
        assert_eq!(duration(0.0123), "0.012 s");
        assert_eq!(duration(59.94), "59.9 s");
        assert_eq!(duration(185.0), "3 min 5 s");
        assert_eq!(duration(7800.0), "2 h 10 min");
        assert_eq!(number(0.12345), "0.123");
        assert_eq!(number(12.0), "12");
        assert_eq!(number(123.456), "123.5");
        assert_eq!(number(f64::NAN), "unknown");
        assert_eq!(count(1, "case"), "1 case");
    }
}
