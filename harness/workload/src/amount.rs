//! Numbers that may be ranges, and the buckets of multimodal prompts.
//!
//! A range is drawn once for each batch of a soak: `{"min": 0, "max": 8000}`, `[0, 8000]` and `"0-8000"` say the same.

use std::fmt;

use tribunal_deploy::tree::{Node, Value};

use crate::draw::Draw;
use crate::reader::Reader;

/// A number, or a range of which one is drawn for each batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// This one.
    Fixed(u32),
    /// From the first to the second, both included.
    Range(u32, u32),
}

impl Amount {
    /// Whether it is a range.
    pub fn is_range(self) -> bool {
        matches!(self, Amount::Range(..))
    }

    /// The largest that it can be.
    pub fn most(self) -> u32 {
        match self {
            Amount::Fixed(number) | Amount::Range(_, number) => number,
        }
    }

    pub(crate) fn drawn(self, draw: &mut Draw) -> Amount {
        match self {
            Amount::Fixed(_) => self,
            Amount::Range(least, most) => Amount::Fixed(draw.within(least, most)),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Fixed(number) => write!(f, "{number}"),
            Amount::Range(least, most) => write!(f, "{least}-{most}"),
        }
    }
}

/// A sort of picture, video or sound: `(height, width, frames)`; no height: a sound of `width` seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Bucket {
    /// Height in pixels; 0: it is a sound.
    pub height: Amount,
    /// Width in pixels; of a sound: its seconds.
    pub width: Amount,
    /// Frames, 1: a picture; of a sound: how many of them.
    pub frames: Amount,
    /// The share of it.
    pub share: f64,
}

/// What a [`Bucket`] is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Sound.
    Audio,
    /// One picture.
    Image,
    /// Several.
    Video,
}

impl Bucket {
    /// What it is of.
    pub fn medium(&self) -> Medium {
        if self.height.most() == 0 {
            Medium::Audio
        } else if self.frames.most() <= 1 {
            Medium::Image
        } else {
            Medium::Video
        }
    }

    /// The bucket with one size; those of a video are even.
    pub(crate) fn drawn(&self, draw: &mut Draw) -> Bucket {
        let video = self.medium() == Medium::Video;
        let even = |amount: Amount| match amount {
            Amount::Fixed(number) if video => Amount::Fixed((number & !1).max(2)),
            other => other,
        };
        let mut one = |amount: Amount| match amount.is_range() {
            true => even(amount.drawn(draw)),
            false => amount,
        };
        Bucket {
            height: one(self.height),
            width: one(self.width),
            frames: self.frames.drawn(draw),
            share: self.share,
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {}, {})", self.height, self.width, self.frames)
    }
}

