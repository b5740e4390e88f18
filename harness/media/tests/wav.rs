//! WAV as servers send it.

use proptest::prelude::*;
use tribunal_media::{
    Audio, AudioKind, Encoding, Finding, MediaErrorKind, PcmFormat, decode_audio, decode_pcm,
    decode_wav, encode_pcm, encode_wav,
};

const ENCODINGS: [Encoding; 6] = [
    Encoding::U8,
    Encoding::I16,
    Encoding::I24,
    Encoding::I32,
    Encoding::F32,
    Encoding::F64,
];

fn ramp(frames: usize, channels: u16) -> Audio {
    let n = frames * usize::from(channels);
    let samples = (0..n)
        .map(|i| ((i * 37) % 255) as f32 / 128.0 - 1.0)
        .collect();
    Audio::new(24_000, channels, samples).expect("audio")
}

fn wav(frames: usize) -> Vec<u8> {
    encode_wav(&ramp(frames, 1), Encoding::I16).expect("a file")
}

/// The header's length of the data, replaced; that of the whole file as well, as streaming servers do.
fn with_size(mut bytes: Vec<u8>, size: u32) -> Vec<u8> {
    bytes[4..8].copy_from_slice(&size.to_le_bytes());
    bytes[40..44].copy_from_slice(&size.to_le_bytes());
    bytes
}

fn with_chunk(bytes: &[u8], at: usize, id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = bytes[..at].to_vec();
    out.extend(id);
    out.extend((body.len() as u32).to_le_bytes());
    out.extend(body);
    out.extend(std::iter::repeat_n(0, body.len() % 2));
    out.extend(&bytes[at..]);
    out
}

#[test]
fn every_encoding_gives_back_what_was_written() {
    for encoding in ENCODINGS {
        for channels in [1, 2, 5] {
            let audio = ramp(33, channels);
            let read = decode_wav(&encode_wav(&audio, encoding).expect("a file")).expect("read");
            assert_eq!(read.audio, audio, "{encoding:?} with {channels} channels");
            assert_eq!(read.encoding, encoding);
            assert_eq!(read.findings, []);
            let any = decode_audio(&encode_wav(&audio, encoding).expect("a file")).expect("read");
            assert_eq!(
                (any.audio, any.kind, any.encoding),
                (read.audio, AudioKind::Wav, Some(encoding))
            );
            let format = PcmFormat {
                rate: 24_000,
                channels,
                encoding,
            };
            let (raw, findings) = decode_pcm(&encode_pcm(&audio, encoding), format).expect("raw");
            assert_eq!((raw, findings), (audio, vec![]));
        }
    }
}

#[test]
fn lengths_that_streaming_servers_write_are_seen_through() {
    for size in [
        0,
        u32::MAX,
        0x7FFF_FFFF,
        0x7FFF_FFFF - 36,
        u32::MAX - 36,
        2_000_000_000,
    ] {
        let read = decode_wav(&with_size(wav(1000), size)).expect("read");
        assert_eq!(read.audio, ramp(1000, 1), "{size:#x}");
        let actual = 2000;
        assert_eq!(
            read.findings,
            [Finding::StreamedSize {
                declared: u64::from(size),
                actual
            }],
            "{size:#x}"
        );
    }
}

#[test]
fn a_file_that_is_cut_off_is_read_and_called_so() {
    let whole = wav(1000);
    let read = decode_wav(&whole[..44 + 1001]).expect("read");
    assert_eq!(read.audio.frames(), 500);
    assert_eq!(
        read.findings,
        [
            Finding::Truncated {
                declared: 2000,
                actual: 1001
            },
            Finding::PartialFrame { bytes: 1 }
        ]
    );
    let error = decode_wav(&whole[..40]).expect_err("no data");
    assert_eq!(error.kind(), MediaErrorKind::Malformed);
    assert!(
        error.to_string().contains("there is no data chunk"),
        "{error}"
    );
}

#[test]
fn files_in_a_row_are_one_stream_with_seams() {
    for size in [None, Some(0), Some(u32::MAX)] {
        let one = |n| size.map_or(wav(n), |s| with_size(wav(n), s));
        let mut bytes = one(100);
        bytes.extend(one(50));
        bytes.extend(one(7));
        let read = decode_wav(&bytes).expect("read");
        assert_eq!(read.audio.frames(), 157, "{size:?}");
        assert_eq!(read.seams, [100, 150], "{size:?}");
        assert!(
            read.findings.contains(&Finding::SeveralFiles { files: 3 }),
            "{:?}",
            read.findings
        );
    }
    let mut bytes = wav(10);
    bytes.extend(encode_wav(&ramp(10, 2), Encoding::I16).expect("a file"));
    let error = decode_wav(&bytes).expect_err("two shapes");
    assert!(
        error.to_string().contains("cannot be put together"),
        "{error}"
    );
}

