//! Arithmetic over many samples, several at a time: one addition after the other would wait for the one before.
//!
//! Rejected: a crate for vector instructions. Plain arrays of eight are turned into them by the compiler.

use tribunal_transforms::{FftNum, Pair};

/// A width of floating point for the transforms: half the width takes half the time, and its seven digits are more than a pitch needs.
pub(crate) trait Width: FftNum + PartialOrd {
    fn narrow(value: f64) -> Self;
    fn wide(self) -> f64;
    fn transforms(length: usize) -> Pair<Self>;
}

impl Width for f32 {
    fn narrow(value: f64) -> Self {
        value as Self
    }

    fn wide(self) -> f64 {
        f64::from(self)
    }

    fn transforms(length: usize) -> Pair<Self> {
        tribunal_transforms::single(length)
    }
}

impl Width for f64 {
    fn narrow(value: f64) -> Self {
        value
    }

    fn wide(self) -> f64 {
        self
    }

    fn transforms(length: usize) -> Pair<Self> {
        tribunal_transforms::double(length)
    }
}

/// The largest magnitude.
pub(crate) fn loudest<T: Width>(values: &[T]) -> f64 {
    let mut lanes = [T::zero(); 8];
    let chunks = values.chunks_exact(lanes.len());
    let rest = chunks.remainder().iter().map(|v| v.wide().abs());
    let rest = rest.fold(0.0, f64::max);
    for chunk in chunks {
        for (lane, v) in lanes.iter_mut().zip(chunk) {
            let v = v.abs();
            *lane = if v > *lane { v } else { *lane };
        }
    }
    lanes.iter().map(|v| v.wide()).fold(rest, f64::max)
}

/// The sum.
pub(crate) fn total(samples: &[f32]) -> f64 {
    let mut lanes = [0.0_f64; 8];
    let chunks = samples.chunks_exact(lanes.len());
    let rest: f64 = chunks.remainder().iter().map(|s| f64::from(*s)).sum();
    for chunk in chunks {
        for (lane, s) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(*s);
        }
    }
    rest + lanes.iter().sum::<f64>()
}
