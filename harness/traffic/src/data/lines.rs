//! Prompts of a file, in the forms that are common.
//!
//! Promise: what cannot be read is an error with its line; sizes are bounded. One object on each line, or one list of objects. Rejected: taking
//! files of any size as they are (a line without end would take all memory).

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::draw::Draw;
use super::error::DataError;
use super::item::{Item, Items};
use super::line::item;

/// Bytes of a file, of a line; prompts of a file.
const MOST_BYTES: u64 = 1 << 30;
const LONGEST_LINE: u64 = 1 << 24;
const MOST_ITEMS: usize = 1 << 21;

/// Where prompts of a file are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lines {
    /// In this file.
    File(PathBuf),
    /// Here.
    Text(String),
}

/// What is done with the prompts of a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    pub output: Option<u32>,
    pub every_turn: bool,
    pub shuffle: bool,
    pub repeat: bool,
}

/// The prompts of a file, in order or shuffled.
pub(super) struct FromLines {
    items: Arc<[Item]>,
    order: Vec<usize>,
    at: usize,
    draw: Draw,
    wish: Wish,
}

impl FromLines {
    pub fn new(lines: &Lines, wish: Wish, seed: u64) -> Result<Self, DataError> {
        let items = match lines {
            Lines::File(path) => from_file(path, &wish).map_err(|error| {
                if error.path.is_none() {
                    error.of(path)
                } else {
                    error
                }
            })?,
            Lines::Text(text) => read(&mut text.as_bytes(), Path::new("."), &wish)?,
        };
        if items.is_empty() {
            let none = DataError::new("it holds no prompt");
            return Err(match lines {
                Lines::File(path) => none.of(path),
                Lines::Text(_) => none,
            });
        }
        let order = (0..items.len()).collect();
        let mut made = Self {
            items: items.into(),
            order,
            at: 0,
            draw: Draw::of(seed, 1),
            wish,
        };
        made.begin();
        Ok(made)
    }

    fn begin(&mut self) {
        self.at = 0;
        if self.wish.shuffle {
            self.draw.shuffle(&mut self.order);
        }
    }
}

impl Items for FromLines {
    fn next(&mut self) -> Option<Item> {
        if self.at == self.order.len() && self.wish.repeat {
            self.begin();
        }
        let index = self.order.get(self.at)?;
        self.at += 1;
        Some(self.items[*index].clone())
    }
}

fn from_file(path: &Path, wish: &Wish) -> Result<Vec<Item>, DataError> {
    let file =
        File::open(path).map_err(|error| DataError::new(format!("it cannot be read: {error}")))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    read(&mut BufReader::new(file.take(MOST_BYTES + 1)), folder, wish)
}

fn read(from: &mut dyn BufRead, folder: &Path, wish: &Wish) -> Result<Vec<Item>, DataError> {
    let broken = |error: std::io::Error| DataError::new(format!("it cannot be read: {error}"));
    let mut first = Vec::new();
    // Space before the first object tells neither form from the other.
    loop {
        let buffer = from.fill_buf().map_err(broken)?;
        match buffer.iter().position(|byte| !byte.is_ascii_whitespace()) {
            Some(at) => {
                first.push(buffer[at]);
                break;
            }
            None if buffer.is_empty() => return Ok(Vec::new()),
            None => {
                let length = buffer.len();
                if !buffer.contains(&b'\n') {
                    from.consume(length);
                    continue;
                }
                // Lines are counted: they stay.
                break;
            }
        }
    }
    if first == b"[" {
        let mut all = Vec::new();
        from.take(MOST_BYTES + 1)
            .read_to_end(&mut all)
            .map_err(broken)?;
        if all.len() as u64 > MOST_BYTES {
            return Err(DataError::new(format!(
                "it is larger than {MOST_BYTES} bytes"
            )));
        }
        let list: Vec<Value> = serde_json::from_slice(&all)
            .map_err(|error| DataError::new(format!("it is no list of JSON objects: {error}")))?;
        let mut items = Vec::new();
        for (index, value) in list.into_iter().take(MOST_ITEMS).enumerate() {
            let item = item(&value, folder, wish)
                .map_err(|error| DataError::new(format!("item {}: {}", index + 1, error.why)))?;
            items.extend(item);
        }
        return Ok(items);
    }
    let (mut items, mut line, mut number, mut bytes) = (Vec::new(), Vec::new(), 0_u64, 0_u64);
    loop {
        line.clear();
        number += 1;
        let length = from
            .take(LONGEST_LINE + 1)
            .read_until(b'\n', &mut line)
            .map_err(broken)? as u64;
        bytes += length;
        if length == 0 {
            return Ok(items);
        }
        if length > LONGEST_LINE || bytes > MOST_BYTES || items.len() >= MOST_ITEMS {
            let why = format!(
                "too much: a line may have {LONGEST_LINE} bytes, a file {MOST_BYTES} and {MOST_ITEMS} prompts"
            );
            return Err(DataError::at(number, why));
        }
        let text = line
            .strip_prefix(b"\xEF\xBB\xBF")
            .filter(|_| number == 1)
            .unwrap_or(&line);
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| DataError::at(number, format!("it is no JSON object: {error}")))?;
        items.extend(item(&value, folder, wish).map_err(|error| DataError {
            line: Some(number),
            ..error
        })?);
    }
}

/// The times of a trace's requests since its first: `timestamp`, in milliseconds, of each line. For [`Arrivals::Trace`](crate::Arrivals::Trace).
///
/// # Errors
/// The file cannot be read, or a line of it has no time.
pub fn trace_times(path: &Path) -> Result<Vec<std::time::Duration>, DataError> {
    let file = File::open(path)
        .map_err(|error| DataError::new(format!("it cannot be read: {error}")).of(path))?;
    let mut times = Vec::new();
    for (index, line) in BufReader::new(file.take(MOST_BYTES))
        .split(b'\n')
        .take(MOST_ITEMS)
        .enumerate()
    {
        let number = index as u64 + 1;
        let line = line.map_err(|error| {
            DataError::at(number, format!("it cannot be read: {error}")).of(path)
        })?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let value: Option<Value> = serde_json::from_slice(&line).ok();
        let time = value
            .and_then(|value| value.get("timestamp")?.as_f64())
            .filter(|ms| (0.0..1e15).contains(ms));
        times.push(time.ok_or_else(|| {
            DataError::at(number, "`timestamp`, in milliseconds, is expected").of(path)
        })?);
    }
    let first = times.iter().copied().fold(f64::INFINITY, f64::min);
    let mut times: Vec<_> = times
        .into_iter()
        .map(|ms| std::time::Duration::from_nanos(((ms - first) * 1e6) as u64))
        .collect();
    times.sort_unstable();
    Ok(times)
}
