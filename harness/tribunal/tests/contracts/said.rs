//! Everything that a program said: exit code, output, and what can be read from it.
//!
//! Promise: a demand that is not met fails with the whole output, so that no row has to be run again by hand.
//!
//! Rejected: comparing bare strings in the rows (times differ, and a failure would show too little).

use std::collections::BTreeMap;

use serde_json::Value;

/// What came of a call.
#[derive(Debug)]
pub struct Said {
    /// The exit code; 128 and the number for a signal, as shells do.
    pub code: i32,
    /// Whether a signal ended it.
    pub killed: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Said {
    /// Demands an exit code; what was said stands in the failure.
    #[track_caller]
    pub fn exits(self, code: i32) -> Said {
        assert_eq!(
            self.code, code,
            "exit code\n--- stdout ---\n{}\n--- stderr ---\n{}",
            self.out, self.err
        );
        self
    }

    /// Demands that standard output contains each of these.
    #[track_caller]
    pub fn says<const N: usize>(self, parts: [&str; N]) -> Said {
        for part in parts {
            assert!(
                self.out.contains(part),
                "standard output does not say {part:?}\n--- stdout ---\n{}\n--- stderr ---\n{}",
                self.out,
                self.err
            );
        }
        self
    }

    /// Demands that standard output contains none of these.
    #[track_caller]
    pub fn says_not<const N: usize>(self, parts: [&str; N]) -> Said {
        for part in parts {
            assert!(
                !self.out.contains(part),
                "standard output says {part:?}\n--- stdout ---\n{}\n--- stderr ---\n{}",
                self.out,
                self.err
            );
        }
        self
    }

    /// Demands that standard error contains each of these.
    #[track_caller]
    pub fn warns<const N: usize>(self, parts: [&str; N]) -> Said {
        for part in parts {
            assert!(
                self.err.contains(part),
                "standard error does not say {part:?}\n--- stdout ---\n{}\n--- stderr ---\n{}",
                self.out,
                self.err
            );
        }
        self
    }

    /// The results that were printed: `name → what follows the dots`, without times. What stands below them, the text of failures, may contain anything.
    pub fn results(&self) -> BTreeMap<String, String> {
        let mut results = BTreeMap::new();
        for line in self.out.lines().take_while(|l| *l != "failures:") {
            if let Some((name, tail)) = line
                .strip_prefix("test ")
                .and_then(|l| l.split_once(" ... "))
            {
                results.insert(
                    name.trim_end()
                        .trim_end_matches(" - should panic")
                        .to_owned(),
                    without_times(tail),
                );
            }
        }
        results
    }

    /// The names that were listed as `name: test`.
    #[track_caller]
    pub fn listed(&self) -> Vec<String> {
        self.out
            .lines()
            .filter_map(|l| l.strip_suffix(": test"))
            .map(str::to_owned)
            .collect()
    }

    /// The names that ran or were shown as ignored.
    pub fn names(&self) -> Vec<String> {
        self.results().into_keys().collect()
    }

    /// Standard output as JSON, one value per line; a line that is none fails the row.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|l| {
                serde_json::from_str(l)
                    .unwrap_or_else(|e| panic!("not a line of JSON ({e}): {l:?}"))
            })
            .collect()
    }
}

/// A text with every ` (0.012s)` and `finished in 0.01s` replaced, since times differ.
pub fn without_times(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" (") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let inner = &after[2..];
        match inner.split_once(')') {
            Some((time, tail))
                if time.ends_with('s')
                    && time.starts_with(|c: char| c.is_ascii_digit())
                    && time.trim_end_matches('s').parse::<f64>().is_ok() =>
            {
                rest = tail
            }
            _ => {
                out.push_str(" (");
                rest = inner;
            }
        }
    }
    out.push_str(rest);
    let mut lines: Vec<String> = out.split('\n').map(str::to_owned).collect();
    for line in &mut lines {
        if let Some(at) = line.find("finished in ") {
            line.truncate(at);
            line.push_str("finished in T");
        }
    }
    lines.join("\n")
}
