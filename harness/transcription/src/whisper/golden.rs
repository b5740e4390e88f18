//! Tiny models with random weights (`fixtures/golden/make_whisper_tiny.py`), against the Python implementations.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tribunal_media::{Audio, decode_audio};

use super::folder::Model;
use super::mel::{COLUMNS, RATE, log_mel};
use super::search::Found;
use super::window_of;

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/golden")
        .join(name)
}

fn golden() -> Value {
    let text = std::fs::read(place("whisper/golden.json")).expect("golden");
    serde_json::from_slice(&text).expect("JSON")
}

/// A clip at 16 kHz, by straight lines between its samples: the maker does the same.
fn clip(name: &str) -> Vec<f32> {
    let bytes = std::fs::read(place(&format!("media_speech/{name}.wav"))).expect("a clip");
    let audio: Audio = decode_audio(&bytes).expect("audio").audio;
    let (from, to) = (f64::from(audio.rate()), f64::from(RATE));
    let samples = audio.samples();
    (0..(samples.len() as f64 * to / from) as usize)
        .map(|n| {
            let at = n as f64 * (from / to);
            let (left, part) = (at as usize, at.fract());
            let value = |n: usize| f64::from(samples[n.min(samples.len() - 1)]);
            (value(left) + (value(left + 1) - value(left)) * part) as f32
        })
        .collect()
}

fn text<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry[name].as_str().expect("a text")
}

#[test]
fn the_spectrogram_is_that_of_openai_whisper() {
    let golden = golden();
    let all = golden["spectrograms"].as_array().expect("spectrograms");
    assert_eq!(all.len(), 2);
    for entry in all {
        let bins = entry["bins"].as_u64().expect("bins") as usize;
        let ours = log_mel(&clip(text(entry, "clip")), bins);
        let mut largest = 0.0_f64;
        let frames = entry["frames"].as_array().expect("frames");
        for (frame, values) in frames
            .iter()
            .zip(entry["values"].as_array().expect("values"))
        {
            let column = frame.as_u64().expect("a frame") as usize;
            for (row, theirs) in values.as_array().expect("a column").iter().enumerate() {
                let ours = f64::from(ours[row * COLUMNS + column]);
                largest = largest.max((ours - theirs.as_f64().expect("a figure")).abs());
            }
        }
        assert!(largest < 1e-4, "{bins} bands: {largest}");
        let mean = ours.iter().map(|v| f64::from(*v)).sum::<f64>() / ours.len() as f64;
        let theirs = entry["mean"].as_f64().expect("a mean");
        assert!(
            (mean - theirs).abs() < 1e-5,
            "{bins} bands: {mean}, not {theirs}"
        );
    }
}

#[test]
fn the_tokens_are_those_of_transformers() {
    let golden = golden();
    let cases = golden["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 12);
    for name in ["many-languages", "english"] {
        let model = Model::read(&place("whisper").join(name)).expect(name);
        for case in cases.iter().filter(|case| case["model"] == name) {
            let shown = format!("{name}, {}, {}", case["clip"], case["language"]);
            let mark = model.words.mark(&format!("<|{}|>", text(case, "language")));
            let mut language = mark.filter(|_| model.languages);
            let samples = clip(text(case, "clip"));
            let found = window_of(&model, &samples, &mut language, &|| false);
            let Found {
                tokens,
                sure,
                silence,
            } = found.expect(&shown).expect("wanted");
            let theirs: Vec<u64> = (case["tokens"].as_array().expect("tokens").iter())
                .map(|token| token.as_u64().expect("a token"))
                .collect();
            let ours: Vec<u64> = tokens.iter().map(|token| u64::from(*token)).collect();
            assert_eq!(ours, theirs, "{shown}");
            for (what, ours) in [("sure", sure), ("silence", silence)] {
                let theirs = case[what].as_f64().expect("a figure");
                assert!(
                    (ours - theirs).abs() < 1e-4,
                    "{shown}: {what} is {ours}, not {theirs}"
                );
            }
            if model.languages {
                let mut heard = None;
                window_of(&model, &samples, &mut heard, &|| false).expect(&shown);
                let theirs = model.words.mark(&format!("<|{}|>", text(case, "heard")));
                assert_eq!(heard, theirs, "{shown}");
            }
        }
    }
}
