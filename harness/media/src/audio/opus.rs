//! Opus in Ogg, after RFC 7845: the packets through `ruopus`, 48,000 frames per second whatever went in.
//!
//! Promise: what the encoder puts before the first sample is taken away, and what it puts after the last; the gain of the header
//! is applied; streams that stand in a row are one sound with seams. What was decoded before the bytes end or turn bad is audio
//! with a finding. Rejected: libopus itself, which needs a C compiler (through the crates there are, CMake), and its
//! machine translation to Rust, which is unsafe throughout.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ruopus::{MultistreamDecoder, OpusDecoder};

use crate::audio::finding::Finding;
use crate::audio::ogg::{Packets, Page, pages};
use crate::audio::sound::{Audio, check_shape};
use crate::{MediaError, MediaErrorKind};

const WHAT: &str = "audio";
const RATE: u32 = 48_000;
/// The most samples of one file, in all channels.
const MAX_SAMPLES: usize = 1 << 28;
/// The most streams in a row.
const MAX_STREAMS: usize = 4_096;

/// The sound of a file, where each stream after the first begins, and what is odd about it.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Audio, Vec<usize>, Vec<Finding>), MediaError> {
    // Whatever a server sends must not bring a test down, and the decoder is a large amount of somebody else's code.
    catch_unwind(AssertUnwindSafe(|| decode_unguarded(bytes)))
        .unwrap_or_else(|_| Err(bad("the decoder broke down over these bytes")))
}

fn bad(problem: impl std::fmt::Display) -> MediaError {
    MediaError::new(
        MediaErrorKind::Malformed,
        WHAT,
        format!("Ogg Opus: {problem}"),
    )
}

fn decode_unguarded(bytes: &[u8]) -> Result<(Audio, Vec<usize>, Vec<Finding>), MediaError> {
    let file = pages(bytes);
    let mut problems = file.problems;
    let mut done: Vec<Stream> = Vec::new();
    let mut current: Option<Stream> = None;
    let mut sound: Vec<f32> = Vec::new();
    let mut seams = Vec::new();
    let mut shape = None;
    let mut streams = 0;
    let mut pages = file.pages.iter().peekable();
    while let Some(page) = pages.next() {
        if page.first {
            if let Some(new) = Stream::begun(page)? {
                done.extend(current.replace(new));
                streams += 1;
                if streams > MAX_STREAMS {
                    problems.push(format!("more than {MAX_STREAMS} streams in a row"));
                    break;
                }
            }
        } else if let Some(stream) = current.as_mut().filter(|s| s.serial == page.serial) {
            stream.add(page, MAX_SAMPLES.saturating_sub(sound.len()))?;
        }
        if pages.peek().is_none() {
            done.extend(current.take());
        }
        for stream in done.drain(..) {
            let channels = stream.head.channels;
            if *shape.get_or_insert(channels) != channels {
                problems.push(format!("it changes to {channels} channels"));
                break;
            }
            let (samples, said) = stream.ended();
            problems.extend(said);
            if !sound.is_empty() && !samples.is_empty() {
                seams.push(sound.len() / usize::from(channels));
            }
            sound.extend(samples);
        }
    }
    let Some(channels) = shape.filter(|_| !sound.is_empty()) else {
        let why = problems.first().map(|why| format!(": {why}"));
        return Err(bad(format!(
            "there is no sample in it{}",
            why.unwrap_or_default()
        )));
    };
    let mut findings = Vec::new();
    if !seams.is_empty() {
        findings.push(Finding::SeveralFiles {
            files: seams.len() + 1,
        });
    }
    let more = problems.len().saturating_sub(1);
    if let Some(first) = problems.into_iter().next() {
        let more = match more {
            0 => String::new(),
            n => format!(", and {n} more like it"),
        };
        findings.push(Finding::Undecoded {
            why: format!("{first}{more}"),
        });
    }
    Ok((
        Audio::new(RATE, u16::from(channels), sound)?,
        seams,
        findings,
    ))
}

/// The first packet of a stream.
#[derive(Debug, PartialEq)]
struct Head {
    channels: u8,
    /// Frames at the beginning that are the encoder's.
    skip: usize,
    /// What every sample is multiplied by.
    gain: f32,
    streams: u8,
    coupled: u8,
    mapping: Vec<u8>,
}

