//! A request for a video: a job is created, watched until it is finished, and its video fetched.
//!
//! The clock starts before the first request. Rejected: to start it when the job has been taken, as
//! is seen elsewhere; a server that works before it answers would look faster than it is.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use reqwest::Method;
use serde_json::Value;

use crate::answer::Answer;
use crate::api_error::ApiError;
use crate::builder::request_methods;
use crate::call::call;
use crate::draft::{Draft, Sending};
use crate::error::{ClientError, Failure, Limit, Phase, seconds};
use crate::media::Media;
use crate::model_client::ModelClient;
use crate::raw::RawAnswer;
use crate::video_answer::{VideoAnswer, VideoJob};

/// How the job is watched.
#[derive(Debug, Clone, Copy)]
struct Watch {
    every: Duration,
    limit: Duration,
    delete: bool,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            // A look is cheap for the server, and its interval is an error of the measured time.
            every: Duration::from_millis(250),
            // What vLLM-Omni's own tests allow.
            limit: Duration::from_secs(300),
            delete: false,
        }
    }
}

/// A request for a video being written: a form, or JSON by [`json`](Self::json). Nothing is sent
/// before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct VideoRequest {
    draft: Draft,
}

impl VideoRequest {
    pub(crate) fn new(model: &ModelClient, prompt: String) -> Self {
        let mut draft = Draft::new(model, "/v1/videos").form().set("prompt", prompt);
        draft.media = true;
        draft.attached.insert(Watch::default());
        Self { draft }
    }

    /// Send JSON instead of a form. A file cannot go with it.
    pub fn json(mut self) -> Self {
        if self
            .draft
            .files
            .take()
            .is_some_and(|files| !files.is_empty())
        {
            self.draft
                .broken
                .get_or_insert("a JSON request carries no file: leave out `.json()`".into());
        }
        self
    }

    /// The picture to start from.
    pub fn input_reference(mut self, image: impl Into<Media>) -> Self {
        self.draft = self.draft.file("input_reference", image.into());
        self
    }

    /// Its length.
    pub fn seconds(self, seconds: u64) -> Self {
        self.extra("seconds", seconds.to_string())
    }

    /// Its size in pixels.
    pub fn size(self, width: u32, height: u32) -> Self {
        self.extra("size", format!("{width}x{height}"))
    }

    /// This many frames (vLLM-Omni).
    pub fn num_frames(self, frames: u64) -> Self {
        self.extra("num_frames", frames)
    }

    /// Frames for each second (vLLM-Omni).
    pub fn fps(self, fps: u64) -> Self {
        self.extra("fps", fps)
    }

    /// The seed of the sampling (vLLM-Omni).
    pub fn seed(self, seed: i64) -> Self {
        self.extra("seed", seed)
    }

    /// Look at the job's state this often; every 250 ms if nothing is said.
    pub fn poll_every(self, every: Duration) -> Self {
        self.watch(|watch| watch.every = every)
    }

    /// Give the job this long, from before the first request; 300 s if nothing is said.
    pub fn finished_within(self, limit: Duration) -> Self {
        self.watch(|watch| watch.limit = limit)
    }

    /// Delete the job at the server once the video is here.
    pub fn delete_afterwards(self) -> Self {
        self.watch(|watch| watch.delete = true)
    }

    fn watch(mut self, change: impl FnOnce(&mut Watch)) -> Self {
        change(self.draft.attached.get_or_insert_default::<Watch>());
        self
    }
}

request_methods!(VideoRequest => VideoAnswer);

/// The states after which nothing more happens.
const FINISHED: &str = "completed";
const FAILED: [&str; 3] = ["failed", "cancelled", "canceled"];