#[test]
fn unknown_chunks_are_passed_over_and_bytes_after_the_end_are_reported() {
    let plain = wav(100);
    for body in [&b""[..], b"odd", b"a longer one"] {
        let before = with_chunk(&plain, 12, b"LIST", body);
        let between = with_chunk(&plain, 36, b"fact", body);
        let behind = with_chunk(&plain, plain.len(), b"id3 ", body);
        for bytes in [before, between, behind] {
            let read = decode_wav(&bytes).expect("read");
            assert_eq!((read.audio, read.findings), (ramp(100, 1), vec![]));
        }
    }
    let mut junk = plain.clone();
    junk.extend([0, 1, 2, 3, 4]);
    assert_eq!(
        decode_wav(&junk).expect("read").findings,
        [Finding::TrailingBytes { bytes: 5 }]
    );
    // An odd number of bytes of data, and no padding before what follows.
    let mut odd = encode_wav(&ramp(101, 1), Encoding::U8).expect("a file");
    odd.pop();
    let odd = with_chunk(&odd, odd.len(), b"LIST", b"x");
    assert_eq!(decode_wav(&odd).expect("read").findings, []);
}

#[test]
fn an_empty_file_is_empty_and_not_a_stream() {
    let read = decode_wav(&wav(0)).expect("read");
    assert!(read.audio.is_empty());
    assert_eq!(read.findings, []);
}

#[test]
fn what_is_not_read_is_named() {
    let patched = |at: usize, value: &[u8]| {
        let mut bytes = wav(10);
        bytes[at..at + value.len()].copy_from_slice(value);
        decode_wav(&bytes).expect_err("refused")
    };
    let cases = [
        (patched(20, &[7, 0]), MediaErrorKind::Unsupported, "mu-law"),
        (
            patched(22, &[0, 0]),
            MediaErrorKind::Malformed,
            "0 channels",
        ),
        (
            patched(24, &[0, 0, 0, 0]),
            MediaErrorKind::Malformed,
            "a sample rate of 0 Hz",
        ),
        (
            patched(24, &[255, 255, 255, 255]),
            MediaErrorKind::Malformed,
            "expected 1 to 768000",
        ),
        (
            patched(0, b"RIFX"),
            MediaErrorKind::Unrecognised,
            "high byte first",
        ),
        (
            decode_wav(b"").expect_err("empty"),
            MediaErrorKind::Empty,
            "no bytes",
        ),
        (
            decode_wav(b"fLaC....").expect_err("FLAC"),
            MediaErrorKind::Unrecognised,
            "this is FLAC",
        ),
        (
            decode_wav(b"{\"error\": 1}").expect_err("JSON"),
            MediaErrorKind::Unrecognised,
            "`{\"error\": 1}`",
        ),
    ];
    for (error, kind, text) in cases {
        assert_eq!(error.kind(), kind, "{error}");
        assert!(
            error.to_string().contains(text),
            "{error} should say {text}"
        );
    }
    let rate = decode_wav(&{
        let mut bytes = wav(10);
        bytes[28..32].copy_from_slice(&7_u32.to_le_bytes());
        bytes
    });
    assert_eq!(
        rate.expect("read").findings,
        [Finding::ByteRate {
            declared: 7,
            expected: 48_000
        }]
    );
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode_wav(&bytes);
    }

    #[test]
    fn a_damaged_file_is_read_or_refused_and_never_grows(
        frames in 0_usize..60,
        damage in proptest::collection::vec((0_usize..260, any::<u8>()), 0..8),
        cut in 0_usize..260,
        again in any::<bool>(),
    ) {
        let mut bytes = wav(frames);
        if again {
            bytes.extend(wav(frames / 2));
        }
        for (at, value) in damage {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bytes.truncate(cut.max(12));
        if let Ok(read) = decode_wav(&bytes) {
            prop_assert!(read.audio.samples().len() <= bytes.len());
            prop_assert!(read.seams.iter().all(|s| *s <= read.audio.frames()));
        }
    }

    #[test]
    fn any_split_of_a_stream_into_files_gives_the_same_samples(
        cuts in proptest::collection::btree_set(1_usize..200, 0..5),
        placeholder in proptest::option::of(prop_oneof![Just(0_u32), Just(u32::MAX)]),
    ) {
        let whole = ramp(200, 1);
        let bounds: Vec<usize> = std::iter::once(0).chain(cuts.iter().copied()).chain([200]).collect();
        let mut bytes = Vec::new();
        for pair in bounds.windows(2) {
            let part = Audio::mono(24_000, whole.samples()[pair[0]..pair[1]].to_vec()).expect("audio");
            let file = encode_wav(&part, Encoding::I16).expect("a file");
            bytes.extend(placeholder.map_or(file.clone(), |size| with_size(file, size)));
        }
        let read = decode_wav(&bytes).expect("read");
        prop_assert_eq!(&read.audio, &whole);
        prop_assert_eq!(read.seams, cuts.into_iter().collect::<Vec<_>>());
    }
}
