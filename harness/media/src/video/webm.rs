//! The elements of a WebM file, in one walk from front to back: those that hold others are entered, all others passed over.
//! So elements of unknown length, which live streams have, need no care at all.

use crate::bytes::be;
use crate::video::movie::{Container, Movie, Track, TrackKind, name};

const MAX_TRACKS: usize = 64;

/// A track in the making.
#[derive(Debug, Default)]
struct Raw {
    number: u64,
    kind: u64,
    codec: String,
    frame_nanoseconds: u64,
    width: u32,
    height: u32,
    rate: Option<f64>,
    channels: Option<u16>,
    blocks: u64,
    first: Option<i64>,
    last: i64,
}

pub(crate) fn read(bytes: &[u8]) -> Movie {
    let mut findings = Vec::new();
    let mut raws: Vec<Raw> = Vec::new();
    // A tick is a millisecond unless the file says otherwise.
    let mut tick = 1_000_000_u64;
    let mut duration = None;
    let mut cluster = 0_i64;
    let mut at = 0;
    while at < bytes.len() {
        let Some((id, size, body)) = element(bytes, at) else {
            findings.push(format!("no element begins at byte {at}"));
            break;
        };
        // The segment, clusters and groups of blocks; the lists of tracks and what is in them; facts about the segment.
        const HOLDERS: [u64; 8] = [
            0x1853_8067,
            0x1F43_B675,
            0xA0,
            0x1654_AE6B,
            0xAE,
            0xE0,
            0xE1,
            0x1549_A966,
        ];
        if HOLDERS.contains(&id) {
            if id == 0xAE && raws.len() < MAX_TRACKS {
                raws.push(Raw::default());
            }
            at = body;
            continue;
        }
        let Some(size) = size else {
            findings.push(format!("the element {id:X} at byte {at} has no length, which only segments and clusters may lack"));
            break;
        };
        let room = bytes.len() - body;
        if size > room as u64 {
            findings.push(format!(
                "cut off: the element {id:X} at byte {at} declares {size} bytes, {room} are there"
            ));
            break;
        }
        let end = body + size as usize;
        let content = &bytes[body..end];
        at = end;
        match id {
            0x002A_D7B1 => tick = number(content).max(1),
            0x4489 => duration = float(content),
            0xE7 => cluster = number(content).min(i64::MAX as u64) as i64,
            0xA3 | 0xA1 => block(content, cluster, &mut raws),
            _ => {
                if let Some(raw) = raws.last_mut() {
                    raw.take(id, content);
                }
            }
        }
    }
    let nanoseconds = |ticks: f64| ticks * tick as f64 / 1e9;
    let tracks = raws
        .iter()
        .map(|raw| {
            let kind = match raw.kind {
                1 => TrackKind::Video,
                2 => TrackKind::Audio,
                _ => TrackKind::Other,
            };
            let span = raw.first.map_or(0.0, |first| {
                nanoseconds(raw.last.saturating_sub(first) as f64)
            });
            let by_times = (raw.blocks > 1 && span > 0.0).then(|| (raw.blocks - 1) as f64 / span);
            let declared = (raw.frame_nanoseconds > 0).then(|| 1e9 / raw.frame_nanoseconds as f64);
            let frame_rate = declared.or(by_times);
            Track {
                kind,
                codec: raw.codec.clone(),
                size: (raw.width > 0 && raw.height > 0).then_some((raw.width, raw.height)),
                samples: raw.blocks,
                frames: (kind == TrackKind::Video).then_some(raw.blocks),
                rate: if kind == TrackKind::Audio {
                    raw.rate
                } else {
                    frame_rate
                },
                seconds: match (duration, frame_rate) {
                    (Some(ticks), _) => Some(nanoseconds(ticks)),
                    (None, Some(rate)) if kind == TrackKind::Video => {
                        Some(raw.blocks as f64 / rate)
                    }
                    _ => None,
                },
                channels: raw.channels,
            }
        })
        .collect();
    Movie {
        container: Container::WebM,
        tracks,
        findings,
    }
}

impl Raw {
    fn take(&mut self, id: u64, content: &[u8]) {
        let small = || u32::try_from(number(content)).unwrap_or(0);
        match id {
            0xD7 => self.number = number(content),
            0x83 => self.kind = number(content),
            0x86 => self.codec = name(content),
            0x0023_E383 => self.frame_nanoseconds = number(content),
            0xB0 => self.width = small(),
            0xBA => self.height = small(),
            0xB5 => self.rate = float(content).filter(|r| *r > 0.0),
            0x9F => self.channels = u16::try_from(number(content)).ok().filter(|n| *n > 0),
            _ => {}
        }
    }
}

fn block(content: &[u8], cluster: i64, raws: &mut [Raw]) {
    let Some((track, width)) = variable(content, 0, false) else {
        return;
    };
    let (Some(time), Some(flags)) = (be(content, width, 2), content.get(width + 2)) else {
        return;
    };
    let Some(raw) = raws.iter_mut().find(|r| Some(r.number) == track) else {
        return;
    };
    let time = cluster.saturating_add(i64::from(time as u16 as i16));
    // Several frames in a block: their number, less one, comes next.
    let laced = if flags & 0x06 != 0 {
        content.get(width + 3).copied().unwrap_or(0)
    } else {
        0
    };
    raw.blocks += 1 + u64::from(laced);
    raw.first = Some(raw.first.map_or(time, |f| f.min(time)));
    raw.last = if raw.blocks == 1 + u64::from(laced) {
        time
    } else {
        raw.last.max(time)
    };
}

/// The name and length of an element, and where its content begins. No length is an unknown one.
fn element(bytes: &[u8], at: usize) -> Option<(u64, Option<u64>, usize)> {
    let (id, id_width) = variable(bytes, at, true)?;
    let (size, size_width) = variable(bytes, at + id_width, false)?;
    (id_width <= 4).then_some((id?, size, at + id_width + size_width))
}

/// A number of variable width and that width; with its mark (names) or without (lengths). All bits set is "unknown".
fn variable(bytes: &[u8], at: usize, keep_mark: bool) -> Option<(Option<u64>, usize)> {
    let width = bytes.get(at)?.leading_zeros() as usize + 1;
    if width > 8 {
        return None;
    }
    let value = be(bytes, at, width)?;
    if keep_mark {
        return Some((Some(value), width));
    }
    let mask = (1_u64 << (7 * width)) - 1;
    Some(((value & mask != mask).then_some(value & mask), width))
}

fn number(content: &[u8]) -> u64 {
    if content.len() > 8 {
        0
    } else {
        be(content, 0, content.len()).unwrap_or(0)
    }
}

fn float(content: &[u8]) -> Option<f64> {
    let value = match content.len() {
        4 => f64::from(f32::from_bits(be(content, 0, 4)? as u32)),
        8 => f64::from_bits(be(content, 0, 8)?),
        _ => return None,
    };
    (value.is_finite() && value >= 0.0).then_some(value)
}
