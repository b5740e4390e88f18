//! What audio bytes are, by their first bytes: a content type is only what a server says.

use std::fmt;

/// A format of audio, told by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AudioKind {
    /// RIFF WAVE.
    Wav,
    /// MPEG audio, layer III (with or without an ID3 tag).
    Mp3,
    /// FLAC in its own container.
    Flac,
    /// Vorbis in Ogg.
    OggVorbis,
    /// Opus in Ogg.
    OggOpus,
    /// AAC in ADTS frames.
    Aac,
    /// MP4 (usually AAC).
    Mp4,
    /// Matroska or WebM.
    WebM,
}

impl AudioKind {
    /// What the bytes are. Nothing where they are none of the formats; raw PCM has no mark and is never recognised.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let starts = |prefix: &[u8]| bytes.starts_with(prefix);
        if super::wav::is_wav(bytes) {
            return Some(Self::Wav);
        }
        if starts(b"fLaC") {
            return Some(Self::Flac);
        }
        if starts(b"OggS") {
            // The first page holds the first packet, which names the codec.
            let head = &bytes[..bytes.len().min(128)];
            let has = |needle: &[u8]| head.windows(needle.len()).any(|w| w == needle);
            return if has(b"OpusHead") {
                Some(Self::OggOpus)
            } else if has(b"\x01vorbis") {
                Some(Self::OggVorbis)
            } else {
                None
            };
        }
        if bytes.get(4..8) == Some(b"ftyp") {
            return Some(Self::Mp4);
        }
        if starts(&[0x1A, 0x45, 0xDF, 0xA3]) {
            return Some(Self::WebM);
        }
        if starts(b"ID3") {
            return Some(Self::Mp3);
        }
        match bytes {
            // Eleven set bits, then version, layer: layer 00 is AAC, 01 is layer III. Bit rate 15 and rate 3 do not exist.
            [0xFF, b, ..] if b & 0xF6 == 0xF0 => Some(Self::Aac),
            [0xFF, b, c, ..]
                if b & 0xE6 == 0xE2 && b & 0x18 != 0x08 && c >> 4 != 15 && (c >> 2) & 3 != 3 =>
            {
                Some(Self::Mp3)
            }
            _ => None,
        }
    }

    /// The content types under which it is sent, the usual one first.
    pub fn content_types(self) -> &'static [&'static str] {
        match self {
            Self::Wav => &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"],
            Self::Mp3 => &["audio/mpeg", "audio/mp3"],
            Self::Flac => &["audio/flac", "audio/x-flac"],
            Self::OggVorbis => &["audio/ogg", "application/ogg"],
            Self::OggOpus => &["audio/ogg", "audio/opus", "application/ogg"],
            Self::Aac => &["audio/aac", "audio/aacp", "audio/x-aac"],
            Self::Mp4 => &["audio/mp4", "audio/m4a", "audio/x-m4a", "video/mp4"],
            Self::WebM => &[
                "audio/webm",
                "video/webm",
                "audio/x-matroska",
                "video/x-matroska",
            ],
        }
    }

    /// The usual ending of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::Flac => "flac",
            Self::OggVorbis => "ogg",
            Self::OggOpus => "opus",
            Self::Aac => "aac",
            Self::Mp4 => "m4a",
            Self::WebM => "webm",
        }
    }
}

impl fmt::Display for AudioKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wav => "WAV",
            Self::Mp3 => "MP3",
            Self::Flac => "FLAC",
            Self::OggVorbis => "Ogg Vorbis",
            Self::OggOpus => "Ogg Opus",
            Self::Aac => "AAC (ADTS)",
            Self::Mp4 => "MP4",
            Self::WebM => "WebM",
        })
    }
}
