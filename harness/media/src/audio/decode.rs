//! Audio from bytes of whatever format, told by the first of them.

use crate::audio::encoding::Encoding;
use crate::audio::finding::Finding;
use crate::audio::kind::AudioKind;
use crate::audio::sound::Audio;
use crate::audio::wav::decode_wav;
use crate::{MediaError, MediaErrorKind};

/// Audio as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedAudio {
    /// The samples.
    pub audio: Audio,
    /// What the bytes were.
    pub kind: AudioKind,
    /// How the samples are written, where the format leaves a choice.
    pub encoding: Option<Encoding>,
    /// The frame at which each file after the first begins, where several stand in a row.
    pub seams: Vec<usize>,
    /// What is odd about it.
    pub findings: Vec<Finding>,
}

/// Decodes audio that says what it is: WAV always; MP3, FLAC, Ogg Vorbis and AAC (in ADTS frames or MP4) with the feature
/// `decoders`; Ogg Opus with the feature `opus`. Other formats are recognised and named, not read; raw PCM has no mark and is [`crate::decode_pcm`]'s.
///
/// # Errors
/// When the bytes are of no known format, of one that this build does not read, or damaged before the first sample.
pub fn decode_audio(bytes: &[u8]) -> Result<DecodedAudio, MediaError> {
    const WHAT: &str = "audio";
    if bytes.is_empty() {
        return Err(MediaError::new(MediaErrorKind::Empty, WHAT, "no bytes"));
    }
    match AudioKind::of(bytes) {
        Some(AudioKind::Wav) => {
            let wav = decode_wav(bytes)?;
            Ok(DecodedAudio {
                audio: wav.audio,
                kind: AudioKind::Wav,
                encoding: Some(wav.encoding),
                seams: wav.seams,
                findings: wav.findings,
            })
        }
        #[cfg(feature = "decoders")]
        Some(kind) if crate::audio::compressed::reads(kind) => {
            let (audio, findings) = crate::audio::compressed::decode(bytes, kind)?;
            Ok(DecodedAudio {
                audio,
                kind,
                encoding: None,
                seams: vec![],
                findings,
            })
        }
        #[cfg(feature = "opus")]
        Some(AudioKind::OggOpus) => {
            let (audio, seams, findings) = crate::audio::opus::decode(bytes)?;
            Ok(DecodedAudio {
                audio,
                kind: AudioKind::OggOpus,
                encoding: None,
                seams,
                findings,
            })
        }
        Some(kind) => Err(MediaError::new(
            MediaErrorKind::Unsupported,
            WHAT,
            not_read(kind),
        )),
        None => Err(MediaError::new(
            MediaErrorKind::Unrecognised,
            WHAT,
            format!(
                "it begins with {}, which is no audio that is known; raw PCM needs its format told",
                crate::bytes::shown(bytes)
            ),
        )),
    }
}

/// Why a format that was recognised is not read, and what to do.
fn not_read(kind: AudioKind) -> String {
    const ASK: &str = "ask the server for `wav` or `pcm` as `response_format`";
    let feature = match kind {
        AudioKind::WebM => return format!("{kind} is not decoded by this program; {ASK}"),
        AudioKind::OggOpus => "opus",
        _ => "decoders",
    };
    format!("{kind} is not decoded: build with the feature `{feature}` of tribunal, or {ASK}")
}
