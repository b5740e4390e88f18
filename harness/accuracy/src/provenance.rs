//! Where something that later runs are compared with comes from.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tribunal_vocabulary::Utc;

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
        Provenance {
            date: Utc::of(SystemTime::now()).date(),
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

#[cfg(test)]
mod tests {
    use super::*;

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
