//! What real servers rightly send, and no rule may take for a defect.

use serde_json::{Value, json};
use tribunal_client::Judged;
use tribunal_media::synthetic::{Sound, Wave};
use tribunal_media::{Audio, Encoding, encode_pcm};
#[cfg(feature = "opus")]
use tribunal_verdict::Expect as _;
use tribunal_verdict::{Ending, Expectations};

use crate::endings::ending;
use crate::healthy::{Sample, chat, chat_stream};
use crate::literal::{json as answered, judge};
use crate::sounds::{RATE, repeated, spoken_as, voice, wav};

fn expect() -> Expectations {
    Expectations::default()
}

/// A call of a tool whose arguments break off, in an answer that ended so.
fn call(finish: &str) -> [Ending; 2] {
    let request = json!({
        "model": "m", "tool_choice": "required",
        "tools": [{ "type": "function", "function": { "name": "weather", "parameters": { "type": "object" } } }],
    });
    let body = json!({
        "id": "c", "object": "chat.completion", "model": "m",
        "choices": [{ "index": 0, "finish_reason": finish, "message": { "role": "assistant", "content": null, "tool_calls": [
            { "id": "1", "type": "function", "function": { "name": "weather", "arguments": "{\"city\": \"Os" } }] } }],
        "usage": { "prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9 },
    });
    let answer = answered(request, body, expect()).chat().expect("a chat");
    let verdict = judge(Judged::Chat(&answer));
    ["tool_calls", "tool_arguments"].map(|rule| verdict.rule(rule).expect("the rule").ending)
}

#[test]
fn a_call_that_ends_with_the_limit_of_tokens_is_undecided() {
    assert_eq!(call("length"), [Ending::Undecided; 2]);
    assert_eq!(call("tool_calls"), [Ending::Fail; 2]);
}

#[test]
fn a_language_with_a_name_that_is_not_known_is_undecided() {
    let ending = |asked: &str, found: &str| {
        let request = json!({ "model": "m", "language": asked, "response_format": "verbose_json" });
        let body: Value = json!({ "text": "tak", "language": found, "duration": "2.0" });
        let answer = answered(request, body, expect())
            .transcription()
            .expect("a transcript");
        let verdict = judge(Judged::Transcription(&answer));
        verdict
            .rule("transcription_language")
            .expect("the rule")
            .ending
    };
    assert_eq!(ending("pl", "polish"), Ending::Undecided);
    assert_eq!(ending("de", "german"), Ending::Pass);
    assert_eq!(ending("de", "english"), Ending::Fail);
    assert_eq!(ending("pt-BR", "es"), Ending::Fail);
}

#[test]
fn texts_that_are_read_out_alike_may_have_the_same_samples() {
    for (first, second) in [("Hello there.", "hello  there"), ("two cats", "2 cats")] {
        let verdict = repeated(first, second);
        let result = verdict.rule("exact_repeat").expect("the rule");
        assert_eq!(result.ending, Ending::Pass, "{first} {second}: {result}");
    }
}

#[test]
fn figures_and_syllables_may_take_as_long_as_words() {
    let slow = |text: &str| {
        let sound = Sound::new(RATE, 7).part(
            Wave::Voice {
                hz: 120.0,
                harmonicity: Some(20.0),
            },
            6.0,
        );
        let bytes = wav(&sound.audio().expect("a voice"));
        let request = json!({ "input": text });
        let verdict = spoken_as(bytes, "audio/wav", request, expect(), |judging| judging);
        verdict.rule("speech_rate").expect("the rule").ending
    };
    assert_eq!(slow("call 555-0199 now"), Ending::Pass);
    assert_eq!(slow("안녕하세요 여러분 반갑습니다"), Ending::Pass);
    assert_eq!(slow("call me back now"), Ending::Fail);
}

/// Raw samples that happen to begin as a frame of MP3 or AAC does.
#[test]
fn raw_samples_may_begin_with_set_bits() {
    let judged = |bytes: Vec<u8>| {
        let request = json!({ "response_format": "pcm" });
        spoken_as(bytes, "audio/pcm", request, expect(), |judging| judging)
    };
    let audio = voice(120.0, Some(20.0));
    for first in [[0xFF, 0xFB, 0x90, 0x00], [0xFF, 0xF1, 0x50, 0x80]] {
        let bytes = [&first[..], &encode_pcm(&audio, Encoding::I16)].concat();
        let verdict = judged(bytes);
        for rule in ["audio_container", "audio_header"] {
            let result = verdict.rule(rule).expect("the rule");
            assert_eq!(result.ending, Ending::Pass, "{result}");
        }
    }
    // A file is none, whichever it is.
    for mark in [&b"fLaC"[..], b"ID3\x04", b"OggS"] {
        let head = if mark == b"OggS" {
            [mark, &[0; 24], b"OpusHead"].concat()
        } else {
            mark.to_vec()
        };
        let verdict = judged([head, vec![7; 400]].concat());
        let result = verdict.rule("audio_container").expect("the rule");
        assert_eq!(result.ending, Ending::Fail, "{result}");
    }
}

/// Opus is decoded at 48,000 Hz whatever went in; the channels are its own.
#[cfg(feature = "opus")]
#[test]
fn the_rate_of_opus_says_nothing() {
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/golden/media_opus"
    );
    let bytes = std::fs::read(std::path::Path::new(folder).join("silk.opus")).expect("a file");
    let ending = |expect: Expectations| {
        let request = json!({ "response_format": "opus" });
        let verdict = spoken_as(bytes.clone(), "audio/ogg", request, expect, |judging| {
            judging
        });
        verdict.rule("sample_rate").expect("the rule").ending
    };
    assert_ne!(ending(expect().expect_rate(RATE)), Ending::Fail);
    assert_eq!(ending(expect().expect_channels(2)), Ending::Fail);
    assert_ne!(
        ending(expect().expect_rate(RATE).expect_channels(1)),
        Ending::Fail
    );
}

