//! Audio of an answer: how long it is, and whether it came early enough to be played.

use serde::{Deserialize, Serialize};

use crate::{Kind, Record};

/// The form of raw samples of which the answer does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pcm {
    /// Sample frames for each second.
    pub rate: u32,
    /// Channels.
    pub channels: u16,
    /// Bytes of a sample of one channel.
    pub sample_bytes: u16,
}

impl Pcm {
    /// 16 bits, one channel, 24,000 sample frames for each second: what most servers of speech send, and what vLLM-Omni assumes.
    pub const USUAL: Pcm = Pcm {
        rate: 24_000,
        channels: 1,
        sample_bytes: 2,
    };
}

/// Rate and bytes of a frame: as the answer says, else as assumed.
fn form(record: &Record, assumed: Option<Pcm>) -> Option<(f64, f64)> {
    let frame = |pcm: Pcm| u32::from(pcm.channels) * u32::from(pcm.sample_bytes);
    // A length that is known without a frame's size is of compressed audio: its bytes are no samples.
    let assumed = assumed.filter(|_| record.audio_seconds.is_none());
    let rate = record
        .audio_rate
        .or(assumed.map(|pcm| pcm.rate))
        .filter(|rate| *rate > 0)?;
    let bytes = record
        .audio_frame_bytes
        .or(assumed.map(frame))
        .filter(|bytes| *bytes > 0)?;
    Some((f64::from(rate), f64::from(bytes)))
}

/// Arrivals of bytes of samples, in nanoseconds: the header of the stream is not among them.
fn arrivals(record: &Record) -> impl Iterator<Item = (u64, u64)> {
    let mut header = u64::from(record.audio_header_bytes.unwrap_or(0));
    record
        .events
        .iter()
        .filter(|event| event.kind == Kind::Audio)
        .filter_map(move |event| {
            let bytes = u64::from(event.bytes);
            let skipped = header.min(bytes);
            header -= skipped;
            (bytes > skipped).then_some((event.at, bytes - skipped))
        })
}

/// When the first bytes of samples came.
pub(super) fn first_samples(record: &Record) -> Option<u64> {
    arrivals(record).next().map(|(at, _)| at)
}

/// Length in seconds, and sample frames where they are known.
pub(super) fn length(record: &Record, assumed: Option<Pcm>) -> (Option<f64>, Option<f64>) {
    let form = form(record, assumed);
    let frames = form.and_then(|(_, frame)| {
        let bytes: u64 = arrivals(record).map(|(_, bytes)| bytes).sum();
        (bytes > 0).then(|| (bytes as f64 / frame).floor())
    });
    let seconds = record
        .audio_seconds
        .or_else(|| frames.zip(form).map(|(frames, (rate, _))| frames / rate));
    let frames = frames.or_else(|| {
        record
            .audio_seconds
            .zip(record.audio_rate)
            .map(|(seconds, rate)| (seconds * f64::from(rate)).round())
    });
    (seconds.filter(|seconds| *seconds > 0.0), frames)
}

/// The most that a player lacked, in seconds, that starts `prebuffer` seconds after the first samples and plays in real time. The player is not
/// held up by a gap, so that later gaps contain earlier ones. `None` where the bytes do not tell seconds.
pub(super) fn underrun(record: &Record, assumed: Option<Pcm>, prebuffer: f64) -> Option<f64> {
    let (rate, frame) = form(record, assumed)?;
    let mut arrivals = arrivals(record);
    let (start, first) = arrivals.next()?;
    let (mut received, mut worst) = (first as f64, 0.0_f64);
    for (at, bytes) in arrivals {
        let played = (at.saturating_sub(start) as f64 / 1e9 - prebuffer).max(0.0);
        worst = worst.max(played - received / (rate * frame));
        received += bytes as f64;
    }
    Some(worst)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seen;

    /// Chunks of a tenth of a second of 24 kHz, 16 bits, at these milliseconds.
    fn speech(at: &[u64]) -> Record {
        let mut record = Record::new(0, 0);
        record.events = at
            .iter()
            .map(|ms| Seen {
                at: ms * 1_000_000,
                kind: Kind::Audio,
                bytes: 4800,
                tokens: None,
                coalesced: false,
            })
            .collect();
        record
    }

    fn close(got: Option<f64>, wanted: f64) {
        assert!(
            (got.unwrap() - wanted).abs() < 1e-9,
            "{got:?}, not {wanted}"
        );
    }

    #[test]
    fn a_late_chunk_is_a_gap() {
        close(
            underrun(&speech(&[0, 50, 450]), Some(Pcm::USUAL), 0.0),
            0.25,
        );
        close(
            underrun(&speech(&[0, 100, 200]), Some(Pcm::USUAL), 0.0),
            0.0,
        );
        close(underrun(&speech(&[7]), Some(Pcm::USUAL), 0.0), 0.0);
    }

    #[test]
    fn a_player_that_waits_lacks_less() {
        close(
            underrun(&speech(&[0, 50, 450]), Some(Pcm::USUAL), 0.2),
            0.05,
        );
        close(underrun(&speech(&[0, 50, 450]), Some(Pcm::USUAL), 0.3), 0.0);
    }

    #[test]
    fn a_header_is_no_audio() {
        let mut record = speech(&[0, 100, 200]);
        record.audio_header_bytes = Some(4800 + 44);
        assert_eq!(first_samples(&record), Some(100_000_000));
        close(
            length(&record, Some(Pcm::USUAL)).0,
            (4800.0 - 22.0) / 24_000.0,
        );
    }

    #[test]
    fn what_nobody_says_is_unknown() {
        assert_eq!(underrun(&speech(&[0, 1]), None, 0.0), None);
        assert_eq!(length(&speech(&[0, 1]), None), (None, None));
        let mut mp3 = speech(&[0, 1]);
        mp3.audio_seconds = Some(3.0);
        assert_eq!(length(&mp3, Some(Pcm::USUAL)), (Some(3.0), None));
        assert_eq!(underrun(&mp3, Some(Pcm::USUAL), 0.0), None);
    }
}
