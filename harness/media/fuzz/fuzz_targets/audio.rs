//! Any bytes as audio of whatever format: no panic that reaches the caller.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = tribunal_media::decode_audio(bytes);
});
