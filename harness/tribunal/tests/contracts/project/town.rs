//! A small suite of real servers: one that is shared, some that are not, and requests on the way at every moment.

use tribunal::prelude::*;

tribunal::main!();
tribunal::markers!(core_model, cpu, pre_merge, timeout("1m"));

/// Requests to the server that all share.
#[tribunal::test]
async fn talks(#[values(1, 2, 3, 4, 5, 6, 7, 8)] n: i64, chat: ChatClient) -> TestResult {
    for seed in 0..4 {
        chat.user("What does the river bring?").seed(n * 10 + seed).max_tokens(24).send().await?;
    }
    Ok(())
}

/// A server for itself.
#[tribunal::test]
#[server(fresh)]
async fn alone(#[values(1, 2, 3)] n: u64, server: &Server, chat: ChatClient) -> TestResult {
    assert!(server.is_alive());
    chat.user("Who is there?").max_tokens(8 + n).send().await?;
    Ok(())
}

/// Not every server can.
#[tribunal::test]
#[requires(capability = "spoken_words")]
#[ignore = "of its gate only"]
async fn spoken_words(chat: ChatClient) {
    let _ = chat;
}

/// In a process of its own.
#[tribunal::test]
#[isolated]
#[ignore = "of the server that it shares"]
async fn apart(chat: ChatClient) -> TestResult {
    chat.user("Who is there?").max_tokens(4).send().await?;
    Ok(())
}

/// A deployment of the test's own, built and started in its body.
#[tribunal::test]
async fn built_here() -> TestResult {
    let server = Deployment::command(env!("CARGO_BIN_EXE_fault-server"))
        .args(["none", "{port}"])
        .model("tiny")
        .start()
        .await?;
    let client = Client::new(server.base_url())?;
    client.chat("tiny").user("Who is there?").send().await?;
    let report = server.stop().await?;
    assert!(report.outlived.is_empty() && report.killed.is_empty());
    Ok(())
}
