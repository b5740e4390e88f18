//! What a client that goes away leaves behind.

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tribunal::client::ChatRequest;
use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, parallel);

/// A client that goes away in the middle of a stream frees its slot: what comes after it is answered.
#[tribunal::test]
#[timeout("30s")]
#[requires(capability = ["streaming", "several_choices"])]
async fn aborted_streams_free_their_slots(server: &Server, chat: ChatClient) -> TestResult {
    let long = chat
        .user("Tell me everything.")
        .n(4)
        .max_tokens(400)
        .stream();
    // Four answers at a time, more in all than a small server has slots: where none comes back, a later stream never begins.
    for _ in 0..32 {
        go_away_after_the_first_event(server, &long).await?;
    }
    let answer = chat
        .user("Are you there?")
        .max_tokens(4)
        .temperature(0.0)
        .send()
        .await?;
    assert!(!answer.text().is_empty());
    Ok(())
}

/// Sends the request and closes the connection as soon as the first event is there, so that the answer is certainly under way. A `ChatClient` reads its answers
/// to the end, so this one speaks HTTP by hand.
async fn go_away_after_the_first_event(server: &Server, request: &ChatRequest) -> TestResult {
    let address = server.base_url().trim_start_matches("http://");
    let (host, prefix) = address.split_at(address.find('/').unwrap_or(address.len()));
    let body = request.body().to_string();
    let head = format!(
        "POST {prefix}/v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = BufReader::new(TcpStream::connect(host).await?);
    connection.write_all((head + &body).as_bytes()).await?;
    let mut said = String::new();
    while !said.contains("data:") {
        if connection.read_line(&mut said).await? == 0 {
            fail!("the answer ended before its first event: {said}");
        }
    }
    Ok(())
}
