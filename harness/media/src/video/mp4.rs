//! The boxes of an MP4 file, as far as they say how many frames there are and when they are shown. Nothing is allocated by a
//! length that a file declares; tables are read in place and end where the file ends.

use std::collections::HashMap;

use crate::bytes::be;
use crate::video::movie::{Container, Movie, Track, TrackKind, name};

/// The most samples whose times are looked at one by one.
const MAX_TIMES: u64 = 1 << 22;
/// The most tracks, and the deepest boxes.
const MAX_TRACKS: usize = 64;

/// A track in the making.
#[derive(Debug, Default)]
struct Raw<'a> {
    id: u64,
    handler: [u8; 4],
    scale: u64,
    codec: String,
    size: Option<(u32, u32)>,
    channels: Option<u16>,
    sound_rate: Option<f64>,
    samples: u64,
    durations: &'a [u8],
    offsets: &'a [u8],
    signed_offsets: bool,
    edits: &'a [u8],
    wide_edits: bool,
    /// Samples and ticks of the fragments.
    fragment: (u64, u64),
    default_duration: u64,
}

pub(crate) fn read(bytes: &[u8]) -> Movie {
    let mut findings = Vec::new();
    let (raws, movie_scale) = raws(bytes, &mut findings);
    let tracks = raws.iter().map(|raw| finish(raw, movie_scale)).collect();
    Movie {
        container: Container::Mp4,
        tracks,
        findings,
    }
}

/// The stretch of the first audio track that is to be heard: where it begins and how long it is, in seconds. Nothing
/// without an edit list, or with one of several stretches.
#[cfg(feature = "decoders")]
pub(crate) fn sounding(bytes: &[u8]) -> Option<(f64, f64)> {
    let (raws, movie_scale) = raws(bytes, &mut Vec::new());
    let raw = raws.iter().find(|raw| &raw.handler == b"soun")?;
    let [(length, start)] = stretches(raw)[..] else {
        return None;
    };
    if movie_scale == 0 || raw.scale == 0 {
        return None;
    }
    let seconds = match length {
        0 => f64::INFINITY,
        length => length as f64 / movie_scale as f64,
    };
    Some((start as f64 / raw.scale as f64, seconds))
}

/// The tracks of a file, with their fragments, and the ticks per second of its edit lists.
fn raws<'a>(bytes: &'a [u8], findings: &mut Vec<String>) -> (Vec<Raw<'a>>, u64) {
    let mut movie_scale = 0;
    let mut raws: Vec<Raw<'_>> = Vec::new();
    let mut fragments = Vec::new();
    let mut defaults = HashMap::new();
    for (kind, body) in boxes(bytes, Some(findings)) {
        match &kind {
            b"moov" => {
                for (kind, body) in boxes(body, None) {
                    match &kind {
                        b"mvhd" => {
                            movie_scale =
                                be(body, if body.first() == Some(&1) { 20 } else { 12 }, 4)
                                    .unwrap_or(0)
                        }
                        b"trak" if raws.len() < MAX_TRACKS => raws.push(track(body)),
                        b"mvex" => {
                            for (_, trex) in boxes(body, None).filter(|(k, _)| k == b"trex") {
                                defaults.insert(
                                    be(trex, 4, 4).unwrap_or(0),
                                    be(trex, 12, 4).unwrap_or(0),
                                );
                            }
                        }
                        _ => {}
                    }
                }
            }
            b"moof" => fragments.push(body),
            _ => {}
        }
    }
    for raw in &mut raws {
        raw.default_duration = defaults.get(&raw.id).copied().unwrap_or(0);
    }
    for moof in fragments {
        for (_, traf) in boxes(moof, None).filter(|(k, _)| k == b"traf") {
            fragment(traf, &mut raws);
        }
    }
    (raws, movie_scale)
}

/// The boxes side by side in a stretch of bytes. One that is longer than the bytes is given as far as it goes.
pub(crate) fn boxes<'a>(
    bytes: &'a [u8],
    mut findings: Option<&mut Vec<String>>,
) -> impl Iterator<Item = ([u8; 4], &'a [u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..)?;
        let kind: [u8; 4] = rest.get(4..8)?.try_into().ok()?;
        let (header, length) = match be(rest, 0, 4)? {
            0 => (8, rest.len() as u64),
            1 => (16, be(rest, 8, 8)?),
            n => (8, n),
        };
        if length < header as u64 {
            at = bytes.len();
            return None;
        }
        let end = length.min(rest.len() as u64) as usize;
        if end as u64 != length
            && let Some(findings) = &mut findings
        {
            findings.push(format!(
                "cut off: `{}` at byte {at} declares {length} bytes, {} are there",
                name(&kind),
                rest.len()
            ));
        }
        at += end;
        Some((kind, rest.get(header..end)?))
    })
}

