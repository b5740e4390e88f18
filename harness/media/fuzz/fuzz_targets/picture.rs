//! Any bytes as a picture: no panic, and as many pixels as its size says.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(decoded) = tribunal_media::decode_picture(bytes) {
        let picture = decoded.picture;
        let pixels = picture.width() as usize * picture.height() as usize;
        assert_eq!(picture.rgb().len(), 3 * pixels);
    }
});
