//! What one server of a deployment uses of the devices of its host, and how a share of their memory is handed to the engine as its own limit.
//!
//! Promise: amounts are bytes of one device; what the file does not say is `None`, which is not nothing. A [`MemoryLimit`] becomes arguments of
//! the engine exactly as the file writes them, or it is said that the file knows no way. Rejected: a built-in table of engines and their options
//! (a new engine would need a new harness).

use std::time::Duration;

/// What one server uses of devices.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct DeviceUse {
    /// Devices of one server.
    pub count: u32,
    /// The most bytes that it uses of each device; `None`: nobody has said.
    pub memory: Option<u64>,
    /// It uses simulated devices and never touches real ones.
    pub simulated_only: bool,
    /// Starts of the same group are spaced on a device.
    pub start_group: Option<String>,
    /// By how much.
    pub start_spacing: Option<Duration>,
    /// Arguments that hand a share of each device over: `{memory_fraction}` of the whole, `{memory_bytes}`, `{memory_gib}`.
    pub cap: Vec<String>,
    /// The parts that get those arguments, `*` for any text; `None`: the server.
    pub cap_of: Option<String>,
    /// Arguments with which a profiler limits the memory.
    pub profile: DeviceProfile,
}

/// Arguments with which a profiler limits the memory of an engine; empty: there is no such way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceProfile {
    /// A share of each whole device: `{memory_fraction}`. Without it `cap` is used, if that needs no more.
    pub fraction: Vec<String>,
    /// The size of the key-value cache in bytes: `{kv_bytes}`.
    pub kv_bytes: Vec<String>,
    /// The size of the key-value cache in tokens: `{kv_tokens}`.
    pub kv_tokens: Vec<String>,
    /// An expression whose first group finds, in the log of a start without limit, how many tokens the cache holds.
    pub kv_tokens_log: Option<String>,
}

/// How much memory an engine may take.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum MemoryLimit {
    /// So many bytes of each device, which has `total`.
    Bytes {
        /// The share.
        bytes: u64,
        /// The whole device.
        total: u64,
    },
    /// So large a part of each whole device, above 0 and at most 1.
    Fraction(f64),
    /// So many bytes for the key-value cache.
    KvBytes(u64),
    /// So many tokens in the key-value cache.
    KvTokens(u64),
}

/// What may stand in `cap`.
pub(crate) const CAP_HOLES: &[&str] = &["memory_fraction", "memory_bytes", "memory_gib"];
/// What may stand in `profile.fraction`, `.kv_bytes` and `.kv_tokens`.
pub(crate) const FRACTION_HOLES: &[&str] = &["memory_fraction"];
pub(crate) const KV_BYTES_HOLES: &[&str] = &["kv_bytes"];
pub(crate) const KV_TOKENS_HOLES: &[&str] = &["kv_tokens"];

impl DeviceUse {
    /// The arguments that make an engine keep to a limit, for each of `sharers` processes that share the devices; `None`: the file says no way.
    ///
    /// Shares are rounded down: an engine that keeps to its argument keeps to the limit.
    pub fn arguments(&self, limit: &MemoryLimit, sharers: u32) -> Option<Vec<String>> {
        let sharers = sharers.max(1);
        let (templates, values) = match *limit {
            MemoryLimit::Bytes { bytes, total } if total > 0 => {
                let part = bytes as f64 / total as f64 / f64::from(sharers);
                let each = bytes / u64::from(sharers);
                let values = vec![
                    ("memory_fraction", share(part)),
                    ("memory_bytes", each.to_string()),
                    ("memory_gib", floored(each as f64 / GIB, 3)),
                ];
                (&self.cap, values)
            }
            MemoryLimit::Bytes { .. } => return None,
            MemoryLimit::Fraction(part) => {
                let templates = match self.profile.fraction.is_empty() {
                    true => &self.cap,
                    false => &self.profile.fraction,
                };
                let part = share(part / f64::from(sharers));
                (templates, vec![("memory_fraction", part)])
            }
            MemoryLimit::KvBytes(bytes) => {
                let each = bytes / u64::from(sharers);
                (&self.profile.kv_bytes, vec![("kv_bytes", each.to_string())])
            }
            MemoryLimit::KvTokens(tokens) => {
                let each = tokens / u64::from(sharers);
                (
                    &self.profile.kv_tokens,
                    vec![("kv_tokens", each.to_string())],
                )
            }
        };
        if templates.is_empty() {
            return None;
        }
        let mut out = templates.clone();
        for text in &mut out {
            for (name, value) in &values {
                *text = put(text, name, value);
            }
        }
        // A share is not enough for an engine that must be told bytes.
        let open = |text: &String| CAP_HOLES.iter().any(|name| put(text, name, "") != *text);
        (!out.iter().any(open)).then_some(out)
    }
}

