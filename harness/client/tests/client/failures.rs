//! Requests that get no answer: what failed, in which phase, and what a reader can do.

use std::error::Error;
use std::time::Duration;

use tokio::net::TcpListener;
use tribunal_client::{Client, Failure, Limit, Phase, Sizes, Timeouts};

use crate::scripted::{Scripted, Step, chat_answer, chunk, delta, json, plain, send, stream_head};

const SHORT: Duration = Duration::from_millis(30);
/// Long enough for what a server does send to come on a busy machine.
const PATIENT: Duration = Duration::from_secs(3);

#[tokio::test]
async fn a_refused_connection_says_that_nothing_listens() {
    let free = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port")
        .local_addr()
        .expect("an address");
    let error = Client::new(format!("http://{free}"))
        .expect("a client")
        .chat("m")
        .user("x")
        .send()
        .await
        .expect_err("nobody is there");
    assert_eq!(
        (error.failure(), error.phase(), error.method()),
        (&Failure::Refused, Phase::Connect, "POST")
    );
    let text = error.to_string();
    assert!(
        text.contains(&format!(
            "nothing listens on {free}; is the server running?"
        )),
        "{text}"
    );
    assert!(text.contains("os error"), "the last cause is there: {text}");
    assert!(error.elapsed().is_some() && error.url().ends_with("/v1/chat/completions"));
    let mut causes = 0;
    let mut next = error.source();
    while let Some(cause) = next {
        causes += 1;
        next = cause.source();
    }
    assert!(causes >= 2, "the chain is kept");
}

