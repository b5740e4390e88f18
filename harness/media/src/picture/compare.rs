//! How alike two pictures of one size are.
//!
//! Structural similarity is that of Wang et al. (2004) with its Gaussian window, over the region where the window fits,
//! as scikit-image has it with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`. Rejected: block-wise variants.
//! Their figures differ by more than a tenth, and thresholds do not carry over.

use crate::MediaError;
use crate::picture::pixels::Picture;

const WHAT: &str = "comparison of pictures";
const RADIUS: usize = 5;
const SIGMA: f64 = 1.5;

/// The peak signal-to-noise ratio over all channels, in decibels; infinite for equal pictures.
///
/// # Errors
/// When the sizes differ.
pub fn psnr(a: &Picture, b: &Picture) -> Result<f64, MediaError> {
    let distance = PixelDistance::between(a, b)?;
    Ok(20.0 * (255.0 / distance.root_mean_square).log10())
}

/// The structural similarity, the mean over the channels: 1 for equal pictures.
///
/// # Errors
/// When the sizes differ, or a side is shorter than the window of 11 pixels.
pub fn ssim(a: &Picture, b: &Picture) -> Result<f64, MediaError> {
    check(a, b, 2 * RADIUS as u32 + 1)?;
    let channels = (0..3).map(|c| ssim_of(&a.channel(c), &b.channel(c), a.width() as usize));
    Ok(channels.sum::<f64>() / 3.0)
}

/// The structural similarity of the brightness.
///
/// # Errors
/// As [`ssim`].
pub fn ssim_brightness(a: &Picture, b: &Picture) -> Result<f64, MediaError> {
    check(a, b, 2 * RADIUS as u32 + 1)?;
    Ok(ssim_of(
        &a.brightness(),
        &b.brightness(),
        a.width() as usize,
    ))
}

/// How far the values of two pictures lie apart, in steps of 255.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PixelDistance {
    /// The mean distance.
    pub mean: f64,
    /// The root of the mean squared distance.
    pub root_mean_square: f64,
    /// The distance that half of the values do not exceed.
    pub median: u8,
    /// The distance that 90 of 100 values do not exceed.
    pub percentile_90: u8,
    /// The distance that 99 of 100 values do not exceed.
    pub percentile_99: u8,
    /// The distance that 999 of 1000 values do not exceed.
    pub percentile_999: u8,
    /// The largest distance.
    pub largest: u8,
    /// The share of pixels that differ at all.
    pub different: f64,
}

impl PixelDistance {
    /// Compares two pictures.
    ///
    /// # Errors
    /// When the sizes differ.
    pub fn between(a: &Picture, b: &Picture) -> Result<Self, MediaError> {
        check(a, b, 1)?;
        let mut counts = [0_u64; 256];
        for (x, y) in a.rgb().iter().zip(b.rgb()) {
            counts[usize::from(x.abs_diff(*y))] += 1;
        }
        let n = a.rgb().len() as f64;
        let sum = |f: fn(f64) -> f64| {
            counts
                .iter()
                .enumerate()
                .map(|(d, c)| f(d as f64) * *c as f64)
                .sum::<f64>()
        };
        let per_mille = |share: u64| {
            let mut below = 0;
            let place = counts.iter().position(|c| {
                below += c;
                1000 * below >= share * a.rgb().len() as u64
            });
            place.unwrap_or(255) as u8
        };
        let different = a
            .rgb()
            .chunks_exact(3)
            .zip(b.rgb().chunks_exact(3))
            .filter(|(x, y)| x != y)
            .count();
        Ok(Self {
            mean: sum(|d| d) / n,
            root_mean_square: (sum(|d| d * d) / n).sqrt(),
            median: per_mille(500),
            percentile_90: per_mille(900),
            percentile_99: per_mille(990),
            percentile_999: per_mille(999),
            largest: counts.iter().rposition(|c| *c > 0).unwrap_or(0) as u8,
            different: different as f64 / (n / 3.0),
        })
    }
}

fn check(a: &Picture, b: &Picture, least: u32) -> Result<(), MediaError> {
    if (a.width(), a.height()) != (b.width(), b.height()) {
        return Err(MediaError::argument(
            WHAT,
            format!(
                "one has {} by {} pixels, the other {} by {}; they must be of one size",
                a.width(),
                a.height(),
                b.width(),
                b.height()
            ),
        ));
    }
    if a.width() < least || a.height() < least {
        return Err(MediaError::argument(
            WHAT,
            format!(
                "{} by {} pixels; structural similarity needs {least} on each side",
                a.width(),
                a.height()
            ),
        ));
    }
    Ok(())
}

fn ssim_of(x: &[f64], y: &[f64], width: usize) -> f64 {
    const C1: f64 = (0.01 * 255.0) * (0.01 * 255.0);
    const C2: f64 = (0.03 * 255.0) * (0.03 * 255.0);
    let product =
        |a: &[f64], b: &[f64]| -> Vec<f64> { a.iter().zip(b).map(|(a, b)| a * b).collect() };
    let (mx, my) = (blurred(x, width), blurred(y, width));
    let (xx, yy) = (
        blurred(&product(x, x), width),
        blurred(&product(y, y), width),
    );
    let xy = blurred(&product(x, y), width);
    let sum: f64 = (0..mx.len())
        .map(|i| {
            let (vx, vy, c) = (
                xx[i] - mx[i] * mx[i],
                yy[i] - my[i] * my[i],
                xy[i] - mx[i] * my[i],
            );
            let luminance = (2.0 * mx[i] * my[i] + C1) / (mx[i] * mx[i] + my[i] * my[i] + C1);
            luminance * (2.0 * c + C2) / (vx + vy + C2)
        })
        .sum();
    sum / mx.len() as f64
}

/// A Gaussian mean around every pixel whose whole window lies inside.
fn blurred(values: &[f64], width: usize) -> Vec<f64> {
    let weights: Vec<f64> = (0..=2 * RADIUS)
        .map(|i| {
            let d = i as f64 - RADIUS as f64;
            (-0.5 * d * d / (SIGMA * SIGMA)).exp()
        })
        .collect();
    let total: f64 = weights.iter().sum();
    let weights: Vec<f64> = weights.iter().map(|w| w / total).collect();
    let inner = width - 2 * RADIUS;
    let mut across = Vec::with_capacity(values.len() / width * inner);
    for row in values.chunks_exact(width) {
        across.extend(
            row.windows(weights.len())
                .map(|w| w.iter().zip(&weights).map(|(v, w)| v * w).sum::<f64>()),
        );
    }
    let rows = values.len() / width - 2 * RADIUS;
    let mut out = vec![0.0; rows * inner];
    for (y, row) in out.chunks_exact_mut(inner).enumerate() {
        for (k, weight) in weights.iter().enumerate() {
            let from = &across[(y + k) * inner..(y + k + 1) * inner];
            row.iter_mut().zip(from).for_each(|(o, v)| *o += weight * v);
        }
    }
    out
}
