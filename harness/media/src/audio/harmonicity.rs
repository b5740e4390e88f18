//! How much of a sound is periodic, in decibels over what is not: the ratio of harmonics to noise.
//!
//! As Praat's *To Harmonicity (ac)* has it. Rejected: the autocorrelation of a short frame without correction for
//! its window, which can never say more than 3 dB of a voice of 100 Hz, however clear it is
//! ([`crate::vllm_omni::harmonicity`] has it for thresholds that were made with it).

use crate::MediaError;
use crate::audio::autocorrelation::{Settings, analyse};
use crate::audio::pitch::check;
use crate::audio::sound::Audio;

/// How harmonicity is measured. The default is Praat's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HarmonicityOptions {
    /// The lowest pitch, in hertz.
    pub floor: f64,
    /// Seconds between frames.
    pub step: f64,
    /// Frames whose peak is below this share of the loudest are silent.
    pub silence: f64,
    /// Periods of the lowest pitch in the effective part of a frame, which is as long again in all.
    pub periods: f64,
}

impl Default for HarmonicityOptions {
    fn default() -> Self {
        Self {
            floor: 75.0,
            step: 0.01,
            silence: 0.1,
            periods: 4.5,
        }
    }
}

/// Harmonicity over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Harmonicity {
    /// The time in the middle of the first frame, in seconds.
    pub start: f64,
    /// Seconds between frames.
    pub step: f64,
    /// The harmonicity of each frame in decibels; `None` where it is silent or has no period.
    pub frames: Vec<Option<f64>>,
}

impl Harmonicity {
    /// Measures the harmonicity of audio (the mean of its channels).
    ///
    /// # Errors
    /// When an option makes no sense, the audio is shorter than a frame, or a sample is not finite.
    pub fn of(audio: &Audio, options: &HarmonicityOptions) -> Result<Self, MediaError> {
        check(options.floor, options.step)?;
        if !(3.0..=20.0).contains(&options.periods) {
            return Err(MediaError::argument(
                "harmonicity",
                format!("{} periods in a frame; expected 3 to 20", options.periods),
            ));
        }
        audio.require_finite("harmonicity")?;
        let settings = Settings {
            floor: options.floor,
            step: options.step,
            // A Gaussian window of this length has about as much weight as a Hann window of half of it.
            periods: 2.0 * options.periods,
            gaussian: true,
            candidates: 14,
            voicing: 0.0,
            octave_cost: 0.0,
            // Only the best counts, and fine interpolation moves none by as much as this.
            margin: 0.1,
        };
        let analysed = analyse::<f64>(&audio.mixed(), audio.rate(), settings)?;
        let frames = analysed
            .frames
            .iter()
            .map(|frame| {
                let nothing =
                    (2.0 - frame.intensity / options.silence.max(f64::MIN_POSITIVE)).max(0.0);
                let best = frame
                    .candidates
                    .iter()
                    .map(|c| c.strength)
                    .fold(0.0, f64::max);
                (best > nothing).then(|| decibels(best))
            })
            .collect();
        Ok(Self {
            start: analysed.start,
            step: options.step,
            frames,
        })
    }

    /// The mean of the frames that have a value; `None` without one.
    pub fn mean(&self) -> Option<f64> {
        let (n, sum) = self
            .frames
            .iter()
            .flatten()
            .fold((0_usize, 0.0), |(n, sum), v| (n + 1, sum + v));
        (n > 0).then(|| sum / n as f64)
    }

    /// The share of frames that have a value.
    pub fn periodic(&self) -> f64 {
        self.frames.iter().flatten().count() as f64 / self.frames.len().max(1) as f64
    }
}

/// From the height of the peak (the periodic share of the energy) to decibels, held where more would be rounding.
fn decibels(share: f64) -> f64 {
    if share <= 1e-15 {
        -150.0
    } else if share >= 1.0 - 1e-15 {
        150.0
    } else {
        10.0 * (share / (1.0 - share)).log10()
    }
}
