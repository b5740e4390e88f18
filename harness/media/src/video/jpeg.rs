//! The frames of motion JPEG in MP4: each is a picture of its own, and so the only kind of video that can be looked at without a
//! video decoder. It is what [`crate::synthetic::Film`] writes.
//!
//! Rejected: decoders of H.264 and VP9. There is none without an external library, and a program that is there on one
//! machine and missing on another makes the same test two tests.

use crate::bytes::{be, shown};
use crate::video::movie::{Movie, name};
use crate::video::mp4::{boxes, child};
use crate::{MediaError, MediaErrorKind};

const WHAT: &str = "video";
/// The most frames of one film.
const MAX_FRAMES: usize = 1 << 16;

impl Movie {
    /// The frames of motion JPEG in MP4, each as the bytes of a JPEG file, in the order in which they are stored.
    ///
    /// # Errors
    /// When the bytes are not MP4, have no video track or one of another codec, are written in fragments, are cut off,
    /// or hold more than 65,536 frames.
    pub fn jpeg_frames(bytes: &[u8]) -> Result<Vec<&[u8]>, MediaError> {
        let unsupported =
            |problem: String| MediaError::new(MediaErrorKind::Unsupported, WHAT, problem);
        let tracks = Movie::read(bytes)?;
        let codec = tracks
            .video()
            .map(|track| track.codec.clone())
            .ok_or_else(|| unsupported("there is no video track".to_owned()))?;
        let stbl = tables(bytes).ok_or_else(|| {
            unsupported(format!(
                "frames of `{codec}` outside MP4 are not read; motion JPEG in MP4 is"
            ))
        })?;
        let places = places(stbl)?;
        if places.is_empty() {
            return Err(unsupported(
                "there is no frame in the tables: fragments are not read".to_owned(),
            ));
        }
        let mut frames = Vec::with_capacity(places.len());
        for (i, (at, length)) in places.iter().enumerate() {
            let frame = usize::try_from(*at)
                .ok()
                .and_then(|at| bytes.get(at..at.checked_add(*length as usize)?));
            match frame {
                Some(frame) if frame.starts_with(&[0xFF, 0xD8]) => frames.push(frame),
                Some(frame) => {
                    return Err(unsupported(format!(
                        "frame {i} of `{codec}` begins with {}, not as a JPEG file; only motion JPEG is read",
                        shown(frame)
                    )));
                }
                None => {
                    return Err(MediaError::new(
                        MediaErrorKind::Malformed,
                        WHAT,
                        format!(
                            "cut off: frame {i} of {} lies at byte {at}, beyond the {} that are there",
                            places.len(),
                            bytes.len()
                        ),
                    ));
                }
            }
        }
        Ok(frames)
    }

    /// Some frames of motion JPEG in MP4 as pictures: all of them, or `most` evenly spread, the first and the last among
    /// them.
    ///
    /// # Errors
    /// As [`Movie::jpeg_frames`], and when a frame cannot be decoded.
    #[cfg(feature = "images")]
    pub fn pictures(bytes: &[u8], most: usize) -> Result<Vec<crate::Picture>, MediaError> {
        let frames = Self::jpeg_frames(bytes)?;
        let count = most.min(frames.len());
        (0..count)
            .map(|i| match count {
                1 => 0,
                _ => i * (frames.len() - 1) / (count - 1),
            })
            .map(|i| crate::decode_picture(frames[i]).map(|decoded| decoded.picture))
            .collect()
    }
}

/// The tables of the first video track of an MP4 file.
fn tables(bytes: &[u8]) -> Option<&[u8]> {
    let moov = child(bytes, &[b"moov"])?;
    boxes(moov, None)
        .filter(|(kind, _)| kind == b"trak")
        .map(|(_, trak)| trak)
        .find(|trak| {
            child(trak, &[b"mdia", b"hdlr"]).and_then(|h| h.get(8..12)) == Some(&b"vide"[..])
        })
        .and_then(|trak| child(trak, &[b"mdia", b"minf", b"stbl"]))
}

/// Where each frame lies and how long it is. Tables are read in place: none is believed to be longer than its bytes.
fn places(stbl: &[u8]) -> Result<Vec<(u64, u64)>, MediaError> {
    let missing = |table: &[u8; 4]| {
        MediaError::new(
            MediaErrorKind::Malformed,
            WHAT,
            format!("the video track has no table `{}`", name(table)),
        )
    };
    let sizes = child(stbl, &[b"stsz"]).ok_or_else(|| missing(b"stsz"))?;
    let runs = child(stbl, &[b"stsc"]).ok_or_else(|| missing(b"stsc"))?;
    let (chunks, width) = match child(stbl, &[b"stco"]) {
        Some(chunks) => (chunks, 4),
        None => (child(stbl, &[b"co64"]).ok_or_else(|| missing(b"stco"))?, 8),
    };
    let count = be(sizes, 8, 4).unwrap_or(0);
    if count > MAX_FRAMES as u64 {
        return Err(MediaError::new(
            MediaErrorKind::TooLarge,
            WHAT,
            format!("{count} frames; at most {MAX_FRAMES} are read"),
        ));
    }
    let same = be(sizes, 4, 4).unwrap_or(0);
    let size = |i: usize| {
        if same > 0 {
            Some(same)
        } else {
            be(sizes, 12 + 4 * i, 4)
        }
    };
    // Runs of chunks that hold as many frames each; a run lasts until the next one begins.
    let run = |i: usize| Some((be(runs, 8 + 12 * i, 4)?, be(runs, 12 + 12 * i, 4)?));
    let mut places = Vec::new();
    let mut current = 0;
    for chunk in 0..be(chunks, 4, 4).unwrap_or(0) {
        let Some(mut at) = be(chunks, 8 + width * chunk as usize, width) else {
            break;
        };
        while run(current + 1).is_some_and(|(first, _)| first <= chunk + 1) {
            current += 1;
        }
        let Some((_, each)) = run(current) else {
            break;
        };
        for _ in 0..each {
            if places.len() as u64 >= count {
                return Ok(places);
            }
            let Some(length) = size(places.len()) else {
                return Ok(places);
            };
            places.push((at, length));
            at = at.saturating_add(length);
        }
    }
    Ok(places)
}
