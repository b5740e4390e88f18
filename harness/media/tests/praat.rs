//! Pitch and harmonicity against Praat's, on synthetic sounds (`fixtures/golden/make_media_pitch.py` made the values) and on
//! clips of flite and espeak-ng (`fixtures/golden/make_media_speech.py`).

#![cfg(feature = "pitch")]

mod recipe;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tribunal_media::{Harmonicity, HarmonicityOptions, Pitch, PitchOptions, decode_wav};

fn golden() -> Vec<Value> {
    let text = include_str!("../../../fixtures/golden/media_pitch.json");
    let file: Value = serde_json::from_str(text).expect("the golden file");
    file["sounds"].as_array().expect("sounds").clone()
}

/// The sounds as decoded from their WAV bytes: what Praat read.
fn sounds() -> impl Iterator<Item = (Value, tribunal_media::Audio)> {
    golden().into_iter().map(|entry| {
        let wav = recipe::sound(&entry["recipe"]).wav().expect("a sound");
        let audio = decode_wav(wav.bytes()).expect("a WAV file").audio;
        (entry, audio)
    })
}

#[test]
fn synthetic_sounds_are_the_same_bytes_as_those_that_were_measured() {
    for entry in golden() {
        let wav = recipe::sound(&entry["recipe"]).wav().expect("a sound");
        let digest = Sha256::digest(wav.bytes());
        let digest: String = digest.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(entry["sha256"], digest, "{}", entry["recipe"]);
    }
}

#[test]
fn pitch_agrees_with_praat_within_half_a_percent() {
    let mut worst: f64 = 0.0;
    for (entry, audio) in sounds() {
        let praat = &entry["praat"];
        let pitch = Pitch::of(&audio, &PitchOptions::default()).expect("a pitch");
        let context = &entry["recipe"];
        assert_eq!(praat["pitch_frames"], pitch.frames.len(), "{context}");
        let start = praat["pitch_start"].as_f64().expect("a start");
        assert!(
            (pitch.start - start).abs() < 1e-6,
            "{context}: {} {start}",
            pitch.start
        );
        let voiced = pitch.frames.iter().flatten().count() as f64;
        let theirs = praat["voiced_frames"].as_f64().expect("voiced frames");
        assert!(
            (voiced - theirs).abs() <= 2.0,
            "{context}: {voiced} voiced frames, Praat has {theirs}"
        );
        match praat["pitch_median"].as_f64() {
            Some(theirs) if voiced >= 5.0 => {
                let ours = pitch.quantile(0.5).expect("a median");
                let off = (ours / theirs - 1.0).abs();
                worst = worst.max(off);
                assert!(off < 0.005, "{context}: {ours} Hz, Praat has {theirs}");
            }
            _ => {}
        }
    }
    println!("largest deviation of the median: {:.4} %", 100.0 * worst);
}

#[test]
fn harmonicity_agrees_with_praat_within_three_tenths_of_a_decibel() {
    let mut worst: f64 = 0.0;
    for (entry, audio) in sounds() {
        let praat = &entry["praat"];
        let ours = Harmonicity::of(&audio, &HarmonicityOptions::default()).expect("a harmonicity");
        let context = &entry["recipe"];
        assert_eq!(praat["harmonicity_frames"], ours.frames.len(), "{context}");
        let theirs = praat["harmonicity_mean"].as_f64().expect("a mean");
        let mean = ours.mean().expect("a mean");
        if theirs > 90.0 {
            // The noise of sixteen bits lies there, and a period of whole samples has none: only rounding is left.
            assert!(mean > 90.0, "{context}: {mean} dB, Praat has {theirs}");
            continue;
        }
        let off = (mean - theirs).abs();
        worst = worst.max(off);
        assert!(off < 0.3, "{context}: {mean} dB, Praat has {theirs}");
    }
    println!("largest deviation: {worst:.4} dB");
}

#[test]
fn spoken_clips_have_the_pitch_and_the_harmonicity_that_praat_finds() {
    let text = include_str!("../../../fixtures/golden/media_speech.json");
    let file: Value = serde_json::from_str(text).expect("the golden file");
    let clips = file["clips"].as_array().expect("clips");
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/media_speech");
    let (mut pitches, mut harmonicities) = (0.0_f64, 0.0_f64);
    for clip in clips {
        let name = clip["file"].as_str().expect("a name");
        let bytes = std::fs::read(folder.join(name)).expect("a clip");
        let audio = decode_wav(&bytes).expect("a WAV file").audio;
        let praat = &clip["praat"];
        let value = |key: &str| praat[key].as_f64().expect("a figure");

        let pitch = Pitch::of(&audio, &PitchOptions::default()).expect("a pitch");
        assert_eq!(praat["pitch_frames"], pitch.frames.len(), "{name}");
        let voiced = pitch.frames.iter().flatten().count() as f64;
        assert!(
            (voiced - value("voiced_frames")).abs() <= 2.0,
            "{name}: {voiced} voiced frames"
        );
        let median = pitch.voice().expect("a voice");
        let off = (median / value("pitch_median") - 1.0).abs();
        assert!(off < 0.005, "{name}: {median} Hz, {praat}");
        pitches = pitches.max(off);

        let ours = Harmonicity::of(&audio, &HarmonicityOptions::default()).expect("a harmonicity");
        assert_eq!(praat["harmonicity_frames"], ours.frames.len(), "{name}");
        let mean = ours.mean().expect("a mean");
        let off = (mean - value("harmonicity_mean")).abs();
        assert!(off < 0.3, "{name}: {mean} dB, {praat}");
        harmonicities = harmonicities.max(off);
    }
    println!(
        "largest deviations: {:.4} % and {harmonicities:.4} dB",
        100.0 * pitches
    );
}

#[test]
fn a_voice_of_known_pitch_and_harmonicity_is_measured_as_such() {
    use tribunal_media::synthetic::{Sound, Wave};
    for (seed, hz) in [82.0, 118.0, 165.0, 240.0, 310.0].into_iter().enumerate() {
        let voice = Wave::Voice {
            hz,
            harmonicity: Some(20.0),
        };
        let sound = Sound::new(24_000, seed as u64)
            .part(voice, 0.5)
            .part(Wave::Silence, 0.3)
            .part(Wave::Noise, 0.3)
            .part(voice, 0.5);
        let pitch =
            Pitch::of(&sound.audio().expect("a sound"), &PitchOptions::default()).expect("a pitch");
        let median = pitch.voice().expect("enough of it is voiced");
        assert!(
            (median / hz - 1.0).abs() < 0.005,
            "{hz} Hz measured as {median}"
        );
        let alone = Sound::new(24_000, seed as u64)
            .part(voice, 1.0)
            .audio()
            .expect("a sound");
        let mean = Harmonicity::of(&alone, &HarmonicityOptions::default())
            .expect("one")
            .mean()
            .expect("a mean");
        assert!(
            (mean - 20.0).abs() < 1.0,
            "{hz} Hz: {mean} dB instead of 20"
        );
    }
}
