//! The rules of audio in depth: what the samples say, whether a voice is one, and what belongs to speech alone.

use serde_json::Value;
use tribunal_media::{Audio, Harmonicity, HarmonicityOptions, Silences, encode_pcm, vllm_omni};

use crate::agreement::normaliser;
use crate::audio::Read;
use crate::bench::Bench;
use crate::expectations::Similarity;
use crate::sound;
use crate::verdict::{Ending, RuleResult, quoted, shown};

/// The rules of depth. `text` is what was to be said, where the audio is speech.
pub(crate) fn deep(
    bench: &Bench,
    read: &Read,
    text: Option<&str>,
    speed: f64,
    mode: Similarity,
) -> Vec<RuleResult> {
    const SOUND: [&str; 8] = [
        "audio_finite",
        "audio_duration",
        "sample_rate",
        "silence",
        "clipping",
        "dc_offset",
        "clicks",
        "repeated_chunks",
    ];
    const SPEECH: [&str; 3] = ["pause", "speech_rate", "harmonicity"];
    let speech = !bench.expect.not_speech;
    let sound = match read {
        Read::Sound(sound, _) => sound,
        Read::Unread(why) | Read::Broken(why) => {
            let names = SOUND.iter().chain(SPEECH.iter().filter(|_| speech));
            return names
                .map(|name| {
                    RuleResult::not_made(
                        name,
                        why,
                        "ask for `wav` or `pcm`, which are decoded here",
                    )
                })
                .collect();
        }
    };
    let mut results = sound::rules(bench, sound);
    if speech {
        results.push(pause(bench, &sound.audio));
        results.push(rate(bench, &sound.audio, text, speed));
        results.push(harmonicity(bench, &sound.audio, mode));
    }
    results
}

fn pause(bench: &Bench, audio: &Audio) -> RuleResult {
    const RULE: &str = "pause";
    let limit = bench.limit(RULE);
    let longest = Silences::of(audio, Silences::THRESHOLD).longest_inner();
    let (seconds, at) = longest.map_or((0.0, String::new()), |span| {
        (span.seconds(), format!(" from {:.2} s", span.start))
    });
    RuleResult::holds(RULE, seconds <= limit.value)
        .figure(format!("{seconds:.2} s{at}"))
        .threshold(format!("at most {limit} s"))
}

/// Characters of text in a second of speech, without the silence at the ends, at the speed that was asked for.
fn rate(bench: &Bench, audio: &Audio, text: Option<&str>, speed: f64) -> RuleResult {
    const RULE: &str = "speech_rate";
    /// Very short texts are drawn out or clipped at will.
    const FEWEST: usize = 8;
    const LETTERS_OF_A_DIGIT: usize = 4;
    let characters = text
        .unwrap_or_default()
        .chars()
        .filter(|c| !c.is_whitespace())
        .count();
    if characters < FEWEST {
        return RuleResult::not_applicable(RULE, "the text is too short to have a rate");
    }
    let silences = Silences::of(audio, Silences::THRESHOLD);
    let seconds = audio.seconds() - silences.leading() - silences.trailing();
    let (low, high) = (
        bench.limit("speech_rate_low"),
        bench.limit("speech_rate_high"),
    );
    // Characters that are words or syllables by themselves take longer.
    let whole_words = text.unwrap_or_default().chars().any(
        |c| matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}'),
    );
    // A digit is often read as a word of its own, and as often as a part of one.
    let digits = text
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_numeric())
        .count();
    let spelled = characters + digits * (LETTERS_OF_A_DIGIT - 1);
    let low_value = speed
        * if whole_words {
            low.value / 3.0
        } else {
            low.value
        };
    let high_value = speed * high.value;
    let threshold = match (whole_words, speed) {
        (false, 1.0) => format!("{low} to {high} characters in a second"),
        _ => format!(
            "{low_value:.2} to {high_value:.2} characters in a second at this speed and in this writing"
        ),
    };
    if seconds <= 0.0 {
        return RuleResult::new(RULE, Ending::Fail)
            .figure("nothing but silence")
            .threshold(threshold);
    }
    let found = characters as f64 / seconds;
    let slow = (spelled as f64 / seconds) < low_value;
    RuleResult::holds(RULE, !slow && found <= high_value)
        .figure(format!("{found:.1} ({characters} in {seconds:.2} s)"))
        .threshold(threshold)
}

