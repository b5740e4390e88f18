//! The seams of streamed audio: chunks that were sent twice, and clicks where two chunks meet.
//!
//! Both need to know where the seams are: [`crate::Wav::seams`], or the lengths of the chunks as they arrived. Rejected: searching the
//! whole signal for clicks. Plosives look like them, and a rule that fails good speech is turned off.

use crate::MediaError;
use crate::audio::sound::Audio;

/// Two neighbouring chunks with the same content.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Repeat {
    /// The number of the second of the two, counted from 0.
    pub chunk: usize,
    /// Their normalised correlation: 1 for equal ones.
    pub correlation: f64,
    /// Whether they are equal to the last sample.
    pub exact: bool,
}

/// A jump at a seam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Click {
    /// The frame at the seam.
    pub frame: usize,
    /// How many times larger its second difference is than is usual around it.
    pub ratio: f64,
}

/// Chunks shorter than this say nothing: a few samples are alike by chance.
const SHORTEST: f64 = 0.02;
/// Below this root mean square two chunks are alike because both are silent.
const QUIET: f64 = 0.001;
/// The neighbourhood of a seam.
const AROUND: f64 = 0.02;
/// A jump below this is not heard, however quiet its surroundings.
const AUDIBLE: f64 = 0.01;

/// Neighbouring chunks that are alike: their correlation is above `threshold` (0.98 is usual) and they are as loud as
/// each other. Chunks that are silent, very short, or of different lengths are not compared.
///
/// A steady tone repeats itself: this is a measure for speech and music, and a verdict on tones must not use it.
///
/// # Errors
/// When the seams are not in order or lie outside the audio.
pub fn repeats(audio: &Audio, seams: &[usize], threshold: f64) -> Result<Vec<Repeat>, MediaError> {
    check(audio, seams)?;
    let mono = audio.mixed();
    let bounds: Vec<usize> = std::iter::once(0)
        .chain(seams.iter().copied())
        .chain(std::iter::once(mono.len()))
        .collect();
    let shortest = (f64::from(audio.rate()) * SHORTEST) as usize;
    let mut found = Vec::new();
    for (i, w) in bounds.windows(3).enumerate() {
        let (a, b) = (&mono[w[0]..w[1]], &mono[w[1]..w[2]]);
        if a.len() != b.len() || a.len() < shortest.max(1) {
            continue;
        }
        let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
        for (x, y) in a.iter().zip(b) {
            let (x, y) = (f64::from(*x), f64::from(*y));
            aa += x * x;
            bb += y * y;
            ab += x * y;
        }
        let n = a.len() as f64;
        if (aa / n).sqrt() < QUIET || (bb / n).sqrt() < QUIET {
            continue;
        }
        // The geometric mean says how alike the shapes are; the larger one also asks for the same loudness.
        let correlation = ab / aa.max(bb);
        if correlation > threshold {
            found.push(Repeat {
                chunk: i + 1,
                correlation,
                exact: a == b,
            });
        }
    }
    Ok(found)
}

/// Seams at which the signal jumps: the second difference there is more than `factor` (8 is usual) times the median
/// magnitude of those around it, and large enough to be heard.
///
/// # Errors
/// When the seams are not in order or lie outside the audio.
pub fn clicks(audio: &Audio, seams: &[usize], factor: f64) -> Result<Vec<Click>, MediaError> {
    check(audio, seams)?;
    let mono = audio.mixed();
    let around = ((f64::from(audio.rate()) * AROUND) as usize).max(8);
    let second = |i: usize| {
        (f64::from(mono[i + 1]) - 2.0 * f64::from(mono[i]) + f64::from(mono[i - 1])).abs()
    };
    let mut found = Vec::new();
    for &seam in seams {
        let (low, high) = (
            seam.saturating_sub(around).max(1),
            (seam + around).min(mono.len().saturating_sub(1)),
        );
        // A jump between the frames `seam - 1` and `seam` shows in the second difference at both.
        let at_seam = |i: &usize| *i == seam || *i + 1 == seam;
        let here = (low..high)
            .filter(|i| at_seam(i))
            .map(second)
            .fold(0.0, f64::max);
        let mut others: Vec<f64> = (low..high).filter(|i| !at_seam(i)).map(second).collect();
        if others.len() < 8 {
            continue;
        }
        let middle = others.len() / 2;
        let usual = *others.select_nth_unstable_by(middle, f64::total_cmp).1;
        // The steepest of the surroundings as well: a voice has a jump in every period.
        let steepest = others.iter().copied().fold(0.0, f64::max);
        if here > AUDIBLE && here > factor * usual && here > 2.0 * steepest {
            found.push(Click {
                frame: seam,
                ratio: here / usual.max(f64::MIN_POSITIVE),
            });
        }
    }
    Ok(found)
}

fn check(audio: &Audio, seams: &[usize]) -> Result<(), MediaError> {
    let in_order = seams.windows(2).all(|w| w[0] < w[1]);
    match seams.iter().find(|s| **s == 0 || **s >= audio.frames()) {
        Some(outside) => Err(MediaError::argument(
            "seams",
            format!(
                "a seam at frame {outside}; expected 1 to {}",
                audio.frames().saturating_sub(1)
            ),
        )),
        None if !in_order => Err(MediaError::argument(
            "seams",
            "they must be in ascending order, each once",
        )),
        None => Ok(()),
    }
}
