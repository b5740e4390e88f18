//! A video in few figures: the mean and the deviation of each colour in each frame.
//!
//! Promise: small enough to be stored beside a test, and enough to see that a video is another, frozen, or of other length. Rejected: storing the frames.

use serde::{Deserialize, Serialize};
use tribunal_media::Picture;

use crate::error::AccuracyError;
use crate::reference::unlike;

/// The most frames of one video.
const MOST_FRAMES: usize = 100_000;

/// The means and deviations of a video's frames: small enough to store, and enough to see that it is another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Width and height.
    pub size: (u32, u32),
    /// For each frame, the mean of red, green and blue, then their deviations, of 1.
    pub frames: Vec<[f64; 6]>,
}

impl Fingerprint {
    /// That of some frames, which are all of one size.
    ///
    /// # Errors
    /// Without frames, with too many, and with frames of different sizes.
    pub fn of(frames: &[Picture]) -> Result<Fingerprint, AccuracyError> {
        let size = |p: &Picture| (p.width(), p.height());
        let first = match frames {
            [] => return Err(unlike("no frames")),
            frames if frames.len() > MOST_FRAMES => {
                return Err(unlike(format!("more than {MOST_FRAMES} frames")));
            }
            [first, ..] => size(first),
        };
        if let Some(at) = frames.iter().position(|f| size(f) != first) {
            return Err(unlike(format!("frame {at} has another size than frame 0")));
        }
        Ok(Fingerprint {
            size: first,
            frames: frames.iter().map(moments).collect(),
        })
    }

    /// The frame that lies furthest away, and how far; or what cannot be compared.
    pub(crate) fn distance(&self, other: &Fingerprint) -> Result<(usize, f64), String> {
        let (a, b) = (self.frames.len(), other.frames.len());
        if (self.size, a) != (other.size, b) {
            let ((w, h), (x, y)) = (self.size, other.size);
            return Err(format!(
                "{a} frames of {w}x{h} instead of the {b} of {x}x{y}"
            ));
        }
        let away = |(a, b): (&[f64; 6], &[f64; 6])| {
            // A figure that is no number is as far away as can be.
            let apart = |(a, b): (&f64, &f64)| match (a - b).abs() {
                away if away.is_nan() => f64::INFINITY,
                away => away,
            };
            a.iter().zip(b).map(apart).fold(0.0, f64::max)
        };
        let all = self.frames.iter().zip(&other.frames).map(away).enumerate();
        Ok(all
            .max_by(|a, b| a.1.total_cmp(&b.1))
            .unwrap_or((0, f64::NAN)))
    }
}

fn moments(frame: &Picture) -> [f64; 6] {
    let pixels = frame.rgb().len() as f64 / 3.0;
    let mut out = [0.0; 6];
    for channel in 0..3 {
        let values = || frame.rgb().iter().skip(channel).step_by(3);
        let values = || values().map(|v| f64::from(*v) / 255.0);
        let mean = values().sum::<f64>() / pixels;
        let square = values().map(|v| (v - mean).powi(2)).sum::<f64>() / pixels;
        out[channel] = mean;
        out[channel + 3] = square.sqrt();
    }
    out
}
