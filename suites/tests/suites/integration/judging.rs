//! The client that fixtures hand out judges what it receives, and as deeply as the level asks. A healthy server never shows that, so this one says what the
//! test puts into its mouth.

use std::future::Future;
use std::net::TcpListener;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tribunal::client::{ClientError, Failure};
use tribunal::prelude::*;

/// A place where a server could answer, and a client of it as tests get it.
struct Stage {
    listener: TcpListener,
    chat: ChatClient,
}

#[tribunal::fixture]
async fn stage(cx: &SetUp) -> Result<Stage, Error> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    // Nobody answers before the test does, so nothing is asked for readiness.
    let deployment = Deployment::url(&format!("http://{}", listener.local_addr()?))?
        .model("staged")
        .no_health()
        .no_models_route()
        .one_token(false);
    let server = tribunal::start(cx, &deployment).await?;
    let chat = tribunal::judged(cx, &server)?;
    Ok(Stage { listener, chat })
}

impl Stage {
    /// What comes of a request whose answer is this one.
    async fn answering<T>(
        &self,
        status: u16,
        answer: &str,
        request: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<Result<T, ClientError>, Error> {
        let listener = tokio::net::TcpListener::from_std(self.listener.try_clone()?)?;
        let server = async {
            loop {
                play(listener.accept().await?.0, status, answer).await?;
            }
        };
        tokio::select! {
            sent = request => Ok(sent),
            failed = server => failed,
        }
    }
}

/// One exchange: a `POST` gets the answer; the health route, which is asked after a refusal, gets its 200.
async fn play(connection: TcpStream, status: u16, answer: &str) -> Result<(), Error> {
    let mut connection = BufReader::new(connection);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let start = head.len();
        if connection.read_line(&mut head).await? == 0 {
            fail!("a request without an end: {head}");
        }
        let line = head[start..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    connection.read_exact(&mut vec![0; length]).await?;
    let (status, answer) = match head.starts_with("POST ") {
        true => (status, answer),
        false => (200, "{}"),
    };
    let head = format!(
        "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    connection.write_all((head + answer).as_bytes()).await?;
    Ok(())
}

/// An answer on either route, right but for what the arguments make wrong.
fn answer(object: &str, role: &str, finish_reason: &str, total_tokens: u64) -> String {
    let choice = json!({
        "index": 0,
        "text": "Yes.",
        "message": {"role": role, "content": "Yes."},
        "finish_reason": finish_reason,
    });
    let usage = json!({"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": total_tokens});
    json!({"id": "1", "object": object, "model": "staged", "choices": [choice], "usage": usage})
        .to_string()
}

/// Whether the verdict stopped the answer, and nothing before it.
fn judged<T>(sent: &Result<T, ClientError>) -> bool {
    matches!(sent, Err(error) if *error.failure() == Failure::Judged)
}

/// A chat whose answer comes from nobody's assistant.
#[tribunal::test]
async fn chats(stage: &Stage) -> TestResult {
    let ask = || stage.chat.user("Well?").send();
    let right = answer("chat.completion", "assistant", "stop", 8);
    stage.answering(200, &right, ask()).await??;
    let wrong = answer("chat.completion", "user", "stop", 8);
    assert!(judged(&stage.answering(200, &wrong, ask()).await?));
    Ok(())
}

/// A completion that ended for a reason that there is not.
#[tribunal::test]
async fn completions(stage: &Stage) -> TestResult {
    let ask = || stage.chat.completion("Well, ").send();
    let right = answer("text_completion", "", "stop", 8);
    stage.answering(200, &right, ask()).await??;
    let wrong = answer("text_completion", "", "boredom", 8);
    assert!(judged(&stage.answering(200, &wrong, ask()).await?));
    Ok(())
}

/// A refusal with the right status that does not say why.
#[tribunal::test]
async fn refusals(stage: &Stage) -> TestResult {
    let ask = || stage.chat.user("Well?").expect_status(400).send();
    let right: Value = json!({"error": {"message": "No."}});
    stage.answering(400, &right.to_string(), ask()).await??;
    assert!(judged(&stage.answering(400, "No.", ask()).await?));
    Ok(())
}

/// Counts that do not add up are no matter at the lowest level, and are one above it.
#[tribunal::test]
#[advanced_model]
async fn deeper_at_higher_levels(stage: &Stage) -> TestResult {
    let lowest = tribunal::current_test()
        .and_then(|test| test.level)
        .as_deref()
        == Some("core_model");
    let ask = || stage.chat.user("Well?").send();
    let right = answer("chat.completion", "assistant", "stop", 8);
    stage.answering(200, &right, ask()).await??;
    let wrong = answer("chat.completion", "assistant", "stop", 9);
    let sent = stage.answering(200, &wrong, ask()).await?;
    assert_eq!(judged(&sent), !lowest, "{:?}", sent.err());
    assert_eq!(sent.is_ok(), lowest);
    Ok(())
}

/// The client that tests get without asking for more: it calls a success that should have been a refusal a failed verdict, not just an unexpected status.
#[tribunal::test]
async fn built_in(chat: ChatClient) -> TestResult {
    let sent = chat
        .user("Well?")
        .max_tokens(1)
        .expect_status(400)
        .send()
        .await;
    assert!(judged(&sent), "{:?}", sent.err());
    Ok(())
}
