//! What is kept of one request.
//!
//! Promise: every instant is nanoseconds since the run began, from one monotonic clock; what did not happen is `None`. Rejected: latencies
//! instead of instants (they hide from what they were measured).

use serde::{Deserialize, Serialize};

/// What an event of an answer carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Choices, but nothing in them: the first event of a chat says only who speaks.
    Role,
    /// Text.
    Text,
    /// Text of the reasoning.
    Reasoning,
    /// A part of a tool call.
    Tool,
    /// Audio.
    Audio,
    /// An image.
    Image,
    /// A video.
    Video,
    /// Only the usage.
    Usage,
    /// Anything else: a comment that keeps a connection alive, an event of an unknown form.
    Other,
}

impl Kind {
    /// Whether it carries something that a user waits for.
    pub fn is_payload(self) -> bool {
        matches!(
            self,
            Kind::Text | Kind::Reasoning | Kind::Tool | Kind::Audio | Kind::Image | Kind::Video
        )
    }
}

/// One event of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// When the bytes that ended it were read.
    pub at: u64,
    /// What it carries.
    pub kind: Kind,
    /// Bytes of its payload: of text in UTF-8, of audio and images decoded from base64.
    pub bytes: u32,
    /// Completion tokens up to and with it, where the server says so with each event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u32>,
    /// Whether it came in one read with the event before it: their distance is not the server's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub coalesced: bool,
}

/// Where the count of completion tokens comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenSource {
    /// The usage of the answer.
    Usage,
    /// Counted events with text: a lower bound where an event holds several tokens.
    Events,
}

/// How a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// No connection.
    Connect,
    /// The connection ended before the answer did.
    Cut,
    /// 429.
    Limited,
    /// Another 4xx.
    Client,
    /// 5xx.
    Server,
    /// Nothing came for the idle limit.
    Idle,
    /// It was not done within the total limit.
    Slow,
    /// 200, but nothing in it that a user waits for, or no end that says that it is whole.
    Empty,
    /// 200, and something that cannot be read.
    Malformed,
    /// An error inside a stream that had begun with 200.
    Midstream,
}

/// How a request failed, and in what words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// How.
    pub class: FailureClass,
    /// In words; at most 500 bytes.
    pub text: String,
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Answered, whole.
    Ok,
    /// Not answered, or not whole.
    Failed(Failure),
    /// Given up by us on purpose.
    Cancelled,
    /// Never sent: the run ended, was stopped, or an earlier turn of its conversation failed.
    NotSent,
}

/// The place of a request in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Which conversation.
    pub conversation: u64,
    /// Which of its turns; the first is 0.
    pub turn: u32,
}

/// What is kept of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its number in the run; the first is 0.
    pub number: u64,
    /// Its place in a conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Turn>,
    /// When it was to be sent. In a closed loop: when its place came free.
    pub scheduled: u64,
    /// When it had a place among those that may be under way at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u64>,
    /// When it was handed to the connection: just before the first byte was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    /// How long a new connection took, where one had to be made; before `sent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<u64>,
    /// When the head of the answer was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<u64>,
    /// Every event; for an answer that is no stream of events, every read of its body (as what the body carries).
    #[serde(default)]
    pub events: Vec<Seen>,
    /// When the body ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<u64>,
    /// The status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// Prompt tokens: as the server counts them, else as the data set does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt_tokens: Option<u32>,
    /// Completion tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u32>,
    /// Where `output_tokens` comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_source: Option<TokenSource>,
    /// Why it finished, in the server's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<String>,
    /// Sample frames for each second of the audio of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_rate: Option<u32>,
    /// Bytes of one sample frame (all channels) of the audio of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_frame_bytes: Option<u32>,
    /// Bytes before the first sample: of a header in the stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_header_bytes: Option<u32>,
    /// Length of the audio of the answer in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_seconds: Option<f64>,
    /// Length of the audio of the prompt in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_audio_seconds: Option<f64>,
    /// Images of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<u32>,
    /// Length of the video of the answer in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_seconds: Option<f64>,
    /// Figures that the server gives of itself (stages, peak memory), by name, as they came; milliseconds where it is a time.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub told: serde_json::Map<String, serde_json::Value>,
}

impl Record {
    /// A request that is to be sent at `scheduled`, and of which nothing else is known yet.
    pub fn new(number: u64, scheduled: u64) -> Self {
        Self {
            number,
            turn: None,
            scheduled,
            slot: None,
            sent: None,
            connect: None,
            headers: None,
            events: Vec::new(),
            end: None,
            status: None,
            outcome: Outcome::NotSent,
            prompt_tokens: None,
            output_tokens: None,
            token_source: None,
            finish: None,
            audio_rate: None,
            audio_frame_bytes: None,
            audio_header_bytes: None,
            audio_seconds: None,
            input_audio_seconds: None,
            images: None,
            video_seconds: None,
            told: serde_json::Map::new(),
        }
    }
}
