//! The rules of audio that a server made: that it is there, in the format that was asked for, under a header that is true; and in
//! depth what the samples say.

use bytes::Bytes;
use serde_json::Value;
use tribunal_media::{
    Audio, AudioKind, Finding, Harmonicity, HarmonicityOptions, MediaErrorKind, PcmFormat,
    Silences, decode_audio, decode_pcm, encode_pcm, vllm_omni,
};

use crate::bench::Bench;
use crate::expect::Similarity;
use crate::sound::{self, Sound};
use crate::verdict::{Ending, RuleResult, quoted, shown};

/// The rate of raw samples where nobody names one: what speech servers send.
const USUAL_RATE: u32 = 24_000;

/// Audio as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub bytes: Bytes,
    /// The format that was asked for: `wav`, `pcm`, `mp3` …
    pub asked: Option<String>,
    /// The content type, with its parameters. `None` where it came inside of something else.
    pub content_type: Option<String>,
    /// The lengths of the chunks in which it came, in bytes, where each is known to be one piece of audio.
    pub chunks: Vec<usize>,
    /// Whether it came as a stream, whose header cannot know the length.
    pub streamed: bool,
}

/// What became of it.
pub(crate) enum Read {
    Sound(Sound, Vec<Finding>),
    /// It is of a known format that is not decoded here; why.
    Unread(String),
    /// It is broken; why.
    Broken(String),
}

impl Sent {
    fn is_pcm(&self) -> bool {
        let of = |name: &str| matches!(name, "pcm" | "pcm16" | "l16");
        let typed = self
            .content_type
            .as_deref()
            .and_then(|kind| kind.split(';').next())
            .and_then(|kind| kind.trim().strip_prefix("audio/"));
        let asked = self.asked.as_deref();
        AudioKind::of(&self.bytes).is_none()
            && (asked.is_some_and(of)
                || asked.is_none() && typed.is_some_and(|name| of(&name.to_lowercase())))
    }

    /// The rate of raw samples: what the test says, what the content type says, what is usual.
    fn pcm(&self, bench: &Bench) -> PcmFormat {
        let parameter = |wanted: &str| {
            let parameters = self.content_type.as_deref()?.split(';').skip(1);
            let found = parameters
                .filter_map(|part| part.split_once('='))
                .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted));
            found.and_then(|(_, value)| value.trim().trim_matches('"').parse::<u32>().ok())
        };
        let mut format = PcmFormat::speech(
            bench
                .expect
                .rate
                .or_else(|| parameter("rate"))
                .unwrap_or(USUAL_RATE),
        );
        let channels = bench
            .expect
            .channels
            .or_else(|| parameter("channels").and_then(|n| u16::try_from(n).ok()));
        format.channels = channels.unwrap_or(1);
        format
    }

    pub fn read(&self, bench: &Bench) -> Read {
        if self.is_pcm() {
            let format = self.pcm(bench);
            return match decode_pcm(&self.bytes, format) {
                Err(error) => Read::Broken(error.to_string()),
                Ok((audio, findings)) => {
                    let frame = format.encoding.bytes() * usize::from(format.channels);
                    let seams = seams(&self.chunks, frame, audio.frames());
                    Read::Sound(
                        Sound {
                            audio,
                            seams,
                            declared: None,
                        },
                        findings,
                    )
                }
            };
        }
        match decode_audio(&self.bytes) {
            Ok(decoded) => {
                let declared = Some((decoded.audio.rate(), decoded.audio.channels()));
                Read::Sound(
                    Sound {
                        audio: decoded.audio,
                        seams: decoded.seams,
                        declared,
                    },
                    decoded.findings,
                )
            }
            Err(error)
                if error.kind() == MediaErrorKind::Unsupported
                    && AudioKind::of(&self.bytes).is_some_and(|kind| kind != AudioKind::Wav) =>
            {
                Read::Unread(error.to_string())
            }
            Err(error) => Read::Broken(error.to_string()),
        }
    }
}

/// The frames at which chunks of raw samples meet; none where a chunk ends within a frame.
fn seams(chunks: &[usize], frame: usize, frames: usize) -> Vec<usize> {
    let mut at = 0_usize;
    let mut seams = Vec::new();
    for length in chunks {
        if length % frame != 0 {
            return Vec::new();
        }
        at = at.saturating_add(length / frame);
        seams.push(at);
    }
    seams.retain(|seam| *seam > 0 && *seam < frames);
    seams.dedup();
    seams
}

/// The rules of form.
pub(crate) fn form(bench: &Bench, sent: &Sent, read: &Read) -> Vec<RuleResult> {
    vec![present(bench, sent), container(sent), header(sent, read)]
}

fn present(bench: &Bench, sent: &Sent) -> RuleResult {
    const RULE: &str = "audio_present";
    let result =
        |holds| RuleResult::holds(RULE, holds).figure(format!("{} bytes", sent.bytes.len()));
    match bench.expect.min_bytes {
        Some(floor) => result(sent.bytes.len() as u64 > floor)
            .threshold(format!("more than {floor} (set by the test)")),
        None => {
            let floor = bench.limit("min_audio_bytes");
            result(sent.bytes.len() as f64 >= floor.value).threshold(format!("at least {floor}"))
        }
    }
}

