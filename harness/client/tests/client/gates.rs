//! Many at once, gates over them, content retries, and what travels with a request.

use std::sync::Arc;

use serde_json::json;
use tribunal_client::{Attach, Failure, Judge, JudgeFuture, Judged, ModelClient, Phase};

use crate::scripted::{Scripted, Step, chat_answer, json};

/// Rejects what says "bad".
struct Picky;

impl Judge for Picky {
    fn judge<'a>(&'a self, answer: Judged<'a>) -> JudgeFuture<'a> {
        Box::pin(async move {
            match answer {
                Judged::Chat(chat) if chat.text().contains("bad") => {
                    Err(format!("it says {}", chat.text()).into())
                }
                _ => Ok(()),
            }
        })
    }
}

fn says(text: &str) -> Vec<Step> {
    vec![json(200, chat_answer(text))]
}

async fn judged(scripts: Vec<Vec<Step>>) -> (Scripted, ModelClient) {
    let server = Scripted::start(scripts).await;
    let chat = server.chat().with_judge(Arc::new(Picky));
    (server, chat)
}

#[tokio::test]
async fn a_gate_tolerates_verdicts_up_to_its_number_and_sends_all() {
    let scripts = || vec![says("good"), says("bad 1"), says("good"), says("bad 2")];
    let (server, chat) = judged(scripts()).await;
    let answers = chat
        .user("x")
        .at_most(1)
        .send_gated(2, 4)
        .await
        .expect("two of four");
    assert_eq!((answers.len(), server.requests().len()), (2, 4));

    let (server, chat) = judged(scripts()).await;
    let error = chat
        .user("x")
        .at_most(1)
        .send_gated(3, 4)
        .await
        .map(drop)
        .expect_err("two of four");
    let text = error.to_string();
    assert_eq!(*error.failure(), Failure::Judged);
    assert!(
        text.contains("2 of 4 passed, the gate is 3")
            && text.contains("request 2: it says bad 1")
            && text.contains("request 4: it says bad 2"),
        "{text}"
    );
    assert_eq!(server.requests().len(), 4, "all samples are sent");
}

#[tokio::test]
async fn a_gate_tolerates_no_failure_to_serve() {
    let (_server, chat) = judged(vec![
        says("good"),
        vec![json(503, json!({ "error": "busy" }))],
        says("good"),
    ])
    .await;
    let error = chat
        .user("x")
        .at_most(1)
        .send_gated(1, 3)
        .await
        .map(drop)
        .expect_err("one was not served");
    assert_eq!(error.status(), Some(503));
    assert!(
        error
            .to_string()
            .contains("request 2; 1 of 3 were not served, which no gate tolerates; 2 passed"),
        "{error}"
    );
}

#[tokio::test]
async fn a_gate_that_cannot_be_reached_sends_nothing() {
    let (server, chat) = judged(vec![says("good")]).await;
    let error = chat
        .user("x")
        .send_gated(3, 2)
        .await
        .map(drop)
        .expect_err("3 of 2");
    assert_eq!(
        (error.failure(), error.phase()),
        (&Failure::Unusable, Phase::Prepare)
    );
    assert!(server.requests().is_empty());
    let none = chat.user("x").send_gated(0, 0).await.expect("none of none");
    assert!(none.is_empty());
}

#[tokio::test]
async fn one_at_a_time_they_go_out_and_come_back_in_order() {
    let (_server, chat) = judged((0..6).map(|n| says(&format!("good {n}"))).collect()).await;
    let many = chat.user("x").at_most(1).send_many(6).await;
    let texts: Vec<String> = many
        .all()
        .expect("all good")
        .iter()
        .map(|answer| answer.text().to_owned())
        .collect();
    assert_eq!(
        texts,
        (0..6).map(|n| format!("good {n}")).collect::<Vec<_>>(),
        "the first script goes to the first request"
    );
}

