//! Turns, clients that go away, and the end of the server.

use std::time::Duration;

use libtest_mimic::Trial;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::stub::lockable;
use crate::support::{Folder, ask, chat, refused, trial, value};

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "ends::one_at_a_time_unless_more_are_allowed",
            one_at_a_time_unless_more_are_allowed,
        ),
        trial(
            "ends::a_client_that_goes_away_ends_its_run",
            a_client_that_goes_away_ends_its_run,
        ),
        trial(
            "ends::a_stop_ends_the_run_and_leaves_nothing",
            a_stop_ends_the_run_and_leaves_nothing,
        ),
        trial(
            "ends::what_outlives_the_command_is_ended_and_told",
            what_outlives_the_command_is_ended_and_told,
        ),
        trial(
            "ends::a_flood_is_bounded_and_blocks_nothing",
            a_flood_is_bounded_and_blocks_nothing,
        ),
    ]
}

/// Until `done`, which costs at most a minute.
async fn until(done: impl Fn() -> bool) {
    for _ in 0..12_000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("waited for a minute");
}

async fn one_at_a_time_unless_more_are_allowed() {
    let folder = Folder::new();
    let server = folder
        .start(&folder.job(["span", &folder.arg("log"), "{prompt}"]))
        .await;
    let body = chat("p");
    let (a, b, c) = tokio::join!(
        ask(&server, &body),
        ask(&server, &body),
        ask(&server, &body)
    );
    assert_eq!([a.status, b.status, c.status], [200; 3]);
    assert_eq!(
        std::fs::read_to_string(folder.at("log")).unwrap(),
        "start\nend\n".repeat(3)
    );
    server.stop().await.unwrap();

    let mut job = folder.job(["meet", &folder.arg("meeting"), "2", "{prompt}"]);
    job.at_once = 2;
    let server = folder.start(&job).await;
    let (a, b) = tokio::join!(ask(&server, &body), ask(&server, &body));
    assert_eq!(
        (a.status, b.status),
        (200, 200),
        "both ran at the same time, or neither would have ended"
    );
    server.stop().await.unwrap();
}

async fn a_client_that_goes_away_ends_its_run() {
    let folder = Folder::new();
    let server = folder
        .start(&folder.job(["tree", &folder.arg("alive"), "{prompt}"]))
        .await;
    let body = chat("p").to_string();
    let mut client = TcpStream::connect(("127.0.0.1", server.port()))
        .await
        .unwrap();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(request.as_bytes()).await.unwrap();
    let alive = folder.arg("alive");
    until(|| !lockable(&alive)).await;
    drop(client);
    until(|| lockable(&alive)).await;
    let result = folder.at("offline/0001/result.json");
    until(|| result.exists()).await;
    server.stop().await.unwrap();
    assert!(
        std::fs::read_to_string(result)
            .unwrap()
            .contains("\"abandoned\":true")
    );
}

async fn a_stop_ends_the_run_and_leaves_nothing() {
    let folder = Folder::new();
    let server = folder
        .start(&folder.job(["tree", &folder.arg("alive"), "{prompt}"]))
        .await;
    let alive = folder.arg("alive");
    let body = chat("p");
    let asked = async {
        let client = tribunal_client::Client::new(server.base_url()).unwrap();
        client.post_json("/v1/chat/completions", &body).await
    };
    let stopped = async {
        until(|| !lockable(&alive)).await;
        server.shut_down().await.unwrap()
    };
    let (asked, report) = tokio::join!(asked, stopped);
    assert!(lockable(&alive), "{report:?}");
    // The answer says so, unless the keeper was quicker to end the supervisor than the bridge to answer.
    if let Ok(answer) = asked {
        assert!(matches!(answer.status, 500 | 502 | 503), "{answer:?}");
    }
}

async fn what_outlives_the_command_is_ended_and_told() {
    let folder = Folder::new();
    let server = folder
        .start(&folder.job(["linger", &folder.arg("alive"), "{prompt}"]))
        .await;
    let answer = value(&ask(&server, &chat("p")).await);
    assert_eq!(answer["choices"][0]["message"]["content"], "answered");
    let note = answer["notes"][0].as_str().unwrap();
    assert!(
        note.contains("outlived the command and was stopped"),
        "{note}"
    );
    assert!(lockable(&folder.arg("alive")));
    server.stop().await.unwrap();
}

async fn a_flood_is_bounded_and_blocks_nothing() {
    let folder = Folder::new();
    let bytes = (64 << 20) + 100_000;
    let server = folder
        .start(&folder.job(["flood", &bytes.to_string(), "{prompt}"]))
        .await;
    let answer = value(&ask(&server, &chat("p")).await);
    assert_eq!(answer["notes"][0], "100000 bytes of stderr were not kept");
    assert_eq!(
        std::fs::metadata(folder.at("offline/0001/stderr"))
            .unwrap()
            .len(),
        64 << 20
    );
    let error = refused(&server, &serde_json::json!({}), 400, "missing_parameter").await;
    assert_eq!(error["param"], "model");
    server.stop().await.unwrap();
}
