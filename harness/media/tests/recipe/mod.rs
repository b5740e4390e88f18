//! Recipes of sounds as the golden files write them.

use serde_json::Value;
use tribunal_media::synthetic::{Sound, Wave};

/// The sound of a recipe: `{"rate": 24000, "seed": 1, "parts": [["voice", 1.0, 120, 20], ["silence", 0.2]]}`.
pub fn sound(recipe: &Value) -> Sound {
    let number = |v: &Value| v.as_f64().unwrap_or_else(|| panic!("no number: {v}"));
    let whole = |name: &str| {
        recipe[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{name} in {recipe}"))
    };
    let rate = u32::try_from(whole("rate")).expect("a rate");
    let mut sound = Sound::new(rate, whole("seed"));
    for part in recipe["parts"].as_array().expect("parts") {
        let seconds = number(&part[1]);
        let wave = match part[0].as_str() {
            Some("silence") => Wave::Silence,
            Some("noise") => Wave::Noise,
            Some("tone") => Wave::Tone {
                hz: number(&part[2]),
            },
            Some("chirp") => Wave::Chirp {
                from_hz: number(&part[2]),
                to_hz: number(&part[3]),
            },
            Some("voice") => Wave::Voice {
                hz: number(&part[2]),
                harmonicity: part[3].as_f64(),
            },
            other => panic!("no such part: {other:?}"),
        };
        sound = sound.part(wave, seconds);
    }
    sound
}
