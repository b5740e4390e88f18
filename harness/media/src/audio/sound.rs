//! Decoded audio: samples between -1 and 1, a rate, and a number of channels.
//!
//! Rejected: a type per number of channels or per sample type. What servers send is measured once and thrown away; one
//! plain type keeps every function of this crate applicable to all of it.

use crate::{MediaError, MediaErrorKind};

/// The highest sample rate that is believed.
pub const MAX_RATE: u32 = 768_000;
/// The highest number of channels that is believed.
pub const MAX_CHANNELS: u16 = 64;

/// Decoded audio. Channels lie side by side (`l r l r …`); full scale is 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Audio {
    rate: u32,
    channels: u16,
    samples: Vec<f32>,
}

impl Audio {
    /// Audio of samples that lie side by side.
    ///
    /// # Errors
    /// When rate or channels are 0 or beyond belief, or the samples do not make whole frames.
    pub fn new(rate: u32, channels: u16, samples: Vec<f32>) -> Result<Self, MediaError> {
        check_shape("audio", rate, channels)?;
        if !samples.len().is_multiple_of(usize::from(channels)) {
            return Err(MediaError::argument(
                "audio",
                format!(
                    "{} samples do not make whole frames of {channels} channels",
                    samples.len()
                ),
            ));
        }
        Ok(Self {
            rate,
            channels,
            samples,
        })
    }

    /// Audio of one channel.
    ///
    /// # Errors
    /// When the rate is 0 or beyond belief.
    pub fn mono(rate: u32, samples: Vec<f32>) -> Result<Self, MediaError> {
        Self::new(rate, 1, samples)
    }

    /// Frames per second.
    pub fn rate(&self) -> u32 {
        self.rate
    }

    /// The number of channels.
    pub fn channels(&self) -> u16 {
        self.channels
    }

    /// All samples, channels side by side.
    pub fn samples(&self) -> &[f32] {
        &self.samples
    }

    /// The number of frames (samples per channel).
    pub fn frames(&self) -> usize {
        self.samples.len() / usize::from(self.channels)
    }

    /// Whether there is no frame at all.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// How long it plays, in seconds.
    pub fn seconds(&self) -> f64 {
        self.frames() as f64 / f64::from(self.rate)
    }

    /// The mean of the channels. Samples that are not finite stay so: hiding them is not this function's business.
    pub fn mixed(&self) -> Vec<f32> {
        if self.channels == 1 {
            return self.samples.clone();
        }
        let n = f32::from(self.channels);
        self.samples
            .chunks_exact(usize::from(self.channels))
            .map(|frame| frame.iter().sum::<f32>() / n)
            .collect()
    }

    /// One channel, counted from 0.
    pub fn channel(&self, index: u16) -> Option<Vec<f32>> {
        if index >= self.channels {
            return None;
        }
        Some(
            self.samples
                .iter()
                .skip(usize::from(index))
                .step_by(usize::from(self.channels))
                .copied()
                .collect(),
        )
    }

    /// The part between two times, in seconds; what lies outside the audio is left away.
    pub fn between(&self, from: f64, to: f64) -> Audio {
        let frame =
            |t: f64| ((t.max(0.0) * f64::from(self.rate)).round() as usize).min(self.frames());
        let (a, b) = (frame(from), frame(to).max(frame(from)));
        let n = usize::from(self.channels);
        Self {
            rate: self.rate,
            channels: self.channels,
            samples: self.samples[a * n..b * n].to_vec(),
        }
    }

    #[cfg(any(feature = "pitch", feature = "resample"))]
    pub(crate) fn require_finite(&self, what: &'static str) -> Result<(), MediaError> {
        match self.samples.iter().position(|s| !s.is_finite()) {
            None => Ok(()),
            Some(i) => Err(MediaError::new(
                MediaErrorKind::Malformed,
                what,
                format!(
                    "sample {i} is {}; samples must be finite (`Levels` counts those that are not)",
                    self.samples[i]
                ),
            )),
        }
    }
}

pub(crate) fn check_shape(what: &'static str, rate: u32, channels: u16) -> Result<(), MediaError> {
    if rate == 0 || rate > MAX_RATE {
        return Err(MediaError::new(
            MediaErrorKind::Malformed,
            what,
            format!("a sample rate of {rate} Hz; expected 1 to {MAX_RATE}"),
        ));
    }
    if channels == 0 || channels > MAX_CHANNELS {
        return Err(MediaError::new(
            MediaErrorKind::Malformed,
            what,
            format!("{channels} channels; expected 1 to {MAX_CHANNELS}"),
        ));
    }
    Ok(())
}
