//! Compressed audio as FFmpeg wrote it (`fixtures/golden/make_media_files.py`): decoded, cut off, and damaged.

#![cfg(all(feature = "decoders", feature = "pitch", feature = "images"))]

use proptest::prelude::*;
use serde_json::Value;
use tribunal_media::synthetic::{Colour, Film, Shape, Sound, Wave};
use tribunal_media::{AudioKind, DecodedAudio, Finding, Levels, Pitch, PitchOptions, decode_audio};

const READ: [&str; 5] = ["tone.mp3", "tone.flac", "tone.ogg", "tone.m4a", "tone.aac"];

fn bytes(name: &str) -> Vec<u8> {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/media_audio");
    std::fs::read(folder.join(name)).expect("a file")
}

/// Frames as FFmpeg decodes them.
fn frames(name: &str) -> usize {
    let file: Value =
        serde_json::from_str(include_str!("../../../fixtures/golden/media_files.json"))
            .expect("golden");
    let sounds = file["sounds"].as_array().expect("sounds");
    let entry = sounds.iter().find(|s| s["file"] == name).expect("an entry");
    entry["frames"].as_u64().expect("frames") as usize
}

fn is_the_tone(decoded: &DecodedAudio, name: &str) {
    let pitch = Pitch::of(&decoded.audio, &PitchOptions::default()).expect("a pitch");
    let median = pitch.voice().expect("a tone is voiced");
    assert!((median / 440.0 - 1.0).abs() < 0.005, "{name}: {median} Hz");
    // FFmpeg's sine has an amplitude of an eighth.
    let rms = Levels::of(&decoded.audio).rms.expect("a level");
    assert!((rms / 0.0884 - 1.0).abs() < 0.1, "{name}: {rms}");
}

#[test]
fn every_format_is_decoded_to_the_same_tone() {
    for name in READ {
        let decoded = decode_audio(&bytes(name)).expect(name);
        assert_eq!(decoded.findings, vec![], "{name}");
        assert!(
            name.ends_with(&format!(".{}", decoded.kind.extension())),
            "{name}"
        );
        assert_eq!(
            (decoded.audio.rate(), decoded.audio.channels()),
            (24_000, 1),
            "{name}"
        );
        let ours = decoded.audio.frames();
        // A last packet of Vorbis is kept whole by the one and cut where the stream says by the other.
        let may_differ = if name == "tone.ogg" { 288 } else { 0 };
        assert!(
            frames(name).abs_diff(ours) <= may_differ,
            "{name}: {ours} frames"
        );
        is_the_tone(&decoded, name);
    }
}

#[test]
fn a_file_that_is_cut_off_is_audio_with_a_finding_or_an_error() {
    for name in READ {
        let whole = bytes(name);
        let before = decode_audio(&whole).expect(name).audio.frames();
        let mut some = 0;
        for share in [10, 30, 50, 70, 90, 95] {
            let cut = &whole[..whole.len() * share / 100];
            let Ok(decoded) = decode_audio(cut) else {
                continue;
            };
            some += 1;
            assert!(
                decoded.audio.frames() < before,
                "{name} at {share} %: {} frames",
                decoded.audio.frames()
            );
            let said = decoded
                .findings
                .iter()
                .any(|f| matches!(f, Finding::Undecoded { .. }));
            // Frames of MP3 and ADTS stand alone: a file of fewer of them is a whole file, cut between two.
            let alone = matches!(decoded.kind, AudioKind::Mp3 | AudioKind::Aac);
            assert!(
                said || alone || decoded.kind == AudioKind::OggVorbis,
                "{name} at {share} %"
            );
        }
        // The tables of FFmpeg's MP4 stand at the end, and half a second of Vorbis is one page of Ogg: both all or nothing.
        let indivisible = matches!(name, "tone.m4a" | "tone.ogg");
        assert!(some > 0 || indivisible, "{name}");
    }
}

#[test]
fn the_sound_of_a_synthetic_film_is_heard() {
    let sound = Sound::new(16_000, 3)
        .part(
            Wave::Voice {
                hz: 150.0,
                harmonicity: Some(20.0),
            },
            0.5,
        )
        .audio()
        .expect("a sound");
    let film = Film::new(64, 48, 12, 24, 3)
        .with(1, Colour::Red, Shape::Circle)
        .sound(sound.clone());
    let decoded = decode_audio(film.mp4().expect("a film").bytes()).expect("its sound");
    assert_eq!(decoded.audio.frames(), sound.frames());
    let largest = decoded
        .audio
        .samples()
        .iter()
        .zip(sound.samples())
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(largest < 1.0 / 32_000.0, "{largest}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn damaged_files_never_panic(
        which in 0..READ.len(),
        cut in 0.0..1.0_f64,
        places in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 0..20),
    ) {
        let mut bytes = bytes(READ[which]);
        for (place, value) in places {
            let at = (place * bytes.len() as f64) as usize;
            bytes[at] = value;
        }
        bytes.truncate((bytes.len() as f64 * (0.2 + 0.8 * cut)) as usize);
        if let Ok(decoded) = decode_audio(&bytes) {
            prop_assert!(decoded.audio.frames() > 0 || decoded.audio.is_empty());
        }
    }
}
