//! Pictures, videos and sounds in prompts, by the shares of their sizes.
//!
//! Promise: the same seed gives the same media. They are made before the run, a few of each size, and used in turn: making them while requests
//! are sent would hold requests up. Rejected: new ones for each request (a minute of sound is eight megabytes of text in a request).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use tribunal_media::synthetic::{Colour, Film, Scene, Shape, Sound, Wave};

use super::draw::{Draw, Lengths};
use super::error::DataError;
use super::item::{Item, Items, Medium, Part, Said};
use super::options::RequestOptions;
use super::words;

/// Different media of each bucket.
const VARIANTS: u32 = 4;
/// Bytes of all media of a data set, as text.
const MOST_BYTES: usize = 1 << 30;
const LONGEST_SIDE: u32 = 8192;
const MOST_FRAMES: u32 = 4096;
const LONGEST_SOUND: u32 = 3600;
const SOUND_RATE: u32 = 48_000;
const FILM_RATE: u32 = 30;

/// A size of media: `(height, width, frames)`, as vLLM's `random-mm` writes it. One frame is a picture, several are a video. Height 0 is a sound of `width`
/// seconds with `frames` channels, as vLLM-Omni writes it: `(0, 60, 3)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Pixels from top to bottom; 0 for a sound.
    pub height: Lengths,
    /// Pixels from left to right; of a sound, seconds.
    pub width: Lengths,
    /// Frames; of a sound, channels.
    pub frames: Lengths,
}

impl Bucket {
    fn medium(self) -> Medium {
        match (self.height.high, self.frames.high) {
            (0, _) => Medium::Audio,
            (_, 1) => Medium::Image,
            _ => Medium::Video,
        }
    }

    fn check(self) -> Result<(), DataError> {
        let within = |name: &str, range: Lengths, low: u32, high: u32| {
            if range.low < low || range.high > high || range.low > range.high {
                return Err(DataError::new(format!(
                    "in the bucket {self}, {name} is expected from {low} to {high}"
                )));
            }
            Ok(())
        };
        if self.medium() == Medium::Audio {
            within("seconds", self.width, 1, LONGEST_SOUND)?;
            return within("channels", self.frames, 1, 8);
        }
        within("height", self.height, 16, LONGEST_SIDE)?;
        within("width", self.width, 16, LONGEST_SIDE)?;
        within("frames", self.frames, 1, MOST_FRAMES)
    }

    pub(super) fn made(self, draw: &mut Draw) -> Result<Part, DataError> {
        let medium = self.medium();
        let (height, width, frames) = (
            self.height.draw(draw),
            self.width.draw(draw),
            self.frames.draw(draw),
        );
        let seed = draw.bits();
        // Coders of videos want even sides.
        let even = |side: u32| {
            if medium == Medium::Video {
                (side & !1).max(2)
            } else {
                side
            }
        };
        // Little pictures have room for one shape only.
        let little = height.min(width) < 128;
        let made = match medium {
            Medium::Image if little => Scene::new(width, height, seed)
                .with(1, Colour::Blue, Shape::Square)
                .png(),
            Medium::Image => Scene::new(width, height, seed).png(),
            Medium::Video => {
                let film = Film::new(even(width), even(height), frames, FILM_RATE, seed);
                let film = if little {
                    film.with(1, Colour::Blue, Shape::Square)
                } else {
                    film
                };
                film.mp4()
            }
            Medium::Audio => Sound::new(SOUND_RATE, seed)
                .channels(frames as u16)
                .part(Wave::Noise, f64::from(width))
                .wav(),
        };
        let made = made.map_err(|error| {
            DataError::new(format!(
                "media of the bucket {self} cannot be made: {error}"
            ))
        })?;
        Ok(Part {
            medium,
            url: made.data_url().into(),
            mime: made.content_type(),
            file_name: made.file_name(),
            seconds: (medium == Medium::Audio).then_some(f64::from(width)),
            bytes: made.into_bytes().into(),
        })
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |range: Lengths| {
            if range.low == range.high {
                range.low.to_string()
            } else {
                format!("{}-{}", range.low, range.high)
            }
        };
        write!(
            f,
            "({}, {}, {})",
            range(self.height),
            range(self.width),
            range(self.frames)
        )
    }
}

impl FromStr for Bucket {
    type Err = DataError;

    /// `(height, width, frames)`, each a number or a range `low-high`.
    fn from_str(text: &str) -> Result<Self, DataError> {
        let wrong = || {
            DataError::new(format!(
                "`{}` is no bucket: (height, width, frames) is expected, each a number or a range as 256-512",
                text.escape_debug()
            ))
        };
        let inner = text
            .trim()
            .strip_prefix('(')
            .and_then(|text| text.strip_suffix(')'))
            .ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<u32>().ok();
        let range = |text: &str| match text.split_once('-') {
            Some((low, high)) => Some(Lengths::between(number(low)?, number(high)?)),
            None => number(text).map(Lengths::exactly),
        };
        let sides: Vec<Lengths> = inner
            .trim_end_matches([',', ' '])
            .split(',')
            .map(range)
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        let [height, width, frames] = sides[..] else {
            return Err(wrong());
        };
        let bucket = Self {
            height,
            width,
            frames,
        };
        bucket.check()?;
        Ok(bucket)
    }
}

