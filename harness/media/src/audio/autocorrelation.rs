//! Periodicity of short frames after Boersma (1993): the autocorrelation of a windowed frame, divided by that of the
//! window itself, so that a periodic signal reaches 1 at its period however short the frame is. Pitch and harmonicity
//! are both read from its maxima.
//!
//! Rejected: the bare autocorrelation. It falls with the lag, so that a low voice looks noisy and a high one sounds an octave up.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::{MediaError, MediaErrorKind};

/// Neighbours on each side that take part in the interpolation between lags: some to choose, more to measure, and as
/// many as there may be where tenths of a decibel above 60 dB count.
const ROUGH: usize = 30;
const FINE: usize = 70;
const FINEST: usize = 700;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// The lowest frequency looked for; it sets the length of a frame.
    pub floor: f64,
    /// Seconds between frames.
    pub step: f64,
    /// Periods of the lowest frequency in a frame.
    pub periods: f64,
    /// A Gaussian window instead of Hann's: finer, for frames twice as long.
    pub gaussian: bool,
    /// The most candidates per frame.
    pub candidates: usize,
    /// Maxima below half of this are not looked at.
    pub voicing: f64,
    /// What each octave below the highest costs a candidate.
    pub octave_cost: f64,
    /// Candidates that are worse than the best by more than this are dropped.
    pub margin: f64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Candidate {
    pub frequency: f64,
    pub strength: f64,
}

#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// The frame's peak as a share of the peak of the whole signal.
    pub intensity: f64,
    pub candidates: Vec<Candidate>,
}

#[derive(Debug)]
pub(crate) struct Frames {
    /// The time in the middle of the first frame.
    pub start: f64,
    pub frames: Vec<Frame>,
}

struct Analyser {
    rate: f64,
    settings: Settings,
    half: usize,
    period: usize,
    max_lag: usize,
    limit: usize,
    window: Vec<f64>,
    /// One over the window's normalised autocorrelation.
    correction: Vec<f64>,
    forward: Arc<dyn RealToComplex<f64>>,
    inverse: Arc<dyn ComplexToReal<f64>>,
    buffer: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    lags: Vec<f64>,
}

/// The frames of a signal with their candidates. A signal shorter than a frame is an error: nothing can be said of it.
pub(crate) fn analyse(
    samples: &[f32],
    rate: u32,
    settings: Settings,
) -> Result<Frames, MediaError> {
    let rate = f64::from(rate);
    let seconds = samples.len() as f64 * (1.0 / rate);
    let window = settings.periods / settings.floor;
    let mut analyser = Analyser::new(rate, settings)?;
    if seconds < window || samples.len() < 2 * analyser.half {
        return Err(MediaError::new(
            MediaErrorKind::Empty,
            "pitch analysis",
            format!(
                "{seconds:.3} s of audio; a frame of {} periods of {} Hz needs {window:.3} s",
                settings.periods, settings.floor
            ),
        ));
    }
    let count = ((seconds - window) / settings.step) as usize + 1;
    let start = 0.5 * (seconds - (count - 1) as f64 * settings.step);
    let mut sums = Vec::with_capacity(samples.len() + 1);
    sums.push(0.0);
    let mut total = 0.0;
    for s in samples {
        total += f64::from(*s);
        sums.push(total);
    }
    let mean = total / samples.len() as f64;
    let peak = samples
        .iter()
        .map(|s| (f64::from(*s) - mean).abs())
        .fold(0.0, f64::max);
    let frames = (0..count)
        .map(|i| analyser.frame(samples, &sums, peak, start + i as f64 * settings.step))
        .collect();
    Ok(Frames { start, frames })
}

impl Analyser {
    fn new(rate: f64, settings: Settings) -> Result<Self, MediaError> {
        let whole = (settings.periods / settings.floor * rate) as usize;
        let half = (whole / 2).saturating_sub(1);
        let length = 2 * half;
        if length < 8 {
            return Err(MediaError::argument(
                "pitch analysis",
                format!(
                    "a floor of {} Hz is too high for audio of {rate} Hz",
                    settings.floor
                ),
            ));
        }
        let limit = if settings.gaussian {
            length / 4
        } else {
            length / 2
        };
        let size = (length + limit).next_power_of_two();
        let mut planner = RealFftPlanner::<f64>::new();
        let forward = planner.plan_fft_forward(size);
        let inverse = planner.plan_fft_inverse(size);
        let mut analyser = Self {
            rate,
            settings,
            half,
            period: (rate / settings.floor) as usize,
            max_lag: ((length as f64 / settings.periods) as usize + 2).min(length),
            limit,
            window: (1..=length)
                .map(|i| weight(i, length, settings.gaussian))
                .collect(),
            correction: vec![1.0; limit + 1],
            buffer: vec![0.0; size],
            spectrum: forward.make_output_vec(),
            forward,
            inverse,
            lags: vec![0.0; limit + 1],
        };
        analyser.buffer[..length].copy_from_slice(&analyser.window);
        analyser.autocorrelate();
        let own: Vec<f64> = analyser.lags.iter().map(|r| analyser.lags[0] / r).collect();
        analyser.correction = own;
        Ok(analyser)
    }

    /// From the buffer (zero beyond the frame) to `lags`, uncorrected. The buffer is scratch afterwards.
    fn autocorrelate(&mut self) {
        // The only errors of these calls are buffers of a wrong length, which were made by the plan itself.
        let done = self
            .forward
            .process(&mut self.buffer, &mut self.spectrum)
            .is_ok();
        for c in &mut self.spectrum {
            *c = Complex::new(c.norm_sqr(), 0.0);
        }
        let done = done
            && self
                .inverse
                .process(&mut self.spectrum, &mut self.buffer)
                .is_ok();
        debug_assert!(done, "the plan's own buffers fit");
        self.lags.copy_from_slice(&self.buffer[..=self.limit]);
    }

