//! Any bytes as MP4 or WebM: no panic, and no frame outside the bytes. Files of `fixtures/golden/media` are a good corpus.
#![no_main]

use tribunal_media::Movie;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = Movie::read(bytes);
    if let Ok(frames) = Movie::jpeg_frames(bytes) {
        assert!(frames.iter().all(|f| f.len() <= bytes.len()));
    }
});