/// How many media of a sort a prompt has at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaLimits {
    /// Pictures.
    pub images: u32,
    /// Videos.
    pub videos: u32,
    /// Sounds.
    pub sounds: u32,
}

impl Default for MediaLimits {
    /// 255 pictures, one video, one sound.
    fn default() -> Self {
        Self {
            images: 255,
            videos: 1,
            sounds: 1,
        }
    }
}

/// Prompts with media.
pub(super) struct WithMedia {
    pools: Vec<(f64, Medium, Vec<Part>)>,
    text: Lengths,
    output: Lengths,
    items: Lengths,
    limits: MediaLimits,
    draw: Draw,
    options: RequestOptions,
}

impl WithMedia {
    pub fn new(
        buckets: &[(Bucket, f64)],
        (text, output, items): (Lengths, Lengths, Lengths),
        limits: MediaLimits,
        seed: u64,
        options: &RequestOptions,
    ) -> Result<Self, DataError> {
        if buckets
            .iter()
            .any(|(_, share)| !share.is_finite() || *share < 0.0)
            || buckets.iter().all(|(_, share)| *share == 0.0)
        {
            return Err(DataError::new(
                "the shares of media are expected to be numbers from 0 on, and one of them above 0",
            ));
        }
        let mut draw = Draw::of(seed, 3);
        let (mut pools, mut bytes) = (Vec::new(), 0);
        for (bucket, share) in buckets.iter().filter(|(_, share)| *share > 0.0) {
            bucket.check()?;
            let mut pool = Vec::new();
            for _ in 0..VARIANTS {
                let part = bucket.made(&mut draw)?;
                bytes += part.url.len() + part.bytes.len();
                pool.push(part);
                if bytes > MOST_BYTES {
                    return Err(DataError::new(format!(
                        "the media have more than {MOST_BYTES} bytes; give fewer or smaller buckets"
                    )));
                }
            }
            pools.push((*share, bucket.medium(), pool));
        }
        Ok(Self {
            pools,
            text,
            output,
            items,
            limits,
            draw: Draw::of(seed, 4),
            options: options.clone(),
        })
    }

    /// Which sorts of media there are.
    pub fn has(&self, medium: Medium) -> bool {
        self.pools.iter().any(|(_, there, _)| *there == medium)
    }

    fn parts(&mut self, count: u32) -> Vec<Part> {
        let mut had: BTreeMap<Medium, u32> = BTreeMap::new();
        let mut parts = Vec::new();
        for _ in 0..count {
            let room = |medium: Medium| {
                let most = match medium {
                    Medium::Image => self.limits.images,
                    Medium::Video => self.limits.videos,
                    Medium::Audio => self.limits.sounds,
                };
                had.get(&medium).copied().unwrap_or(0) < most
            };
            let shares: Vec<f64> = self
                .pools
                .iter()
                .map(|(share, medium, _)| if room(*medium) { *share } else { 0.0 })
                .collect();
            let Some(index) = self.draw.weighted(shares.into_iter()) else {
                break;
            };
            let (_, medium, pool) = &self.pools[index];
            *had.entry(*medium).or_default() += 1;
            parts.push(pool[self.draw.below(pool.len())].clone());
        }
        parts
    }
}

impl Items for WithMedia {
    fn next(&mut self) -> Option<Item> {
        let tokens = self.text.draw(&mut self.draw);
        let text = words::text(&mut self.draw, self.options.words(tokens));
        let output = Some(self.output.draw(&mut self.draw));
        let count = self.items.draw(&mut self.draw);
        let parts = self.parts(count);
        // Nobody knows how many tokens a picture is.
        let tokens = Some(tokens).filter(|_| parts.is_empty());
        Some(
            Said {
                text,
                parts,
                output,
                tokens,
                ..Said::default()
            }
            .into(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_read_and_mistakes_explained() {
        let bucket = |text: &str| text.parse::<Bucket>();
        assert_eq!(bucket("(0, 60, 3)").unwrap().medium(), Medium::Audio);
        assert_eq!(bucket("(256,256,1)").unwrap().medium(), Medium::Image);
        assert_eq!(
            bucket("(256-1080, 256-1920, 2-16)").unwrap().to_string(),
            "(256-1080, 256-1920, 2-16)"
        );
        for wrong in [
            "",
            "256",
            "(256)",
            "(1, 2, 3, 4)",
            "(a, b, c)",
            "(256, 256, 0)",
            "(9999999, 8, 1)",
            "(0, 0, 1)",
            "(0, 5, 99)",
            "(4294967296, 8, 1)",
            "(-1, 8, 1)",
        ] {
            assert!(bucket(wrong).is_err(), "{wrong}");
        }
    }
}