pub(crate) fn child<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(bytes, |bytes, kind| {
        boxes(bytes, None)
            .find(|(k, _)| k == *kind)
            .map(|(_, body)| body)
    })
}

fn track(trak: &[u8]) -> Raw<'_> {
    let mut raw = Raw::default();
    if let Some(tkhd) = child(trak, &[b"tkhd"]) {
        raw.id = be(tkhd, if tkhd.first() == Some(&1) { 20 } else { 12 }, 4).unwrap_or(0);
    }
    if let Some(elst) = child(trak, &[b"edts", b"elst"]) {
        raw.wide_edits = elst.first() == Some(&1);
        raw.edits = elst.get(4..).unwrap_or_default();
    }
    let Some(mdia) = child(trak, &[b"mdia"]) else {
        return raw;
    };
    if let Some(mdhd) = child(mdia, &[b"mdhd"]) {
        raw.scale = be(mdhd, if mdhd.first() == Some(&1) { 20 } else { 12 }, 4).unwrap_or(0);
    }
    if let Some(handler) = child(mdia, &[b"hdlr"]).and_then(|h| h.get(8..12)) {
        raw.handler.copy_from_slice(handler);
    }
    let Some(stbl) = child(mdia, &[b"minf", b"stbl"]) else {
        return raw;
    };
    if let Some((codec, entry)) =
        child(stbl, &[b"stsd"]).and_then(|s| boxes(s.get(8..)?, None).next())
    {
        raw.codec = name(&codec);
        match &raw.handler {
            b"vide" => {
                let side = |at| be(entry, at, 2).unwrap_or(0) as u32;
                raw.size = Some((side(24), side(26))).filter(|(w, h)| *w > 0 && *h > 0);
            }
            b"soun" => {
                raw.channels = be(entry, 16, 2).map(|n| n as u16).filter(|n| *n > 0);
                raw.sound_rate = be(entry, 24, 4)
                    .map(|r| r as f64 / 65536.0)
                    .filter(|r| *r > 0.0);
            }
            _ => {}
        }
    }
    // The number of samples is that of their sizes, which a table of sizes must have room for.
    if let Some(stsz) = child(stbl, &[b"stsz"]) {
        let count = be(stsz, 8, 4).unwrap_or(0);
        let room = (stsz.len().saturating_sub(12) / 4) as u64;
        raw.samples = if be(stsz, 4, 4) == Some(0) {
            count.min(room)
        } else {
            count
        };
    } else if let Some(stz2) = child(stbl, &[b"stz2"]) {
        raw.samples = be(stz2, 8, 4).unwrap_or(0).min(2 * stz2.len() as u64);
    }
    raw.durations = child(stbl, &[b"stts"])
        .and_then(|t| t.get(4..))
        .unwrap_or_default();
    if let Some(ctts) = child(stbl, &[b"ctts"]) {
        raw.signed_offsets = ctts.first() == Some(&1);
        raw.offsets = ctts.get(4..).unwrap_or_default();
    }
    raw
}

fn fragment(traf: &[u8], raws: &mut [Raw<'_>]) {
    let Some(tfhd) = child(traf, &[b"tfhd"]) else {
        return;
    };
    let (flags, id) = (be(tfhd, 1, 3).unwrap_or(0), be(tfhd, 4, 4).unwrap_or(0));
    let Some(raw) = raws.iter_mut().find(|r| r.id == id) else {
        return;
    };
    // Before the default duration stand the base offset and the description, if they are there.
    let at = 8 + if flags & 1 != 0 { 8 } else { 0 } + if flags & 2 != 0 { 4 } else { 0 };
    let default = if flags & 8 != 0 {
        be(tfhd, at, 4).unwrap_or(0)
    } else {
        raw.default_duration
    };
    for (_, trun) in boxes(traf, None).filter(|(k, _)| k == b"trun") {
        let (flags, count) = (be(trun, 1, 3).unwrap_or(0), be(trun, 4, 4).unwrap_or(0));
        let first = 8 + if flags & 1 != 0 { 4 } else { 0 } + if flags & 4 != 0 { 4 } else { 0 };
        let width = 4 * (flags >> 8 & 0xF).count_ones() as usize;
        let room = trun.len().saturating_sub(first);
        let count = room
            .checked_div(width)
            .map_or(count, |fit| count.min(fit as u64));
        let ticks = if flags & 0x100 != 0 {
            (0..count as usize)
                .filter_map(|i| be(trun, first + i * width, 4))
                .sum()
        } else {
            count.saturating_mul(default)
        };
        raw.fragment = (
            raw.fragment.0.saturating_add(count),
            raw.fragment.1.saturating_add(ticks),
        );
    }
}

/// A table of pairs: how many samples, and their value.
fn runs(table: &[u8]) -> impl Iterator<Item = (u64, u64)> + Clone + '_ {
    let count = be(table, 0, 4).unwrap_or(0) as usize;
    let pair = |c: &[u8]| Some((be(c, 0, 4)?, be(c, 4, 4)?));
    table
        .get(4..)
        .unwrap_or_default()
        .chunks_exact(8)
        .take(count)
        .filter_map(pair)
}

