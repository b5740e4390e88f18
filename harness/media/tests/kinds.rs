//! Compressed audio, as FFmpeg wrote it (`fixtures/golden/make_media_files.py`): recognised and named.

use serde_json::Value;
use tribunal_media::{AudioKind, MediaErrorKind, decode_audio};

fn golden() -> Vec<(Value, Vec<u8>)> {
    let file: Value =
        serde_json::from_str(include_str!("../../../fixtures/golden/media_files.json"))
            .expect("golden");
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/media_audio");
    let sounds = file["sounds"].as_array().expect("sounds").clone();
    sounds
        .into_iter()
        .map(|s| {
            let bytes =
                std::fs::read(folder.join(s["file"].as_str().expect("a name"))).expect("a file");
            (s, bytes)
        })
        .collect()
}

#[test]
fn formats_are_told_by_their_bytes() {
    for (entry, bytes) in golden() {
        let kind = AudioKind::of(&bytes).expect("known");
        let name = entry["file"].as_str().expect("a name");
        assert!(
            name.ends_with(&format!(".{}", kind.extension())),
            "{name} is taken for {kind}"
        );
    }
    assert_eq!(AudioKind::of(b"ID3\x04"), Some(AudioKind::Mp3));
    assert_eq!(AudioKind::of(b"<html>"), None);
    assert_eq!(
        decode_audio(b"").expect_err("empty").kind(),
        MediaErrorKind::Empty
    );
    let error = decode_audio(b"\x00\x01\x02\x03").expect_err("raw PCM");
    assert_eq!(error.kind(), MediaErrorKind::Unrecognised);
    assert!(error.to_string().contains("00 01 02 03"), "{error}");
}

#[test]
fn what_is_not_read_is_named_with_what_to_do() {
    for (entry, bytes) in golden() {
        let kind = AudioKind::of(&bytes).expect("known");
        let (feature, reads) = match kind {
            AudioKind::OggOpus => ("opus", cfg!(feature = "opus")),
            _ => ("decoders", cfg!(feature = "decoders")),
        };
        let error = match decode_audio(&bytes) {
            Ok(_) if reads => continue,
            other => other.expect_err("not read"),
        };
        assert_eq!(
            error.kind(),
            MediaErrorKind::Unsupported,
            "{}: {error}",
            entry["file"]
        );
        let text = error.to_string();
        assert!(text.contains(&format!("{kind} is not decoded")), "{text}");
        assert!(text.contains("`wav` or `pcm`"), "{text}");
        let feature = format!("feature `{feature}` of tribunal");
        assert!(text.contains(&feature), "{text}");
    }
}
