//! The judge: asked about every answer of `send`, about nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use tribunal_client::{Failure, HealthAfter, Judge, JudgeError, JudgeFuture, Judged, Phase};

use crate::scripted::{Scripted, chat_answer, json, plain};

/// Rejects what says "bad", and counts.
#[derive(Default)]
struct Strict(AtomicUsize);

impl Strict {
    fn text(&self, text: &str) -> Result<(), JudgeError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        if text.contains("bad") {
            Err("it says bad".into())
        } else {
            Ok(())
        }
    }
}

impl Judge for Strict {
    fn judge<'a>(&'a self, answer: Judged<'a>) -> JudgeFuture<'a> {
        Box::pin(async move {
            match answer {
                Judged::Chat(answer) => {
                    assert_eq!(answer.accepted_models, ["m", "alias"]);
                    self.text(answer.text())
                }
                Judged::Completion(answer) => {
                    assert_eq!(answer.accepted_models, ["m", "alias"]);
                    self.text(answer.text())
                }
                Judged::Error(answer, expected) => {
                    assert!(expected.contains(400) && answer.health_after != HealthAfter::NotAsked);
                    self.text(answer.error.message.as_deref().unwrap_or_default())
                }
                other => panic!("not asked for: {other:?}"),
            }
        })
    }
}

#[tokio::test]
async fn a_judge_sees_chat_and_completions_and_its_reason_is_the_error() {
    let server = Scripted::start(vec![
        vec![json(200, chat_answer("good"))],
        vec![json(200, chat_answer("bad"))],
        vec![json(
            200,
            json!({ "choices": [{ "index": 0, "text": "bad" }] }),
        )],
        vec![json(200, chat_answer("bad"))],
    ])
    .await;
    let judge = Arc::new(Strict::default());
    let chat = server
        .chat()
        .also_served_as(["alias"])
        .with_judge(judge.clone());
    assert_eq!(chat.user("x").send().await.expect("good").text(), "good");
    for error in [
        chat.user("x").send().await.expect_err("bad"),
        chat.completion("x").send().await.expect_err("bad"),
    ] {
        assert_eq!(
            (error.failure(), error.phase()),
            (&Failure::Judged, Phase::Judge)
        );
        assert!(error.to_string().contains("it says bad"), "{error}");
        assert_eq!(
            std::error::Error::source(&error)
                .map(ToString::to_string)
                .as_deref(),
            Some("it says bad")
        );
    }
    assert_eq!(judge.0.load(Ordering::SeqCst), 3);
    assert_eq!(
        chat.user("x")
            .unjudged()
            .send()
            .await
            .expect("unjudged")
            .text(),
        "bad"
    );
    assert_eq!(chat.user("x").send_raw().await.expect("raw").status, 200);
    assert_eq!(
        chat.clone()
            .without_judge()
            .user("x")
            .send()
            .await
            .expect("no judge")
            .text(),
        "bad"
    );
    assert_eq!(judge.0.load(Ordering::SeqCst), 3, "nobody asked it again");
}

#[tokio::test]
async fn a_judge_sees_expected_errors_and_a_wrong_status_fails_even_if_the_judge_is_content() {
    let error = |status, message| vec![json(status, json!({ "error": { "message": message } }))];
    let healthy = vec![plain(200, "text/plain", "")];
    let server = Scripted::start(vec![
        error(400, "fine"),
        healthy.clone(),
        error(400, "bad"),
        healthy.clone(),
        error(500, "fine"),
        healthy,
    ])
    .await;
    let chat = server.chat().with_judge(Arc::new(Strict::default()));
    assert_eq!(
        chat.user("x")
            .expect_status(400)
            .send()
            .await
            .expect("expected")
            .status,
        400
    );
    assert_eq!(
        *chat
            .user("x")
            .expect_status(400)
            .send()
            .await
            .expect_err("judged")
            .failure(),
        Failure::Judged
    );
    assert_eq!(
        chat.user("x")
            .expect_status(400)
            .send()
            .await
            .expect_err("500")
            .status(),
        Some(500)
    );
}

/// Quotes what it was shown, as verdicts do.
struct Quoting;

impl Judge for Quoting {
    fn judge<'a>(&'a self, answer: Judged<'a>) -> JudgeFuture<'a> {
        Box::pin(async move {
            let Judged::Chat(answer) = answer else {
                panic!("not asked for");
            };
            Err(format!("it says {:?}", answer.text()).into())
        })
    }
}

#[tokio::test]
async fn a_verdict_that_quotes_an_answer_does_not_tell_the_key_in_it() {
    let answer = chat_answer("your key is sk-abcdef123456");
    let server = Scripted::start(vec![vec![json(200, answer)]]).await;
    let chat = server
        .client()
        .with_header("Authorization", "Bearer sk-abcdef123456")
        .expect("a header")
        .model("m")
        .with_judge(Arc::new(Quoting));
    let error = chat.user("x").send().await.expect_err("judged");
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        told.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(told.contains("your key is ***"), "{told}");
    assert!(!told.contains("sk-abcdef"), "{told}");
}
