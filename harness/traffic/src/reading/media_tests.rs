//! Audio in answers.

use super::*;

/// Base64 of a WAV file with 24 000 frames a second of 2 bytes, and so many of them.
fn wav(frames: usize) -> String {
    let mut file = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend_from_slice(&24_000u32.to_le_bytes());
    file.extend_from_slice(&48_000u32.to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data\xFF\xFF\xFF\xFF");
    file.resize(file.len() + frames * 2, 0);
    encode(&file)
}

fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let all = three
            .iter()
            .fold(0u32, |all, byte| (all << 8) | u32::from(*byte))
            << (8 * (3 - three.len()));
        for place in 0..4 {
            match place <= three.len() {
                true => out.push(DIGITS[((all >> (18 - 6 * place)) & 63) as usize] as char),
                false => out.push('='),
            }
        }
    }
    out
}

#[test]
fn audio_of_a_chat_in_either_dialect_has_its_length() {
    // Each piece a file of its own.
    let piece = |frames| {
        event(&format!(
            r#"{{"modality":"audio","choices":[{{"delta":{{"content":"{}"}}}}]}}"#,
            wav(frames)
        ))
    };
    let (done, record) = stream(&format!(
        "{}{}{}",
        piece(2400),
        piece(4800),
        event("[DONE]")
    ));
    assert!(done.is_ok(), "{done:?}");
    assert_eq!(kinds(&record), [(Kind::Audio, 4844), (Kind::Audio, 9600)]);
    assert_eq!(
        (
            record.audio_rate,
            record.audio_frame_bytes,
            record.audio_header_bytes
        ),
        (Some(24_000), Some(2), Some(44))
    );
    assert!((record.audio_seconds.unwrap() - 0.3).abs() < 1e-9);
    // Pieces that continue each other.
    let whole = wav(2400);
    let (one, two) = whole.split_at(60);
    let piece = |data: &str| {
        event(&format!(
            r#"{{"choices":[{{"delta":{{"audio":{{"id":"a","data":"{data}"}}}}}}]}}"#
        ))
    };
    let (done, record) = stream(&format!("{}{}{}", piece(one), piece(two), event("[DONE]")));
    assert!(done.is_ok(), "{done:?}");
    assert_eq!(kinds(&record), [(Kind::Audio, 45), (Kind::Audio, 4799)]);
    assert_eq!(record.audio_seconds, Some(0.1));
}

#[test]
fn speech_as_bytes_and_as_events() {
    let file = base64::head(&wav(2400), usize::MAX >> 8);
    let (done, record) = read_parts(
        Reading::Speech,
        "audio/wav",
        &[&file[..10], &file[10..50], &file[50..]],
    );
    assert!(done.is_ok());
    assert_eq!(
        kinds(&record),
        [(Kind::Audio, 10), (Kind::Audio, 40), (Kind::Audio, 4794)]
    );
    assert_eq!(record.audio_seconds, Some(0.1));
    let (done, _) = read_parts(Reading::Speech, "audio/wav", &[&file[..44]]);
    assert_eq!(class(&done), Some(FailureClass::Empty), "a header alone");
    let (done, _) = read_parts(Reading::Speech, "audio/wav", &[]);
    assert_eq!(class(&done), Some(FailureClass::Empty));
    let (done, _) = read_parts(
        Reading::Speech,
        "application/json",
        &[br#"{"error":"no voice"}"#],
    );
    assert!(
        matches!(&done, Err(why) if why.class == FailureClass::Malformed && why.text.contains("no voice"))
    );
    let whole = wav(2400);
    for audio in [format!(r#""{whole}""#), format!(r#"{{"data":"{whole}"}}"#)] {
        let text = format!(
            "{}{}",
            event(&format!(
                r#"{{"type":"speech.audio.delta","audio":{audio}}}"#
            )),
            event(r#"{"type":"speech.audio.done","usage":{"input_tokens":3,"output_tokens":5}}"#)
        );
        let (done, record) = read_parts(
            Reading::SpeechStream,
            "text/event-stream",
            &[text.as_bytes()],
        );
        assert!(done.is_ok(), "{done:?}");
        assert_eq!(kinds(&record), [(Kind::Audio, 4844), (Kind::Usage, 0)]);
        assert_eq!(
            (record.audio_seconds, record.output_tokens),
            (Some(0.1), Some(5))
        );
    }
}