fn harmonicity(bench: &Bench, audio: &Audio, mode: Similarity) -> RuleResult {
    const RULE: &str = "harmonicity";
    /// Between the threshold and twice of it, a voice is one, and not a clear one.
    const CLEAR: f64 = 2.0;
    let samples: Vec<i16> = encode_pcm(audio, tribunal_media::Encoding::I16)
        .chunks_exact(2)
        .map(|b| i16::from_le_bytes([b[0], b[1]]))
        .collect();
    let compatible = match audio.channels() {
        1 => vllm_omni::harmonicity(&samples, audio.rate()),
        _ => None,
    };
    let shown_compatible = compatible.map_or_else(
        || "nothing to measure".to_owned(),
        |db| format!("{db:.1} dB"),
    );
    if mode == Similarity::VllmOmni {
        let limit = bench.limit("harmonicity_vllm_omni");
        return RuleResult::holds(RULE, compatible.is_some_and(|db| db >= limit.value))
            .figure(format!("{shown_compatible} by vLLM-Omni's formula"))
            .threshold(format!("at least {limit} dB"));
    }
    let limit = bench.limit(RULE);
    let threshold = format!("at least {limit} dB");
    let measured = match Harmonicity::of(audio, &HarmonicityOptions::default()) {
        Ok(measured) => measured,
        Err(error) => {
            return RuleResult::new(RULE, Ending::Undecided)
                .threshold(threshold)
                .because(format!("it cannot be measured: {error}"));
        }
    };
    let Some(mean) = measured.mean() else {
        return RuleResult::new(RULE, Ending::Fail)
            .figure("nothing periodic")
            .threshold(threshold);
    };
    let ending = if mean < limit.value {
        // A whisper is speech, and has no pitch.
        if mean > -1.0 && measured.periodic() < 0.2 {
            Ending::Undecided
        } else {
            Ending::Fail
        }
    } else if mean < CLEAR * limit.value {
        Ending::Undecided
    } else {
        Ending::Pass
    };
    RuleResult::new(RULE, ending)
        .figure(format!(
            "{mean:.1} dB ({shown_compatible} by vLLM-Omni's formula)"
        ))
        .threshold(threshold)
        .because(if ending == Ending::Undecided {
            "a rough voice, a whisper, or a voice over noise"
        } else {
            ""
        })
}

/// The times of words, from the header in which they come.
pub(crate) fn word_timestamps(asked: bool, header: Option<&str>) -> RuleResult {
    const RULE: &str = "word_timestamps";
    if !asked {
        return RuleResult::not_applicable(RULE, "the request did not ask for them");
    }
    let fail = |why: String| {
        RuleResult::new(RULE, Ending::Fail)
            .figure(shown(header))
            .threshold("a JSON list of word, start_ms, end_ms")
            .because(why)
    };
    let Some(text) = header else {
        return fail("there is no header x-word-timestamps".into());
    };
    let Ok(Value::Array(words)) = serde_json::from_str(text) else {
        return fail("it is no JSON list".into());
    };
    let mut last = 0.0;
    for (at, word) in words.iter().enumerate() {
        let (Some(_), Some(start), Some(end)) = (
            word["word"].as_str(),
            word["start_ms"].as_f64(),
            word["end_ms"].as_f64(),
        ) else {
            return fail(format!("word {} lacks one of the three", at + 1));
        };
        if start < last || end < start {
            return fail(format!(
                "word {} ({start} to {end} ms) does not follow the one before (until {last} ms)",
                at + 1
            ));
        }
        last = end;
    }
    RuleResult::holds(RULE, !words.is_empty())
        .figure(format!("{} words", words.len()))
        .threshold("at least one")
}

/// Whether two texts are read out alike: a deterministic server rightly makes the same samples of them.
fn reads_alike(one: &str, other: &str) -> bool {
    let normal = |text: &str| normaliser(None, text).apply(text);
    one == other || normal(one) == normal(other)
}

/// Whether the same samples came for another request.
pub(crate) fn exact_repeat(text: Option<&str>, other: Option<&str>) -> RuleResult {
    const RULE: &str = "exact_repeat";
    match (text, other) {
        (Some(text), Some(other)) if !reads_alike(text, other) => {
            RuleResult::new(RULE, Ending::Fail)
                .figure(format!("the audio of {}", quoted(other)))
                .threshold("audio of its own")
                .because(format!("for {}", quoted(text)))
        }
        (Some(_), _) => RuleResult::new(RULE, Ending::Pass),
        (None, _) => {
            RuleResult::not_applicable(RULE, "the request has no text to tell it from others")
        }
    }
}
