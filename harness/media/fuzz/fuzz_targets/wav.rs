//! Any bytes as WAV: no panic, whole frames, seams in order, and no more samples than bytes.
#![no_main]

use tribunal_media::decode_wav;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(wav) = decode_wav(bytes) {
        assert!(wav.audio.samples().len() <= bytes.len());
        assert!(wav.seams.is_sorted());
        assert!(wav.seams.iter().all(|s| *s <= wav.audio.frames()));
    }
});