/// The formats that a request can ask for, and what their bytes may be.
fn kinds(asked: &str) -> Option<&'static [AudioKind]> {
    Some(match asked {
        "wav" => &[AudioKind::Wav],
        "mp3" => &[AudioKind::Mp3],
        "flac" => &[AudioKind::Flac],
        "opus" => &[AudioKind::OggOpus, AudioKind::WebM],
        "ogg" | "vorbis" => &[AudioKind::OggVorbis, AudioKind::OggOpus],
        "aac" => &[AudioKind::Aac, AudioKind::Mp4],
        "m4a" | "mp4" => &[AudioKind::Mp4],
        _ => return None,
    })
}

fn container(sent: &Sent) -> RuleResult {
    const RULE: &str = "audio_container";
    let found = AudioKind::of(&sent.bytes);
    let media_type = sent
        .content_type
        .as_deref()
        .and_then(|kind| kind.split(';').next())
        .map(|kind| kind.trim().to_lowercase());
    let figure = format!(
        "{}{}",
        found.map_or_else(
            || "bytes of no format that is known".to_owned(),
            |kind| kind.to_string()
        ),
        sent.content_type
            .as_deref()
            .map_or(String::new(), |kind| format!(" as {}", quoted(kind)))
    );
    let result = |holds| RuleResult::holds(RULE, holds).figure(&figure);
    if let Some(asked) = sent.asked.as_deref() {
        if matches!(asked, "pcm" | "pcm16") {
            if found == Some(AudioKind::Wav) {
                return result(false)
                    .threshold("raw samples")
                    .because("raw samples have no header");
            }
            // There is no registered name for raw samples of 24 kHz.
            let named = media_type.as_deref().is_none_or(|kind| {
                kind.contains("pcm") || kind.contains("l16") || kind == "application/octet-stream"
            });
            return result(named).threshold("raw samples as audio/pcm");
        }
        let Some(wanted) = kinds(asked) else {
            return RuleResult::not_made(
                RULE,
                format!("the format {} is not known here", quoted(asked)),
                "known are wav, pcm, mp3, flac, opus, ogg, aac, m4a",
            );
        };
        if !found.is_some_and(|kind| wanted.contains(&kind)) {
            return result(false).threshold(asked);
        }
    }
    match (found, media_type) {
        (None, Some(kind)) if kind.contains("pcm") || kind.contains("l16") => result(true),
        (None, _) => result(false).threshold("a format that its first bytes tell"),
        (Some(kind), Some(named)) => result(kind.content_types().contains(&named.as_str()))
            .threshold(kind.content_types().join(" or ")),
        (Some(_), None) => result(true),
    }
}

/// What is odd about the container. A length that was not known when the header was written is how streams are; what is cut off or
/// contradicts itself is an error.
fn header(sent: &Sent, read: &Read) -> RuleResult {
    const RULE: &str = "audio_header";
    let findings = match read {
        Read::Broken(why) => {
            return RuleResult::new(RULE, Ending::Fail)
                .figure("cannot be read")
                .because(why.clone());
        }
        Read::Unread(why) => return RuleResult::not_made(RULE, why, "ask for `wav` or `pcm`"),
        Read::Sound(_, findings) => findings,
    };
    let streamed = |finding: &Finding| {
        matches!(
            finding,
            Finding::StreamedSize { .. } | Finding::SeveralFiles { .. }
        )
    };
    let wrong: Vec<String> = findings
        .iter()
        .filter(|finding| !streamed(finding))
        .map(ToString::to_string)
        .collect();
    if !wrong.is_empty() {
        return RuleResult::without_complaints(RULE, wrong);
    }
    match findings.first() {
        None => RuleResult::new(RULE, Ending::Pass),
        // A stream cannot know its length; a file can, and players show it as it is written.
        Some(_) if sent.streamed => {
            RuleResult::new(RULE, Ending::Pass).because("the header of a stream")
        }
        Some(finding) => RuleResult::new(RULE, Ending::Undecided).because(format!(
            "{finding}; players that trust the header stop early or late"
        )),
    }
}

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
    // Characters that are words by themselves take longer.
    let whole_words = text
        .unwrap_or_default()
        .chars()
        .any(|c| ('\u{3400}'..='\u{9FFF}').contains(&c));
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
    RuleResult::holds(RULE, (low_value..=high_value).contains(&found))
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

/// Whether the same samples came for another request.
pub(crate) fn exact_repeat(text: Option<&str>, other: Option<&str>) -> RuleResult {
    const RULE: &str = "exact_repeat";
    match (text, other) {
        (Some(text), Some(other)) if text != other => RuleResult::new(RULE, Ending::Fail)
            .figure(format!("the audio of {}", quoted(other)))
            .threshold("audio of its own")
            .because(format!("for {}", quoted(text))),
        (Some(_), _) => RuleResult::new(RULE, Ending::Pass),
        (None, _) => {
            RuleResult::not_applicable(RULE, "the request has no text to tell it from others")
        }
    }
}