#[tokio::test]
async fn a_content_retry_sends_the_same_bytes_and_is_counted() {
    let (server, chat) = judged(vec![says("bad 1"), says("bad 2"), says("good")]).await;
    let answer = chat
        .user("x")
        .retry_content(2)
        .send()
        .await
        .expect("the third is good");
    assert_eq!(answer.raw.attempts, 3);
    assert_eq!(answer.raw.rejected, ["it says bad 1", "it says bad 2"]);
    let requests = server.requests();
    assert!(requests.len() == 3 && requests.iter().all(|request| *request == requests[0]));
    let transcript = chat.client().transcript();
    let seen: Vec<_> = transcript
        .iter()
        .map(|exchange| (exchange.attempt, exchange.rejected.as_deref()))
        .collect();
    assert_eq!(
        seen,
        [
            (1, Some("it says bad 1")),
            (2, Some("it says bad 2")),
            (3, None)
        ]
    );
    assert_eq!(answer.raw.exchange, Some(3));
    assert_eq!(transcript[1].to_json()["attempt"], 2);
}

#[tokio::test]
async fn retries_that_do_not_help_tell_every_reason_and_failures_to_serve_are_not_retried() {
    let (server, chat) = judged(vec![says("bad 1"), says("bad 2")]).await;
    let error = chat
        .user("x")
        .retry_content(1)
        .send()
        .await
        .expect_err("both are bad");
    assert!(
        error.to_string().contains("the last of 2 attempts")
            && error.to_string().contains("attempt 1: it says bad 1")
            && error.to_string().contains("it says bad 2"),
        "{error}"
    );
    assert_eq!(server.requests().len(), 2);
    let (server, chat) = judged(vec![vec![json(500, json!({}))], says("good")]).await;
    let error = chat
        .user("x")
        .retry_content(5)
        .send()
        .await
        .expect_err("not served");
    assert_eq!((error.status(), server.requests().len()), (Some(500), 1));
}

/// What a crate above hangs onto every builder.
trait Expect: Attach {
    fn expecting(mut self, word: &str) -> Self {
        self.attached()
            .get_or_insert_default::<Vec<String>>()
            .push(word.to_owned());
        self
    }
}

impl<R: Attach> Expect for R {}

/// Rejects what lacks an attached word.
struct Words;

impl Judge for Words {
    fn judge<'a>(&'a self, answer: Judged<'a>) -> JudgeFuture<'a> {
        Box::pin(async move {
            let words = answer
                .raw()
                .attached
                .get::<Vec<String>>()
                .ok_or("nothing is attached")?;
            Err(words.join("+").into())
        })
    }
}

#[tokio::test]
async fn what_is_attached_reaches_the_judge_and_not_the_server() {
    let server = Scripted::start(vec![
        says("x"),
        vec![json(400, json!({ "error": { "message": "no" } }))],
        vec![json(200, json!({}))],
        vec![json(200, json!({ "data": [] }))],
    ])
    .await;
    let api = server.chat().with_judge(Arc::new(Words));
    for error in [
        api.user("x")
            .expecting("a")
            .expecting("b")
            .header("x-engine-defect", "none")
            .send()
            .await
            .map(drop)
            .expect_err("chat"),
        api.user("x")
            .expect_status(400)
            .expecting("a")
            .expecting("b")
            .send()
            .await
            .map(drop)
            .expect_err("error"),
        api.images("x")
            .attach(vec![String::from("a+b")])
            .send()
            .await
            .map(drop)
            .expect_err("images"),
    ] {
        assert_eq!(
            std::error::Error::source(&error)
                .map(ToString::to_string)
                .as_deref(),
            Some("a+b")
        );
    }
    let requests = server.requests();
    assert!(
        requests[0].contains("x-engine-defect: none"),
        "{}",
        requests[0]
    );
    assert!(requests.iter().all(|request| !request.contains("a+b")));
    let error = api
        .user("x")
        .header("no such\nname", "x")
        .send_raw()
        .await
        .expect_err("a bad header");
    assert_eq!(error.phase(), Phase::Prepare);
}
