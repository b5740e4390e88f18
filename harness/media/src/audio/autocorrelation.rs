//! Periodicity of short frames after Boersma (1993): the autocorrelation of a windowed frame, divided by that of the
//! window itself, so that a periodic signal reaches 1 at its period however short the frame is. Pitch and harmonicity
//! are both read from its maxima.
//!
//! Rejected: the bare autocorrelation. It falls with the lag, so that a low voice looks noisy and a high one sounds an octave up.

use std::f64::consts::PI;
use std::ops::Range;
use std::sync::Arc;

use tribunal_transforms::num_complex::Complex;
use tribunal_transforms::{ComplexToReal, RealToComplex};

use crate::audio::curve::{Curve, vertex};
use crate::audio::lanes::{Width, loudest, total};
use crate::{MediaError, MediaErrorKind};

/// More than the height of a summit changes from fine to finest.
const FINE_ERROR: f64 = 0.01;
/// Frames are shared out among threads: no more of these than help, and none for a few frames.
const MAX_THREADS: usize = 8;
const PER_THREAD: usize = 64;

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

#[derive(Debug, Clone, PartialEq)]
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

#[derive(Clone)]
struct Analyser<T: Width> {
    rate: f64,
    settings: Settings,
    half: usize,
    period: usize,
    max_lag: usize,
    limit: usize,
    window: Vec<T>,
    /// One over the window's normalised autocorrelation.
    correction: Vec<f64>,
    forward: Arc<dyn RealToComplex<T>>,
    inverse: Arc<dyn ComplexToReal<T>>,
    buffer: Vec<T>,
    spectrum: Vec<Complex<T>>,
    /// Scratch of both transforms.
    scratch: Vec<Complex<T>>,
    curve: Curve,
}

/// The frames of a signal with their candidates. A signal shorter than a frame is an error: nothing can be said of it.
pub(crate) fn analyse<T: Width>(
    samples: &[f32],
    rate: u32,
    settings: Settings,
) -> Result<Frames, MediaError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    analyse_on::<T>(threads.min(MAX_THREADS), samples, rate, settings)
}

fn analyse_on<T: Width>(
    threads: usize,
    samples: &[f32],
    rate: u32,
    settings: Settings,
) -> Result<Frames, MediaError> {
    let rate = f64::from(rate);
    let seconds = samples.len() as f64 * (1.0 / rate);
    let window = settings.periods / settings.floor;
    let analyser = Analyser::<T>::new(rate, settings)?;
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
    let mean = total(samples) / samples.len() as f64;
    // The magnitude around the mean is largest at one of the ends.
    let (lowest, highest) = samples
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(a, b), s| {
            (if *s < a { *s } else { a }, if *s > b { *s } else { b })
        });
    let peak = (f64::from(highest) - mean).max(mean - f64::from(lowest));
    let part = |mut analyser: Analyser<T>, range: Range<usize>| -> Vec<Frame> {
        range
            .map(|i| analyser.frame(samples, peak, start + i as f64 * settings.step))
            .collect()
    };
    let each = count.div_ceil(threads).max(PER_THREAD);
    Ok(Frames {
        start,
        frames: shared_out(count, each, analyser, &part),
    })
}