#[test]
fn a_greedy_token_that_the_request_steered_to_need_not_be_among_the_likeliest() {
    let unlikely = |s: &mut Sample| {
        s.request["temperature"] = json!(0);
        s.body["choices"][0]["logprobs"]["content"][0] = json!({ "token": "Yo", "logprob": -9.0, "top_logprobs": [
            { "token": "A", "logprob": -0.5 }, { "token": "B", "logprob": -2.0 }] });
    };
    assert_eq!(ending(chat(), unlikely, "logprobs_chosen"), Ending::Fail);
    for (field, value, wanted) in [
        (
            "response_format",
            json!({ "type": "json_object" }),
            Ending::Pass,
        ),
        ("logit_bias", json!({ "7": 50 }), Ending::Pass),
        ("presence_penalty", json!(1.5), Ending::Pass),
        ("presence_penalty", json!(0), Ending::Fail),
        ("repetition_penalty", json!(1.0), Ending::Fail),
        ("response_format", json!({ "type": "text" }), Ending::Fail),
    ] {
        let steered = |s: &mut Sample| {
            unlikely(s);
            s.request[field] = value.clone();
        };
        assert_eq!(
            ending(chat(), steered, "logprobs_chosen"),
            wanted,
            "{field} {value}"
        );
    }
}

/// Streams of WAV files often begin and end with one that has no sample.
#[test]
fn empty_files_in_a_row_of_files_are_no_seams() {
    let audio = voice(120.0, Some(20.0));
    let (first, second) = audio.samples().split_at(audio.samples().len() / 2);
    let file = |samples: &[f32]| wav(&Audio::mono(RATE, samples.to_vec()).expect("audio"));
    let bytes = [file(&[]), file(first), file(&[]), file(second), file(&[])].concat();
    let request = json!({ "stream": true });
    let verdict = spoken_as(bytes, "audio/wav", request, expect(), |judging| judging);
    for rule in ["clicks", "repeated_chunks"] {
        let result = verdict.rule(rule).expect("the rule");
        assert!(
            matches!(result.ending, Ending::Pass | Ending::Undecided),
            "{result}"
        );
    }
}

#[test]
fn a_text_that_is_cut_after_its_first_token_may_show_nothing() {
    let cut = |text: &str, most: u64, counted: u64, finish: &str| {
        let mut sample = chat();
        let choices = sample.body["choices"].as_array_mut().expect("choices");
        choices.truncate(1);
        choices[0]["message"]["content"] = json!(text);
        choices[0]["finish_reason"] = json!(finish);
        sample.request["n"] = json!(1);
        sample.request["max_tokens"] = json!(most);
        sample.body["usage"] = json!({ "prompt_tokens": 4, "completion_tokens": counted, "total_tokens": 4 + counted });
        ["output", "text"].map(|rule| ending(sample.clone(), |_| (), rule))
    };
    assert_eq!(cut("", 1, 1, "length"), [Ending::Undecided; 2]);
    assert_eq!(cut("\n", 1, 1, "length"), [Ending::Pass, Ending::Undecided]);
    assert_eq!(cut("", 1, 0, "length"), [Ending::Fail; 2]);
    assert_eq!(cut("", 2, 2, "length"), [Ending::Fail; 2]);
    assert_eq!(cut("", 1, 1, "stop"), [Ending::Fail; 2]);
}

/// The chunks of a stream of `n` choices, each with the choice and the id that it has.
fn ids(n: u64, chunks: &[(u64, &str)]) -> Ending {
    let chunk = |(index, id): &(u64, &str)| json!({ "id": id, "object": "chat.completion.chunk", "model": "m", "choices": [{ "index": index, "delta": { "content": "a" } }] });
    let mut all: Vec<Value> = chunks.iter().map(chunk).collect();
    all.push(json!({ "id": chunks[0].1, "object": "chat.completion.chunk", "model": "m", "choices": [] }));
    let change = |s: &mut Sample| {
        s.request["n"] = json!(n);
        s.body = Value::from(all);
    };
    ending(chat_stream(), change, "id")
}

#[test]
fn choices_of_one_stream_may_have_ids_of_their_own() {
    let each = [(0, "a"), (1, "b"), (1, "b"), (0, "a")];
    assert_eq!(ids(2, &each), Ending::Pass);
    assert_eq!(ids(2, &[(0, "a"), (1, "a")]), Ending::Pass);
    // One that changes, one that two share, and two ids where one choice was asked for.
    assert_eq!(ids(2, &[(0, "a"), (1, "b"), (1, "c")]), Ending::Fail);
    assert_eq!(ids(3, &[(0, "a"), (1, "b"), (2, "b")]), Ending::Fail);
    assert_eq!(ids(1, &each), Ending::Fail);
}
