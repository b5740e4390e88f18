//! A day and a time in UTC, as files and tables show them.
//!
//! Promise: the Gregorian calendar from 1970 on; no time zone and no leap second. Rejected: a library of dates (nothing here asks more of one than this).

use std::time::{SystemTime, UNIX_EPOCH};

/// A day and a time in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utc {
    /// The year.
    pub year: u64,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute.
    pub minute: u8,
    /// The second.
    pub second: u8,
}

impl Utc {
    /// So many seconds after the beginning of 1970.
    pub fn of_seconds(seconds: u64) -> Utc {
        let (days, rest) = (seconds / 86_400, seconds % 86_400);
        // Eras of 400 years are alike; counted from a 1 March, leap days come last (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        Utc {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month: month as u8,
            day: (of_year - (153 * from_march + 2) / 5 + 1) as u8,
            hour: (rest / 3600) as u8,
            minute: (rest / 60 % 60) as u8,
            second: (rest % 60) as u8,
        }
    }

    /// Of an instant; one before 1970 is its beginning.
    pub fn of(at: SystemTime) -> Utc {
        let since = at.duration_since(UNIX_EPOCH);
        Utc::of_seconds(since.map_or(0, |since| since.as_secs()))
    }

    /// `2025-01-31`.
    pub fn date(&self) -> String {
        let Utc {
            year, month, day, ..
        } = self;
        format!("{year:04}-{month:02}-{day:02}")
    }

    /// `23:59`.
    pub fn time(&self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, date, time, second) in [
            (0, "1970-01-01", "00:00", 0),
            (59 * 86_400, "1970-03-01", "00:00", 0),
            (951_782_399, "2000-02-28", "23:59", 59),
            (951_782_400, "2000-02-29", "00:00", 0),
            (951_868_800, "2000-03-01", "00:00", 0),
            (1_735_689_599, "2024-12-31", "23:59", 59),
            (1_738_367_999, "2025-01-31", "23:59", 59),
            (4_107_542_400, "2100-03-01", "00:00", 0),
        ] {
            let utc = Utc::of(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(
                (&*utc.date(), &*utc.time(), utc.second),
                (date, time, second)
            );
        }
    }

    #[test]
    fn what_is_before_the_beginning_is_the_beginning_and_the_far_future_has_a_date() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(Utc::of(before), Utc::of_seconds(0));
        assert!(Utc::of_seconds(u64::MAX).year > 500_000_000_000);
    }
}
