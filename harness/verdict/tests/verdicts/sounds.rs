//! Sounds, made by recipe and broken in one place.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tribunal_client::{Headers, Judged, RawAnswer};
use tribunal_media::synthetic::{Sound, Wave};
use tribunal_media::{Audio, Encoding, PcmFormat, decode_pcm, encode_pcm, encode_wav};
use tribunal_verdict::{
    Expect as _, Expectations, Judging, Modality, Similarity, Verdict, Voice, Voices,
};

use crate::literal::{Hears, Literal, events, half, hearing, json, judge, judge_with, raw};

pub const TEXT: &str = "the quick brown fox jumps";
pub const RATE: u32 = 24_000;

fn expect() -> Expectations {
    Expectations::default()
}

/// Two seconds of a voice, as long as the text takes.
pub fn voice(hz: f64, harmonicity: Option<f64>) -> Audio {
    let voice = Wave::Voice { hz, harmonicity };
    Sound::new(RATE, 7)
        .part(voice, 0.9)
        .part(Wave::Silence, 0.2)
        .part(voice, 0.9)
        .audio()
        .expect("a voice")
}

pub fn wav(audio: &Audio) -> Vec<u8> {
    encode_wav(audio, Encoding::I16).expect("a file")
}

pub fn good() -> Vec<u8> {
    wav(&voice(120.0, Some(20.0)))
}

/// The samples after a change.
fn changed(change: impl Fn(usize, f32) -> f32) -> Vec<u8> {
    let voice = voice(120.0, Some(20.0));
    let samples = voice
        .samples()
        .iter()
        .enumerate()
        .map(|(at, sample)| change(at, *sample))
        .collect();
    wav(&Audio::mono(RATE, samples).expect("audio"))
}

pub fn spoken_as(
    bytes: Vec<u8>,
    content_type: &str,
    request: Value,
    expect: Expectations,
    change: impl FnOnce(Judging) -> Judging,
) -> Verdict {
    let mut asked =
        json!({ "model": "m", "input": TEXT, "voice": "bass", "response_format": "wav" });
    for (key, value) in request.as_object().into_iter().flatten() {
        asked[key] = value.clone();
    }
    let answer = raw(asked, content_type, bytes, expect)
        .speech()
        .expect("speech");
    judge_with(Judged::Speech(&answer), |judging| {
        change(hearing(TEXT)(judging))
    })
}

fn spoken(bytes: Vec<u8>, expect: Expectations) -> Verdict {
    spoken_as(bytes, "audio/wav", json!({}), expect, |judging| judging)
}

fn plain() -> Verdict {
    spoken(good(), expect())
}

pub fn said(heard: &'static str, expect: Expectations) -> Verdict {
    spoken_as(good(), "audio/wav", json!({}), expect, |judging| {
        judging.transcriber(Arc::new(Hears(heard)))
    })
}

pub fn as_bass(hz: f64, known: Voice) -> Verdict {
    spoken_as(
        wav(&voice(hz, Some(20.0))),
        "audio/wav",
        json!({}),
        expect(),
        |judging| judging.voices(Voices::from_iter([("Bass", known)])),
    )
}

fn stamped(header: &str) -> Verdict {
    let headers =
        Headers::from_iter([("content-type", "audio/wav"), ("x-word-timestamps", header)]);
    let request = json!({ "input": TEXT, "response_format": "wav", "word_timestamps": true });
    let answer = RawAnswer::recorded(request, 200, headers, good())
        .speech()
        .expect("speech");
    judge(Judged::Speech(&answer))
}

/// Raw samples in chunks, as events.
fn chunked(chunks: &[Vec<u8>]) -> Verdict {
    let mut list: Vec<Value> = chunks
        .iter()
        .map(|chunk| json!({ "type": "speech.audio.delta", "audio": STANDARD.encode(chunk) }))
        .collect();
    list.push(json!({ "type": "speech.audio.done" }));
    let request = json!({ "input": TEXT, "response_format": "pcm", "stream_format": "sse" });
    let answer = events(request, &list, "", expect())
        .speech()
        .expect("speech");
    judge_with(Judged::Speech(&answer), hearing(TEXT))
}

