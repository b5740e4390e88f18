//! What the requests of a load ask for, on any route, small or heavy.
//!
//! Promise: each request carries a token that no other has, in a header and in its text, so that an answer that belongs to somebody else is seen;
//! a payload is data, so that a table names it. Rejected: bodies written as JSON in each test: a new model would be a new test.

use std::time::Duration;

use serde_json::{Map, Value};
use tribunal_client::{ClientError, Content, ModelClient, RawAnswer, VideoAnswer, Watcher, text};

use crate::heavy::Heavy;

/// The route, by what it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `POST /v1/chat/completions`, answered in text.
    Chat,
    /// The same, answered in text and sound.
    AudioChat,
    /// `POST /v1/completions`.
    Completion,
    /// `POST /v1/audio/speech`.
    Speech,
    /// `POST /v1/images/generations`.
    Images,
    /// `POST /v1/videos`: the job is created, watched and fetched.
    Videos,
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    kind: Kind,
    stream: bool,
    tokens: Option<u64>,
    prompt: Option<String>,
    voice: Option<String>,
    heavy: Vec<Heavy>,
    alike: bool,
    headers: Vec<(String, String)>,
    extra: Map<String, Value>,
}

/// The header that carries the token; vLLM, SGLang and others put it into the id of the answer or into their logs.
const TOKEN_HEADER: &str = "x-request-id";
/// The seed of requests that must be answered alike.
const SEED: i64 = 7;
/// Between two looks at the state of a video.
const LOOK_AT_JOB: Duration = Duration::from_millis(50);

