//! How samples are written as bytes, always the low byte first, as WAV files and raw PCM streams have them.

use crate::MediaError;
use crate::audio::finding::Finding;
use crate::audio::sound::{Audio, check_shape};

/// How one sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Eight bits, unsigned.
    U8,
    /// Sixteen bits, signed.
    I16,
    /// Twenty-four bits, signed.
    I24,
    /// Thirty-two bits, signed.
    I32,
    /// Thirty-two bits of floating point.
    F32,
    /// Sixty-four bits of floating point.
    F64,
}

impl Encoding {
    /// The bytes of one sample.
    pub fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::I16 => 2,
            Self::I24 => 3,
            Self::I32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Whether the samples are floating-point numbers.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// Whole samples only: what is left over is the caller's to report.
    pub(crate) fn decode(self, bytes: &[u8], into: &mut Vec<f32>) {
        let each = bytes.chunks_exact(self.bytes());
        match self {
            Self::U8 => into.extend(bytes.iter().map(|b| (f32::from(*b) - 128.0) / 128.0)),
            Self::I16 => {
                into.extend(each.map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0))
            }
            Self::I24 => {
                into.extend(each.map(|b| {
                    (i32::from_le_bytes([0, b[0], b[1], b[2]]) >> 8) as f32 / 8_388_608.0
                }));
            }
            Self::I32 => into.extend(each.map(|b| {
                (f64::from(i32::from_le_bytes([b[0], b[1], b[2], b[3]])) / 2_147_483_648.0) as f32
            })),
            Self::F32 => into.extend(each.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))),
            Self::F64 => into.extend(each.map(|b| {
                f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32
            })),
        }
    }

    /// Integers are rounded to the nearest step and held at full scale.
    pub(crate) fn encode(self, samples: &[f32], into: &mut Vec<u8>) {
        let step =
            |s: f32, full: f64| (f64::from(s) * full).round().clamp(-full, full - 1.0) as i64;
        for &s in samples {
            match self {
                Self::U8 => into.push((step(s, 128.0) + 128) as u8),
                Self::I16 => into.extend((step(s, 32768.0) as i16).to_le_bytes()),
                Self::I24 => into.extend(&(step(s, 8_388_608.0) as i32).to_le_bytes()[..3]),
                Self::I32 => into.extend((step(s, 2_147_483_648.0) as i32).to_le_bytes()),
                Self::F32 => into.extend(s.to_le_bytes()),
                Self::F64 => into.extend(f64::from(s).to_le_bytes()),
            }
        }
    }
}

/// What raw PCM does not say of itself, so that somebody else must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PcmFormat {
    /// Frames per second.
    pub rate: u32,
    /// The number of channels.
    pub channels: u16,
    /// How one sample is written.
    pub encoding: Encoding,
}

impl PcmFormat {
    /// One channel of sixteen-bit samples, as speech servers send it.
    pub fn speech(rate: u32) -> Self {
        Self {
            rate,
            channels: 1,
            encoding: Encoding::I16,
        }
    }
}

/// Raw PCM as audio. Bytes that do not make a whole frame are left away and reported.
///
/// # Errors
/// When the format's rate or channels are beyond belief.
pub fn decode_pcm(bytes: &[u8], format: PcmFormat) -> Result<(Audio, Vec<Finding>), MediaError> {
    check_shape("raw PCM", format.rate, format.channels)?;
    let frame = format.encoding.bytes() * usize::from(format.channels);
    let left = bytes.len() % frame;
    let mut samples = Vec::with_capacity(bytes.len() / format.encoding.bytes());
    format
        .encoding
        .decode(&bytes[..bytes.len() - left], &mut samples);
    let findings = if left == 0 {
        vec![]
    } else {
        vec![Finding::PartialFrame { bytes: left }]
    };
    Ok((Audio::new(format.rate, format.channels, samples)?, findings))
}

/// Audio as raw PCM.
pub fn encode_pcm(audio: &Audio, encoding: Encoding) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(audio.samples().len() * encoding.bytes());
    encoding.encode(audio.samples(), &mut bytes);
    bytes
}
