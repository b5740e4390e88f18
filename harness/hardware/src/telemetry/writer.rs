//! The file of samples: JSON lines, bounded.
//!
//! Promise: the file never grows beyond its bound, and covers the whole run: each time half of what was left is used up, only every fourth
//! of the samples so far is written, and a line says so. Rejected: a file that is cut at the bound (the end of a run is where it fails), and one that
//! is written anew (a reader that follows it would lose its place).

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use serde_json::{Value, json};

use super::watch::TreeSample;
use crate::live::Live;
use crate::load::HostLoad;

/// The most that one file takes: 16 MiB.
const MOST: u64 = 16 << 20;
/// Grows when a key changes its meaning or goes away.
const SCHEMA: u32 = 1;

pub(super) struct Writer {
    file: File,
    left: u64,
    /// Below this much the lines become rarer.
    mark: u64,
    every: u64,
    seen: u64,
}

impl Writer {
    pub(super) fn create(path: &Path, interval: Duration) -> std::io::Result<Writer> {
        Writer::bounded(File::create(path)?, interval, MOST)
    }

    fn bounded(file: File, interval: Duration, most: u64) -> std::io::Result<Writer> {
        let mut writer = Writer {
            file,
            left: most,
            mark: most / 2,
            every: 1,
            seen: 0,
        };
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64);
        writer.lines(&[json!({
            "schema": SCHEMA,
            "started_unix_ms": started,
            "interval_s": interval.as_secs_f64(),
        })])?;
        Ok(writer)
    }

    /// Writes one sample, if it is its turn. A file that cannot be written to any more costs the lines and nothing else.
    pub(super) fn sample(
        &mut self,
        at: Duration,
        live: &Live,
        load: &HostLoad,
        trees: &[TreeSample],
    ) {
        let turn = self.seen.is_multiple_of(self.every);
        self.seen += 1;
        if !turn {
            return;
        }
        let t = (at.as_secs_f64() * 1000.0).round() / 1000.0;
        let devices = live
            .devices
            .iter()
            .map(|device| line(t, "device", &device.key(), device));
        let trees = trees.iter().map(|tree| line(t, "tree", &tree.label, tree));
        let mut lines: Vec<Value> = devices.chain(trees).collect();
        lines.push(line(t, "host", "", load));
        if self.left < self.mark {
            self.every = self.every.saturating_mul(4);
            self.mark = self.left / 2;
            lines.push(json!({"t": t, "note": format!("from here on every {}th sample is written", self.every)}));
        }
        if self.lines(&lines).is_err() {
            self.left = 0;
        }
    }

    /// All of them or none: a sample without its devices would read as one without devices.
    fn lines(&mut self, lines: &[Value]) -> std::io::Result<()> {
        let mut text = String::new();
        for line in lines {
            text += &line.to_string();
            text.push('\n');
        }
        let length = text.len() as u64;
        if length > self.left {
            return Ok(());
        }
        self.left -= length;
        self.file.write_all(text.as_bytes())
    }
}

/// One line: when, of what, and its figures without those that are unmeasured.
fn line(t: f64, kind: &str, name: &str, figures: &impl Serialize) -> Value {
    let mut value = serde_json::to_value(figures).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|_, figure| !figure.is_null());
        let name = if name.is_empty() {
            Value::Bool(true)
        } else {
            name.into()
        };
        fields.insert(kind.into(), name);
        fields.insert("t".into(), json!(t));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::LiveDevice;

    fn written(most: u64, samples: u64) -> Vec<Value> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.jsonl");
        let file = File::create(&path).unwrap();
        let mut writer = Writer::bounded(file, Duration::from_secs(1), most).unwrap();
        let live = Live {
            devices: vec![LiveDevice {
                memory_used: Some(5),
                ..LiveDevice::new("cuda", 0, "NVIDIA L4")
            }],
            ..Live::default()
        };
        for at in 0..samples {
            writer.sample(Duration::from_secs(at), &live, &HostLoad::default(), &[]);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.len() as u64 <= most, "{} of {most}", text.len());
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn a_line_has_the_time_the_device_and_what_was_measured() {
        let lines = written(MOST, 1);
        assert_eq!(lines[0]["schema"], 1);
        assert_eq!(lines[1]["device"], "cuda:0");
        assert_eq!(lines[1]["memory_used"], 5);
        assert_eq!(lines[1]["t"], 0.0);
        assert!(
            lines[1].get("power_watts").is_none(),
            "unmeasured is absent and never zero: {}",
            lines[1]
        );
        assert_eq!(lines[2], json!({"t": 0.0, "host": true}));
    }

    #[test]
    fn a_long_run_is_covered_to_its_end_within_the_bound() {
        let lines = written(40_000, 5_000);
        let last = lines.last().unwrap()["t"].as_f64().unwrap();
        assert!(last > 2_500.0, "{last}");
        let notes = lines.iter().filter(|line| line.get("note").is_some());
        assert!(notes.count() >= 2);
    }
}