const GIB: f64 = (1u64 << 30) as f64;

fn share(part: f64) -> String {
    floored(part.clamp(0.0, 1.0), 4)
}

/// Rounded down, so that nobody takes more than there is; but a product such as 0.35 × 10,000 is meant as it reads.
fn floored(number: f64, digits: i32) -> String {
    let scale = 10f64.powi(digits);
    let number = (number * scale + 1e-6).floor() / scale;
    number.to_string()
}

/// Fills one hole in a text that the start will read: `{{name}}` is no hole, and stays.
fn put(text: &str, name: &str, value: &str) -> String {
    let hole = format!("{{{name}}}");
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(&hole) {
        let end = at + hole.len();
        let escaped = rest[..at].ends_with('{') && rest[end..].starts_with('}');
        out.push_str(&rest[..at]);
        out.push_str(if escaped { &hole } else { value });
        rest = &rest[end..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(cap: &[&str], profile: DeviceProfile) -> DeviceUse {
        DeviceUse {
            count: 1,
            memory: None,
            simulated_only: false,
            start_group: None,
            start_spacing: None,
            cap: cap.iter().map(|text| (*text).to_owned()).collect(),
            cap_of: None,
            profile,
        }
    }

    const GI: u64 = 1 << 30;

    #[test]
    fn a_share_is_written_as_the_engine_wants_it() {
        let cap = with(
            &[
                "--part={memory_fraction}",
                "--b",
                "{memory_bytes}",
                "-g{memory_gib}",
                "{{memory_gib}}",
            ],
            DeviceProfile::default(),
        );
        let limit = MemoryLimit::Bytes {
            bytes: 8 * GI,
            total: 24 * GI,
        };
        let args = cap.arguments(&limit, 1).unwrap();
        assert_eq!(
            args,
            [
                "--part=0.3333",
                "--b",
                "8589934592",
                "-g8",
                "{{memory_gib}}"
            ]
        );
        let args = cap.arguments(&limit, 2).unwrap();
        assert_eq!(args[..2], ["--part=0.1666", "--b"]);
        assert_eq!(
            cap.arguments(&MemoryLimit::Bytes { bytes: 1, total: 0 }, 1),
            None
        );
        // It would have to guess the bytes.
        assert_eq!(cap.arguments(&MemoryLimit::Fraction(0.5), 1), None);
        assert_eq!(cap.arguments(&MemoryLimit::KvBytes(5), 1), None);
    }

    #[test]
    fn a_share_reads_as_it_was_meant() {
        for (bytes, total, text) in [
            (35, 100, "0.35"),
            (1, 3, "0.3333"),
            (2, 1, "1"),
            (0, 9, "0"),
        ] {
            let cap = with(&["{memory_fraction}"], DeviceProfile::default());
            let limit = MemoryLimit::Bytes { bytes, total };
            assert_eq!(cap.arguments(&limit, 1).unwrap(), [text]);
        }
    }

    #[test]
    fn a_profiler_has_ways_of_its_own() {
        let text = |text: &str| vec![text.to_owned()];
        let profile = DeviceProfile {
            kv_bytes: text("--kv={kv_bytes}"),
            kv_tokens: text("--tokens={kv_tokens}"),
            ..DeviceProfile::default()
        };
        let falls_back = with(&["--cap={memory_fraction}"], profile.clone());
        let fraction = MemoryLimit::Fraction(0.36);
        assert_eq!(falls_back.arguments(&fraction, 1).unwrap(), ["--cap=0.36"]);
        let own = DeviceProfile {
            fraction: text("--own={memory_fraction}"),
            ..profile
        };
        let own = with(&["--cap={memory_fraction}"], own);
        assert_eq!(own.arguments(&fraction, 1).unwrap(), ["--own=0.36"]);
        assert_eq!(
            own.arguments(&MemoryLimit::KvBytes(64), 1).unwrap(),
            ["--kv=64"]
        );
        assert_eq!(
            own.arguments(&MemoryLimit::KvTokens(32), 2).unwrap(),
            ["--tokens=16"]
        );
    }
}
