//! A picture: red, green and blue of every pixel, and whether there is anything on it.

use crate::MediaError;

/// The most pixels of a picture.
pub const MAX_PIXELS: u64 = 1 << 27;

/// A picture of eight bits per channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Picture {
    /// A picture of pixels from left to right and top to bottom, three bytes each.
    ///
    /// # Errors
    /// When a side is 0, there are more than [`MAX_PIXELS`] pixels, or the bytes do not fit the size.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Result<Self, MediaError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 || pixels > MAX_PIXELS || rgb.len() as u64 != 3 * pixels {
            return Err(MediaError::argument(
                "picture",
                format!(
                    "{} bytes for {width} by {height} pixels of three bytes (at most {MAX_PIXELS})",
                    rgb.len()
                ),
            ));
        }
        Ok(Self { width, height, rgb })
    }

    /// Pixels from left to right.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels from top to bottom.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Red, green and blue of every pixel.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// One pixel; `None` outside.
    pub fn pixel(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        if x >= self.width || y >= self.height {
            return None;
        }
        let at = 3 * (y as usize * self.width as usize + x as usize);
        Some([self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]])
    }

    /// The brightness of every pixel from 0 to 255, weighted as ITU-R BT.709 has it.
    pub fn brightness(&self) -> Vec<f64> {
        self.rgb
            .chunks_exact(3)
            .map(|p| 0.2125 * f64::from(p[0]) + 0.7154 * f64::from(p[1]) + 0.0721 * f64::from(p[2]))
            .collect()
    }

    /// One channel of every pixel: 0 for red, 1 for green, anything else for blue.
    pub(crate) fn channel(&self, index: usize) -> Vec<f64> {
        self.rgb
            .iter()
            .skip(index.min(2))
            .step_by(3)
            .map(|v| f64::from(*v))
            .collect()
    }

    /// How much there is on it.
    pub fn contrast(&self) -> Contrast {
        let brightness = self.brightness();
        let n = brightness.len() as f64;
        let mean = brightness.iter().sum::<f64>() / n;
        let variance = brightness
            .iter()
            .map(|b| (b - mean) * (b - mean))
            .sum::<f64>()
            / n;
        let mut counts = [0_u64; 256];
        for b in &brightness {
            counts[(b.round() as usize).min(255)] += 1;
        }
        let share = |count: u64| count as f64 / n;
        let entropy = counts
            .iter()
            .filter(|c| **c > 0)
            .map(|c| -share(*c) * share(*c).log2())
            .sum();
        Contrast {
            mean,
            deviation: variance.sqrt(),
            entropy,
        }
    }
}

/// How much there is on a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// The mean brightness, from 0 to 255.
    pub mean: f64,
    /// The standard deviation of the brightness.
    pub deviation: f64,
    /// The bits of information in the brightness of a pixel: 0 for one tone, 8 for all of them alike.
    pub entropy: f64,
}

impl Contrast {
    /// Whether the picture is blank: its brightness varies by no more than rounding and compression make it.
    pub fn is_blank(&self) -> bool {
        self.deviation <= 2.0
    }
}
