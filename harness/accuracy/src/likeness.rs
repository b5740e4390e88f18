//! How alike two pictures are, and how alike they must be.
//!
//! Promise: a limit that is set and cannot be measured is not kept. Rejected: one figure of likeness. Structure, noise and outliers are different faults,
//! and one limit for all of them lets each of them pass.

use tribunal_media::{Picture, PixelDistance, psnr, ssim};

use crate::error::AccuracyError;
use crate::reference::unlike;

/// How alike two pictures must be. What is not set is measured, and not asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Limits {
    /// The structural similarity is at least this.
    pub ssim: Option<f64>,
    /// The peak signal-to-noise ratio is at least this, in decibels.
    pub psnr: Option<f64>,
    /// The mean distance of values is at most this, of 1.
    pub mean: Option<f64>,
    /// The distance below which 99 of 100 values lie is at most this, of 1.
    pub percentile_99: Option<f64>,
}

/// How alike two pictures are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Likeness {
    /// The structural similarity; `None` for pictures smaller than its window.
    pub ssim: Option<f64>,
    /// The peak signal-to-noise ratio in decibels, infinite for equal pictures.
    pub psnr: f64,
    /// The mean distance of values, of 1.
    pub mean: f64,
    /// The distance below which 99 of 100 values lie, of 1.
    pub percentile_99: f64,
}

impl Likeness {
    /// Compares two pictures of one size.
    pub(crate) fn of(a: &Picture, b: &Picture) -> Result<Likeness, AccuracyError> {
        let distance = PixelDistance::between(a, b).map_err(unlike)?;
        Ok(Likeness {
            ssim: ssim(a, b).ok(),
            psnr: psnr(a, b).map_err(unlike)?,
            mean: distance.mean / 255.0,
            percentile_99: f64::from(distance.percentile_99) / 255.0,
        })
    }

    /// Which limits it does not keep. What is asked for and cannot be measured is not kept.
    pub(crate) fn breaks(&self, limits: &Limits) -> Option<String> {
        let mut broken = vec![];
        for (what, found, least) in [
            ("SSIM", self.ssim, limits.ssim),
            ("PSNR", Some(self.psnr), limits.psnr),
        ] {
            if let Some(least) = least
                && !found.is_some_and(|found| found >= least)
            {
                let found = found.map_or("cannot be measured".into(), |f| format!("{f:.4}"));
                broken.push(format!("{what} {found}, expected at least {least}"));
            }
        }
        for (what, found, most) in [
            ("mean distance", self.mean, limits.mean),
            ("99th percentile", self.percentile_99, limits.percentile_99),
        ] {
            if let Some(most) = most
                && (found.is_nan() || found > most)
            {
                broken.push(format!("{what} {found:.4}, expected at most {most}"));
            }
        }
        (!broken.is_empty()).then(|| broken.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(value: u8, side: u32) -> Picture {
        let rgb = vec![value; (side * side * 3) as usize];
        Picture::new(side, side, rgb).expect("a picture")
    }

    const STRICT: Limits = Limits {
        ssim: Some(0.97),
        psnr: Some(30.0),
        mean: Some(0.03),
        percentile_99: Some(0.4),
    };

    #[test]
    fn what_is_asked_for_and_cannot_be_measured_is_not_kept() {
        let likeness = Likeness::of(&frame(1, 4), &frame(1, 4)).expect("one size");
        assert_eq!(likeness.ssim, None);
        assert!(
            likeness
                .breaks(&STRICT)
                .is_some_and(|b| b.contains("cannot be measured"))
        );
        assert_eq!(likeness.breaks(&Limits::default()), None);
    }

    #[test]
    fn each_limit_is_kept_by_itself() {
        let likeness = Likeness::of(&frame(100, 16), &frame(151, 16)).expect("one size");
        let breaks = |limits: Limits| likeness.breaks(&limits).unwrap_or_default();
        let none = Limits::default();
        assert!(breaks(STRICT).contains("PSNR 13.97"), "{}", breaks(STRICT));
        for (limits, told) in [
            (
                Limits {
                    mean: Some(0.2),
                    ..none
                },
                "",
            ),
            (
                Limits {
                    mean: Some(0.19),
                    ..none
                },
                "mean distance 0.2000",
            ),
            (
                Limits {
                    percentile_99: Some(0.19),
                    ..none
                },
                "99th percentile 0.2000",
            ),
            (
                Limits {
                    psnr: Some(13.9),
                    ..none
                },
                "",
            ),
            (
                Limits {
                    ssim: Some(0.999),
                    ..none
                },
                "SSIM",
            ),
        ] {
            assert!(breaks(limits).starts_with(told), "{limits:?}");
            assert_eq!(breaks(limits).is_empty(), told.is_empty(), "{limits:?}");
        }
    }
}
