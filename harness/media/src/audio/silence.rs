//! Where audio is silent: at its ends, and inside.
//!
//! Audio is cut into windows of ten milliseconds, and a window is silent when its root mean square is below a threshold.
//! Rejected: judging single samples. Every tone crosses zero, and a click in a pause would end the pause.

use crate::audio::sound::Audio;

/// A stretch of time, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// Where it begins.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

impl Span {
    /// How long it is.
    pub fn seconds(&self) -> f64 {
        self.end - self.start
    }
}

/// The silences of a piece of audio.
#[derive(Debug, Clone, PartialEq)]
pub struct Silences {
    /// Every silent stretch, in order.
    pub spans: Vec<Span>,
    /// How long the audio is.
    pub seconds: f64,
}

impl Silences {
    /// The root mean square below which a window is silent by default: -50 dB of full scale.
    pub const THRESHOLD: f64 = 0.003_162_277_66;
    const WINDOW: f64 = 0.01;

    /// Finds silences. A window with a sample that is not finite is not silent.
    pub fn of(audio: &Audio, threshold: f64) -> Self {
        let window = ((f64::from(audio.rate()) * Self::WINDOW) as usize).max(1);
        let per_window = window * usize::from(audio.channels());
        let rate = f64::from(audio.rate());
        let mut spans: Vec<Span> = Vec::new();
        let mut open = false;
        for (i, part) in audio.samples().chunks(per_window).enumerate() {
            let squares: f64 = part.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
            let silent = (squares / part.len() as f64).sqrt() < threshold;
            if silent {
                let start = (i * window) as f64 / rate;
                let end = ((i + 1) * window).min(audio.frames()) as f64 / rate;
                match spans.last_mut() {
                    Some(last) if open => last.end = end,
                    _ => spans.push(Span { start, end }),
                }
            }
            open = silent;
        }
        Self {
            spans,
            seconds: audio.seconds(),
        }
    }

    /// The share of the time that is silent; `None` for no audio at all.
    pub fn share(&self) -> Option<f64> {
        (self.seconds > 0.0)
            .then(|| self.spans.iter().map(Span::seconds).sum::<f64>() / self.seconds)
    }

    /// The silence before the first sound, in seconds (everything, if nothing sounds).
    pub fn leading(&self) -> f64 {
        self.spans
            .first()
            .filter(|s| s.start == 0.0)
            .map_or(0.0, Span::seconds)
    }

    /// The silence after the last sound, in seconds (everything, if nothing sounds).
    pub fn trailing(&self) -> f64 {
        self.spans
            .last()
            .filter(|s| s.end >= self.seconds)
            .map_or(0.0, Span::seconds)
    }

    /// The longest silence between two sounds.
    pub fn longest_inner(&self) -> Option<Span> {
        self.spans
            .iter()
            .filter(|s| s.start > 0.0 && s.end < self.seconds)
            .copied()
            .max_by(|a, b| a.seconds().total_cmp(&b.seconds()))
    }
}