/// All parts of `each` frames side by side: the first one here, since a thread takes as long to start as some frames take.
fn shared_out<A: Clone + Send + Sync>(
    count: usize,
    each: usize,
    analyser: A,
    part: &(impl Fn(A, Range<usize>) -> Vec<Frame> + Sync),
) -> Vec<Frame> {
    std::thread::scope(|scope| {
        let others: Vec<_> = (each..count)
            .step_by(each)
            .map(|from| {
                let analyser = analyser.clone();
                scope.spawn(move || part(analyser, from..count.min(from + each)))
            })
            .collect();
        let mut frames = part(analyser, 0..count.min(each));
        for other in others {
            let other = other.join();
            frames.extend(other.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        frames
    })
}

impl<T: Width> Analyser<T> {
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
        let size = smooth(length + limit);
        let (forward, inverse) = T::transforms(size);
        let mut analyser = Self {
            rate,
            settings,
            half,
            period: (rate / settings.floor) as usize,
            max_lag: ((length as f64 / settings.periods) as usize + 2).min(length),
            limit,
            window: (1..=length)
                .map(|i| T::narrow(weight(i, length, settings.gaussian)))
                .collect(),
            correction: vec![1.0; limit + 1],
            buffer: vec![T::zero(); size],
            spectrum: forward.make_output_vec(),
            scratch: vec![
                Complex::new(T::zero(), T::zero());
                forward.get_scratch_len().max(inverse.get_scratch_len())
            ],
            forward,
            inverse,
            curve: Curve::new(limit),
        };
        analyser.buffer[..length].copy_from_slice(&analyser.window);
        analyser.autocorrelate();
        let own: Vec<f64> = analyser
            .curve
            .lags
            .iter()
            .map(|r| analyser.curve.lags[0] / r)
            .collect();
        analyser.correction = own;
        Ok(analyser)
    }

    /// From the buffer (zero beyond the frame) to `lags`, uncorrected. The buffer is scratch afterwards.
    fn autocorrelate(&mut self) {
        // The only errors of these calls are buffers of a wrong length, which were made by the plan itself.
        let done = self
            .forward
            .process_with_scratch(&mut self.buffer, &mut self.spectrum, &mut self.scratch)
            .is_ok();
        for c in &mut self.spectrum {
            *c = Complex::new(c.re * c.re + c.im * c.im, T::zero());
        }
        let done = done
            && self
                .inverse
                .process_with_scratch(&mut self.spectrum, &mut self.buffer, &mut self.scratch)
                .is_ok();
        debug_assert!(done, "the plan's own buffers fit");
        for (lag, value) in self.curve.lags.iter_mut().zip(&self.buffer) {
            *lag = value.wide();
        }
    }

    fn frame(&mut self, samples: &[f32], global_peak: f64, time: f64) -> Frame {
        let right = (time * self.rate - 0.5).floor() as usize + 1;
        let length = 2 * self.half;
        let first = right.saturating_sub(self.half).min(samples.len() - length);
        let (low, high) = (
            right.saturating_sub(self.period),
            (right + self.period).min(samples.len()),
        );
        let mean = T::narrow(total(&samples[low..high]) / (high - low).max(1) as f64);
        let (inside, beyond) = self.buffer.split_at_mut(length);
        beyond.fill(T::zero());
        for ((b, s), w) in inside
            .iter_mut()
            .zip(&samples[first..first + length])
            .zip(&self.window)
        {
            *b = (T::narrow(f64::from(*s)) - mean) * *w;
        }
        let around = (self.period / 2 + 1).min(self.half);
        let peak = loudest(&self.buffer[self.half - around..self.half + around]);
        let intensity = if global_peak > 0.0 {
            (peak / global_peak).min(1.0)
        } else {
            0.0
        };
        self.autocorrelate();
        let zero = self.curve.lags[0];
        // Written so that a NaN ends here as well.
        if intensity == 0.0 || zero.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) {
            return Frame {
                intensity: 0.0,
                candidates: vec![],
            };
        }
        for (r, c) in self.curve.lags.iter_mut().zip(&self.correction) {
            *r *= c / zero;
        }
        self.curve.mirror();
        Frame {
            intensity,
            candidates: self.maxima(),
        }
    }

    fn maxima(&self) -> Vec<Candidate> {
        let r = &self.curve.lags;
        let mut found: Vec<(f64, usize)> = Vec::new();
        for i in 2..self.max_lag.min(self.limit) {
            if r[i] <= 0.5 * self.settings.voicing || r[i] <= r[i - 1] || r[i] < r[i + 1] {
                continue;
            }
            let top = vertex(i as f64, 1.0, [r[i - 1], r[i], r[i + 1]]);
            let (lag, mut height) = top.unwrap_or((i as f64, r[i]));
            if self.settings.gaussian {
                height = self.curve.rough(lag);
            }
            found.push((self.worth(lag, unfold(height)), i));
        }
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(self.settings.candidates);
        let best = found.first().map_or(0.0, |f| f.0);
        let mut summits: Vec<(f64, f64)> = found
            .iter()
            .filter(|(worth, _)| best - worth <= self.settings.margin)
            .map(|(_, i)| {
                if self.settings.gaussian {
                    self.curve.summit(*i)
                } else {
                    self.curve.near_summit(*i)
                }
            })
            .collect();
        if self.settings.gaussian {
            let highest = summits.iter().map(|s| unfold(s.1)).fold(0.0, f64::max);
            summits.retain(|s| highest - unfold(s.1) <= FINE_ERROR);
            for summit in &mut summits {
                *summit = self.curve.polished(summit.0);
            }
        }
        summits
            .into_iter()
            .map(|(lag, strength)| Candidate {
                frequency: self.rate / lag,
                strength: unfold(strength),
            })
            .collect()
    }

    fn worth(&self, lag: f64, strength: f64) -> f64 {
        strength - self.settings.octave_cost * (self.settings.floor * lag / self.rate).log2()
    }
}

/// The next length of which a Fourier transform is quick: a product of twos, threes and fives, and even.
fn smooth(least: usize) -> usize {
    let is_smooth = |n: &usize| {
        let mut n = *n;
        for factor in [2, 3, 5] {
            while n.is_multiple_of(factor) {
                n /= factor;
            }
        }
        n == 1
    };
    (least..)
        .filter(|n| n.is_multiple_of(2))
        .find(is_smooth)
        .unwrap_or_else(|| least.next_power_of_two())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic::{Sound, Wave};

    #[test]
    fn frames_are_the_same_to_the_last_bit_on_any_number_of_threads() {
        let voice = Wave::Voice {
            hz: 140.0,
            harmonicity: Some(12.0),
        };
        let sound = Sound::new(16_000, 5).part(voice, 4.0);
        let samples = sound.audio().expect("a sound").mixed();
        let settings = Settings {
            floor: 75.0,
            step: 0.01,
            periods: 3.0,
            gaussian: false,
            candidates: 15,
            voicing: 0.45,
            octave_cost: 0.01,
            margin: f64::INFINITY,
        };
        let on = |threads| {
            let found = analyse_on::<f32>(threads, &samples, 16_000, settings);
            found.expect("frames").frames
        };
        let alone = on(1);
        assert!(alone.len() > 5 * PER_THREAD && !alone[100].candidates.is_empty());
        for threads in [2, 3, 8, 100] {
            assert_eq!(alone, on(threads), "{threads} threads");
        }
    }
}
