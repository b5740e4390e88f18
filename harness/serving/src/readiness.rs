//! Waiting until a server is ready: listening, healthy, listing its model, answering one real request.
//!
//! The steps follow each other, and each is repeated until it holds or the time is over; what was seen last is kept,
//! so that the error can say how far the server came. A status of 500 or an empty list is no reason to give up early:
//! servers answer both while they load. The wait ends at once when the process ends or logs a fatal line, which the
//! caller watches beside this.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::launch::Readiness;
use crate::probe::{self, Answer};
use crate::start_error_kind::{ReadyStep, StartErrorKind};
use crate::text::excerpt;
use crate::url::Base;

/// One answer of the health or the model route may take this long before it is asked again.
const QUICK: Duration = Duration::from_secs(10);
/// The first token may be slow: kernels are compiled, graphs captured, caches filled.
const FIRST_TOKEN: Duration = Duration::from_secs(60);
/// How much of a body an error shows, in characters.
const EXCERPT: usize = 300;
/// The same for a line of progress.
const BRIEF: usize = 60;

/// How long to wait between two attempts: a fiftieth of the time waited so far (so that noticing costs at most 2 %),
/// never less than 5 ms (a busy server has better things to do), never more than 250 ms.
fn pause(elapsed: Duration) -> Duration {
    (elapsed / 50).clamp(Duration::from_millis(5), Duration::from_millis(250))
}

/// What was seen last, for the error.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    pub step: ReadyStep,
    pub status: Option<u16>,
    pub last: String,
    /// What is asked and what it says, in a few words: `/health (503 Loading model)`.
    pub brief: String,
    /// The models of the last list, when that is what was wrong.
    pub served: Option<Vec<String>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            step: ReadyStep::Listening,
            status: None,
            last: String::new(),
            brief: "a listener on its port".into(),
            served: None,
        }
    }
}

/// What is asked, of whom.
pub(crate) struct Question<'a> {
    pub base: &'a Base,
    pub ready: &'a Readiness,
    pub model: Option<&'a str>,
    pub started: Instant,
    /// The key that every request carries; it is masked in whatever is shown.
    pub key: Option<&'a str>,
    /// Somebody else runs the server: what it refuses, it will refuse in a minute as well.
    pub reached: bool,
}

/// The progress of one wait. It stays readable when the wait is cut off.
#[derive(Debug, Default)]
pub(crate) struct Waiting(Mutex<Progress>);

