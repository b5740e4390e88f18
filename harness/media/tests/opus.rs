//! Ogg Opus as FFmpeg's libopus wrote it (`fixtures/golden/make_media_opus.py`): decoded as libopus decodes it, cut off, in a row, and damaged.

#![cfg(feature = "opus")]

use proptest::prelude::*;
use serde_json::Value;
use tribunal_media::{AudioKind, DecodedAudio, Finding, decode_audio};

/// Samples are compared as 16 bits: libopus rounds (and where it clips, bends) to them, so that they are never nearer than half of one.
const LARGEST: f64 = 1.5;

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../fixtures/golden/media_opus.json")).expect("golden")
}

fn bytes(name: &str) -> Vec<u8> {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/media_opus");
    std::fs::read(folder.join(name)).expect("a file")
}

fn decoded(name: &str) -> DecodedAudio {
    decode_audio(&bytes(name)).expect(name)
}

/// Where a channel of Opus stands in what FFmpeg writes: six channels are sorted as in WAV there.
fn place(channel: usize, channels: usize) -> usize {
    match channels {
        6 => [0, 2, 1, 4, 5, 3][channel],
        _ => channel,
    }
}

#[test]
fn every_part_of_the_codec_is_decoded_as_libopus_decodes_it() {
    let golden = golden();
    let stride = golden["stride"].as_u64().expect("a stride") as usize;
    let files = golden["files"].as_array().expect("files");
    assert_eq!(files.len(), 9);
    for file in files {
        let name = file["file"].as_str().expect("a name");
        let sound = decoded(name);
        assert_eq!(sound.findings, vec![], "{name}");
        assert_eq!(
            (sound.kind, sound.seams.len()),
            (AudioKind::OggOpus, 0),
            "{name}"
        );
        let channels = usize::from(sound.audio.channels());
        assert_eq!(
            (
                u64::from(sound.audio.rate()),
                channels as u64,
                sound.audio.frames() as u64
            ),
            (
                48_000,
                file["channels"].as_u64().expect("channels"),
                file["frames"].as_u64().expect("frames")
            ),
            "{name}"
        );
        let theirs: Vec<f64> = (file["samples"].as_array().expect("samples").iter())
            .map(|sample| sample.as_f64().expect("a sample"))
            .collect();
        let mut largest = 0.0_f64;
        for (at, frame) in (sound.audio.samples().chunks(channels))
            .step_by(stride)
            .enumerate()
        {
            for (channel, sample) in frame.iter().enumerate() {
                let theirs = theirs[at * channels + place(channel, channels)];
                largest = largest.max((f64::from(*sample) * 32_768.0 - theirs).abs());
            }
        }
        assert!(
            largest <= LARGEST,
            "{name}: a sample is {largest} of 32,768 away"
        );
    }
}

#[test]
fn a_file_that_is_cut_off_is_audio_with_a_finding_or_an_error() {
    for name in ["silk.opus", "celt-stereo.opus", "surround.opus"] {
        let whole = bytes(name);
        for share in [10, 30, 50, 70, 90, 99] {
            match decode_audio(&whole[..whole.len() * share / 100]) {
                Ok(cut) => assert!(
                    matches!(&*cut.findings, [Finding::Undecoded { .. }]),
                    "{name} at {share} %: {:?}",
                    cut.findings
                ),
                Err(error) => assert!(error.to_string().contains("Ogg Opus"), "{error}"),
            }
        }
    }
}

#[test]
fn streams_in_a_row_are_one_sound_with_seams() {
    let (one, two) = (decoded("silk.opus"), decoded("hybrid.opus"));
    let row = decode_audio(&[bytes("silk.opus"), bytes("hybrid.opus")].concat()).expect("both");
    assert_eq!(row.audio.frames(), one.audio.frames() + two.audio.frames());
    assert_eq!(row.seams, [one.audio.frames()]);
    assert_eq!(row.findings, [Finding::SeveralFiles { files: 2 }]);
    assert_eq!(
        &row.audio.samples()[one.audio.frames()..],
        two.audio.samples()
    );
    // One that goes on in stereo is another sound.
    let row = decode_audio(&[bytes("silk.opus"), bytes("celt-stereo.opus")].concat());
    let row = row.expect("the first");
    assert_eq!(row.audio.samples(), one.audio.samples());
    assert!(
        row.findings[0].to_string().contains("2 channels"),
        "{:?}",
        row.findings
    );
}

#[test]
fn a_damaged_page_is_left_away_and_told() {
    let mut bytes = [bytes("silk.opus"), b"noise".to_vec()].concat();
    let sound = decode_audio(&bytes).expect("a sound");
    let said = sound.findings[0].to_string();
    assert!(said.contains("5 bytes belong to no page"), "{said}");
    let last = (bytes.windows(4).rposition(|w| w == b"OggS")).expect("a page");
    bytes[last + 40] ^= 1;
    let said = match decode_audio(&bytes) {
        Ok(sound) => sound.findings[0].to_string(),
        Err(error) => error.to_string(),
    };
    assert!(said.contains("the checksum of a page is wrong"), "{said}");
}

/// The sums of all pages made right again, so that damage reaches the decoder.
fn summed(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(count) = bytes.get(at + 26).copied() {
        let lengths = bytes.get(at + 27..at + 27 + usize::from(count));
        let body: usize = lengths.map_or(0, |all| all.iter().map(|n| usize::from(*n)).sum());
        let end = at + 27 + usize::from(count) + body;
        let Some(page) = bytes.get_mut(at..end) else {
            return;
        };
        page[22..26].fill(0);
        let mut sum = 0_u32;
        for byte in page.iter() {
            sum ^= u32::from(*byte) << 24;
            for _ in 0..8 {
                sum = sum << 1 ^ if sum >> 31 == 1 { 0x04C1_1DB7 } else { 0 };
            }
        }
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        at = end;
    }
}

const DAMAGED: [&str; 4] = [
    "silk.opus",
    "hybrid-stereo.opus",
    "low-delay.opus",
    "surround.opus",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn damaged_files_never_panic(
        which in 0..DAMAGED.len(),
        keep in 0.2..1.0_f64,
        heal in any::<bool>(),
        places in prop::collection::vec((0.0..1.0_f64, any::<u8>()), 0..20),
    ) {
        let mut bytes = bytes(DAMAGED[which]);
        for (place, value) in places {
            let at = (place * bytes.len() as f64) as usize;
            bytes[at] = value;
        }
        bytes.truncate((bytes.len() as f64 * keep) as usize);
        if heal {
            summed(&mut bytes);
        }
        if let Ok(sound) = decode_audio(&bytes) {
            prop_assert!(!sound.audio.is_empty());
            prop_assert!(sound.audio.samples().iter().all(|s| s.is_finite()));
        }
    }
}
