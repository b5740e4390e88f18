//! Judging audio: of the speech route, and in chats.

use bytes::Bytes;
use serde_json::Value;
use tribunal_client::{ChatAnswer, SpeechAnswer};
use tribunal_media::Audio;

use crate::audio::{self, Read, Sent};
use crate::bench::Bench;
use crate::common::{self, Times};
use crate::content::{self, Content};
use crate::expectations::Similarity;
use crate::heard::{Heard, Listeners};
use crate::judging::{Sounds, aside};
use crate::rule::Kind;
use crate::speech;
use crate::verdict::{Ending, RuleResult, Verdict};
use crate::voice::{self, Voices};

/// What was measured away from the others.
struct Measured {
    form: Vec<RuleResult>,
    deep: Vec<RuleResult>,
    audio: Option<Audio>,
    voice: Result<voice::Heard, String>,
}

async fn measure(
    bench: &Bench,
    sent: Sent,
    text: Option<String>,
    speed: f64,
    mode: Similarity,
) -> Measured {
    let bench = bench.clone();
    aside(move || {
        let read = sent.read(&bench);
        let form = audio::form(&bench, &sent, &read);
        let deep = if bench.deep() {
            speech::deep(&bench, &read, text.as_deref(), speed, mode)
        } else {
            Vec::new()
        };
        let audio = match read {
            Read::Sound(sound, _) => Some(sound.audio),
            _ => None,
        };
        let voice = match &audio {
            Some(audio) if bench.deep() => voice::hear(audio),
            Some(_) => Err("nobody looked".into()),
            None => Err("the audio could not be read".into()),
        };
        Measured {
            form,
            deep,
            audio,
            voice,
        }
    })
    .await
}

pub(crate) async fn speech(
    bench: &Bench,
    answer: &SpeechAnswer,
    mode: Similarity,
    listeners: &Listeners,
    voices: &Voices,
    sounds: &Sounds,
) -> Verdict {
    let request = &answer.raw.request;
    let events = answer.stream.is_some();
    let sent = Sent {
        bytes: answer.audio.clone(),
        asked: answer.asked_format.clone(),
        content_type: (!events)
            .then(|| answer.raw.headers.get("content-type").map(str::to_owned))
            .flatten(),
        // The pieces of a body are cut by the network, those of events by the server.
        chunks: if events {
            answer
                .pieces
                .iter()
                .map(|piece| piece.bytes.len())
                .collect()
        } else {
            Vec::new()
        },
        streamed: answer.streamed,
    };
    let input = request["input"].as_str().map(str::to_owned);
    let speed = request["speed"]
        .as_f64()
        .filter(|speed| *speed > 0.0)
        .unwrap_or(1.0);
    let wanted = bench.expect.transcript.clone().or_else(|| input.clone());
    let Measured {
        form,
        deep,
        audio,
        voice,
    } = measure(bench, sent, wanted.clone(), speed, mode).await;
    let times = match answer.streamed {
        true => Times::streamed(&answer.raw, answer.time_to_first_token(), &answer.gaps()),
        false => Times::plain(&answer.raw),
    };
    let kind = if bench.expect.not_speech {
        Kind::Audio
    } else {
        Kind::Speech
    };
    let mut rules = vec![common::success(&answer.raw), content_type(answer)];
    rules.extend(form);
    let timestamps = answer.word_timestamps().map(Value::to_string);
    let header = answer
        .raw
        .headers
        .get("x-word-timestamps")
        .map(str::to_owned)
        .or(timestamps);
    if kind == Kind::Speech {
        rules.push(speech::word_timestamps(
            request["word_timestamps"] == true,
            header.as_deref(),
        ));
    }
    rules.extend(common::latency(bench, times).into_iter().filter(|rule| {
        crate::rule::rule(rule.rule).is_some_and(|rule| rule.kinds.contains(&kind))
    }));
    if bench.deep() {
        rules.extend(deep);
        let other = input
            .as_deref()
            .filter(|_| !answer.audio.is_empty())
            .map(|text| sounds.first(&answer.audio, text));
        rules.push(speech::exact_repeat(input.as_deref(), other.as_deref()));
        if kind == Kind::Speech {
            let heard = listeners.hear(bench, audio.as_ref()).await;
            rules.push(match &wanted {
                Some(wanted) => {
                    listeners
                        .agrees(
                            bench,
                            ("transcript", "similarity", mode),
                            wanted,
                            &heard,
                            audio.as_ref(),
                        )
                        .await
                }
                None => RuleResult::not_applicable("transcript", "the request has no text"),
            });
            rules.push(spoken_keywords(bench, &heard));
            let named = request["voice"].as_str();
            let known = bench.expect.voice.or_else(|| voices.get(named?));
            rules.push(voice::voice(bench, named, known, &voice));
        }
    }
    let subject = match (kind, answer.streamed) {
        (Kind::Audio, _) => "audio",
        (_, true) => "speech, streamed",
        (_, false) => "speech",
    };
    bench.verdict(kind, subject, rules)
}