impl Waiting {
    pub(crate) fn progress(&self) -> Progress {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn note(&self, step: ReadyStep, status: Option<u16>, last: String) {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (progress.step, progress.status, progress.last) = (step, status, last);
        progress.served = None;
    }

    fn note_brief(&self, route: &str, said: &str) {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        progress.brief = format!("{route} ({said})");
    }

    fn note_models(&self, served: Vec<String>) {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        progress.served = Some(served);
    }

    /// Why the wait is over after `waited`.
    pub(crate) fn timed_out(&self, waited: Duration, model: Option<&str>) -> StartErrorKind {
        let Progress {
            step,
            status,
            last,
            served,
            ..
        } = self.progress();
        match (served, model) {
            (Some(served), Some(wanted)) => StartErrorKind::ModelMissing {
                wanted: wanted.into(),
                served,
                waited,
            },
            _ => StartErrorKind::NotReady {
                step,
                waited,
                status,
                last,
            },
        }
    }

    /// Health, models, one token. Returns the name of the model, where one is known; an error only where waiting has no sense.
    pub(crate) async fn answers(&self, q: &Question<'_>) -> Result<Option<String>, StartErrorKind> {
        if let Some(route) = &q.ready.health {
            self.note(ReadyStep::Health, None, "it has not answered yet".into());
            self.note_brief(route, "no answer yet");
            self.repeat(q, ReadyStep::Health, route, None, QUICK, |_, answer| {
                (answer.status == 200).then_some(())
            })
            .await?;
        }
        let mut model = q.model.map(String::from);
        if let Some(route) = &q.ready.models {
            self.note(ReadyStep::Models, None, "it has not answered yet".into());
            self.note_brief(route, "no answer yet");
            let found = self
                .repeat(
                    q,
                    ReadyStep::Models,
                    route,
                    None,
                    QUICK,
                    |waiting, answer| {
                        let served = models(answer)?;
                        let found = match q.model {
                            Some(wanted) => served.iter().find(|m| *m == wanted).cloned(),
                            None => served.first().cloned(),
                        };
                        if found.is_none() {
                            waiting.note_models(served);
                        }
                        found
                    },
                )
                .await?;
            model = Some(found);
        }
        if q.ready.one_token {
            self.note(ReadyStep::OneToken, None, "it has not answered yet".into());
            self.note_brief("one token", "no answer yet");
            self.one_token(q, model.as_deref()).await?;
        }
        Ok(model)
    }

    /// Asks until `judge` is content with an answer.
    async fn repeat<T>(
        &self,
        q: &Question<'_>,
        step: ReadyStep,
        route: &str,
        body: Option<&str>,
        limit: Duration,
        judge: impl Fn(&Self, &Answer) -> Option<T>,
    ) -> Result<T, StartErrorKind> {
        loop {
            if let Some(answer) = self.ask(q, step, route, body, limit).await {
                if let Some(value) = judge(self, &answer) {
                    return Ok(value);
                }
                self.refused(q)?;
            }
            tokio::time::sleep(pause(q.started.elapsed())).await;
        }
    }

    /// An error where a server that somebody else runs does not let us in.
    fn refused(&self, q: &Question<'_>) -> Result<(), StartErrorKind> {
        match self.progress().status {
            Some(401 | 403) if q.reached => Err(self.timed_out(q.started.elapsed(), None)),
            _ => Ok(()),
        }
    }

    /// Asks once and notes what came.
    async fn ask(
        &self,
        q: &Question<'_>,
        step: ReadyStep,
        route: &str,
        body: Option<&str>,
        limit: Duration,
    ) -> Option<Answer> {
        let what = format!(
            "{} {}{route}",
            if body.is_some() { "POST" } else { "GET" },
            q.base.url()
        );
        let masked = |text: String| match q.key {
            Some(key) => text.replace(key, "***"),
            None => text,
        };
        match probe::exchange(q.base, route, body, q.key, limit).await {
            Ok(answer) => {
                let shown = masked(excerpt(&answer.body, EXCERPT));
                self.note_brief(route, &masked(said(&answer)));
                self.note(
                    step,
                    Some(answer.status),
                    format!("{what} answered {}: {shown}", answer.status),
                );
                Some(answer)
            }
            Err(why) => {
                self.note_brief(route, &masked(why.clone()));
                self.note(step, None, masked(format!("{what}: {why}")));
                None
            }
        }
    }

    /// A chat request; where the server has no chat, or the model no template for it, a completion.
    async fn one_token(&self, q: &Question<'_>, model: Option<&str>) -> Result<(), StartErrorKind> {
        let with_model = |mut body: Value| {
            if let Some(model) = model {
                body["model"] = model.into();
            }
            body.to_string()
        };
        let chat = with_model(json!({
            "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1
        }));
        let completion = with_model(json!({"prompt": "Hi", "max_tokens": 1}));
        loop {
            let step = ReadyStep::OneToken;
            let answer = self
                .ask(q, step, "/v1/chat/completions", Some(&chat), FIRST_TOKEN)
                .await;
            if answer.as_ref().is_some_and(has_choice) {
                return Ok(());
            }
            self.refused(q)?;
            if answer.is_some_and(|a| (400..500).contains(&a.status)) {
                let refused = self.progress().last;
                let answer = self
                    .ask(q, step, "/v1/completions", Some(&completion), FIRST_TOKEN)
                    .await;
                if answer.as_ref().is_some_and(has_choice) {
                    return Ok(());
                }
                let Progress { status, last, .. } = self.progress();
                self.note(step, status, format!("{refused}; {last}"));
            }
            tokio::time::sleep(pause(q.started.elapsed())).await;
        }
    }
}

/// The status and what the answer says of itself, in a few words.
fn said(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = ["/error/message", "/message", "/detail", "/error", "/status"]
        .iter()
        .find_map(|at| body.pointer(at)?.as_str());
    let text = message.map_or(&answer.body[..], str::as_bytes);
    if text.is_empty() {
        answer.status.to_string()
    } else {
        format!("{} {}", answer.status, excerpt(text, BRIEF))
    }
}

/// The names in a list of models; `None` if it is no such list.
pub(crate) fn models(answer: &Answer) -> Option<Vec<String>> {
    if answer.status != 200 {
        return None;
    }
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    let list = body.get("data")?.as_array()?;
    Some(
        list.iter()
            .filter_map(|m| m.get("id")?.as_str().map(String::from))
            .collect(),
    )
}

fn has_choice(answer: &Answer) -> bool {
    answer.status == 200
        && serde_json::from_slice::<Value>(&answer.body)
            .is_ok_and(|body| body["choices"].as_array().is_some_and(|c| !c.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            body: body.into(),
        }
    }

    #[test]
    fn pauses_are_a_fiftieth_within_bounds() {
        for (elapsed, expected) in [(0, 5), (100, 5), (500, 10), (5_000, 100), (60_000, 250)] {
            let pause = pause(Duration::from_millis(elapsed));
            assert_eq!(pause, Duration::from_millis(expected), "after {elapsed} ms");
        }
    }

    #[test]
    fn lists_of_models_are_read_and_nothing_else_is_one() {
        let list = r#"{"object":"list","data":[{"id":"a"},{"id":"b"},{"x":1},7]}"#;
        assert_eq!(
            models(&answer(200, list)),
            Some(vec!["a".into(), "b".into()])
        );
        assert_eq!(models(&answer(503, list)), None);
        for body in ["", "[]", "{}", r#"{"data":{}}"#, "<html>"] {
            assert_eq!(models(&answer(200, body)), None, "{body}");
        }
    }

    #[test]
    fn progress_is_one_line() {
        for (status, body, expected) in [
            (
                503,
                r#"{"error":{"message":"Loading model","code":503}}"#,
                "503 Loading model",
            ),
            (500, r#"{"detail":"starting"}"#, "500 starting"),
            (502, "<html>\nBad Gateway", "502 <html> Bad Gateway"),
            (503, "", "503"),
        ] {
            assert_eq!(said(&answer(status, body)), expected);
        }
        let (waited, limit) = (Duration::from_millis(12_900), Duration::from_secs(120));
        let waiting = Waiting::default();
        let line = progress::in_one_line("x", &waiting.progress().brief, waited, limit);
        assert_eq!(line, "x: waiting for a listener on its port 12 s of 120 s");
        waiting.note_brief("/health", "503 Loading model");
        let line = progress::in_one_line("llama-cpp", &waiting.progress().brief, waited, limit);
        assert_eq!(
            line,
            "llama-cpp: waiting for /health (503 Loading model) 12 s of 120 s"
        );
    }

    #[test]
    fn only_a_choice_counts_as_a_token() {
        assert!(has_choice(&answer(200, r#"{"choices":[{}]}"#)));
        for body in [r#"{"choices":[]}"#, r#"{"error":{}}"#, "ok", "[]"] {
            assert!(!has_choice(&answer(200, body)), "{body}");
        }
        assert!(!has_choice(&answer(500, r#"{"choices":[{}]}"#)));
    }

    #[test]
    fn a_missing_model_is_told_from_a_route_that_fails() {
        let waiting = Waiting::default();
        let second = Duration::from_secs(1);
        waiting.note(ReadyStep::Models, Some(200), "list".into());
        waiting.note_models(vec!["a".into()]);
        assert!(matches!(
            waiting.timed_out(second, Some("b")),
            StartErrorKind::ModelMissing { served, .. } if served == ["a"]
        ));
        waiting.note(ReadyStep::Models, Some(500), "oops".into());
        assert!(matches!(
            waiting.timed_out(second, Some("b")),
            StartErrorKind::NotReady {
                step: ReadyStep::Models,
                status: Some(500),
                ..
            }
        ));
    }
}
