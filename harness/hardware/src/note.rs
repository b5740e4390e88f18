//! Why something about the devices is not known.
//!
//! Promise: every figure that a reader might miss has a note with its source. Rejected: log lines, since gates, `doctor`
//! and reports must be able to repeat the reason.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One reason why a device, or a figure of a device, is missing or hidden.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The platform that it is about; empty: all of them.
    pub platform: String,
    /// Where it was looked up: `NVML`, `sysfs`, `/dev`, `CUDA_VISIBLE_DEVICES`, `cache`.
    pub source: String,
    /// What sort of reason it is.
    pub kind: NoteKind,
    /// The reason, for people: `libnvidia-ml.so.1 not found`.
    pub text: String,
}

/// What sort of reason a [`Note`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteKind {
    /// The driver or library is not on this host: the ordinary state of a machine without such devices.
    Absent,
    /// Something is, or may be, here and could not be read: an error, or no answer in time.
    Unread,
    /// A device was found, but a figure of it is unmeasured.
    Partial,
    /// A variable of the environment hides devices, or could not be understood.
    Hidden,
    /// The devices are simulated: nothing that is measured of them says anything about hardware.
    Simulated,
}

impl Note {
    pub(crate) fn new(
        platform: &str,
        source: &str,
        kind: NoteKind,
        text: impl Into<String>,
    ) -> Note {
        Note {
            platform: platform.into(),
            source: source.into(),
            kind,
            text: text.into(),
        }
    }
}

/// `NVML: libnvidia-ml.so.1 not found`
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source.is_empty() {
            return f.write_str(&self.text);
        }
        write!(f, "{}: {}", self.source, self.text)
    }
}
