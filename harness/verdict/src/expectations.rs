//! What a test expects of one answer, beyond what its request says.
//!
//! Expectations travel with the request and come back with the answer, so that the judge of a client finds them; the client itself
//! knows nothing of them.

use std::sync::Arc;
use std::time::Duration;

use crate::rule::Kind;
use crate::voice::Voice;

/// Of which part of the input keywords speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Modality {
    /// The text of the prompt.
    Text,
    /// A picture.
    Image,
    /// A sound.
    Audio,
    /// A video.
    Video,
}

impl std::fmt::Display for Modality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Modality::Text => "text",
            Modality::Image => "image",
            Modality::Audio => "audio",
            Modality::Video => "video",
        })
    }
}

/// How many frames a model makes of those asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameRule {
    /// As many.
    Exact,
    /// The largest number `4k + 1` whose `4k` is not more: codecs that see four frames as one make this of them.
    FourAndOne,
    /// As many or more.
    AtLeast,
}

/// How the likeness of texts that were heard is measured for the gate. Both figures are always shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Similarity {
    /// By wrong words and characters.
    #[default]
    ErrorRates,
    /// As vLLM-Omni does, by a cosine of triples of characters.
    VllmOmni,
}

/// What a test expects of one answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Expectations {
    pub(crate) thresholds: Vec<(String, f64)>,
    pub(crate) keywords: Vec<(Modality, Vec<String>)>,
    pub(crate) text: Option<String>,
    pub(crate) transcript: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) similarity: Option<Similarity>,
    pub(crate) voice: Option<Voice>,
    pub(crate) not_speech: bool,
    pub(crate) tool: Option<String>,
    pub(crate) tool_keys: Vec<String>,
    pub(crate) json_keys: Vec<String>,
    pub(crate) cached_at_least: Option<u64>,
    pub(crate) nothing_cached: bool,
    pub(crate) reasoning: Option<bool>,
    pub(crate) refusal: bool,
    pub(crate) disaggregated: bool,
    pub(crate) accepted: Option<f64>,
    pub(crate) dimensions: Option<usize>,
    pub(crate) normalised: bool,
    pub(crate) same_as: Option<Arc<Vec<Vec<f64>>>>,
    pub(crate) first: Option<u64>,
    pub(crate) scores: Option<(f64, f64)>,
    pub(crate) labels: Vec<String>,
    pub(crate) min_bytes: Option<u64>,
    pub(crate) seconds: Option<f64>,
    pub(crate) rate: Option<u32>,
    pub(crate) channels: Option<u16>,
    pub(crate) sizes: Vec<(u32, u32)>,
    pub(crate) count: Option<u64>,
    pub(crate) alike: Option<Arc<[u8]>>,
    pub(crate) frames: Option<(u64, FrameRule)>,
    pub(crate) fps: Option<f64>,
    pub(crate) audio_track: Option<(Option<u32>, Option<u16>)>,
    pub(crate) field: Option<String>,
    pub(crate) message_all: Vec<String>,
    pub(crate) message_any: Vec<String>,
    pub(crate) first_token_within: Option<Duration>,
    pub(crate) within: Option<Duration>,
    pub(crate) gap_below: Option<Duration>,
}

impl Expectations {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether something is expected of the text, so that an empty one cannot be right.
    pub(crate) fn of_the_text(&self) -> bool {
        !self.keywords.is_empty()
            || !self.json_keys.is_empty()
            || !self.tool_keys.is_empty()
            || self.text.is_some()
            || self.transcript.is_some()
            || self.tool.is_some()
            || self.refusal
    }

    /// The rules that something is expected of.
    pub(crate) fn rules(&self, kind: Kind) -> Vec<&'static str> {
        let of = |video: &'static str, other| match kind {
            Kind::Video => video,
            Kind::Transcription if other == "audio_duration" => "transcription_duration",
            _ => other,
        };
        let heard = if kind == Kind::Transcription {
            "transcription_errors"
        } else {
            "transcript"
        };
        let said = [
            (of("video_size", "images_size"), !self.sizes.is_empty()),
            (
                of("video_duration", "audio_duration"),
                self.seconds.is_some(),
            ),
            (
                "sample_rate",
                self.rate.is_some() || self.channels.is_some(),
            ),
            ("images_count", self.count.is_some()),
            (heard, self.transcript.is_some()),
            ("voice", self.voice.is_some()),
            ("keywords", !self.keywords.is_empty()),
            ("expected_text", self.text.is_some()),
            ("tool_name", self.tool.is_some()),
            ("tool_arguments", !self.tool_keys.is_empty()),
            ("json_keys", !self.json_keys.is_empty()),
            (
                "cached_tokens",
                self.cached_at_least.is_some() || self.nothing_cached,
            ),
            ("reasoning", self.reasoning.is_some()),
            ("refusal", self.refusal),
            ("workers", self.disaggregated),
            ("speculative", self.accepted.is_some()),
            ("embedding_dimensions", self.dimensions.is_some()),
            ("embedding_norm", self.normalised),
            ("embedding_same", self.same_as.is_some()),
            ("rank_first", self.first.is_some()),
            ("rank_scores", self.scores.is_some()),
            ("labels", !self.labels.is_empty()),
            ("audio_present", self.min_bytes.is_some()),
            ("images_alike", self.alike.is_some()),
            ("video_frames", self.frames.is_some()),
            ("video_rate", self.fps.is_some()),
            ("video_audio", self.audio_track.is_some()),
            ("error_field", self.field.is_some()),
            (
                "error_text",
                !self.message_all.is_empty() || !self.message_any.is_empty(),
            ),
            ("first_token_within", self.first_token_within.is_some()),
            ("within", self.within.is_some()),
            ("gap_below", self.gap_below.is_some()),
        ];
        said.into_iter()
            .filter(|(_, said)| *said)
            .map(|(name, _)| name)
            .collect()
    }
}
