//! Resampling with a proper filter: what lies above the new half rate vanishes instead of coming back as another tone.
//!
//! Rejected: linear interpolation, which leaves a tone of 9 kHz at -4 dB as one of 7 kHz when 24 kHz become 16.

use crate::audio::sound::Audio;
use crate::{MediaError, MediaErrorKind};

const WHAT: &str = "resampling";
/// How much larger than its source a result may be, in all channels.
const MAX_SAMPLES: u64 = 1 << 28;

/// The same audio at another rate. The length follows the ratio of the rates; the filter's delay is taken out.
///
/// # Errors
/// When the rate is beyond belief, the result would be larger than 2^28 samples, or a sample is not finite.
pub fn resample(audio: &Audio, rate: u32) -> Result<Audio, MediaError> {
    crate::audio::sound::check_shape(WHAT, rate, audio.channels())?;
    if rate == audio.rate() || audio.is_empty() {
        return Audio::new(rate, audio.channels(), audio.samples().to_vec());
    }
    audio.require_finite(WHAT)?;
    let wanted = audio.samples().len() as u64 * u64::from(rate) / u64::from(audio.rate());
    if wanted > MAX_SAMPLES {
        return Err(MediaError::new(
            MediaErrorKind::TooLarge,
            WHAT,
            format!("{wanted} samples at {rate} Hz; the limit is {MAX_SAMPLES}"),
        ));
    }
    let channels = usize::from(audio.channels());
    let (from, to) = (audio.rate() as usize, rate as usize);
    let mut samples = tribunal_transforms::resample(audio.samples(), channels, from, to)
        .map_err(|e| MediaError::argument(WHAT, e))?;
    // The filter's last block may hold a frame more than the ratio of the rates makes.
    let ratio = f64::from(rate) / f64::from(audio.rate());
    samples.truncate((audio.frames() as f64 * ratio).round() as usize * channels);
    Audio::new(rate, audio.channels(), samples)
}
