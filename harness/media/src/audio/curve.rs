//! The autocorrelation between its lags: interpolated by a sinc under a raised cosine, and its summits found.
//!
//! Rejected: the parabola through three lags alone. Where the period is a few samples it is off by more than half a percent, and
//! the height of its top says nothing of harmonicities above 30 dB.

use std::f64::consts::PI;
use std::sync::OnceLock;

/// Neighbours on each side that take part in the interpolation between lags: some to choose, more to measure, and as
/// many as there may be where tenths of a decibel above 60 dB count.
const ROUGH: usize = 30;
const FINE: usize = 70;
const FINEST: usize = 700;

/// Places between two lags at which the weights of a rough interpolation are kept: what is asked for often is asked for there.
const PLACES: usize = 20;

/// The steps towards a summit, and the distance between two lags that are taken for one.
const STEPS: usize = 24;
const CLOSE: f64 = 1e-4;
/// The golden section.
const SECTION: f64 = 0.618_033_988_749_894_9;

/// An autocorrelation, and what lies between its lags.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    /// The lags from 0.
    pub lags: Vec<f64>,
    /// The lags from the negative of the last to the last: neighbours on both sides lie in one stretch.
    both: Vec<f64>,
}

impl Curve {
    /// A curve of zeros, from lag 0 to `limit`.
    pub fn new(limit: usize) -> Self {
        Self {
            lags: vec![0.0; limit + 1],
            both: vec![0.0; 2 * limit + 1],
        }
    }

    fn limit(&self) -> usize {
        self.lags.len() - 1
    }

    /// After the lags were changed: what lies between them is read from a copy.
    pub fn mirror(&mut self) {
        let limit = self.limit();
        self.both[limit..].copy_from_slice(&self.lags);
        for (mirrored, r) in self.both[..limit].iter_mut().rev().zip(&self.lags[1..]) {
            *mirrored = *r;
        }
    }

    /// Roughly, how high the curve is between two lags.
    pub fn rough(&self, lag: f64) -> f64 {
        self.between(lag, ROUGH)
    }

    /// The maximum next to a lag, between its neighbours: by parabolas where they get closer, by golden sections where
    /// they do not (noise is no parabola).
    pub fn summit(&self, i: usize) -> (f64, f64) {
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
    pub fn near_summit(&self, i: usize) -> (f64, f64) {
        // Of the distance between two lags, and in places whose weights are kept.
        const STRIDE: usize = 2;
        const WIDTH: f64 = STRIDE as f64 / PLACES as f64;
        let r = &self.lags;
        let first = vertex(i as f64, 1.0, [r[i - 1], r[i], r[i + 1]]).map_or(i as f64, |v| v.0);
        let middle = (first * PLACES as f64).round() as usize;
        let heights = [middle - STRIDE, middle, middle + STRIDE].map(|place| self.kept(place));
        let first = middle as f64 / PLACES as f64;
        vertex(first, WIDTH, heights)
            .filter(|(top, _)| (top - first).abs() < 2.0 * WIDTH)
            .unwrap_or_else(|| self.summit(i))
    }

    /// How high the curve is at a place, roughly: as [`Self::rough`], with weights that were computed once.
    fn kept(&self, place: usize) -> f64 {
        static WEIGHTS: OnceLock<[[f64; 2 * ROUGH]; PLACES]> = OnceLock::new();
        let (below, place) = (place / PLACES, place % PLACES);
        if below + ROUGH > self.limit() {
            return self.rough(below as f64 + place as f64 / PLACES as f64);
        }
        let weights = &WEIGHTS.get_or_init(weights)[place];
        let around = &self.both[self.limit() + below + 1 - ROUGH..][..2 * ROUGH];
        let mut lanes = [0.0; 4];
        for (w, r) in weights.chunks_exact(4).zip(around.chunks_exact(4)) {
            for k in 0..4 {
                lanes[k] += w[k] * r[k];
            }
        }
        lanes.iter().sum()
    }

    /// The maximum close to a lag, with all the neighbours that there are.
    pub fn polished(&self, lag: f64) -> (f64, f64) {
        const WIDTH: f64 = 0.002;
        let at = |lag: f64| self.between(lag, FINEST);
        let top =
            vertex(lag, WIDTH, [at(lag - WIDTH), at(lag), at(lag + WIDTH)]).map_or(lag, |v| v.0);
        let top = if (top - lag).abs() < 0.1 { top } else { lag };
        (top, at(top))
    }

    /// The autocorrelation between two lags: a sinc under a raised cosine, over `depth` neighbours on each side.
    fn between(&self, lag: f64, depth: usize) -> f64 {
        let below = (lag.max(0.0) as usize).min(self.limit() - 1);
        let fraction = lag - below as f64;
        if fraction.abs() < 1e-12 {
            return self.lags[below];
        }
        let depth = depth.min(self.limit() - below);
        // The neighbours below, read backwards, are those above the mirrored lag.
        let left = &self.both[self.limit() - below..][..depth];
        let right = &self.both[self.limit() + below + 1..][..depth];
        // Of the nearer neighbour's distance: close to π the sine would have lost its digits.
        let near = fraction.min(1.0 - fraction);
        (PI * near).sin() / PI * (side(left, fraction) + side(right, 1.0 - fraction))
    }
}

/// For each place between two lags, what the lags on both sides of it weigh.
fn weights() -> [[f64; 2 * ROUGH]; PLACES] {
    std::array::from_fn(|place| {
        let mut curve = Curve::new(2 * ROUGH);
        std::array::from_fn(|i| {
            curve.lags.fill(0.0);
            curve.lags[i + 1] = 1.0;
            curve.mirror();
            curve.rough(ROUGH as f64 + place as f64 / PLACES as f64)
        })
    })
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
pub(crate) fn vertex(middle: f64, width: f64, [before, at, after]: [f64; 3]) -> Option<(f64, f64)> {
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
