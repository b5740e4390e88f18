//! Levels of audio: how long, how loud, how far off centre, how often at full scale, and whether every sample is a number.
//!
//! Samples that are not finite are counted and kept out of every other figure: one NaN would make all of them NaN, and a
//! report of NaN says less than "3 samples are not finite".

use crate::audio::sound::Audio;

/// From here on a sample counts as clipped.
pub const CLIPPED: f32 = 0.999;

/// The levels of a piece of audio, over all channels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// How long it plays.
    pub seconds: f64,
    /// Samples that are NaN or infinite. They are in none of the other figures.
    pub not_finite: usize,
    /// The largest magnitude; `None` without a finite sample, as are the others.
    pub peak: Option<f64>,
    /// The root of the mean square.
    pub rms: Option<f64>,
    /// The mean: the offset from the centre.
    pub dc: Option<f64>,
    /// The share of samples at or beyond [`CLIPPED`].
    pub clipped: Option<f64>,
}

impl Levels {
    /// Measures audio.
    pub fn of(audio: &Audio) -> Self {
        let (mut count, mut clipped) = (0_usize, 0_usize);
        let (mut peak, mut sum, mut squares) = (0.0_f64, 0.0_f64, 0.0_f64);
        for &s in audio.samples().iter().filter(|s| s.is_finite()) {
            let s64 = f64::from(s);
            count += 1;
            sum += s64;
            squares += s64 * s64;
            peak = peak.max(s64.abs());
            clipped += usize::from(s.abs() >= CLIPPED);
        }
        let n = count as f64;
        let some = |v: f64| (count > 0).then_some(v);
        Self {
            seconds: audio.seconds(),
            not_finite: audio.samples().len() - count,
            peak: some(peak),
            rms: some((squares / n).sqrt()),
            dc: some(sum / n),
            clipped: some(clipped as f64 / n),
        }
    }

    /// The root mean square in decibels below full scale; `None` for digital silence as well, which has no level.
    pub fn rms_dbfs(&self) -> Option<f64> {
        self.rms.filter(|r| *r > 0.0).map(|r| 20.0 * r.log10())
    }
}
