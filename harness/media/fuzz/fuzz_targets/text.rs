//! Any two texts, made comparable by every rule and compared: no panic, and equal texts have no errors.
#![no_main]

use tribunal_media::{Errors, Normaliser};

libfuzzer_sys::fuzz_target!(|texts: (&str, &str)| {
    let short = |text: &str| text.chars().take(500).collect::<String>();
    for rules in [Normaliser::English, Normaliser::Basic, Normaliser::Unspaced] {
        let (a, b) = (rules.apply(&short(texts.0)), rules.apply(&short(texts.1)));
        let _ = tribunal_media::vllm_omni::similarity(&a, &b);
        if let Ok(errors) = Errors::of_words(&a, &b) {
            assert_eq!(
                errors.count() == 0,
                a.split_whitespace().eq(b.split_whitespace())
            );
        }
    }
});
