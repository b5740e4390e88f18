//! What Whisper sees of a sound: the logarithm of its energy in 80 or 128 bands of the mel scale, a hundred times a second.
//!
//! Promise: the figures of openai-whisper within 1e-4, with the bands computed here. Rejected: the transform that comes with
//! the Whisper of candle-transformers, which pads and scales otherwise, and needs the bands as a file.

use std::ops::Range;

/// Frames per second of the sound.
pub(crate) const RATE: u32 = 16_000;
/// Samples of one window: 30 seconds.
pub(crate) const WINDOW: usize = 30 * RATE as usize;
/// Columns of one window.
pub(crate) const COLUMNS: usize = WINDOW / STEP;
const LENGTH: usize = 400;
const STEP: usize = 160;
const HALF: usize = LENGTH / 2;

/// One window, `bins` rows of [`COLUMNS`] figures. What is missing at the end is silence, what is too much is left away.
pub(crate) fn log_mel(samples: &[f32], bins: usize) -> Vec<f32> {
    let bands = bands(bins);
    let taper: Vec<f64> = (0..LENGTH)
        .map(|n| 0.5 - 0.5 * (std::f64::consts::TAU * n as f64 / LENGTH as f64).cos())
        .collect();
    let (forward, _) = tribunal_transforms::double(LENGTH);
    let mut frame = forward.make_input_vec();
    let mut spectrum = forward.make_output_vec();
    let mut scratch = forward.make_scratch_vec();
    let mut out = vec![0.0_f32; bins * COLUMNS];
    let mut most = f64::NEG_INFINITY;
    let mut logs = vec![0.0_f64; bins * COLUMNS];
    for column in 0..COLUMNS {
        for (n, (to, weight)) in frame.iter_mut().zip(&taper).enumerate() {
            *to = f64::from(mirrored(samples, column * STEP + n)) * weight;
        }
        // It fails for lengths that are not its own, and these are.
        if forward
            .process_with_scratch(&mut frame, &mut spectrum, &mut scratch)
            .is_err()
        {
            return out;
        }
        let power: Vec<f64> = spectrum.iter().map(|z| z.re * z.re + z.im * z.im).collect();
        for (row, (from, weights)) in bands.iter().enumerate() {
            let energy: f64 = weights
                .iter()
                .zip(&power[*from..])
                .map(|(w, p)| w * p)
                .sum();
            let log = energy.max(1e-10).log10();
            most = most.max(log);
            logs[row * COLUMNS + column] = log;
        }
    }
    for (to, log) in out.iter_mut().zip(logs) {
        *to = ((log.max(most - 8.0) + 4.0) / 4.0) as f32;
    }
    out
}

/// Sample `at` of the window with half a frame before and after it, where it is mirrored at its ends.
fn mirrored(samples: &[f32], at: usize) -> f32 {
    let at = at.abs_diff(HALF);
    let at = if at < WINDOW {
        at
    } else {
        2 * (WINDOW - 1) - at
    };
    samples.get(at).copied().unwrap_or(0.0)
}

/// The bands: the first frequency of each, and its weights. Triangles of equal width on Slaney's scale, of equal area.
fn bands(bins: usize) -> Vec<(usize, Vec<f64>)> {
    let top = mel(f64::from(RATE) / 2.0);
    let edge = |n: usize| hertz(top * n as f64 / (bins + 1) as f64);
    (0..bins)
        .map(|band| {
            let (low, middle, high) = (edge(band), edge(band + 1), edge(band + 2));
            let weight = |n: usize| {
                let hz = n as f64 * f64::from(RATE) / LENGTH as f64;
                let rise = (hz - low) / (middle - low);
                let fall = (high - hz) / (high - middle);
                rise.min(fall).max(0.0) * 2.0 / (high - low)
            };
            let all: Vec<f64> = (0..=HALF).map(weight).collect();
            let from = all.iter().position(|w| *w > 0.0).unwrap_or(0);
            let to = all.iter().rposition(|w| *w > 0.0).map_or(from, |n| n + 1);
            (from, all[from..to].to_vec())
        })
        .collect()
}

/// Slaney's scale is linear up to here, and logarithmic from here on.
const KNEE_HZ: f64 = 1000.0;
const HZ_PER_MEL: f64 = 200.0 / 3.0;

/// Mels above the knee for each factor of e: 27 for one of 6.4.
fn mels_per_e() -> f64 {
    27.0 / 6.4_f64.ln()
}

fn mel(hz: f64) -> f64 {
    match hz < KNEE_HZ {
        true => hz / HZ_PER_MEL,
        false => KNEE_HZ / HZ_PER_MEL + (hz / KNEE_HZ).ln() * mels_per_e(),
    }
}

fn hertz(mel: f64) -> f64 {
    let knee = KNEE_HZ / HZ_PER_MEL;
    match mel < knee {
        true => mel * HZ_PER_MEL,
        false => KNEE_HZ * ((mel - knee) / mels_per_e()).exp(),
    }
}

/// The windows of a sound. One that is too long for one window is cut where it is quietest in the last five seconds of each, so
/// that no word is torn.
pub(crate) fn windows(samples: &[f32]) -> Vec<Range<usize>> {
    const SPAN: usize = RATE as usize / 10;
    const LAST: usize = 5 * RATE as usize;
    let mut windows = Vec::new();
    let mut start = 0;
    while samples.len() - start > WINDOW {
        let energy = |at: usize| -> f64 {
            let span = &samples[at..at + SPAN];
            span.iter().map(|s| f64::from(*s).powi(2)).sum()
        };
        let first = start + WINDOW - LAST;
        let places = (first..start + WINDOW - SPAN).step_by(SPAN / 4);
        let quietest = places.min_by(|a, b| energy(*a).total_cmp(&energy(*b)));
        let cut = quietest.map_or(start + WINDOW, |at| at + SPAN / 2);
        windows.push(start..cut);
        start = cut;
    }
    windows.push(start..samples.len());
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sounds_are_cut_where_they_are_quiet() {
        let rate = RATE as usize;
        let ends = |samples: &[f32]| {
            windows(samples)
                .iter()
                .map(|part| part.end)
                .collect::<Vec<_>>()
        };
        assert_eq!(ends(&[0.5; 100]), [100]);
        let full = vec![0.5; WINDOW];
        assert_eq!(ends(&full), [WINDOW]);
        let mut long = vec![0.5; 70 * rate];
        long[27 * rate..27 * rate + rate / 2].fill(0.0);
        let parts = windows(&long);
        assert_eq!(
            (parts[0].start, parts[parts.len() - 1].end),
            (0, long.len())
        );
        assert!(
            parts[0].end > 27 * rate && parts[0].end < 27 * rate + rate / 2,
            "{parts:?}"
        );
        assert!(
            parts.windows(2).all(|pair| pair[0].end == pair[1].start),
            "{parts:?}"
        );
        assert!(
            parts
                .iter()
                .all(|part| part.len() <= WINDOW && !part.is_empty()),
            "{parts:?}"
        );
    }
}