/// Create the job, watch it, fetch its video.
pub(crate) fn fetch(
    sending: &Sending,
    attempt: u32,
) -> BoxFuture<'_, Result<VideoAnswer, ClientError>> {
    Box::pin(async move {
        let start = Instant::now();
        let watch = sending.attached.get::<Watch>().copied().unwrap_or_default();
        let taken = sending.call(attempt).await?.success()?.complete()?;
        if taken.headers.media_type().as_deref() != Some("application/json") {
            // A route that answers with the video itself (`/v1/videos/sync`).
            return VideoAnswer::read(taken);
        }
        let mut last = taken.clone();
        let mut states = Vec::new();
        let mut job: VideoJob = taken.json()?;
        let path = format!("{}/{}", sending.path, id(&taken, &job)?);
        while !finished(&last, &job)? {
            let elapsed = start.elapsed();
            if elapsed >= watch.limit {
                return Err(overdue(&last, &job, watch.limit));
            }
            tokio::time::sleep(watch.every.min(watch.limit - elapsed)).await;
            last = get(sending, &path, attempt).await?;
            job = last.json()?;
            states.push((start.elapsed(), job.clone()));
        }
        let finished_after = start.elapsed();
        let content = get(sending, &format!("{path}/content"), attempt).await?;
        let elapsed = start.elapsed();
        let mut answer = VideoAnswer::read(content)?;
        answer.raw.request = taken.request;
        answer.job = Some(job);
        answer.states = states;
        answer.finished_after = Some(finished_after);
        answer.elapsed = elapsed;
        if watch.delete {
            let out = sending.outgoing(Method::DELETE, &path, attempt);
            call(&sending.client, out).await?.complete()?.success()?;
        }
        Ok(answer)
    })
}

async fn get(sending: &Sending, path: &str, attempt: u32) -> Result<RawAnswer, ClientError> {
    let out = sending.outgoing(Method::GET, path, attempt);
    call(&sending.client, out).await?.complete()?.success()
}

/// The job's id, which becomes part of an address.
fn id(raw: &RawAnswer, job: &VideoJob) -> Result<String, ClientError> {
    let plain = |id: &&String| {
        !id.is_empty()
            && id.len() <= 256
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~:".contains(&byte))
            && !id.starts_with('.')
    };
    match &job.id {
        None => Err(raw.lacks("id", job.error.as_ref())),
        Some(id) => Some(id).filter(plain).cloned().ok_or_else(|| {
            let message = format!(
                "the job's id `{}` cannot stand in an address",
                id.escape_debug()
            );
            raw.fail(Failure::Undecodable, Phase::Decode, message)
        }),
    }
}

fn finished(raw: &RawAnswer, job: &VideoJob) -> Result<bool, ClientError> {
    let Some(status) = job.status.as_deref() else {
        return Err(raw.lacks("status", None));
    };
    if !FAILED.contains(&status) {
        return Ok(status == FINISHED);
    }
    let error = raw.api_error();
    let why = match (&job.error, &error) {
        (Some(Value::String(why)), _) => why.clone(),
        (
            Some(Value::Object(_)),
            ApiError {
                message: Some(why), ..
            },
        ) => why.clone(),
        (Some(other), _) if !other.is_null() => other.to_string(),
        _ => "the server does not say why".into(),
    };
    let message = format!("the server took the job and reports `{status}`: {why}");
    Err(raw
        .fail(Failure::Job(error), Phase::Decode, message)
        .advice("the server's log says what broke"))
}

fn overdue(raw: &RawAnswer, job: &VideoJob, limit: Duration) -> ClientError {
    let progress = job
        .progress
        .map(|percent| format!(", {percent} %"))
        .unwrap_or_default();
    let message = format!(
        "the job was not finished within {}; its last state: {}{progress}",
        seconds(limit),
        job.status.as_deref().unwrap_or("none"),
    );
    let limit = Failure::TimedOut {
        limit: Limit::Job,
        after: limit,
    };
    raw.fail(limit, Phase::Body, message).advice(
        "see in the server's log whether it hangs; if it is only slow, raise the limit with `.finished_within(...)`",
    )
}
