//! What is wrong, or unwise, about a registered test.

use std::fmt;

use crate::registry::Place;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing runs until it is mended.
    Error,
    /// Shown by `--lint`; an error under `--strict`.
    Warning,
    /// Shown by `--lint --strict` only.
    Strict,
}

/// One finding about one test or case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where the test or case stands.
    pub place: Place,
    /// Its name.
    pub test: String,
    /// What is wrong; a second line starting with `help:` says what to do.
    pub message: String,
}

impl Finding {
    pub(crate) fn error(place: Place, test: &str, message: String) -> Finding {
        Finding {
            severity: Severity::Error,
            place,
            test: test.to_owned(),
            message,
        }
    }
    pub(crate) fn warning(place: Place, test: &str, message: String) -> Finding {
        Finding {
            severity: Severity::Warning,
            place,
            test: test.to_owned(),
            message,
        }
    }
    pub(crate) fn strict(place: Place, test: &str, message: String) -> Finding {
        Finding {
            severity: Severity::Strict,
            place,
            test: test.to_owned(),
            message,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning | Severity::Strict => "warning",
        };
        let mut lines = self.message.lines();
        write!(
            f,
            "{word}: {}: {}\n  --> {}",
            self.test,
            lines.next().unwrap_or(""),
            self.place
        )?;
        for line in lines {
            write!(f, "\n  {line}")?;
        }
        Ok(())
    }
}
