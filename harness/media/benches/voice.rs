//! How long pitch and harmonicity of the spoken clips in `fixtures/golden/media_speech` take: the best of twenty rounds, in
//! milliseconds for all clips together, as a line of JSON. `against_praat.py` beside it times Praat on the same clips.

use std::time::Instant;

use tribunal_media::{Audio, Harmonicity, HarmonicityOptions, MediaError, Pitch, PitchOptions};

const ROUNDS: usize = 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/media_speech");
    let mut clips = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        clips.push(tribunal_media::decode_wav(&std::fs::read(entry?.path())?)?.audio);
    }
    let seconds: f64 = clips.iter().map(Audio::seconds).sum();
    let pitch = best(&clips, |a| {
        Pitch::of(a, &PitchOptions::default()).map(|p| p.voiced())
    })?;
    let harmonicity = best(&clips, |a| {
        Harmonicity::of(a, &HarmonicityOptions::default()).map(|h| h.periodic())
    })?;
    println!(
        r#"{{"clips": {}, "seconds": {seconds:.1}, "pitch_ms": {pitch:.3}, "harmonicity_ms": {harmonicity:.3}}}"#,
        clips.len()
    );
    Ok(())
}

fn best(
    clips: &[Audio],
    measure: impl Fn(&Audio) -> Result<f64, MediaError>,
) -> Result<f64, MediaError> {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for clip in clips {
            std::hint::black_box(measure(clip)?);
        }
        best = best.min(1000.0 * start.elapsed().as_secs_f64());
    }
    Ok(best)
}
