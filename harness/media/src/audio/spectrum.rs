//! How much of the spectrum audio fills: speech that was made at 8 kHz and declared as 24 kHz has nothing above 4 kHz,
//! and the reverse sounds like a chipmunk.

use crate::MediaError;
use crate::audio::sound::Audio;

const SIZE: usize = 2048;

/// The frequency below which `share` (0.999, say) of the energy lies, in hertz; `None` for audio without energy.
///
/// # Errors
/// When a sample is not finite, or the share is not between 0 and 1.
pub fn roll_off(audio: &Audio, share: f64) -> Result<Option<f64>, MediaError> {
    audio.require_finite("spectrum")?;
    if !(share > 0.0 && share < 1.0) {
        return Err(MediaError::argument(
            "spectrum",
            format!("a share of {share}; expected one between 0 and 1"),
        ));
    }
    let mono = audio.mixed();
    let forward = tribunal_transforms::double(SIZE).0;
    let mut buffer = forward.make_input_vec();
    let mut spectrum = forward.make_output_vec();
    let mut energy = vec![0.0; spectrum.len()];
    let window: Vec<f64> = (0..SIZE)
        .map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * (i as f64 + 0.5) / SIZE as f64).cos())
        .collect();
    let mut at = 0;
    while at < mono.len() {
        buffer.fill(0.0);
        for ((b, s), w) in buffer.iter_mut().zip(&mono[at..]).zip(&window) {
            *b = f64::from(*s) * w;
        }
        let done = forward.process(&mut buffer, &mut spectrum).is_ok();
        debug_assert!(done, "the plan's own buffers fit");
        // The two lowest bins are the offset from the centre, under this window.
        for (e, c) in energy.iter_mut().zip(&spectrum).skip(2) {
            *e += c.norm_sqr();
        }
        at += SIZE / 2;
    }
    let total: f64 = energy.iter().sum();
    if total <= 0.0 {
        return Ok(None);
    }
    let mut below = 0.0;
    let bin = energy
        .iter()
        .position(|e| {
            below += e;
            below >= share * total
        })
        .unwrap_or(energy.len() - 1);
    Ok(Some(bin as f64 * f64::from(audio.rate()) / SIZE as f64))
}
