//! Where something that later runs are compared with comes from.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// Who made a baseline or a reference, of what, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The day, as in `2026-03-31` (UTC).
    pub date: String,
    /// The deployment that answered.
    pub deployment: String,
    /// Its model.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// The version of the server.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Anything else that a reader should know: devices, options, the reason of a new one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Provenance {
    /// Made today, by this deployment.
    pub fn of(deployment: impl Into<String>) -> Provenance {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = since.map_or(0, |s| s.as_secs());
        Provenance {
            date: date(seconds / 86_400),
            deployment: deployment.into(),
            ..Provenance::default()
        }
    }

    /// With the name of the model.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = model.into();
        self
    }

    /// With the version of the server.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// With a word on why or how it was made.
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = note.into();
        self
    }

    /// In one line.
    pub fn describe(&self) -> String {
        let mut text = format!("made {} by {}", self.date, self.deployment);
        for (what, value) in [("model", &self.model), ("version", &self.version)] {
            if !value.is_empty() {
                text.push_str(&format!(", {what} {value}"));
            }
        }
        if !self.note.is_empty() {
            text.push_str(&format!(" ({})", self.note));
        }
        text
    }
}

/// The date of a day after 1 January 1970, in the Gregorian calendar.
fn date(days: u64) -> String {
    // Years of 400 are alike; counted from a 1 March, leap days come last.
    let day = days + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!("{:04}-{month:02}-{day:02}", era * 400 + year + next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (11_017, "2000-03-01"),
            (19_782, "2024-02-29"),
            (20_088, "2024-12-31"),
            (47_541, "2100-03-01"),
        ] {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn it_is_told_in_one_line() {
        let made = Provenance {
            date: "2026-01-02".into(),
            ..Provenance::of("vllm").model("m").note("2 x H100")
        };
        assert_eq!(
            made.describe(),
            "made 2026-01-02 by vllm, model m (2 x H100)"
        );
    }
}
