//! A finished video: the job that made it, and its bytes.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::draft::Sending;
use crate::error::ClientError;
use crate::judge::Judged;
use crate::raw::RawAnswer;
use crate::video_request;

/// A finished video.
#[derive(Debug, Clone)]
pub struct VideoAnswer {
    /// The job as the server described it last; `None` where the server answered with the video
    /// itself.
    pub job: Option<VideoJob>,
    /// What the server said when asked for the job's state, each with the time since the request
    /// started.
    pub states: Vec<(Duration, VideoJob)>,
    /// The bytes.
    pub video: Bytes,
    /// The media type that the server names (`video/mp4`), without parameters.
    pub content_type: Option<String>,
    /// From before the connection of the first request to the moment at which the job was seen to
    /// be finished; the waiting between two looks is in it. `None` where there was no job.
    pub finished_after: Option<Duration>,
    /// From before the connection of the first request to the last byte of the video.
    pub elapsed: Duration,
    /// The response that carried the bytes. Its `request` is the body of the first request.
    pub raw: RawAnswer,
}

/// The state of a job.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct VideoJob {
    /// `id`.
    pub id: Option<String>,
    /// `object`: `video`.
    pub object: Option<String>,
    /// `model`.
    pub model: Option<String>,
    /// `status`: `queued`, `in_progress`, `completed`, `failed`.
    pub status: Option<String>,
    /// `progress`, in percent.
    pub progress: Option<f64>,
    /// When it was taken, in seconds since 1970.
    pub created_at: Option<f64>,
    /// When it was finished, in seconds since 1970.
    pub completed_at: Option<f64>,
    /// Why it failed, where it did.
    pub error: Option<Value>,
    /// Everything else (`seconds`, `size`, `expires_at` …).
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl VideoAnswer {
    /// From before the connection of the first request to the last byte of the video.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }
}

impl Answer for VideoAnswer {
    fn read(raw: RawAnswer) -> Result<Self, ClientError> {
        if raw.headers.media_type().as_deref() == Some("application/json") {
            let json: Option<Value> = serde_json::from_slice(&raw.body).ok();
            return Err(raw.lacks("video", json.as_ref().and_then(|json| json.get("error"))));
        }
        Ok(Self {
            job: None,
            states: Vec::new(),
            video: raw.body.clone(),
            content_type: raw.headers.media_type(),
            finished_after: None,
            elapsed: raw.elapsed,
            raw,
        })
    }

    fn fetch(sending: &Sending, attempt: u32) -> BoxFuture<'_, Result<Self, ClientError>> {
        video_request::fetch(sending, attempt)
    }

    fn judged(&self) -> Option<Judged<'_>> {
        Some(Judged::Video(self))
    }

    fn raw_mut(&mut self) -> &mut RawAnswer {
        &mut self.raw
    }
}
