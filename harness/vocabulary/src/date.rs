//! Days as people write them: `2026-12-31`.
//!
//! Promise: what is no day of the calendar is an error that says why; days compare. Rejected: a library of times and zones (a day until which
//! something holds has no zone: it ends when it has ended everywhere that the reader cares about, and here that is in UTC).

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: i32,
    month: u8,
    day: u8,
}

impl Date {
    /// Reads `YYYY-MM-DD`.
    ///
    /// # Errors
    /// The message says what was expected; it does not repeat the place.
    pub fn parse(text: &str) -> Result<Date, String> {
        let wrong =
            |why: &str| format!("`{text}` is no day: {why}; write for example `2026-12-31`");
        let parts: Vec<&str> = text.split('-').collect();
        let &[year, month, day] = &*parts else {
            return Err(wrong("a year, a month and a day are expected"));
        };
        let number = |part: &str, digits: usize| match part.len() == digits
            && part.bytes().all(|b| b.is_ascii_digit())
        {
            true => part.parse::<i32>().ok(),
            false => None,
        };
        let (Some(year), Some(month), Some(day)) =
            (number(year, 4), number(month, 2), number(day, 2))
        else {
            return Err(wrong(
                "four digits, two and two, parted by dashes, are expected",
            ));
        };
        if !(1..=12).contains(&month) {
            return Err(wrong("there are twelve months"));
        }
        if !(1..=days_of(year, month)).contains(&day) {
            return Err(wrong("that month has no such day"));
        }
        Ok(Date {
            year,
            month: month as u8,
            day: day as u8,
        })
    }

    /// The day that is so many days after the first of January 1970.
    pub fn since_epoch(days: i64) -> Date {
        // Years are counted from March, so that the day that some have more is the last of its year.
        let days = days.clamp(-719_000, 2_932_000) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year + era * 400 + i64::from(month <= 2);
        Date {
            year: year as i32,
            month: month as u8,
            day: day as u8,
        }
    }

    /// Today, in UTC.
    pub fn today() -> Date {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Date::since_epoch((now.as_secs() / 86_400) as i64)
    }
}

fn days_of(year: i32, month: i32) -> i32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_counted_and_compared() {
        for (text, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2000-03-01", 11_017),
            ("2026-12-31", 20_818),
            ("2100-03-01", 47_541),
        ] {
            let date = Date::parse(text).expect(text);
            assert_eq!(Date::since_epoch(days), date, "{text}");
            assert_eq!(date.to_string(), text);
        }
        // Every day of four centuries follows the one before.
        for days in -1_000..146_097 {
            let date = Date::since_epoch(days);
            assert!(date < Date::since_epoch(days + 1), "{date}");
            assert_eq!(Date::parse(&date.to_string()), Ok(date));
        }
    }

    #[test]
    fn what_is_no_day_says_why() {
        for (text, why) in [
            ("", "a year, a month and a day"),
            ("31.12.2026", "a year, a month and a day"),
            ("2026-1-01", "four digits"),
            ("2026-01-+1", "four digits"),
            ("2026-13-01", "twelve months"),
            ("2026-02-29", "no such day"),
            ("2100-02-29", "no such day"),
            ("2026-04-31", "no such day"),
            ("2026-04-00", "no such day"),
        ] {
            let error = Date::parse(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
