//! Sounds whose answer is known: silence, tones, chirps, noise, and voices of a given pitch and a given harmonicity.
//!
//! The same recipe gives the same bytes everywhere: sines come from `libm`, random numbers from a generator of this crate,
//! and everything else is arithmetic that IEEE 754 fixes. Rejected: recordings. They have licences, and nobody knows
//! their pitch to a tenth of a hertz.

use std::f64::consts::TAU;

use crate::audio::encoding::Encoding;
use crate::audio::sound::{Audio, check_shape};
use crate::synthetic::encoded::Encoded;
use crate::synthetic::random::Random;
use crate::{MediaError, MediaErrorKind, encode_wav};

const WHAT: &str = "synthetic audio";
/// The most samples of one sound, in all channels.
const MAX_SAMPLES: f64 = (1_u64 << 28) as f64;
/// Parts rise and fall over this time, so that their ends do not click.
const FADE: f64 = 0.01;

/// What sounds during a part.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Wave {
    /// Nothing.
    Silence,
    /// One sine.
    Tone {
        /// Its frequency.
        hz: f64,
    },
    /// A sine that glides evenly from one frequency to another.
    Chirp {
        /// Where it begins.
        from_hz: f64,
        /// Where it ends.
        to_hz: f64,
    },
    /// White noise.
    Noise,
    /// A vowel-like sound: harmonics with formants, and noise.
    Voice {
        /// Its pitch.
        hz: f64,
        /// Harmonics over noise, in decibels; `None` for no noise.
        harmonicity: Option<f64>,
    },
}

/// A recipe for a sound: parts one after the other.
///
/// ```
/// use tribunal_media::synthetic::{Sound, Wave};
///
/// let sound = Sound::new(24_000, 7)
///     .part(Wave::Silence, 0.2)
///     .part(Wave::Voice { hz: 120.0, harmonicity: Some(20.0) }, 1.0);
/// assert_eq!(sound.wav()?.bytes(), sound.wav()?.bytes());
/// assert_eq!(sound.audio()?.seconds(), 1.2);
/// # Ok::<(), tribunal_media::MediaError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sound {
    rate: u32,
    channels: u16,
    seed: u64,
    amplitude: f64,
    parts: Vec<(Wave, f64)>,
}

impl Sound {
    /// A sound of one channel without parts. The seed decides its noise.
    pub fn new(rate: u32, seed: u64) -> Self {
        Self {
            rate,
            channels: 1,
            seed,
            amplitude: 0.35,
            parts: vec![],
        }
    }

    /// The same in several equal channels.
    #[must_use]
    pub fn channels(self, channels: u16) -> Self {
        Self { channels, ..self }
    }

    /// How loud the parts are: the amplitude of a tone, and what that of a voice's waveform is about.
    #[must_use]
    pub fn amplitude(self, amplitude: f64) -> Self {
        Self { amplitude, ..self }
    }

    /// Adds a part of so many seconds.
    #[must_use]
    pub fn part(mut self, wave: Wave, seconds: f64) -> Self {
        self.parts.push((wave, seconds));
        self
    }

    /// The samples.
    ///
    /// # Errors
    /// When the recipe asks for what cannot be: no time, too much, a frequency above half the rate.
    pub fn audio(&self) -> Result<Audio, MediaError> {
        check_shape(WHAT, self.rate, self.channels)?;
        if !(self.amplitude > 0.0 && self.amplitude <= 1.0) {
            return Err(MediaError::argument(
                WHAT,
                format!("an amplitude of {}; expected up to 1", self.amplitude),
            ));
        }
        let rate = f64::from(self.rate);
        let mut mono = Vec::new();
        let mut random = Random::new(self.seed);
        for (wave, seconds) in &self.parts {
            if !(*seconds >= 0.0 && seconds.is_finite()) {
                return Err(MediaError::argument(
                    WHAT,
                    format!("a part of {seconds} seconds"),
                ));
            }
            let frames = (seconds * rate).round();
            if (mono.len() as f64 + frames) * f64::from(self.channels) > MAX_SAMPLES {
                return Err(MediaError::new(
                    MediaErrorKind::TooLarge,
                    WHAT,
                    format!("more than {MAX_SAMPLES} samples"),
                ));
            }
            self.check(wave)?;
            let part = render(wave, frames as usize, rate, &mut random);
            let fade = ((FADE * rate) as usize).min(part.len() / 2);
            let gain = |i: usize| match i.min(part.len() - 1 - i) {
                edge if edge < fade => {
                    0.5 - 0.5 * libm::cos(0.5 * TAU * (edge as f64 + 0.5) / fade as f64)
                }
                _ => 1.0,
            };
            let clip = |v: f64| v.clamp(-1.0, 1.0) as f32;
            mono.extend(
                part.iter()
                    .enumerate()
                    .map(|(i, s)| clip(s * gain(i) * self.amplitude)),
            );
        }
        let samples = match self.channels {
            1 => mono,
            n => mono
                .iter()
                .flat_map(|s| std::iter::repeat_n(*s, usize::from(n)))
                .collect(),
        };
        Audio::new(self.rate, self.channels, samples)
    }