fn finish(raw: &Raw<'_>, movie_scale: u64) -> Track {
    let kind = match &raw.handler {
        b"vide" => TrackKind::Video,
        b"soun" => TrackKind::Audio,
        _ => TrackKind::Other,
    };
    let (timed, ticks) = runs(raw.durations).fold((0_u64, 0_u64), |(n, t), (count, delta)| {
        (
            n.saturating_add(count),
            t.saturating_add(count.saturating_mul(delta)),
        )
    });
    let samples = raw.samples.saturating_add(raw.fragment.0);
    let (timed, ticks) = (
        timed.saturating_add(raw.fragment.0),
        ticks.saturating_add(raw.fragment.1),
    );
    let per_second = |ticks: u64| (raw.scale > 0).then(|| ticks as f64 / raw.scale as f64);
    let whole = per_second(ticks).filter(|s| *s > 0.0);
    let cut = if raw.fragment.0 == 0 {
        edited(raw, movie_scale)
    } else {
        Edited::No
    };
    let (frames, seconds) = match cut {
        Edited::No => (Some(samples), whole),
        Edited::To { frames, seconds } => (Some(frames.min(samples)), Some(seconds)),
        Edited::Beyond => (None, whole),
    };
    let rate = match kind {
        TrackKind::Audio => raw
            .sound_rate
            .or((raw.scale > 0).then_some(raw.scale as f64)),
        _ => whole
            .filter(|_| timed > 0)
            .map(|seconds| timed as f64 / seconds),
    };
    Track {
        kind,
        codec: raw.codec.clone(),
        size: raw.size,
        samples,
        frames: frames.filter(|_| kind == TrackKind::Video),
        rate,
        seconds,
        channels: raw.channels,
    }
}

enum Edited {
    No,
    To { frames: u64, seconds: f64 },
    Beyond,
}

/// The stretches of a track's edit list, without the empty ones: length in the movie's ticks, start in the track's. Two at
/// most: what comes after is beyond this reader.
fn stretches(raw: &Raw<'_>) -> Vec<(u64, u64)> {
    let width = if raw.wide_edits { 20 } else { 12 };
    let field = if raw.wide_edits { 8 } else { 4 };
    let count = be(raw.edits, 0, 4).unwrap_or(0) as usize;
    let nothing = if raw.wide_edits {
        u64::MAX
    } else {
        u64::from(u32::MAX)
    };
    let entries = raw
        .edits
        .get(4..)
        .unwrap_or_default()
        .chunks_exact(width)
        .take(count);
    entries
        .filter_map(|e| Some((be(e, 0, field)?, be(e, field, field)?)))
        .filter(|(_, start)| *start != nothing)
        .take(2)
        .collect()
}

/// What an edit list leaves of a track. Lists of one stretch are understood, with empty ones before it; others are not.
fn edited(raw: &Raw<'_>, movie_scale: u64) -> Edited {
    let (length, start) = match stretches(raw).as_slice() {
        [] => return Edited::No,
        [one] => *one,
        _ => return Edited::Beyond,
    };
    let total: u64 = runs(raw.durations)
        .map(|r| r.0)
        .fold(0, u64::saturating_add);
    if movie_scale == 0 || raw.scale == 0 || total > MAX_TIMES {
        return Edited::Beyond;
    }
    // A length of 0 is the rest of the track.
    let seconds = length as f64 / movie_scale as f64;
    let end = if length == 0 {
        f64::INFINITY
    } else {
        start as f64 + seconds * raw.scale as f64
    };
    let mut offsets = runs(raw.offsets).flat_map(|(count, value)| (0..count).map(move |_| value));
    let (mut time, mut frames, mut last) = (0_u64, 0_u64, 0_u64);
    for (count, delta) in runs(raw.durations) {
        for _ in 0..count {
            let offset = offsets.next().unwrap_or(0) as u32;
            let offset = if raw.signed_offsets {
                i64::from(offset as i32)
            } else {
                i64::from(offset)
            };
            let shown = time.saturating_add_signed(offset);
            // Half a tick, because the two clocks seldom meet exactly.
            if shown >= start && (shown as f64) < end - 0.5 {
                frames += 1;
                last = last.max(shown.saturating_add(delta));
            }
            time = time.saturating_add(delta);
        }
    }
    let rest = last.saturating_sub(start) as f64 / raw.scale as f64;
    Edited::To {
        frames,
        seconds: if length == 0 { rest } else { seconds },
    }
}
