//! What is in a video file, without decoding it: tracks, codecs, sizes, frames, rates.
//!
//! Rejected: the demuxer crates. One needs a newer compiler than this project and counts frames that an edit list
//! hides, another allocates whatever length a file declares.

use crate::video::{mp4, webm};
use crate::{MediaError, MediaErrorKind};

/// The container of a video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Container {
    /// MP4 and QuickTime, whole or in fragments.
    Mp4,
    /// WebM and Matroska.
    WebM,
}

/// What a track holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TrackKind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Anything else.
    Other,
}

/// One track.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// What it holds.
    pub kind: TrackKind,
    /// The container's name for the codec: `avc1`, `V_VP9`.
    pub codec: String,
    /// The width and height in pixels, of a video track that says so.
    pub size: Option<(u32, u32)>,
    /// The pieces that are stored: frames of video, packets of audio.
    pub samples: u64,
    /// The frames that are shown, of a video track: those that an edit list cuts off are not among them. `None` where
    /// the list is beyond this reader.
    pub frames: Option<u64>,
    /// Frames per second, from the times of the frames; for audio, samples per second as the container declares them.
    pub rate: Option<f64>,
    /// How long it plays, in seconds.
    pub seconds: Option<f64>,
    /// The number of channels, of an audio track that says so.
    pub channels: Option<u16>,
}

/// A video file, read.
#[derive(Debug, Clone, PartialEq)]
pub struct Movie {
    /// How it is packed.
    pub container: Container,
    /// Its tracks.
    pub tracks: Vec<Track>,
    /// What is odd about it, in words: where it is cut off, for instance.
    pub findings: Vec<String>,
}

impl Movie {
    /// Reads the tables of a video file.
    ///
    /// # Errors
    /// When the bytes are neither MP4 nor WebM, or there is no track in them.
    pub fn read(bytes: &[u8]) -> Result<Self, MediaError> {
        const WHAT: &str = "video";
        let movie = if bytes.is_empty() {
            return Err(MediaError::new(MediaErrorKind::Empty, WHAT, "no bytes"));
        } else if bytes.get(4..8) == Some(b"ftyp") || bytes.get(4..8) == Some(b"moov") {
            mp4::read(bytes)
        } else if bytes.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]) {
            webm::read(bytes)
        } else {
            let problem = format!(
                "it begins with {}; read are MP4 and WebM",
                crate::bytes::shown(bytes)
            );
            return Err(MediaError::new(MediaErrorKind::Unrecognised, WHAT, problem));
        };
        if movie.tracks.is_empty() {
            let why = movie
                .findings
                .first()
                .map_or("the file ends before one", String::as_str);
            return Err(MediaError::new(
                MediaErrorKind::Malformed,
                WHAT,
                format!("there is no track: {why}"),
            ));
        }
        Ok(movie)
    }

    /// The first video track.
    pub fn video(&self) -> Option<&Track> {
        self.tracks.iter().find(|t| t.kind == TrackKind::Video)
    }

    /// The first audio track.
    pub fn audio(&self) -> Option<&Track> {
        self.tracks.iter().find(|t| t.kind == TrackKind::Audio)
    }
}

/// Printable characters of a name from a file, and not too many.
pub(crate) fn name(bytes: &[u8]) -> String {
    let clean = |b: &u8| {
        if (0x20..0x7F).contains(b) {
            char::from(*b)
        } else {
            '?'
        }
    };
    bytes
        .iter()
        .take(32)
        .map(clean)
        .collect::<String>()
        .trim()
        .to_owned()
}