impl Head {
    fn of(packet: &[u8]) -> Result<Self, MediaError> {
        let short = || bad("its header is cut off");
        let byte = |at: usize| packet.get(at).copied().ok_or_else(short);
        // A newer version whose upper half is the same can be read as this one.
        if byte(8)? >> 4 != 0 {
            return Err(MediaError::new(
                MediaErrorKind::Unsupported,
                WHAT,
                format!(
                    "Ogg Opus: a header of version {}; versions 0 to 15 are read",
                    byte(8)?
                ),
            ));
        }
        let channels = byte(9)?;
        check_shape(WHAT, RATE, u16::from(channels))?;
        let skip = u16::from_le_bytes([byte(10)?, byte(11)?]);
        let gain = i16::from_le_bytes([byte(16)?, byte(17)?]);
        let (streams, coupled, mapping) = match byte(18)? {
            0 if channels <= 2 => (1, channels - 1, (0..channels).collect()),
            0 => {
                return Err(bad(format!(
                    "{channels} channels in one stream; expected 1 or 2"
                )));
            }
            1 | 255 => {
                let mapping = packet.get(21..21 + usize::from(channels));
                (byte(19)?, byte(20)?, mapping.ok_or_else(short)?.to_vec())
            }
            family => {
                return Err(MediaError::new(
                    MediaErrorKind::Unsupported,
                    WHAT,
                    format!(
                        "Ogg Opus: its channels are mapped by family {family}; 0, 1 and 255 are read"
                    ),
                ));
            }
        };
        let decoded = u16::from(streams) + u16::from(coupled);
        let placed = |to: &u8| *to == 255 || u16::from(*to) < decoded;
        if streams == 0 || coupled > streams || decoded > 255 || !mapping.iter().all(placed) {
            return Err(bad(format!(
                "{streams} streams, {coupled} of them with two channels, do not make {channels} channels as its header maps them"
            )));
        }
        Ok(Self {
            channels,
            skip: usize::from(skip),
            gain: 10_f32.powf(f32::from(gain) / (20.0 * 256.0)),
            streams,
            coupled,
            mapping,
        })
    }

    fn decoder(&self) -> Decoder {
        match (self.streams, &*self.mapping) {
            (1, [0]) | (1, [0, 1]) => {
                Decoder::One(Box::new(OpusDecoder::new(usize::from(self.channels))))
            }
            _ => Decoder::Several(MultistreamDecoder::with_rate(
                RATE,
                usize::from(self.streams),
                usize::from(self.coupled),
                &self.mapping,
            )),
        }
    }
}

enum Decoder {
    One(Box<OpusDecoder>),
    Several(MultistreamDecoder),
}

/// One stream: a header, a comment, sound.
struct Stream {
    serial: u32,
    head: Head,
    packets: Packets,
    /// Whether the comment is behind us.
    told: bool,
    decoder: Option<Decoder>,
    samples: Vec<f32>,
    /// The position before the first frame: more than 0 where a broadcast was joined on its way.
    origin: Option<u64>,
    /// The position of its last page, and whether that page says that it is the last.
    position: Option<u64>,
    closed: bool,
    lost: usize,
    why: Option<String>,
}

impl Stream {
    /// The stream that begins on this page, if it is one of Opus.
    fn begun(page: &Page<'_>) -> Result<Option<Self>, MediaError> {
        let mut packets = Packets::default();
        let first = packets.add(page);
        let Some(head) = first.first().filter(|p| p.starts_with(b"OpusHead")) else {
            return Ok(None);
        };
        Ok(Some(Self {
            serial: page.serial,
            head: Head::of(head)?,
            packets,
            told: false,
            decoder: None,
            samples: Vec::new(),
            origin: None,
            position: None,
            closed: page.last,
            lost: 0,
            why: None,
        }))
    }

