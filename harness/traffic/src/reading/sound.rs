//! How long the audio of an answer is, from its bytes as they come.
//!
//! Promise: a length is said only where the bytes say how samples stand in them (a WAV header, or headers of the response for raw samples); of
//! an encoded format it stays unknown. Bytes are counted, not kept.

use http::HeaderMap;

use super::base64;
use super::wave::{self, Head, MOST_HEADER, Wave};
use crate::record::Record;

#[derive(Debug, Default)]
pub(crate) struct Sound {
    /// Bytes in all, with the header of the first piece.
    bytes: u64,
    /// The beginning, until it is known what it is.
    begin: Vec<u8>,
    known: bool,
    wave: Option<Wave>,
    /// From the headers of the response: rate and bytes of a frame of raw samples.
    raw: Option<(u32, u32)>,
    /// Of pieces that are files of their own.
    files: Files,
}

#[derive(Debug, Default)]
struct Files {
    seconds: f64,
    count: u64,
    unknown: bool,
}

impl Sound {
    pub(crate) fn new(headers: &HeaderMap) -> Self {
        Self {
            raw: raw_form(headers),
            ..Self::default()
        }
    }

    /// The rate, where an event says it.
    pub(crate) fn rate(&mut self, rate: u32) {
        if rate > 0 && self.raw.is_none() {
            self.raw = Some((rate, 2));
        }
    }

    /// More of one file or of raw samples. How many bytes that are.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> u32 {
        self.bytes += bytes.len() as u64;
        if !self.known {
            let room = MOST_HEADER + 8 - self.begin.len();
            self.begin
                .extend_from_slice(&bytes[..bytes.len().min(room)]);
            self.look();
        }
        clamped(bytes.len() as u64)
    }

    /// More of it, in base64.
    pub(crate) fn push_base64(&mut self, text: &str) -> u32 {
        let len = base64::decoded_len(text);
        self.bytes += len;
        if !self.known {
            let room = MOST_HEADER + 8 - self.begin.len();
            self.begin.append(&mut base64::head(text, room));
            self.look();
        }
        clamped(len)
    }

    /// A file of its own, in base64. The bytes of its samples; of the first, with its header.
    pub(crate) fn push_file(&mut self, text: &str) -> u32 {
        let len = base64::decoded_len(text);
        self.files.count += 1;
        let (rate, frame, header) = match (wave::head(&base64::head(text, 256)), self.raw) {
            (Head::Wave(wave), _) => {
                let header = wave.header_bytes;
                if self.wave.is_none() {
                    self.wave = Some(wave);
                }
                (wave.rate, wave.frame_bytes, header)
            }
            (_, Some((rate, frame))) => (rate, frame, 0),
            _ => {
                self.files.unknown = true;
                self.bytes += len;
                return clamped(len);
            }
        };
        let samples = len.saturating_sub(u64::from(header));
        self.files.seconds += samples as f64 / frame as f64 / rate as f64;
        let counted = match self.files.count {
            1 => len,
            _ => samples,
        };
        self.bytes += counted;
        clamped(counted)
    }

    fn look(&mut self) {
        match wave::head(&self.begin) {
            Head::Unfinished => return,
            Head::Other => {}
            Head::Wave(wave) => self.wave = Some(wave),
        }
        self.known = true;
        self.begin = Vec::new();
    }

    /// Whether there is a sample, as far as can be told.
    pub(crate) fn is_empty(&self) -> bool {
        let header = self.wave.map_or(0, |wave| u64::from(wave.header_bytes));
        self.bytes <= header
            || (!self.known && self.files.count == 0 && !self.begin.is_empty() && self.bytes < 44)
    }

    /// What is known of it.
    pub(crate) fn tell(&self, record: &mut Record) {
        if self.bytes == 0 {
            return;
        }
        if let Some(wave) = self.wave {
            record.audio_rate = Some(wave.rate);
            record.audio_frame_bytes = Some(wave.frame_bytes);
            record.audio_header_bytes = Some(wave.header_bytes);
        } else if let Some((rate, frame)) = self.raw {
            record.audio_rate = Some(rate);
            record.audio_frame_bytes = Some(frame);
            record.audio_header_bytes = Some(0);
        }
        if self.files.count > 0 {
            record.audio_seconds = (!self.files.unknown).then_some(self.files.seconds);
            return;
        }
        if let (Some(rate), Some(frame)) = (record.audio_rate, record.audio_frame_bytes) {
            let header = u64::from(record.audio_header_bytes.unwrap_or(0));
            let here = self.bytes.saturating_sub(header);
            // What follows the samples in a whole file is none; a header that promises more than came is not believed.
            let told = self.wave.and_then(|wave| wave.data_bytes).map(u64::from);
            let samples = told.map_or(here, |told| told.min(here));
            record.audio_seconds = Some((samples / u64::from(frame)) as f64 / f64::from(rate));
        }
    }
}

