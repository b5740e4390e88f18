//! Compressed audio through `symphonia`: MP3, FLAC, Ogg Vorbis, and AAC in ADTS frames or in MP4.
//!
//! What was decoded before the bytes end or turn bad is audio with a finding, as a player would play it; nothing decoded is an
//! error. In MP4 the edit list says what the encoder put before the first sample, and that is taken away; bare AAC has no
//! such list, and keeps the 20 to 90 ms of it. Rejected: calling `ffmpeg`, which would have to be installed.

use std::io::{Cursor, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error;
use symphonia::core::formats::TrackType;
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::MediaSourceStream;

use crate::audio::finding::Finding;
use crate::audio::kind::AudioKind;
use crate::audio::sound::{Audio, check_shape};
use crate::{MediaError, MediaErrorKind};

const WHAT: &str = "audio";
/// The most samples of one file, in all channels.
const MAX_SAMPLES: usize = 1 << 28;
/// Packets in a row that cannot be decoded, after which the rest is given up.
const MAX_BAD: usize = 32;

/// Whether [`decode`] reads the format.
pub(crate) fn reads(kind: AudioKind) -> bool {
    matches!(
        kind,
        AudioKind::Mp3 | AudioKind::Flac | AudioKind::OggVorbis | AudioKind::Aac | AudioKind::Mp4
    )
}

/// The samples of a file, and what is odd about it.
pub(crate) fn decode(bytes: &[u8], kind: AudioKind) -> Result<(Audio, Vec<Finding>), MediaError> {
    // Whatever a server sends must not bring a test down, and this is a large amount of somebody else's code.
    let decoded = catch_unwind(AssertUnwindSafe(|| decode_unguarded(bytes, kind)));
    decoded.unwrap_or_else(|_| {
        Err(MediaError::new(
            MediaErrorKind::Malformed,
            WHAT,
            format!("the decoder of {kind} broke down over these bytes"),
        ))
    })
}

fn decode_unguarded(bytes: &[u8], kind: AudioKind) -> Result<(Audio, Vec<Finding>), MediaError> {
    let bad = |problem: String| {
        MediaError::new(
            MediaErrorKind::Malformed,
            WHAT,
            format!("{kind}: {problem}"),
        )
    };
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes.to_vec())), Default::default());
    let mut hint = Hint::new();
    hint.with_extension(kind.extension());
    let mut format = symphonia::default::get_probe()
        .probe(&hint, source, Default::default(), Default::default())
        .map_err(|e| bad(format!("there is nothing to decode: {}", said(&e))))?;
    let track = format
        .default_track(TrackType::Audio)
        .ok_or_else(|| bad("there is no audio track".to_owned()))?;
    let id = track.id;
    let parameters = track
        .codec_params
        .as_ref()
        .and_then(|p| p.audio())
        .ok_or_else(|| bad("the audio track does not say how it is coded".to_owned()))?;
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|e| {
            MediaError::new(
                MediaErrorKind::Unsupported,
                WHAT,
                format!("{kind}: its codec is not read: {}", said(&e)),
            )
        })?;
    let mut shape = None;
    let mut samples: Vec<f32> = Vec::new();
    let mut part: Vec<f32> = Vec::new();
    let (mut lost, mut in_a_row, mut why) = (0_usize, 0_usize, None);
    // No packet is shorter than a byte, so there are no more of them than bytes.
    for _ in 0..=bytes.len() {
        let packet = match format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            Err(e) => {
                why = Some(said(&e));
                break;
            }
        };
        if packet.track_id != id {
            continue;
        }
        match decoder.decode(&packet) {
            Ok(buffer) => {
                let spec = buffer.spec();
                let channels = u16::try_from(spec.channels().count()).unwrap_or(u16::MAX);
                let new = (spec.rate(), channels);
                check_shape(WHAT, new.0, new.1)?;
                if *shape.get_or_insert(new) != new {
                    why = Some(format!("it changes to {} Hz and {} channels", new.0, new.1));
                    break;
                }
                buffer.copy_to_vec_interleaved(&mut part);
                if samples.len() + part.len() > MAX_SAMPLES {
                    return Err(MediaError::new(
                        MediaErrorKind::TooLarge,
                        WHAT,
                        format!("{kind}: more than {MAX_SAMPLES} samples"),
                    ));
                }
                samples.append(&mut part);
                in_a_row = 0;
            }
            Err(e) => {
                lost += 1;
                in_a_row += 1;
                why = Some(said(&e));
                // Only a packet that is bad in itself leaves the next one readable.
                if !matches!(e, Error::DecodeError(_)) || in_a_row > MAX_BAD {
                    break;
                }
            }
        }
    }
    let Some((rate, channels)) = shape.filter(|_| !samples.is_empty()) else {
        return Err(bad(format!(
            "there is no sample in it{}",
            why.map(|w| format!(": {w}")).unwrap_or_default()
        )));
    };
    let mut audio = Audio::new(rate, channels, samples)?;
    if kind == AudioKind::Mp4
        && let Some((start, seconds)) = crate::video::mp4::sounding(bytes)
    {
        audio = audio.between(start, start + seconds);
    }
    let findings = why.map(|why| Finding::Undecoded {
        why: if lost > 0 {
            format!("{lost} packets could not be decoded, the last because: {why}")
        } else {
            why
        },
    });
    Ok((audio, findings.into_iter().collect()))
}

fn said(error: &Error) -> String {
    match error {
        Error::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
            "it ends before it should".to_owned()
        }
        other => other.to_string(),
    }
}
