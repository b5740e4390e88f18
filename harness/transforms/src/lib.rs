//! Fourier transforms and resampling with concrete types.
//!
//! Promise: nothing here is generic, so that the transforms (which are written for every width, length and processor) are made by the compiler once,
//! here, and not again in whatever uses them: that took a minute and a half of processor time at every build of the crate that measures audio.
//!
//! Rejected: a transform without vector instructions. It is compiled in a moment, and takes twice as long at every answer that is judged. With those of
//! SSE it took longer still, and longer to compile: processors without AVX do without either.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use realfft::RealFftPlanner;
pub use realfft::{ComplexToReal, FftNum, RealToComplex, num_complex};

/// A transform of real samples and its inverse, both of one length.
pub type Pair<T> = (Arc<dyn RealToComplex<T>>, Arc<dyn ComplexToReal<T>>);

/// Lengths that are kept. They follow from the rates of clips, which come from outside: any number of them may be asked for.
const MOST_KEPT: usize = 16;

/// Transforms that were made before: to plan one takes as long as to use it a hundred times.
type Kept<T> = Mutex<Option<HashMap<usize, Pair<T>>>>;

/// A transform in single precision.
pub fn single(length: usize) -> Pair<f32> {
    static KEPT: Kept<f32> = Mutex::new(None);
    kept(&KEPT, length, || {
        let mut planner = RealFftPlanner::<f32>::new();
        (
            planner.plan_fft_forward(length),
            planner.plan_fft_inverse(length),
        )
    })
}

/// A transform in double precision.
pub fn double(length: usize) -> Pair<f64> {
    static KEPT: Kept<f64> = Mutex::new(None);
    kept(&KEPT, length, || {
        let mut planner = RealFftPlanner::<f64>::new();
        (
            planner.plan_fft_forward(length),
            planner.plan_fft_inverse(length),
        )
    })
}

fn kept<T: FftNum>(kept: &Kept<T>, length: usize, plan: impl FnOnce() -> Pair<T>) -> Pair<T> {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = kept.get_or_insert_default();
    if kept.len() >= MOST_KEPT && !kept.contains_key(&length) {
        kept.clear();
    }
    kept.entry(length).or_insert_with(plan).clone()
}

/// Points between two samples at which the filter is kept, at most: 16 MiB of them.
#[cfg(feature = "resample")]
const MOST_POINTS: usize = 1 << 14;

/// Interleaved samples at another rate, the filter's delay taken out. The last block of the filter may hold a frame more than the ratio of the rates
/// makes.
///
/// Rejected: the resampler that goes through Fourier transforms. It asks for those with SSE as well, which take half a minute to compile.
///
/// # Errors
/// What the resampler says of a rate or a shape that it cannot take.
#[cfg(feature = "resample")]
pub fn resample(
    samples: &[f32],
    channels: usize,
    from: usize,
    to: usize,
) -> Result<Vec<f32>, String> {
    use rubato::{
        Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType,
        WindowFunction, audioadapter::Adapter,
    };

    let frames = samples.len() / channels.max(1);
    let mut parameters = SincInterpolationParameters::new(256, WindowFunction::BlackmanHarris2);
    // Every frame of the result lies on one of so many points between two samples: with the filter kept at just these, nothing is interpolated.
    let points = to / divisor(from, to).max(1);
    if (1..=MOST_POINTS).contains(&points) {
        parameters.oversampling_factor = points;
        parameters.interpolation = SincInterpolationType::Nearest;
    }
    let ratio = to as f64 / from as f64;
    let mut resampler =
        Async::<f32>::new_sinc(ratio, 1.0, &parameters, 1024, channels, FixedAsync::Input)
            .map_err(|e| e.to_string())?;
    let input = audioadapter_buffers::direct::InterleavedSlice::new(samples, channels, frames)
        .map_err(|e| e.to_string())?;
    let output = resampler
        .process_all(&input, frames, None)
        .map_err(|e| e.to_string())?;
    let mut out = Vec::with_capacity(output.frames() * channels);
    for frame in 0..output.frames() {
        for channel in 0..channels {
            out.push(output.read_sample(channel, frame).unwrap_or(0.0));
        }
    }
    Ok(out)
}

/// The greatest common divisor.
#[cfg(feature = "resample")]
fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}