    fn frame(&mut self, samples: &[f32], sums: &[f64], global_peak: f64, time: f64) -> Frame {
        let right = (time * self.rate - 0.5).floor() as usize + 1;
        let length = 2 * self.half;
        let first = right.saturating_sub(self.half).min(samples.len() - length);
        let (low, high) = (
            right.saturating_sub(self.period),
            (right + self.period).min(samples.len()),
        );
        let mean = (sums[high] - sums[low]) / (high - low).max(1) as f64;
        self.buffer.fill(0.0);
        for ((b, s), w) in self
            .buffer
            .iter_mut()
            .zip(&samples[first..first + length])
            .zip(&self.window)
        {
            *b = (f64::from(*s) - mean) * w;
        }
        let around = (self.period / 2 + 1).min(self.half);
        let peak = self.buffer[self.half - around..self.half + around]
            .iter()
            .map(|v| v.abs())
            .fold(0.0, f64::max);
        let intensity = if global_peak > 0.0 {
            (peak / global_peak).min(1.0)
        } else {
            0.0
        };
        self.autocorrelate();
        let zero = self.lags[0];
        // Written so that a NaN ends here as well.
        if intensity == 0.0 || zero.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
            return Frame {
                intensity: 0.0,
                candidates: vec![],
            };
        }
        for (r, c) in self.lags.iter_mut().zip(&self.correction) {
            *r *= c / zero;
        }
        Frame {
            intensity,
            candidates: self.maxima(),
        }
    }

    fn maxima(&self) -> Vec<Candidate> {
        let r = &self.lags;
        let mut found: Vec<(f64, usize)> = Vec::new();
        for i in 2..self.max_lag.min(self.limit) {
            if r[i] <= 0.5 * self.settings.voicing || r[i] <= r[i - 1] || r[i] < r[i + 1] {
                continue;
            }
            let slope = 0.5 * (r[i + 1] - r[i - 1]);
            let curve = 2.0 * r[i] - r[i - 1] - r[i + 1];
            let lag = i as f64 + if curve > 0.0 { slope / curve } else { 0.0 };
            found.push((self.worth(lag, unfold(self.between(lag, ROUGH))), i));
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(self.settings.candidates);
        let best = found.first().map_or(0.0, |f| f.0);
        found
            .iter()
            .filter(|(worth, _)| best - worth <= self.settings.margin)
            .map(|(_, i)| {
                let (lag, strength) = self.summit(*i);
                Candidate {
                    frequency: self.rate / lag,
                    strength: unfold(strength),
                }
            })
            .collect()
    }

    fn worth(&self, lag: f64, strength: f64) -> f64 {
        strength - self.settings.octave_cost * (self.settings.floor * lag / self.rate).log2()
    }

    /// The maximum next to a lag, by golden sections of the two lags around it.
    fn summit(&self, i: usize) -> (f64, f64) {
        let depth = if self.settings.gaussian { FINEST } else { FINE };
        const SECTION: f64 = 0.618_033_988_749_894_9;
        let (mut low, mut high) = ((i - 1) as f64, (i + 1) as f64);
        let (mut a, mut b) = (high - SECTION * (high - low), low + SECTION * (high - low));
        let (mut at_a, mut at_b) = (self.between(a, depth), self.between(b, depth));
        for _ in 0..24 {
            if at_a < at_b {
                (low, a, at_a) = (a, b, at_b);
                b = low + SECTION * (high - low);
                at_b = self.between(b, depth);
            } else {
                (high, b, at_b) = (b, a, at_a);
                a = high - SECTION * (high - low);
                at_a = self.between(a, depth);
            }
        }
        if at_a > at_b { (a, at_a) } else { (b, at_b) }
    }

    /// The autocorrelation between two lags: a sinc under a raised cosine, over `depth` neighbours on each side.
    fn between(&self, lag: f64, depth: usize) -> f64 {
        let below = lag.floor();
        let fraction = lag - below;
        let below = below as usize;
        if fraction < 1e-12 {
            return self.lags[below];
        }
        let depth = depth.min(self.limit - below);
        let sine = (PI * fraction).sin() / PI;
        let at = |k: isize| self.lags[k.unsigned_abs()];
        let mut sum = 0.0;
        // Leftwards from `below`, then rightwards from the next: sin(π(x - k)) only changes its sign.
        for (start, step, distance) in [
            (below as isize, -1_isize, fraction),
            (below as isize + 1, 1, 1.0 - fraction),
        ] {
            let angle = PI / (distance + depth as f64);
            let (turn_sin, turn_cos) = angle.sin_cos();
            let (mut s, mut c) = (angle * distance).sin_cos();
            let mut sign = sine;
            for n in 0..depth {
                sum +=
                    at(start + step * n as isize) * sign / (distance + n as f64) * (0.5 + 0.5 * c);
                sign = -sign;
                (s, c) = (s * turn_cos + c * turn_sin, c * turn_cos - s * turn_sin);
            }
        }
        sum
    }
}

/// The window at its `i`th sample of `length`, counted from 1: zero just outside both ends.
fn weight(i: usize, length: usize, gaussian: bool) -> f64 {
    let place = i as f64 / (length + 1) as f64;
    if gaussian {
        let edge = (-12.0_f64).exp();
        ((-48.0 * (place - 0.5) * (place - 0.5)).exp() - edge) / (1.0 - edge)
    } else {
        0.5 - 0.5 * (2.0 * PI * place).cos()
    }
}

/// Interpolation can overshoot: a height above 1 is as far from certain as it is above.
fn unfold(strength: f64) -> f64 {
    if strength > 1.0 {
        1.0 / strength
    } else {
        strength
    }
}