/// Tenths of a second of a voice that does not repeat itself.
fn pieces() -> Vec<Vec<u8>> {
    let chirp = Sound::new(RATE, 3)
        .part(
            Wave::Voice {
                hz: 121.7,
                harmonicity: Some(12.0),
            },
            2.0,
        )
        .audio()
        .expect("a voice");
    encode_pcm(&chirp, Encoding::I16)
        .chunks(4800)
        .map(<[u8]>::to_vec)
        .collect()
}

fn clicking() -> Vec<Vec<u8>> {
    let mut pieces = pieces();
    let (audio, _) = decode_pcm(&pieces[3], PcmFormat::speech(RATE)).expect("samples");
    // A jump that dies away: only the seam itself is steep.
    let jumped = audio
        .samples()
        .iter()
        .enumerate()
        .map(|(at, sample)| sample + 0.6 * (-(at as f32) / 400.0).exp());
    let loud = jumped.collect();
    pieces[3] = encode_pcm(&Audio::mono(RATE, loud).expect("audio"), Encoding::I16);
    pieces
}

fn twice() -> Vec<Vec<u8>> {
    let mut pieces = pieces();
    pieces[4] = pieces[3].clone();
    pieces
}

/// Two requests of one client with these texts and the same samples.
pub fn repeated(first: &str, second: &str) -> Verdict {
    let judging = Judging::new(tribunal_verdict::Depth::Deep);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let say = |text: &str| {
        let answer = raw(
            json!({ "input": text, "response_format": "wav" }),
            "audio/wav",
            good(),
            expect(),
        )
        .speech()
        .expect("speech");
        runtime.block_on(judging.verdict(Judged::Speech(&answer)))
    };
    say(first);
    say(second)
}

fn music(expect: Expectations) -> Verdict {
    spoken(
        wav(&Sound::new(RATE, 1)
            .part(Wave::Tone { hz: 440.0 }, 1.0)
            .audio()
            .expect("a tone")),
        expect.not_speech(),
    )
}