impl Reader<'_> {
    /// A number of at least `least`, or a range of them.
    pub fn amount(&mut self, key: &str, node: &Node, least: u32) -> Option<Amount> {
        let (low, high) = match &node.value {
            Value::Int(_) => return self.whole(key, node, least).map(Amount::Fixed),
            Value::List(list) => match &**list {
                [low, high] => (self.whole(key, low, least)?, self.whole(key, high, least)?),
                _ => {
                    self.mistake(
                        node.at,
                        format!("a range has two ends, and `{key}` has {}", list.len()),
                        Some("write [least, most]".to_owned()),
                    );
                    return None;
                }
            },
            Value::Table(table) => {
                let known = ["min", "max"];
                for entry in &table.0 {
                    if !known.contains(&&*entry.key) {
                        self.unknown_key(entry, "a range", &known, "it has `min` and `max`");
                    }
                }
                match (table.get("min"), table.get("max")) {
                    (Some(low), Some(high)) => {
                        (self.whole(key, low, least)?, self.whole(key, high, least)?)
                    }
                    _ => {
                        self.mistake(
                            node.at,
                            format!("the range `{key}` needs `min` and `max`"),
                            None,
                        );
                        return None;
                    }
                }
            }
            Value::Text(text) => match span(text) {
                Some((low, high)) if low >= least => (low, high),
                _ => {
                    self.mistake(
                        node.at,
                        format!("`{key}` is neither a number nor a range: `{text}`"),
                        Some(format!("write a range as \"{least}-8000\"")),
                    );
                    return None;
                }
            },
            _ => {
                self.wrong_node(key, node, "a number or a range");
                return None;
            }
        };
        if low > high {
            self.mistake(
                node.at,
                format!("the range `{key}` ends before it begins: {low} to {high}"),
                Some("the smaller number comes first".to_owned()),
            );
            return None;
        }
        Some(Amount::Range(low, high))
    }

    /// `{"(256-1080, 256-1920, 2-16)": 0.5, …}`.
    pub fn buckets(&mut self, key: &str, node: &Node) -> Option<Vec<Bucket>> {
        let Some(table) = node.table() else {
            self.wrong_node(key, node, "a table of buckets with their shares");
            return None;
        };
        let mut buckets = Vec::new();
        let before = self.found.len();
        for entry in &table.0 {
            let share = self.number(&entry.key, &entry.node)?;
            if share < 0.0 {
                self.mistake(
                    entry.node.at,
                    format!("the share of {} is below 0", entry.key),
                    None,
                );
                continue;
            }
            match bucket(&entry.key, share) {
                Some(bucket) => buckets.push(bucket),
                None => self.mistake(
                    entry.key_at,
                    format!("`{}` is no bucket", entry.key),
                    Some("write \"(height, width, frames)\"; each may be a range, as in \"(256-1080, 256-1920, 2-16)\"; a height of 0 is a sound of `width` seconds".to_owned()),
                ),
            }
        }
        let sum: f64 = buckets.iter().map(|bucket| bucket.share).sum();
        if sum <= 0.0 && self.found.len() == before {
            self.mistake(
                node.at,
                format!("the shares of `{key}` are 0 together: nothing could be drawn"),
                None,
            );
        }
        (self.found.len() == before).then_some(buckets)
    }
}

/// `256-1080` or `256`.
fn span(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| -> Option<u32> {
        let text = text.trim();
        text.bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| text.parse().ok())?
    };
    match text.split_once('-') {
        Some((low, high)) => Some((number(low)?, number(high)?)),
        None => number(text).map(|number| (number, number)),
    }
}

fn bucket(text: &str, share: f64) -> Option<Bucket> {
    let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
    let mut parts = inner.split(',').map(|part| {
        let (low, high) = span(part)?;
        (low <= high).then_some(if low == high {
            Amount::Fixed(low)
        } else {
            Amount::Range(low, high)
        })
    });
    let bucket = Bucket {
        height: parts.next()??,
        width: parts.next()??,
        frames: parts.next()??,
        share,
    };
    parts.next().is_none().then_some(bucket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_as_they_are_written() {
        let video = bucket("(256-1080, 256-1920, 2-16)", 0.5).expect("a bucket");
        assert_eq!(video.medium(), Medium::Video);
        assert_eq!(video.to_string(), "(256-1080, 256-1920, 2-16)");
        assert_eq!(
            bucket("(0, 60, 3)", 1.0).map(|b| b.medium()),
            Some(Medium::Audio)
        );
        assert_eq!(
            bucket("(256,256,1)", 1.0).map(|b| b.medium()),
            Some(Medium::Image)
        );
        for wrong in [
            "",
            "256",
            "(1,2)",
            "(1,2,3,4)",
            "(a,b,c)",
            "(9-1, 1, 1)",
            "(-1,1,1)",
        ] {
            assert_eq!(bucket(wrong, 1.0), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_drawn_of_a_video_is_even() {
        let bucket = bucket("(255-1081, 301-1921, 2-16)", 1.0).expect("a bucket");
        for batch in 0..100 {
            let drawn = bucket.drawn(&mut Draw::of(1, batch));
            for side in [drawn.height, drawn.width] {
                let Amount::Fixed(side) = side else {
                    panic!("it is drawn");
                };
                assert_eq!(side % 2, 0);
            }
            assert!(!drawn.frames.is_range());
        }
    }
}
