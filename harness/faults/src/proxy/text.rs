//! The text form of toxics and their rules, for tables, consoles and saved tests.
//!
//! Promise: what is shown is read back as the same value, and what cannot be read is told with the place's nearest word. The names are those of Toxiproxy where it has
//! the same thing. Rejected: JSON, which nobody types.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::toxic::{After, Cut, Direction, Toxic, ToxicRule};
use super::words::{Words, nearest};

/// Why a text is no toxic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToxicError(pub(super) String);

impl fmt::Display for ToxicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ToxicError {}

/// Every name, and what it takes.
const NAMES: [(&str, &str); 14] = [
    ("latency", "latency TIME [jitter TIME]"),
    ("bandwidth", "bandwidth BYTES (a second)"),
    (
        "slicer",
        "slicer [BYTES] [inside-characters | inside-event-end] [gap TIME]",
    ),
    ("stall", "stall after N bytes|events"),
    ("limit_data", "limit_data after N bytes|events"),
    ("reset_peer", "reset_peer after N bytes|events"),
    ("half_close", "half_close after N bytes|events"),
    ("refuse", "refuse"),
    ("silence", "silence"),
    ("slow_headers", "slow_headers TIME"),
    ("corrupt", "corrupt BYTES after N bytes|events"),
    ("duplicate", "duplicate after N bytes|events"),
    ("status", "status CODE [retry-after TIME] [body \"JSON\"]"),
    ("slow_close", "slow_close TIME"),
];
/// Words that people use for the same.
const OTHER_WORDS: [(&str, &str); 6] = [
    ("close", "limit_data"),
    ("reset", "reset_peer"),
    ("slice", "slicer"),
    ("delay", "latency"),
    ("half-close", "half_close"),
    ("slow-headers", "slow_headers"),
];
pub(super) const OF_RULES: [&str; 5] = ["to-server", "share", "connections", "window", "path"];

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            After::Bytes(n) => write!(f, "after {n} bytes"),
            After::Events(n) => write!(f, "after {n} events"),
        }
    }
}

impl fmt::Display for Toxic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Toxic::Latency { by, jitter } => {
                write!(f, "latency {}", time(*by))?;
                match jitter.is_zero() {
                    true => Ok(()),
                    false => write!(f, " jitter {}", time(*jitter)),
                }
            }
            Toxic::Bandwidth { bytes_per_second } => write!(f, "bandwidth {bytes_per_second}"),
            Toxic::Slice { bytes, gap, cut } => {
                write!(f, "slicer {bytes}")?;
                match cut {
                    Cut::Fixed => {}
                    Cut::InsideCharacters => f.write_str(" inside-characters")?,
                    Cut::InsideEventEnd => f.write_str(" inside-event-end")?,
                }
                match gap.is_zero() {
                    true => Ok(()),
                    false => write!(f, " gap {}", time(*gap)),
                }
            }
            Toxic::Stall { after } => write!(f, "stall {after}"),
            Toxic::Close { after } => write!(f, "limit_data {after}"),
            Toxic::Reset { after } => write!(f, "reset_peer {after}"),
            Toxic::HalfClose { after } => write!(f, "half_close {after}"),
            Toxic::Refuse => f.write_str("refuse"),
            Toxic::Silence => f.write_str("silence"),
            Toxic::SlowHeaders { gap } => write!(f, "slow_headers {}", time(*gap)),
            Toxic::Corrupt { after, bytes } => write!(f, "corrupt {bytes} {after}"),
            Toxic::Duplicate { after } => write!(f, "duplicate {after}"),
            Toxic::Status {
                code,
                retry_after,
                body,
            } => {
                write!(f, "status {code}")?;
                if let Some(after) = retry_after {
                    write!(f, " retry-after {}", time(*after))?;
                }
                match body {
                    Some(body) => write!(f, " body {}", quoted(body)),
                    None => Ok(()),
                }
            }
            Toxic::SlowClose { by } => write!(f, "slow_close {}", time(*by)),
        }
    }
}

impl fmt::Display for ToxicRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.toxic)?;
        if self.direction == Direction::ToServer {
            f.write_str(" to-server")?;
        }
        if self.share != 1.0 {
            write!(f, " share {}", self.share)?;
        }
        if let Some(range) = &self.connections {
            write!(f, " connections {}..{}", range.start, range.end)?;
        }
        if let Some((from, until)) = self.window {
            write!(f, " window {}..{}", time(from), time(until))?;
        }
        match &self.path {
            Some(path) => write!(f, " path {}", quoted(path)),
            None => Ok(()),
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A time in the largest unit in which it is a whole number.
fn time(time: Duration) -> String {
    let nanos = time.as_nanos();
    for (unit, size) in [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)] {
        if nanos.is_multiple_of(size) {
            return format!("{}{unit}", nanos / size);
        }
    }
    format!("{nanos}ns")
}