    /// The sound as a WAV file of sixteen-bit samples.
    ///
    /// # Errors
    /// As [`Sound::audio`].
    pub fn wav(&self) -> Result<Encoded, MediaError> {
        Ok(Encoded::new(
            "sound",
            "wav",
            "audio/wav",
            encode_wav(&self.audio()?, Encoding::I16)?,
        ))
    }

    fn check(&self, wave: &Wave) -> Result<(), MediaError> {
        let half = f64::from(self.rate) / 2.0;
        let frequencies = match *wave {
            Wave::Silence | Wave::Noise => [1.0, 1.0],
            Wave::Tone { hz } | Wave::Voice { hz, .. } => [hz, hz],
            Wave::Chirp { from_hz, to_hz } => [from_hz, to_hz],
        };
        for hz in frequencies {
            if !(hz > 0.0 && hz < half) {
                return Err(MediaError::argument(
                    WHAT,
                    format!(
                        "a frequency of {hz} Hz; at a rate of {} Hz it must lie between 0 and {half}",
                        self.rate
                    ),
                ));
            }
        }
        match *wave {
            Wave::Voice {
                harmonicity: Some(db),
                ..
            } if !(-60.0..=120.0).contains(&db) => Err(MediaError::argument(
                WHAT,
                format!("a harmonicity of {db} dB; expected -60 to 120"),
            )),
            _ => Ok(()),
        }
    }
}

/// Samples of about amplitude 1.
fn render(wave: &Wave, frames: usize, rate: f64, random: &mut Random) -> Vec<f64> {
    // Counted in turns, so that the sine's argument stays small and exact for long sounds.
    let sine = |turns: f64| libm::sin(TAU * (turns - turns.floor()));
    let time = |i: usize| i as f64 / rate;
    match *wave {
        Wave::Silence => vec![0.0; frames],
        Wave::Tone { hz } => (0..frames).map(|i| sine(hz * time(i))).collect(),
        Wave::Chirp { from_hz, to_hz } => {
            let slope = (to_hz - from_hz) / time(frames.max(1));
            (0..frames)
                .map(|i| sine((from_hz + 0.5 * slope * time(i)) * time(i)))
                .collect()
        }
        Wave::Noise => (0..frames).map(|_| random.normal() / 3.0).collect(),
        Wave::Voice { hz, harmonicity } => {
            let weights = formants(hz, rate);
            let power: f64 = weights.iter().map(|w| 0.5 * w * w).sum();
            let noise = harmonicity.map_or(0.0, |db| (power / libm::pow(10.0, db / 10.0)).sqrt());
            // A waveform of many harmonics peaks at about three times its root mean square.
            let scale = 1.0 / (3.0 * (power + noise * noise).sqrt());
            (0..frames)
                .map(|i| {
                    let turns = hz * time(i);
                    let voiced: f64 = weights
                        .iter()
                        .enumerate()
                        .map(|(k, w)| w * sine((k + 1) as f64 * turns + phase(k)))
                        .sum();
                    scale * (voiced + noise * random.normal())
                })
                .collect()
        }
    }
}

/// Weights of the harmonics below 0.45 of the rate: falling, with hills where a neutral vowel has its formants.
fn formants(hz: f64, rate: f64) -> Vec<f64> {
    let count = ((0.45 * rate / hz) as usize).clamp(1, 60);
    (1..=count)
        .map(|k| {
            let f = k as f64 * hz;
            let hill = |centre: f64, width: f64| {
                1.0 / (1.0 + ((f - centre) / width) * ((f - centre) / width))
            };
            (0.15 + hill(550.0, 120.0) + 0.5 * hill(1500.0, 160.0) + 0.25 * hill(2500.0, 220.0))
                / (k as f64).sqrt()
        })
        .collect()
}

/// Spread phases, so that the harmonics do not all peak at once.
fn phase(k: usize) -> f64 {
    0.07 * (k * k) as f64 % 1.0
}