fn spoken_keywords(bench: &Bench, heard: &Heard) -> RuleResult {
    const RULE: &str = "keywords";
    if bench.expect.keywords.is_empty() {
        return RuleResult::not_applicable(RULE, "the test expects none");
    }
    match heard {
        Heard::Text(text) => content::keywords(
            bench,
            &Content {
                texts: vec![],
                spoken: Some(text),
                request: &Value::Null,
                cut: false,
            },
        ),
        Heard::Nobody(why, help) => RuleResult::not_made(RULE, why, help),
    }
}

fn content_type(answer: &SpeechAnswer) -> RuleResult {
    if answer.stream.is_some() {
        return common::named(&answer.raw, "text/event-stream");
    }
    let found = answer.content_type.as_deref();
    RuleResult::holds(
        "content_type",
        found.is_some_and(|kind| {
            kind.starts_with("audio/")
                || kind == "application/octet-stream"
                || kind == "application/ogg"
        }),
    )
    .figure(crate::verdict::shown(found))
    .threshold("a type of audio")
}

/// Whether a chat was asked for audio.
pub(crate) fn asked_for_audio(request: &Value) -> bool {
    request["modalities"]
        .as_array()
        .is_some_and(|list| list.iter().any(|item| item == "audio"))
}

/// The audio of the first choice that has any, and what the server says is said in it.
fn of_chat(answer: &ChatAnswer) -> (Option<Sent>, Option<String>) {
    let Some(audio) = answer.audio.first() else {
        return (None, None);
    };
    let lengths: Vec<usize> = audio.pieces.iter().map(|piece| piece.bytes.len()).collect();
    // Files in a row are read as one stream with seams.
    let bytes: Vec<u8> = audio
        .pieces
        .iter()
        .flat_map(|piece| piece.bytes.iter().copied())
        .collect();
    let sent = (!lengths.is_empty()).then(|| Sent {
        bytes: Bytes::from(bytes),
        asked: answer.raw.request["audio"]["format"]
            .as_str()
            .map(str::to_owned),
        content_type: None,
        streamed: answer.stream.is_some(),
        chunks: lengths,
    });
    (
        sent,
        audio
            .transcript
            .clone()
            .filter(|text| !text.trim().is_empty()),
    )
}

/// What the server says is said in the audio of a chat.
pub(crate) fn said_in(answer: &ChatAnswer) -> Option<String> {
    of_chat(answer).1
}

/// The rules of audio in a chat; the text that is heard, for the keywords.
pub(crate) async fn chat(
    bench: &Bench,
    answer: &ChatAnswer,
    mode: Similarity,
    listeners: &Listeners,
    voices: &Voices,
) -> (Vec<RuleResult>, Option<String>) {
    const FORM: [&str; 3] = ["audio_present", "audio_container", "audio_header"];
    let (sent, transcript) = of_chat(answer);
    let request = &answer.raw.request;
    let Some(sent) = sent else {
        let absent = |rule: &'static str| match (rule, asked_for_audio(request)) {
            ("audio_present", true) => RuleResult::new(rule, Ending::Fail)
                .figure("no audio")
                .threshold("audio, which the request asks for"),
            _ => RuleResult::not_applicable(rule, "there is no audio"),
        };
        return (FORM.map(absent).to_vec(), transcript);
    };
    let Measured {
        form: mut rules,
        audio,
        voice,
        ..
    } = measure(bench, sent, None, 1.0, mode).await;
    let mut spoken = transcript.clone();
    if bench.deep() {
        let text = Some(answer.text())
            .filter(|text| !text.trim().is_empty())
            .map(str::to_owned)
            .or(transcript);
        let heard = listeners.hear(bench, audio.as_ref()).await;
        if let Heard::Text(text) = &heard {
            spoken = Some(text.clone());
        }
        rules.push(match &text {
            Some(text) => {
                listeners
                    .agrees(
                        bench,
                        ("text_audio", "text_audio_similarity", mode),
                        text,
                        &heard,
                        audio.as_ref(),
                    )
                    .await
            }
            None => RuleResult::not_applicable("text_audio", "the answer has no text"),
        });
        if let Some(wanted) = &bench.expect.transcript {
            rules.push(
                listeners
                    .agrees(
                        bench,
                        ("transcript", "similarity", mode),
                        wanted,
                        &heard,
                        audio.as_ref(),
                    )
                    .await,
            );
        }
        let named = request["speaker"]
            .as_str()
            .or_else(|| request["audio"]["voice"].as_str());
        let known = bench.expect.voice.or_else(|| voices.get(named?));
        rules.push(voice::voice(bench, named, known, &voice));
    }
    (rules, spoken)
}