impl FromStr for Toxic {
    type Err = ToxicError;

    fn from_str(text: &str) -> Result<Self, ToxicError> {
        let rule: ToxicRule = text.parse()?;
        match rule == ToxicRule::new(rule.toxic.clone()) {
            true => Ok(rule.toxic),
            false => Err(ToxicError(format!(
                "`{text}` says more than what goes wrong: {} belong to a rule",
                OF_RULES.map(|w| format!("`{w}`")).join(", ")
            ))),
        }
    }
}

impl FromStr for ToxicRule {
    type Err = ToxicError;

    fn from_str(text: &str) -> Result<Self, ToxicError> {
        let mut words = Words::of(text)?;
        let toxic = toxic(&mut words)?;
        let mut rule = ToxicRule::new(toxic);
        while let Some(word) = words.next() {
            match word.as_str() {
                "to-server" => rule.direction = Direction::ToServer,
                "to-client" => rule.direction = Direction::ToClient,
                "share" => rule.share = words.number("share")?,
                "connections" => {
                    let (from, until) = words.range("connections")?;
                    let number = |text: &str| {
                        text.parse::<u64>().map_err(|_| {
                            words.wrong(text, "a number of a connection, as in `connections 0..3`")
                        })
                    };
                    rule.connections = Some(number(&from)?..number(&until)?);
                }
                "window" => {
                    let (from, until) = words.range("window")?;
                    rule.window = Some((words.as_time(&from)?, words.as_time(&until)?));
                }
                "path" => rule.path = Some(words.argument("path")?),
                other => {
                    let known = words.of_toxic.split([' ', '[', ']', '|']).chain(OF_RULES);
                    let near = nearest(
                        other,
                        known.filter(|w| w.starts_with(|c: char| c.is_ascii_lowercase())),
                    );
                    return Err(words.unknown(other, near));
                }
            }
        }
        match rule.mistake() {
            None => Ok(rule),
            Some(mistake) => Err(ToxicError(format!("`{text}`: {mistake}"))),
        }
    }
}

fn toxic(words: &mut Words) -> Result<Toxic, ToxicError> {
    let known = || NAMES.iter().map(|(name, _)| *name);
    let Some(said) = words.next() else {
        let all: Vec<&str> = NAMES.iter().map(|(_, form)| *form).collect();
        return Err(ToxicError(format!(
            "no toxic is named; there are: {}",
            all.join("; ")
        )));
    };
    let other = OTHER_WORDS.iter().find(|(word, _)| *word == said);
    let name = other.map_or(said.as_str(), |(_, name)| name);
    let Some((name, form)) = NAMES.iter().find(|(known, _)| *known == name) else {
        let near = nearest(&said, known().chain(OTHER_WORDS.map(|(word, _)| word)));
        let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let all: Vec<&str> = known().collect();
        return Err(ToxicError(format!(
            "no toxic is called `{said}`; there are {}{near}",
            all.join(", ")
        )));
    };
    words.of_toxic = form;
    Ok(match *name {
        "latency" => Toxic::Latency {
            by: words.time("latency")?,
            jitter: words.time_after("jitter")?.unwrap_or_default(),
        },
        "bandwidth" => Toxic::Bandwidth {
            bytes_per_second: words.number("bandwidth")?,
        },
        "slicer" => slicer(words)?,
        "stall" => Toxic::Stall {
            after: words.after()?,
        },
        "limit_data" => Toxic::Close {
            after: words.after()?,
        },
        "reset_peer" => Toxic::Reset {
            after: words.after()?,
        },
        "half_close" => Toxic::HalfClose {
            after: words.after()?,
        },
        "refuse" => Toxic::Refuse,
        "silence" => Toxic::Silence,
        "slow_headers" => Toxic::SlowHeaders {
            gap: words.time("slow_headers")?,
        },
        "corrupt" => Toxic::Corrupt {
            bytes: words.number("corrupt")?,
            after: words.after()?,
        },
        "duplicate" => Toxic::Duplicate {
            after: words.after()?,
        },
        "status" => Toxic::Status {
            code: words.number("status")?,
            retry_after: words.time_after("retry-after")?,
            body: match words.take("body") {
                true => Some(words.argument("body")?),
                false => None,
            },
        },
        _ => Toxic::SlowClose {
            by: words.time("slow_close")?,
        },
    })
}

fn slicer(words: &mut Words) -> Result<Toxic, ToxicError> {
    let bytes = match words.peek() {
        Some(word) if word.starts_with(|c: char| c.is_ascii_digit()) => words.number("slicer")?,
        _ => 0,
    };
    let cut = if words.take("inside-characters") {
        Cut::InsideCharacters
    } else if words.take("inside-event-end") {
        Cut::InsideEventEnd
    } else {
        Cut::Fixed
    };
    let gap = words.time_after("gap")?.unwrap_or_default();
    Ok(Toxic::Slice { bytes, gap, cut })
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