/// A chat that answers with text and audio.
fn omni(text: &str, heard: &'static str, audio: Option<&[u8]>) -> Verdict {
    let audio =
        audio.map(|bytes| json!({ "id": "a", "data": STANDARD.encode(bytes), "transcript": text }));
    let body = json!({
        "id": "c", "object": "chat.completion", "model": "m",
        "choices": [{ "index": 0, "finish_reason": "stop", "message": { "role": "assistant", "content": text, "audio": audio } }],
        "usage": { "prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9 },
    });
    let request = json!({ "model": "m", "modalities": ["text", "audio"], "audio": { "voice": "bass", "format": "wav" } });
    let answer = json(request, body, expect()).chat().expect("a chat");
    judge_with(Judged::Chat(&answer), hearing(heard))
}

pub fn literals() -> Vec<Literal> {
    vec![
        ("success", plain, || {
            let headers = Headers::from_iter([("content-type", "audio/wav")]);
            let answer = RawAnswer::recorded(json!({ "input": TEXT }), 500, headers, good())
                .speech()
                .expect("speech");
            judge(Judged::Speech(&answer))
        }),
        ("content_type", plain, || {
            spoken_as(good(), "text/html", json!({}), expect(), |judging| judging)
        }),
        ("audio_present", plain, || {
            spoken(good()[..44].to_vec(), expect())
        }),
        (
            "audio_present",
            || spoken(good(), expect().min_audio_bytes(1000)),
            || spoken(good(), expect().min_audio_bytes(1_000_000)),
        ),
        (
            "audio_present",
            || omni(TEXT, TEXT, Some(&good())),
            || omni(TEXT, TEXT, None),
        ),
        ("audio_container", plain, || {
            spoken_as(good(), "audio/mpeg", json!({}), expect(), |judging| judging)
        }),
        ("audio_container", plain, || {
            spoken_as(
                good(),
                "audio/mpeg",
                json!({ "response_format": "mp3" }),
                expect(),
                |judging| judging,
            )
        }),
        (
            "audio_container",
            || {
                spoken_as(
                    encode_pcm(&voice(120.0, None), Encoding::I16),
                    "audio/pcm;rate=24000",
                    json!({ "response_format": "pcm" }),
                    expect(),
                    |judging| judging,
                )
            },
            || {
                spoken_as(
                    good(),
                    "audio/pcm",
                    json!({ "response_format": "pcm" }),
                    expect(),
                    |judging| judging,
                )
            },
        ),
        ("audio_header", plain, || spoken(half(good()), expect())),
        ("audio_header", plain, || {
            spoken_as(
                vec![7; 4801],
                "audio/pcm",
                json!({ "response_format": "pcm" }),
                expect(),
                |judging| judging,
            )
        }),
        ("audio_finite", plain, || {
            let voice = voice(120.0, Some(20.0));
            let samples = voice
                .samples()
                .iter()
                .enumerate()
                .map(|(at, sample)| if at == 99 { f32::NAN } else { *sample })
                .collect();
            let audio = Audio::mono(RATE, samples).expect("audio");
            spoken(encode_wav(&audio, Encoding::F32).expect("a file"), expect())
        }),
        (
            "audio_duration",
            || spoken(good(), expect().expect_seconds(2.05)),
            || spoken(good(), expect().expect_seconds(2.2)),
        ),
        (
            "sample_rate",
            || spoken(good(), expect().expect_rate(RATE).expect_channels(1)),
            || spoken(good(), expect().expect_rate(16_000)),
        ),
        ("silence", plain, || spoken(changed(|_, _| 0.0), expect())),
        ("clipping", plain, || {
            spoken(
                changed(|_, sample| (sample * 20.0).clamp(-1.0, 1.0)),
                expect(),
            )
        }),
        ("dc_offset", plain, || {
            spoken(changed(|_, sample| sample * 0.5 + 0.1), expect())
        }),
        ("clicks", || chunked(&pieces()), || chunked(&clicking())),
        (
            "repeated_chunks",
            || chunked(&pieces()),
            || chunked(&twice()),
        ),
        (
            "exact_repeat",
            || repeated("one", "one"),
            || repeated("one", "two"),
        ),
        ("pause", plain, || {
            let voice = Wave::Voice {
                hz: 120.0,
                harmonicity: Some(20.0),
            };
            let sound = Sound::new(RATE, 7)
                .part(voice, 0.5)
                .part(Wave::Silence, 1.7)
                .part(voice, 0.5);
            spoken(wav(&sound.audio().expect("a voice")), expect())
        }),
        ("speech_rate", plain, || {
            spoken(
                wav(&Sound::new(RATE, 7)
                    .part(
                        Wave::Voice {
                            hz: 120.0,
                            harmonicity: None,
                        },
                        0.4,
                    )
                    .audio()
                    .expect("a voice")),
                expect(),
            )
        }),
        ("harmonicity", plain, || {
            spoken(
                wav(&Sound::new(RATE, 7)
                    .part(Wave::Noise, 2.0)
                    .audio()
                    .expect("noise")),
                expect(),
            )
        }),
        (
            "harmonicity",
            || {
                spoken(
                    wav(&voice(220.0, Some(20.0))),
                    expect().similarity(Similarity::VllmOmni),
                )
            },
            || {
                spoken(
                    wav(&Sound::new(RATE, 7)
                        .part(Wave::Noise, 2.0)
                        .audio()
                        .expect("noise")),
                    expect().similarity(Similarity::VllmOmni),
                )
            },
        ),
        ("transcript", plain, || {
            said("the slow brown dog jumps", expect())
        }),
        (
            "transcript",
            || {
                said(
                    "hello there my friend",
                    expect().expect_transcript("Hello there, my friend!"),
                )
            },
            || {
                said(
                    "goodbye there my friend",
                    expect().expect_transcript("Hello there, my friend!"),
                )
            },
        ),
        (
            "keywords",
            || spoken(good(), expect().expect_keywords(Modality::Text, ["fox"])),
            || spoken(good(), expect().expect_keywords(Modality::Text, ["hen"])),
        ),
        (
            "voice",
            || as_bass(90.0, Voice::Pitch(95.0)),
            || as_bass(220.0, Voice::Pitch(95.0)),
        ),
        (
            "voice",
            || as_bass(90.0, Voice::Male),
            || as_bass(220.0, Voice::Male),
        ),
        (
            "word_timestamps",
            || stamped(r#"[{"word": "the", "start_ms": 0, "end_ms": 100}]"#),
            || stamped(r#"[{"word": "the", "start_ms": 200, "end_ms": 100}]"#),
        ),
        (
            "text_audio",
            || omni(TEXT, TEXT, Some(&good())),
            || omni(TEXT, "something else was said here", Some(&good())),
        ),
        (
            "sample_rate",
            || music(expect().expect_rate(RATE)),
            || music(expect().expect_rate(48_000)),
        ),
    ]
}