#[tokio::test]
async fn an_address_without_a_route_is_no_refusal() {
    // The kernel refuses to open a TCP connection to a multicast address, network or not.
    let error = Client::new("http://224.0.0.1:9")
        .expect("a client")
        .health()
        .await
        .expect_err("no route");
    assert_eq!(
        (error.failure(), error.phase()),
        (&Failure::Other, Phase::Connect),
        "{error}"
    );
    assert!(
        error.to_string().contains("no connection to 224.0.0.1:9"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_does_not_accept_is_a_connect_timeout() {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket
        .bind("127.0.0.1:0".parse().expect("an address"))
        .expect("a port");
    let listener = socket.listen(1).expect("a listener");
    let address = listener.local_addr().expect("an address");
    // Fill the queue of a listener that never accepts, until a connection hangs.
    let mut waiting = Vec::new();
    while let Ok(connected) = tokio::time::timeout(
        Duration::from_millis(200),
        tokio::net::TcpStream::connect(address),
    )
    .await
    {
        waiting.push(connected.expect("queued"));
        assert!(waiting.len() < 64, "the queue is short");
    }
    let timeouts = Timeouts {
        connect: SHORT,
        ..Timeouts::default()
    };
    let client = Client::new(format!("http://{address}"))
        .and_then(|client| client.with_timeouts(timeouts))
        .expect("a client");
    let error = client.health().await.expect_err("nobody accepts");
    assert_eq!(
        (error.failure(), error.phase()),
        (
            &Failure::TimedOut {
                limit: Limit::Connect,
                after: SHORT
            },
            Phase::Connect
        ),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains(&format!("nothing accepted the connection at {address}")),
        "{error}"
    );
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_told() {
    for step in [None, Some(Step::Reset)] {
        let server = Scripted::always(step.into_iter().collect()).await;
        let error = server.chat().user("x").send().await.expect_err("no answer");
        assert_eq!(*error.failure(), Failure::Closed, "{error}");
        assert!(
            error.to_string().contains("closed it without an answer"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_is_no_http_is_told() {
    let server = Scripted::always(vec![send("SSH-2.0-OpenSSH\r\n\r\n")]).await;
    let error = server.chat().user("x").send().await.expect_err("no HTTP");
    assert_eq!(error.phase(), Phase::Headers);
    assert!(error.to_string().contains("HTTP"), "{error}");
}

#[tokio::test]
async fn a_body_cut_short_is_a_truncation() {
    let server = Scripted::always(vec![send(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"id\":",
    )])
    .await;
    let error = server.chat().user("x").send().await.expect_err("cut short");
    // Reading what is there fails as well, but the cut is the reason.
    assert!(matches!(error.failure(), Failure::Truncated), "{error}");
    assert_eq!(error.phase(), Phase::Body);
    assert!(error.to_string().contains("after 6 bytes"), "{error}");
}

#[tokio::test]
async fn each_limit_of_time_says_which_it_was_and_what_had_come() {
    // No headers at all.
    let server = Scripted::always(vec![Step::Hold]).await;
    let error = server
        .chat()
        .user("x")
        .total_timeout(SHORT)
        .send()
        .await
        .expect_err("silence");
    assert_eq!(
        (error.failure(), error.phase()),
        (
            &Failure::TimedOut {
                limit: Limit::Total,
                after: SHORT
            },
            Phase::Headers
        )
    );
    assert!(
        error.is_timeout() && error.to_string().contains("no response headers"),
        "{error}"
    );
    // Headers and two events, then nothing.
    let events = delta("{\"content\":\"a\"}", None).repeat(2);
    let server = Scripted::always(vec![stream_head(), chunk(events), Step::Hold]).await;
    let error = server
        .chat()
        .user("x")
        .stream()
        .idle_timeout(PATIENT)
        .send()
        .await
        .expect_err("a stall");
    assert_eq!(
        (error.failure(), error.phase()),
        (
            &Failure::TimedOut {
                limit: Limit::Idle,
                after: PATIENT
            },
            Phase::Events
        )
    );
    assert!(
        error.to_string().contains("2 events had come")
            && error.to_string().contains("idle_timeout"),
        "{error}"
    );
    // Half a body, then nothing, until the whole time is over.
    let server = Scripted::always(vec![
        send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"),
        Step::Hold,
    ])
    .await;
    let error = server
        .chat()
        .user("x")
        .total_timeout(PATIENT)
        .send_raw()
        .await
        .expect_err("a stall");
    assert_eq!(
        (error.failure(), error.phase()),
        (
            &Failure::TimedOut {
                limit: Limit::Total,
                after: PATIENT
            },
            Phase::Body
        )
    );
    assert!(error.to_string().contains("3 bytes had come"), "{error}");
}

#[tokio::test]
async fn limits_of_the_client_hold_for_every_request_and_endless_ones_are_allowed() {
    let server = Scripted::start(vec![vec![Step::Hold], vec![json(200, chat_answer("x"))]]).await;
    let client = server
        .client()
        .with_timeouts(Timeouts {
            total: SHORT,
            ..Timeouts::default()
        })
        .expect("a client");
    assert!(client.health().await.expect_err("silence").is_timeout());
    let endless = Timeouts {
        connect: Duration::MAX,
        idle: Duration::MAX,
        total: Duration::MAX,
    };
    let client = client.with_timeouts(endless).expect("a client");
    assert_eq!(
        client
            .chat("m")
            .user("x")
            .send()
            .await
            .expect("an answer")
            .text(),
        "x"
    );
}

#[tokio::test]
async fn an_answer_beyond_the_limit_of_size_is_refused() {
    let small = Sizes {
        event: 64,
        body: 512,
    };
    let too_large = [
        // Announced: refused before a byte of it.
        vec![
            send("HTTP/1.1 200 OK\r\ncontent-length: 513\r\n\r\n"),
            Step::Hold,
        ],
        // Not announced.
        vec![
            send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
            chunk("x".repeat(300)),
            chunk("x".repeat(300)),
            Step::Hold,
        ],
        // A stream of small events.
        vec![stream_head(), chunk("data: x\n\n".repeat(100)), Step::Hold],
    ];
    for steps in too_large {
        let server = Scripted::always(steps).await;
        let error = server
            .client()
            .with_sizes(small)
            .get("/x")
            .await
            .expect_err("too large");
        assert_eq!(
            *error.failure(),
            Failure::TooLarge { limit: 512 },
            "{error}"
        );
    }
    let server = Scripted::always(vec![
        stream_head(),
        chunk(format!("data: a\n\ndata: {}", "x".repeat(100))),
        Step::Hold,
    ])
    .await;
    let error = server
        .client()
        .with_sizes(small)
        .get("/x")
        .await
        .expect_err("one event too large");
    assert_eq!(
        (error.failure(), error.phase()),
        (&Failure::TooLarge { limit: 64 }, Phase::Events)
    );
    // Exactly the limit is allowed.
    let server = Scripted::always(vec![plain(200, "text/plain", "x".repeat(512))]).await;
    assert_eq!(
        server
            .client()
            .with_sizes(small)
            .get("/x")
            .await
            .expect("it fits")
            .body
            .len(),
        512
    );
}

#[cfg(not(feature = "tls"))]
#[test]
fn an_https_address_names_the_feature_that_it_wants() {
    let error = tribunal_client::Client::new("https://127.0.0.1:1").expect_err("no TLS");
    assert!(error.to_string().contains("feature `tls`"), "{error}");
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_server_without_tls_at_an_https_address_is_told() {
    let server = Scripted::always(vec![crate::scripted::plain(200, "text/plain", "x")]).await;
    let client = tribunal_client::Client::new(format!("https://{}", server.address))
        .expect("the feature is on");
    let error = client.health().await.expect_err("it speaks no TLS");
    assert_eq!(error.phase(), tribunal_client::Phase::Connect, "{error}");
}