fn clamped(len: u64) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// How raw samples stand, where the headers say their rate: 16 bits, unless they say otherwise.
fn raw_form(headers: &HeaderMap) -> Option<(u32, u32)> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text("content-type")?.to_ascii_lowercase();
    let mut parts = kind.split(';').map(str::trim);
    let raw = matches!(
        parts.next()?,
        "audio/pcm" | "audio/l16" | "audio/x-raw" | "audio/raw"
    );
    if !raw {
        return None;
    }
    let (mut rate, mut channels) = (None, 1u32);
    for part in parts {
        match part.split_once('=') {
            Some(("rate" | "samplerate", value)) => rate = value.trim_matches('"').parse().ok(),
            Some(("channels", value)) => channels = value.trim_matches('"').parse().unwrap_or(1),
            _ => {}
        }
    }
    let named = ["x-audio-sample-rate", "x-sample-rate"];
    let rate = rate.or_else(|| {
        named
            .iter()
            .find_map(|name| text(name)?.trim().parse().ok())
    });
    rate.filter(|rate| *rate > 0)
        .zip(channels.max(1).checked_mul(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(rate: u32, samples: usize, size: u32) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        file.extend_from_slice(&rate.to_le_bytes());
        file.extend_from_slice(&(rate * 2).to_le_bytes());
        file.extend_from_slice(&[2, 0, 16, 0]);
        file.extend_from_slice(b"data");
        file.extend_from_slice(&size.to_le_bytes());
        file.resize(file.len() + samples * 2, 0);
        file
    }

    fn told(sound: &Sound) -> (Option<u32>, Option<u32>, Option<f64>) {
        let mut record = Record::new(0, 0);
        sound.tell(&mut record);
        (
            record.audio_rate,
            record.audio_header_bytes,
            record.audio_seconds,
        )
    }

    #[test]
    fn a_file_is_as_long_as_its_samples_wherever_it_is_cut_and_whatever_its_header_says() {
        for size in [0, u32::MAX, 24_000, 12_000_000] {
            let file = wav(24_000, 12_000, size);
            for cut in [0, 1, 20, 43, 44, 45, 1000] {
                let mut sound = Sound::default();
                sound.push(&file[..cut]);
                sound.push(&file[cut..]);
                assert_eq!(
                    told(&sound),
                    (Some(24_000), Some(44), Some(0.5)),
                    "{size} {cut}"
                );
                assert!(!sound.is_empty());
            }
        }
    }

    #[test]
    fn a_header_alone_is_empty() {
        let mut sound = Sound::default();
        assert!(sound.is_empty());
        sound.push(&wav(24_000, 0, 0));
        assert!(sound.is_empty());
    }

    #[test]
    fn raw_samples_need_a_rate_and_encoded_ones_stay_unknown() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "content-type",
            "audio/pcm;rate=16000; channels=2".parse().unwrap(),
        );
        let mut sound = Sound::new(&headers);
        sound.push(&[0; 64_000]);
        assert_eq!(told(&sound), (Some(16_000), Some(0), Some(1.0)));
        headers.insert("content-type", "audio/pcm".parse().unwrap());
        let mut sound = Sound::new(&headers);
        sound.push(&[0; 64_000]);
        assert_eq!(told(&sound), (None, None, None));
        headers.insert("x-audio-sample-rate", "32000".parse().unwrap());
        let mut sound = Sound::new(&headers);
        sound.push(&[0; 64_000]);
        assert_eq!(told(&sound).2, Some(1.0));
        headers.insert("content-type", "audio/mpeg".parse().unwrap());
        let mut sound = Sound::new(&headers);
        sound.push(b"ID3\x04 and so on");
        assert_eq!(told(&sound), (None, None, None));
        assert!(!sound.is_empty());
    }
}
