//! The rules of form of audio that a server made: that it is there, in the format that was asked for, under a header that is true.

use bytes::Bytes;
use tribunal_media::{AudioKind, Finding, MediaErrorKind, PcmFormat, decode_audio, decode_pcm};

use crate::bench::Bench;
use crate::sound::{Declares, Sound};
use crate::verdict::{Ending, RuleResult, quoted};

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

/// The format of bytes that begin with the mark of one. The frames of MP3 and AAC have no mark: eleven set bits stand at the
/// beginning of raw samples as well.
fn marked(bytes: &[u8]) -> Option<AudioKind> {
    AudioKind::of(bytes).filter(|_| bytes.first() != Some(&0xFF))
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
        match marked(&self.bytes) {
            Some(_) => false,
            None if asked.is_some() => asked.is_some_and(of),
            None => typed.is_some_and(|name| of(&name.to_lowercase())),
        }
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
                            declares: Declares::Nothing,
                        },
                        findings,
                    )
                }
            };
        }
        match decode_audio(&self.bytes) {
            Ok(decoded) => {
                let declares = match decoded.kind {
                    AudioKind::OggOpus => Declares::Channels,
                    _ => Declares::RateAndChannels,
                };
                // A file without a sample in a row of files is no seam.
                let mut seams = decoded.seams;
                seams.retain(|seam| *seam > 0 && *seam < decoded.audio.frames());
                seams.dedup();
                Read::Sound(
                    Sound {
                        audio: decoded.audio,
                        seams,
                        declares,
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
            if marked(&sent.bytes).is_some() {
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
            Finding::StreamedSize { .. } | Finding::SeveralFiles { .. } | Finding::Unended
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
    if findings.contains(&Finding::Unended) {
        return RuleResult::new(RULE, Ending::Undecided).because(Finding::Unended.to_string());
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