impl Payload {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            stream: false,
            tokens: None,
            prompt: None,
            voice: None,
            heavy: Vec::new(),
            alike: false,
            headers: Vec::new(),
            extra: Map::new(),
        }
    }

    /// A chat, answered in text.
    pub fn chat() -> Self {
        Self::new(Kind::Chat)
    }

    /// A chat, answered in text and sound.
    pub fn audio_chat() -> Self {
        Self::new(Kind::AudioChat)
    }

    /// A completion.
    pub fn completion() -> Self {
        Self::new(Kind::Completion)
    }

    /// A text to be spoken.
    pub fn speech() -> Self {
        Self::new(Kind::Speech)
    }

    /// A picture.
    pub fn images() -> Self {
        Self::new(Kind::Images)
    }

    /// A video.
    pub fn videos() -> Self {
        Self::new(Kind::Videos)
    }

    /// Ask for a stream; of pictures and videos there is none.
    #[must_use]
    pub fn stream(mut self) -> Self {
        self.stream = !matches!(self.kind, Kind::Images | Kind::Videos);
        self
    }

    /// Ask for exactly this many tokens: the end of the text is ignored where the server lets us.
    #[must_use]
    pub fn tokens(mut self, tokens: u64) -> Self {
        self.tokens = Some(tokens);
        self
    }

    /// Ask this instead of the usual question.
    #[must_use]
    pub fn prompt(mut self, prompt: impl Into<String>) -> Self {
        self.prompt = Some(prompt.into());
        self
    }

    /// Have this voice speak, in WAV (in a chat that is streamed: in bare samples).
    #[must_use]
    pub fn voice(mut self, name: impl Into<String>) -> Self {
        self.voice = Some(name.into());
        self
    }

    /// Send this along: [`Heavy`] media or a long text.
    #[must_use]
    pub fn with(mut self, heavy: Heavy) -> Self {
        self.heavy.push(heavy);
        self
    }

    /// Have every answer be the same: same text, same seed, greedy. The token then stands in the header alone.
    #[must_use]
    pub fn alike(mut self) -> Self {
        self.alike = true;
        self
    }

    /// Send this header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Any key of the body, right or wrong.
    #[must_use]
    pub fn extra(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.extra.insert(key.to_owned(), value.into());
        self
    }

    /// The route.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it asks for a stream.
    pub fn is_stream(&self) -> bool {
        self.stream
    }

    /// Whether it asks for sound.
    pub fn is_audio(&self) -> bool {
        matches!(self.kind, Kind::AudioChat | Kind::Speech)
    }

    /// Whether every answer must be the same.
    pub fn is_alike(&self) -> bool {
        self.alike
    }

    /// How many tokens it asks for, where it asks for exactly so many.
    pub fn asked(&self) -> Option<u64> {
        self.tokens
    }

    fn words(&self, token: &str) -> String {
        let usual = match self.kind {
            Kind::Chat | Kind::AudioChat => "Tell me about the river and the town beside it.",
            Kind::Completion => "The river",
            Kind::Speech => "The river runs past the old town and down to the sea.",
            Kind::Images => "three red circles on black",
            Kind::Videos => "a red circle on black",
        };
        let prompt = self.prompt.as_deref().unwrap_or(usual);
        let mut words = match (self.alike, self.kind) {
            // Spoken or painted, a token would change what is asked for.
            (true, _) | (_, Kind::Speech | Kind::Images | Kind::Videos) => prompt.to_owned(),
            (false, _) => format!("({token}) {prompt}"),
        };
        for heavy in &self.heavy {
            if let Heavy::Text(times) = heavy {
                words = vec![words; *times].join(" ");
            }
        }
        words
    }

    fn content(&self, token: &str) -> Content {
        self.heavy
            .iter()
            .fold(text(self.words(token)), |content, heavy| {
                heavy.add_to(content)
            })
    }

    /// Sends it once and takes whatever comes.
    pub(crate) async fn send(
        &self,
        model: &ModelClient,
        token: &str,
        limit: Duration,
        watcher: Watcher,
    ) -> Result<RawAnswer, ClientError> {
        // What all builders have; each is a type of its own.
        macro_rules! dressed {
            ($request:expr) => {{
                let mut request = $request
                    .header(TOKEN_HEADER, token)
                    .total_timeout(limit)
                    .idle_timeout(limit)
                    .attach(watcher)
                    .unjudged();
                for (name, value) in &self.headers {
                    request = request.header(name, value);
                }
                for (key, value) in &self.extra {
                    request = request.extra(key, value.clone());
                }
                request
            }};
        }
        macro_rules! sampled {
            ($request:expr) => {{
                let mut request = $request;
                if let Some(tokens) = self.tokens {
                    request = request.max_tokens(tokens).ignore_eos();
                }
                if self.alike {
                    request = request.seed(SEED).temperature(0.0);
                }
                if self.stream {
                    request = request.stream().include_usage();
                }
                request
            }};
        }
        match self.kind {
            Kind::Chat => {
                let request = sampled!(model.user(self.content(token)));
                dressed!(request).send_raw().await
            }
            Kind::AudioChat => {
                let mut request = model
                    .user(self.content(token))
                    .modalities(["text", "audio"]);
                if let Some(voice) = &self.voice {
                    let format = if self.stream { "pcm16" } else { "wav" };
                    request = request.spoken(voice, format);
                }
                dressed!(sampled!(request)).send_raw().await
            }
            Kind::Completion => {
                let request = sampled!(model.completion(self.words(token)));
                dressed!(request).send_raw().await
            }
            Kind::Speech => {
                let mut request = model.speech(self.words(token));
                if let Some(voice) = &self.voice {
                    request = request.voice(voice);
                }
                if self.stream {
                    request = request.stream();
                }
                dressed!(request).send_raw().await
            }
            Kind::Images => {
                let mut request = model.images(self.words(token));
                if self.alike {
                    request = request.seed(SEED);
                }
                dressed!(request).send_raw().await
            }
            Kind::Videos => {
                let request = model
                    .videos(self.words(token))
                    .poll_every(LOOK_AT_JOB)
                    .finished_within(limit)
                    .delete_afterwards();
                let made: VideoAnswer = dressed!(request).send().await?;
                Ok(made.raw)
            }
        }
    }
}

impl std::fmt::Display for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.kind {
            Kind::Chat => "chat",
            Kind::AudioChat => "chat in text and sound",
            Kind::Completion => "completion",
            Kind::Speech => "speech",
            Kind::Images => "images",
            Kind::Videos => "videos",
        })?;
        if self.stream {
            f.write_str(", streamed")?;
        }
        for heavy in &self.heavy {
            f.write_str(match heavy {
                Heavy::Text(_) => ", long text",
                Heavy::Image(_) => ", picture",
                Heavy::Audio(_) => ", sound",
                Heavy::Video(_) => ", video",
            })?;
        }
        // Two prompts are two payloads: their answers are not compared.
        match &self.prompt {
            Some(prompt) => write!(f, ", \"{}\"", crate::seen::short(prompt)),
            None => Ok(()),
        }
    }
}