    fn add(&mut self, page: &Page<'_>, room: usize) -> Result<(), MediaError> {
        let channels = usize::from(self.head.channels);
        let before = self.samples.len();
        for packet in self.packets.add(page) {
            if !std::mem::replace(&mut self.told, true) && packet.starts_with(b"OpusTags") {
                continue;
            }
            let decoder = self.decoder.get_or_insert_with(|| self.head.decoder());
            let decoded = match decoder {
                Decoder::One(decoder) => decoder.decode_packet(&packet),
                Decoder::Several(decoder) => decoder.decode_packet(&packet),
            };
            match decoded {
                Ok(samples) => self.samples.extend(samples),
                Err(error) => {
                    self.lost += 1;
                    self.why = Some(error.to_string());
                }
            }
            if self.samples.len() > room {
                return Err(MediaError::new(
                    MediaErrorKind::TooLarge,
                    WHAT,
                    format!("Ogg Opus: more than {MAX_SAMPLES} samples"),
                ));
            }
        }
        self.closed |= page.last;
        let new = ((self.samples.len() - before) / channels) as u64;
        if let Some(granule) = page.granule.filter(|_| new > 0) {
            // A first page that is also the last may end within a packet: what it lacks is no beginning.
            let origin = if page.last {
                0
            } else {
                granule.saturating_sub(new)
            };
            self.origin.get_or_insert(origin);
            self.position = Some(granule);
        } else if page.last && page.granule.is_some() {
            self.position = page.granule;
        }
        Ok(())
    }

    /// Its samples, and what is the matter with it.
    fn ended(mut self) -> (Vec<f32>, Vec<String>) {
        let channels = usize::from(self.head.channels);
        let mut problems = std::mem::take(&mut self.packets.problems);
        if self.lost > 0 {
            problems.push(format!(
                "{} packets could not be decoded, the last because: {}",
                self.lost,
                self.why.unwrap_or_default()
            ));
        }
        if self.packets.is_open() {
            problems.push("it ends within a packet".to_owned());
        } else if !self.closed {
            problems.push("no page says that it is the last: it may be cut off".to_owned());
        }
        // Only the last page says where the sound ends; where packets are missing, there are fewer frames than it says.
        if let (true, Some(end)) = (self.closed, self.position) {
            let frames = end.saturating_sub(self.origin.unwrap_or_default());
            let frames = usize::try_from(frames).unwrap_or(usize::MAX);
            self.samples.truncate(frames.saturating_mul(channels));
        }
        let skipped = (self.head.skip * channels).min(self.samples.len());
        self.samples.drain(..skipped);
        if self.head.gain != 1.0 {
            for sample in &mut self.samples {
                *sample *= self.head.gain;
            }
        }
        (self.samples, problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header of one or two channels, with a gain of 256ths of a decibel.
    fn header(version: u8, channels: u8, gain: i16, rest: &[u8]) -> Vec<u8> {
        let mut head = b"OpusHead".to_vec();
        head.extend([version, channels, 0x38, 0x01, 0x80, 0xBB, 0, 0]);
        head.extend(gain.to_le_bytes());
        head.extend(rest);
        head
    }

    #[test]
    fn a_header_says_how_the_sound_is_made() {
        let head = Head::of(&header(1, 2, -1536, &[0])).expect("a header");
        assert_eq!((head.channels, head.skip), (2, 312));
        assert!((head.gain - 0.501_187).abs() < 1e-5, "{}", head.gain);
        assert_eq!(
            (head.streams, head.coupled, &*head.mapping),
            (1, 1, &[0, 1][..])
        );
        let head = Head::of(&header(1, 3, 0, &[1, 2, 1, 0, 2, 1])).expect("a header");
        assert_eq!(
            (head.streams, head.coupled, &*head.mapping),
            (2, 1, &[0, 2, 1][..])
        );
        assert_eq!(head.gain, 1.0);
    }

    #[test]
    fn a_header_that_cannot_be_is_refused_with_its_reason() {
        for (packet, said) in [
            (header(1, 1, 0, &[]), "cut off"),
            (header(16, 1, 0, &[0]), "version 16"),
            (header(1, 0, 0, &[0]), "0 channels"),
            (header(1, 3, 0, &[0]), "expected 1 or 2"),
            (header(1, 4, 0, &[3, 2, 2]), "family 3"),
            (header(1, 2, 0, &[1, 2, 0, 0]), "cut off"),
            (header(1, 2, 0, &[1, 2, 0, 0, 2]), "do not make 2 channels"),
            (
                header(1, 2, 0, &[1, 0, 0, 255, 255]),
                "do not make 2 channels",
            ),
            (header(1, 1, 0, &[1, 1, 2, 0]), "do not make 1 channels"),
        ] {
            let error = Head::of(&packet).expect_err(said).to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
