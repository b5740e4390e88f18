use std::io::ErrorKind;
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tribunal_faults::{Ended, Outcome, Proxy, ToxicRule};

use crate::fake::{Client, DEADLINE, End, Fake, event, payload, until};

pub fn rule(text: &str) -> ToxicRule {
    text.parse().unwrap()
}

pub fn both(text: &str) -> (Fake, Proxy, tribunal_faults::ToxicId) {
    let fake = Fake::start();
    let proxy = Proxy::open(fake.address, 1).unwrap();
    let id = proxy.add(rule(text));
    (fake, proxy, id)
}

/// How many events stand in what came.
fn events(bytes: &[u8]) -> usize {
    String::from_utf8_lossy(bytes).matches("\n\n").count()
}

#[test]
fn a_stream_is_closed_after_its_events_and_not_before() {
    let (_fake, proxy, id) = both("limit_data after 2 events");
    let mut client = Client::connect(proxy.address());
    // What is no event stream goes on, and so does the count of each response.
    client.get("/plain");
    client.hello();
    client.get("/stream/0");
    client.whole_stream();
    client.get("/stream/5");
    let (bytes, end) = client.read_out();
    assert_eq!((events(&bytes), end), (2, End::Closed));
    assert!(
        bytes.ends_with(b"\n\n"),
        "nothing comes after the second event"
    );
    until("it is told", || proxy.stats().open == 0);
    let stats = proxy.stats();
    assert_eq!(stats.struck(id), Some(1));
    assert_eq!(stats.connections[0].ended, Some(Ended::ByToxic(id)));
    let last = stats.connections[0].requests.last().unwrap();
    assert_eq!((last.events, last.outcome), (Some(2), Outcome::Broken));
    assert_eq!(
        (stats.answered, stats.broken, stats.conserved()),
        (2, 1, Ok(()))
    );
}

#[test]
fn a_reset_is_a_reset() {
    let (fake, proxy, id) = both("reset_peer after 1 event");
    let mut client = Client::connect(proxy.address());
    client.get("/held/3");
    let (bytes, end) = client.read_out();
    assert!(events(&bytes) <= 1, "a reset may overtake what was sent");
    assert_eq!(end, End::Reset);
    until("it is told", || proxy.stats().struck(id) == Some(1));
    fake.go();
    until("the server knows", || {
        fake.seen.ended.load(Ordering::Relaxed) == 1
    });
}

#[test]
fn a_point_in_bytes_is_exact_in_both_directions() {
    let (_fake, proxy, _) = both("close after 20 bytes");
    let mut client = Client::connect(proxy.address());
    client.get("/plain");
    let (bytes, _) = client.read_out();
    assert_eq!(bytes, b"HTTP/1.1 200 OK\r\ncon");
    proxy.clear();
    proxy.add(rule("close after 10 bytes to-server"));
    let mut client = Client::connect(proxy.address());
    client.get("/plain");
    assert_eq!(client.read_out().0, b"");
    until("it is told", || proxy.stats().open == 0);
    assert_eq!(proxy.stats().connections[1].to_server, 10);
}

#[test]
fn a_stall_lasts_until_it_is_removed() {
    let (_fake, proxy, id) = both("stall after 1 event");
    let mut client = Client::connect(proxy.address());
    client.get("/stream/4");
    client.until(&event(0));
    until("it has struck", || proxy.stats().struck(id) == Some(1));
    // Another connection stalls as well, and is not held up before its point.
    let mut other = Client::connect(proxy.address());
    other.get("/plain");
    other.hello();
    assert_eq!(client.read, b"", "what is held back did not arrive");
    assert!(proxy.remove(id) && !proxy.remove(id));
    let rest = client.whole_stream();
    assert_eq!(events(rest.as_bytes()), 4);
}

#[test]
fn a_rule_reaches_streams_that_are_open() {
    let fake = Fake::start();
    let proxy = Proxy::open(fake.address, 0).unwrap();
    let mut client = Client::connect(proxy.address());
    client.get("/held/3");
    client.until(&event(2));
    let id = proxy.add(rule("close after 1 event"));
    fake.go();
    let (bytes, _) = client.read_out();
    assert_eq!(
        events(&bytes),
        0,
        "its point has passed: it strikes at the next byte"
    );
    assert_eq!(proxy.stats().struck(id), Some(1));
}

