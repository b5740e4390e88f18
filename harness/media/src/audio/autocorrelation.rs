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

/// More than the height of a summit changes from fine to finest.
const FINE_ERROR: f64 = 0.01;
/// The steps towards a summit, and the distance between two lags that are taken for one.
const STEPS: usize = 24;
const CLOSE: f64 = 1e-4;
/// Frames are shared out among threads: no more of these than help, and none for a few frames.
const MAX_THREADS: usize = 8;
const PER_THREAD: usize = 64;
/// The golden section.
const SECTION: f64 = 0.618_033_988_749_894_9;

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

#[derive(Clone)]
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
    /// The lags from `-limit` to `limit`: neighbours on both sides lie in one stretch.
    both: Vec<f64>,
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
    let analyser = Analyser::new(rate, settings)?;
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
    let part = |mut analyser: Analyser, range: std::ops::Range<usize>| -> Vec<Frame> {
        range
            .map(|i| analyser.frame(samples, &sums, peak, start + i as f64 * settings.step))
            .collect()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let each = count.div_ceil(threads.min(MAX_THREADS)).max(PER_THREAD);
    let frames = if count <= each {
        part(analyser, 0..count)
    } else {
        std::thread::scope(|scope| {
            let (part, analyser) = (&part, &analyser);
            let parts: Vec<_> = (0..count)
                .step_by(each)
                .map(|from| {
                    scope.spawn(move || part(analyser.clone(), from..count.min(from + each)))
                })
                .collect();
            let join = |handle: std::thread::ScopedJoinHandle<'_, Vec<Frame>>| {
                handle
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            parts.into_iter().flat_map(join).collect()
        })
    };
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
        let size = smooth(length + limit);
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
            both: vec![0.0; 2 * limit + 1],
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
        let peak = loudest(&self.buffer[self.half - around..self.half + around]);
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
        for (k, r) in self.lags.iter().enumerate() {
            self.both[self.limit + k] = *r;
            self.both[self.limit - k] = *r;
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
            let top = vertex(i as f64, 1.0, [r[i - 1], r[i], r[i + 1]]);
            let (lag, mut height) = top.unwrap_or((i as f64, r[i]));
            if self.settings.gaussian {
                height = self.between(lag, ROUGH);
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
                    self.summit(*i)
                } else {
                    self.near_summit(*i)
                }
            })
            .collect();
        if self.settings.gaussian {
            let highest = summits.iter().map(|s| unfold(s.1)).fold(0.0, f64::max);
            summits.retain(|s| highest - unfold(s.1) <= FINE_ERROR);
            for summit in &mut summits {
                *summit = self.polished(summit.0);
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

    /// The maximum next to a lag, between its neighbours: by parabolas where they get closer, by golden sections where
    /// they do not (noise is no parabola).
    fn summit(&self, i: usize) -> (f64, f64) {
        let r = &self.lags;
        let (mut low, mut high) = ((i - 1) as f64, (i + 1) as f64);
        let mut next = vertex(i as f64, 1.0, [r[i - 1], r[i], r[i + 1]]).map_or(i as f64, |v| v.0);
        // The best three so far, the best first.
        let mut best = [(i as f64, r[i]), (low, r[i - 1]), (high, r[i + 1])];
        let (mut step, mut before) = (1.0_f64, 1.0_f64);
        for _ in 0..STEPS {
            if (next - best[0].0).abs() < CLOSE {
                next = best[0].0 + if next >= best[0].0 { CLOSE } else { -CLOSE };
            }
            let at = (next, self.between(next, FINE));
            let closer = if at.1 > best[0].1 { best[0].0 } else { at.0 };
            let top = if at.1 > best[0].1 { at.0 } else { best[0].0 };
            if closer < top {
                low = low.max(closer);
            } else {
                high = high.min(closer);
            }
            let place = best.iter().position(|b| at.1 > b.1).unwrap_or(best.len());
            if place < best.len() {
                best[place..].rotate_right(1);
                best[place] = at;
            }
            let x = best[0].0;
            if high - low < 4.0 * CLOSE || (x - low).max(high - x) < 2.0 * CLOSE {
                break;
            }
            let parabola =
                vertex_of(best).filter(|v| *v > low && *v < high && (*v - x).abs() < 0.5 * before);
            before = step;
            next = parabola.unwrap_or_else(|| {
                let side = if high - x > x - low { high } else { low };
                x + (1.0 - SECTION) * (side - x)
            });
            step = (next - x).abs();
            if parabola.is_some() && step < CLOSE {
                break;
            }
        }
        best[0]
    }

    /// The maximum next to a lag as well as a pitch needs it: a parabola through the lag and its neighbours, and
    /// another through three places close to its top.
    fn near_summit(&self, i: usize) -> (f64, f64) {
        const WIDTH: f64 = 0.1;
        let r = &self.lags;
        let at = |lag: f64| self.between(lag, ROUGH);
        let first = vertex(i as f64, 1.0, [r[i - 1], r[i], r[i + 1]]).map_or(i as f64, |v| v.0);
        let heights = [at(first - WIDTH), at(first), at(first + WIDTH)];
        vertex(first, WIDTH, heights)
            .filter(|(top, _)| (top - first).abs() < 2.0 * WIDTH)
            .unwrap_or_else(|| self.summit(i))
    }

    /// The maximum close to a lag, with all the neighbours that there are.
    fn polished(&self, lag: f64) -> (f64, f64) {
        const WIDTH: f64 = 0.002;
        let at = |lag: f64| self.between(lag, FINEST);
        let top =
            vertex(lag, WIDTH, [at(lag - WIDTH), at(lag), at(lag + WIDTH)]).map_or(lag, |v| v.0);
        let top = if (top - lag).abs() < 0.1 { top } else { lag };
        (top, at(top))
    }

    /// The autocorrelation between two lags: a sinc under a raised cosine, over `depth` neighbours on each side.
    fn between(&self, lag: f64, depth: usize) -> f64 {
        let below = (lag.max(0.0) as usize).min(self.limit - 1);
        let fraction = lag - below as f64;
        if fraction.abs() < 1e-12 {
            return self.lags[below];
        }
        let depth = depth.min(self.limit - below);
        // The neighbours below, read backwards, are those above the mirrored lag.
        let left = &self.both[self.limit - below..][..depth];
        let right = &self.both[self.limit + below + 1..][..depth];
        // Of the nearer neighbour's distance: close to π the sine would have lost its digits.
        let near = fraction.min(1.0 - fraction);
        (PI * near).sin() / PI * (side(left, fraction) + side(right, 1.0 - fraction))
    }
}

/// The largest magnitude; in lanes, because one maximum after the other would wait for the one before.
fn loudest(values: &[f64]) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let chunks = values.chunks_exact(lanes.len());
    let rest = chunks
        .remainder()
        .iter()
        .map(|v| v.abs())
        .fold(0.0, f64::max);
    for chunk in chunks {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            *lane = if v.abs() > *lane { v.abs() } else { *lane };
        }
    }
    lanes.iter().copied().fold(rest, f64::max)
}

