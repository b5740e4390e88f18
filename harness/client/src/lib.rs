//! An OpenAI-compatible HTTP and SSE client for tests.
//!
//! A test wants three things that a production client hides: *everything* that came back (status,
//! headers, raw bytes, vendor fields, the moment at which every chunk arrived), the *whole* reason
//! when nothing came back, and a record of what was exchanged that can be repeated by hand. This
//! crate gives these three and nothing else. It knows no levels and no verdicts; a [`Judge`] can be
//! hung onto a [`ModelClient`] and is asked about every answer before a test sees it.
//!
//! ```no_run
//! # async fn example() -> Result<(), tribunal_client::ClientError> {
//! use tribunal_client::Client;
//!
//! let client = Client::new("http://127.0.0.1:8000")?;
//! let chat = client.chat("my-model");
//! let answer = chat.user("What is the capital of France?").max_tokens(16).stream().send().await?;
//! assert!(answer.text().contains("Paris"));
//! assert!(answer.usage()?.completion_tokens > 0);
//!
//! let refused = chat.user("hello").extra("temperature", "hot").expect_status([400, 422]).send().await?;
//! assert_eq!(refused.error.param.as_deref(), Some("temperature"));
//! # Ok(())
//! # }
//! ```
//!
//! # What it does not do
//!
//! * **No silent retries.** A request that needed two attempts is a finding, not a convenience; what
//!   `retry_content` asks for is counted and shown.
//! * **No connection pool.** A pooled connection lives on the runtime that first used it and dies
//!   with it; every test attempt has a runtime of its own, so a pool would hand dead connections to
//!   the next attempt. Every request opens its own connection, and its clock starts before that.
//! * **No proxies, no redirects.** The server under test is asked directly, and a redirect is an
//!   answer to judge.
//! * **TLS as a feature only** (`tls`). Without it `https` addresses are refused with an error that
//!   names it. WebSocket sessions (feature `websocket`) have none.

mod answer;
mod api_error;
mod attach;
mod builder;
mod call;
mod chat_answer;
mod chat_media;
mod chat_request;
mod chat_wire;
mod client;
mod completion_answer;
mod completion_request;
mod curl;
mod draft;
mod embeddings_answer;
mod embeddings_request;
mod error;
mod excerpt;
mod expect_error;
mod form;
#[cfg(feature = "websocket")]
mod frames;
mod headers;
mod images_answer;
mod images_request;
mod judge;
mod latency;
mod logprobs;
mod many;
mod mask;
mod media;
mod message;
mod model_client;
#[cfg(feature = "websocket")]
mod opening;
mod outgoing;
mod ranking_answers;
mod ranking_requests;
mod raw;
mod reading;
#[cfg(feature = "websocket")]
mod realtime;
mod recorder;
mod responses_answer;
mod responses_request;
mod speech_answer;
mod speech_request;
mod sse;
mod statuses;
mod stream;
mod subtitles;
mod timeouts;
mod tokens_answer;
mod tokens_request;
mod transcript;
mod transcription_answer;
mod transcription_request;
mod usage;
mod video_answer;
mod video_request;
mod watcher;
#[cfg(feature = "websocket")]
mod websocket;
mod written;

pub use api_error::{ApiError, ErrorAnswer, ErrorShape, HealthAfter};
pub use attach::Attach;
pub use chat_answer::{ChatAnswer, ChatChoice, ChatChunk, ChatDelta, ChatMessage, DeltaChoice};
pub use chat_media::ChatAudio;
pub use chat_request::ChatRequest;
pub use client::{Client, Health, ModelCard, Models};
pub use completion_answer::{CompletionAnswer, CompletionChoice, CompletionChunk};
pub use completion_request::{CompletionRequest, Prompt};
pub use embeddings_answer::{Embedding, EmbeddingsAnswer, SentVector};
pub use embeddings_request::EmbeddingsRequest;
pub use error::{ClientError, Failure, Limit, Phase};
pub use expect_error::ExpectError;
pub use form::FormPart;
pub use headers::Headers;
pub use images_answer::{GeneratedImage, ImagesAnswer};
pub use images_request::ImagesRequest;
pub use judge::{Judge, JudgeError, JudgeFuture, Judged};
pub use logprobs::{ChatLogprobs, CompletionLogprobs, TokenLogprob, TopLogprob};
pub use many::{Many, send_all};
pub use media::{Media, MediaPart};
pub use message::{Content, text};
pub use model_client::{ChatClient, ModelClient};
pub use ranking_answers::{
    Classification, ClassifyAnswer, RerankAnswer, RerankResult, Score, ScoreAnswer,
};
pub use ranking_requests::{ClassifyRequest, RerankRequest, ScoreRequest};
pub use raw::{BodyEnd, RawAnswer};
pub use responses_answer::{
    Response, ResponseItem, ResponsePart, ResponsesAnswer, ResponsesEvent, ResponsesUsage,
};
pub use responses_request::ResponsesRequest;
pub use speech_answer::{AudioPiece, SpeechAnswer, SpeechEvent};
pub use speech_request::SpeechRequest;
pub use sse::{SseEvent, SseParser, SseTooLarge};
pub use statuses::Statuses;
pub use stream::{Arrived, StreamEnd, StreamRecord};
pub use timeouts::{Sizes, Timeouts};
pub use tokens_answer::{DetokenizeAnswer, TokenizeAnswer};
pub use tokens_request::{DetokenizeRequest, TokenizeRequest};
pub use transcript::{Exchange, Outcome, Recorded, Transcript};
pub use transcription_answer::{Segment, TranscriptionAnswer, TranscriptionChunk, Word};
pub use transcription_request::TranscriptionRequest;
pub use usage::{ReportedUsage, Usage};
pub use video_answer::{VideoAnswer, VideoJob};
pub use video_request::VideoRequest;
pub use watcher::{Progress, Watcher};
#[cfg(feature = "websocket")]
pub use {
    frames::{Malformed, Received, SocketMessage},
    realtime::Spoken,
    websocket::WebSocket,
};