#[test]
fn a_status_is_answered_without_the_server_and_the_connection_goes_on() {
    let (fake, proxy, id) = both(r#"status 429 retry-after 1500ms path /v1/chat"#);
    let mut client = Client::connect(proxy.address());
    client.send("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 9\r\n\r\n{\"a\": 12}GET /plain HTTP/1.1\r\n\r\nGET /v1/chat HTTP/1.1\r\n\r\nGET /stream/1 HTTP/1.1\r\n\r\n");
    let refused = client.until("}}");
    assert!(
        refused.starts_with(
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 2\r\ncontent-type: application/json\r\n"
        ),
        "{refused}"
    );
    assert!(
        refused.contains(r#""code":429"#) && refused.contains(r#""type":"rate_limit_error""#),
        "{refused}"
    );
    client.hello();
    assert!(client.until("}}").starts_with("HTTP/1.1 429 "));
    client.whole_stream();
    assert_eq!(fake.requests(), ["/plain", "/stream/1"]);
    until("all is written down", || proxy.stats().waiting == 0);
    let stats = proxy.stats();
    assert_eq!(
        (stats.requests, stats.answered, stats.answered_by_proxy),
        (4, 2, 2)
    );
    assert_eq!((stats.struck(id), stats.conserved()), (Some(2), Ok(())));
    let statuses: Vec<_> = stats.connections[0]
        .requests
        .iter()
        .map(|r| r.status)
        .collect();
    assert_eq!(statuses, [Some(429), Some(200), Some(429), Some(200)]);
    // A client that keeps no connection is not kept waiting.
    let mut last = Client::connect(proxy.address());
    last.send("GET /v1/chat HTTP/1.1\r\nconnection: close\r\n\r\n");
    assert_eq!(last.read_out().1, End::Closed);
}

#[test]
fn a_share_of_requests_is_answered() {
    let (_fake, proxy, id) = both(r#"status 503 body "{}" share 0.5"#);
    let mut client = Client::connect(proxy.address());
    let mut own = 0;
    for _ in 0..40 {
        client.get("/plain");
        until("an answer", || {
            client.more();
            client.read.ends_with(b"hello") || client.read.ends_with(b"{}")
        });
        own += u64::from(client.read.starts_with(b"HTTP/1.1 503 "));
        client.read.clear();
    }
    assert!((5..36).contains(&own), "{own}");
    assert_eq!(proxy.stats().struck(id), Some(own));
}

#[test]
fn refused_is_refused_and_the_port_stays() {
    let (_fake, proxy, id) = both("refuse");
    for _ in 0..3 {
        let error = TcpStream::connect(proxy.address()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
    proxy.remove(id);
    let mut client = Client::connect(proxy.address());
    client.get("/plain");
    client.hello();
    assert_eq!(proxy.stats().struck(id), Some(1));
    // For some connections only: accepted and reset.
    let some = proxy.add(rule("refuse connections 1..2"));
    let ends: Vec<bool> = (0..3)
        .map(|_| {
            let mut client = Client::connect(proxy.address());
            let sent =
                std::io::Write::write_all(&mut client.stream, b"GET /plain HTTP/1.1\r\n\r\n");
            sent.is_ok() && client.more().is_none()
        })
        .collect();
    assert_eq!(ends, [false, true, true]);
    assert_eq!(
        proxy.stats().connections[1].ended,
        Some(Ended::ByToxic(some))
    );
}

#[test]
fn silence_is_broken_when_it_is_removed() {
    let (fake, proxy, id) = both("silence");
    let mut client = Client::connect(proxy.address());
    client.get("/plain");
    until("it has struck", || proxy.stats().struck(id) == Some(1));
    assert_eq!(fake.seen.connections.load(Ordering::Relaxed), 0);
    proxy.remove(id);
    client.hello();
}

#[test]
fn cuts_fall_inside_characters_and_inside_ends_of_events() {
    // The gap ends with its rule, so that the cut can be looked at for as long as it takes.
    let (_fake, proxy, id) = both("slicer inside-characters gap 1m");
    let mut client = Client::connect(proxy.address());
    client.get("/stream/1");
    let head = client.until("\r\n\r\n");
    until("it is cut", || proxy.stats().struck(id) == Some(1));
    let whole = event(0);
    let seen = client.until("\"n\":0,\"");
    while client.read.is_empty() {
        client.more();
    }
    assert_eq!(client.read, [0xC3], "half of the character, after {seen}");
    proxy.remove(id);
    let rest = client.whole_stream();
    assert_eq!(
        payload(&format!("{head}{seen}{rest}")),
        format!("{whole}data: [DONE]\n\n")
    );
    let id = proxy.add(rule("slicer inside-event-end gap 1m"));
    client.get("/stream/0");
    let head = client.until("\r\n\r\n");
    until("it is cut", || proxy.stats().struck(id) == Some(1));
    let seen = client.until("[DONE]\n");
    assert_eq!(client.read, b"", "the second line end is held back");
    proxy.remove(id);
    let rest = client.whole_stream();
    assert_eq!(payload(&format!("{head}{seen}{rest}")), "data: [DONE]\n\n");
}

#[test]
fn corrupt_changes_payload_alone() {
    let (_fake, proxy, id) = both("corrupt 3 after 1 event");
    let mut client = Client::connect(proxy.address());
    client.get("/stream/2");
    let fine = format!("{}{}data: [DONE]\n\n", event(0), event(1));
    let mut sound = Client::connect(proxy.server());
    sound.get("/stream/2");
    let expected = sound.whole_stream();
    until("all of it", || {
        let all = client.read.len() >= expected.len();
        if !all {
            client.more();
        }
        all
    });
    let different: Vec<usize> = (0..expected.len())
        .filter(|i| client.read[*i] != expected.as_bytes()[*i])
        .collect();
    let second = expected.find(&event(1)).unwrap();
    assert_eq!(different, [second, second + 1, second + 2], "{fine}");
    assert_eq!(proxy.stats().struck(id), Some(1));
}

#[test]
fn duplicate_sends_an_event_again_in_sound_framing() {
    let (_fake, proxy, id) = both("duplicate after 1 event");
    let mut client = Client::connect(proxy.address());
    client.get("/stream/3");
    let twice = format!(
        "{}{}{}{}data: [DONE]\n\n",
        event(0),
        event(1),
        event(1),
        event(2)
    );
    assert_eq!(payload(&client.whole_stream()), twice);
    client.get("/closing/2");
    let (bytes, _) = client.read_out();
    let text = String::from_utf8(bytes).unwrap();
    assert!(
        text.ends_with(&format!(
            "\r\n\r\n{}{}{}data: [DONE]\n\n",
            event(0),
            event(1),
            event(1)
        )),
        "{text}"
    );
    assert_eq!(proxy.stats().struck(id), Some(2));
    proxy.clear();
    proxy.add(rule("duplicate after 3 bytes"));
    let mut client = Client::connect(proxy.address());
    client.get("/plain");
    client.until("HTTPP/1.1 200 OK");
}

#[test]
fn late_is_later_and_complete() {
    let (_fake, proxy, id) = both("latency 150ms");
    let mut client = Client::connect(proxy.address());
    let began = Instant::now();
    client.get("/stream/3");
    let stream = client.whole_stream();
    assert!(began.elapsed() >= Duration::from_millis(150));
    assert_eq!(events(stream.as_bytes()), 4);
    assert!(proxy.stats().struck(id) > Some(0));
    proxy.clear();
    // What waits goes on when the rule is gone.
    proxy.add(rule("latency 10m jitter 1m"));
    client.get("/plain");
    until("the server has it", || proxy.stats().requests == 2);
    proxy.clear();
    client.hello();
}

#[test]
fn paces_heads_and_half_closes() {
    let (_fake, proxy, _) = both("bandwidth 2000");
    let mut client = Client::connect(proxy.address());
    let began = Instant::now();
    client.get("/stream/20");
    let stream = client.whole_stream();
    let least = Duration::from_secs_f64(stream.len() as f64 / 2000.0 - 0.05);
    assert!(
        began.elapsed() >= least,
        "{} bytes in {:?}",
        stream.len(),
        began.elapsed()
    );
    proxy.clear();
    // What is held back goes on when the rule is gone: at this pace the head alone takes longer.
    let id = proxy.add(rule("bandwidth 1"));
    client.get("/stream/2");
    until("it has struck", || proxy.stats().struck(id) > Some(0));
    let began = Instant::now();
    proxy.clear();
    client.whole_stream();
    assert!(began.elapsed() < DEADLINE, "{:?}", began.elapsed());
    let id = proxy.add(rule("slow_headers 1m"));
    client.get("/plain");
    until("it has struck", || proxy.stats().struck(id) == Some(1));
    assert_eq!(client.read, b"");
    proxy.clear();
    client.hello();
    let id = proxy.add(rule("half_close after 1 event"));
    client.get("/stream/3");
    let (bytes, end) = client.read_out();
    assert_eq!((events(&bytes), end), (1, End::Closed));
    assert_eq!(proxy.stats().struck(id), Some(1));
    assert_eq!(proxy.stats().open, 1, "the other direction is open");
    let id = proxy.add(rule("slow_close 1m to-server"));
    drop(client);
    until("it has struck", || proxy.stats().struck(id) == Some(1));
    assert_eq!(proxy.stats().open, 1);
    proxy.clear();
    until("it is closed", || proxy.stats().open == 0);
}