/// One side of the interpolation: neighbours at `distance`, `distance + 1` … with alternating signs. Four at a time,
/// each with its own turning pointer, so that none waits for another.
fn side(neighbours: &[f64], distance: f64) -> f64 {
    const LANES: usize = 4;
    let angle = PI / (distance + neighbours.len() as f64);
    let (sine, cosine) = angle.sin_cos();
    let (mut s, mut c) = (angle * distance).sin_cos();
    let (mut sines, mut cosines, mut places) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
    for k in 0..LANES {
        (sines[k], cosines[k], places[k]) = (s, c, distance + k as f64);
        (s, c) = (s * cosine + c * sine, c * cosine - s * sine);
    }
    // Twice, and twice that: four steps on.
    let (twice_sin, twice_cos) = (2.0 * sine * cosine, 1.0 - 2.0 * sine * sine);
    let (turn_sin, turn_cos) = (
        2.0 * twice_sin * twice_cos,
        1.0 - 2.0 * twice_sin * twice_sin,
    );
    const SIGNS: [f64; LANES] = [0.5, -0.5, 0.5, -0.5];
    let mut sums = [0.0; LANES];
    let mut chunks = neighbours.chunks_exact(LANES);
    for chunk in &mut chunks {
        for k in 0..LANES {
            sums[k] += chunk[k] * SIGNS[k] * (1.0 + cosines[k]) / places[k];
            let turned = sines[k] * turn_cos + cosines[k] * turn_sin;
            cosines[k] = cosines[k] * turn_cos - sines[k] * turn_sin;
            sines[k] = turned;
            places[k] += LANES as f64;
        }
    }
    for (k, value) in chunks.remainder().iter().enumerate() {
        sums[k] += value * SIGNS[k] * (1.0 + cosines[k]) / places[k];
    }
    sums.iter().sum()
}

/// The top of a parabola through three points, `width` apart around `middle`: its place and its height; nothing where
/// they make no hill.
fn vertex(middle: f64, width: f64, [before, at, after]: [f64; 3]) -> Option<(f64, f64)> {
    let slope = 0.5 * (after - before);
    let curve = 2.0 * at - before - after;
    (curve > 0.0).then(|| {
        (
            middle + width * slope / curve,
            at + 0.5 * slope * slope / curve,
        )
    })
}

/// The place of the top, or of the bottom, of a parabola through any three points.
fn vertex_of([(a, at_a), (b, at_b), (c, at_c)]: [(f64, f64); 3]) -> Option<f64> {
    let (p, q) = ((a - b) * (at_a - at_c), (a - c) * (at_a - at_b));
    let curve = p - q;
    (curve != 0.0).then(|| a - 0.5 * ((a - b) * p - (a - c) * q) / curve)
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
