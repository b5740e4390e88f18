//! What servers do to a connection.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tribunal_traffic::{FailureClass, Kind, Load, Outcome, Reading, Record, Target, run};

use crate::server::{
    CHAT, Numbers, Server, Step, answer, chunk, done, json, request_with, stream_head, text_event,
    wait,
};

fn one(server: &Server, load: Load, reading: Reading) -> Record {
    let mut run = wait(run(&server.target(), &load, Numbers::new(reading, 1, 1))).unwrap();
    assert_eq!(run.records.len(), 1);
    run.records.remove(0)
}

fn failure(record: &Record) -> (FailureClass, &str) {
    match &record.outcome {
        Outcome::Failed(failure) => (failure.class, &failure.text),
        other => panic!("{other:?}"),
    }
}

#[test]
fn statuses_have_their_classes_and_keep_what_the_server_says() {
    for (status, class) in [
        (429, FailureClass::Limited),
        (400, FailureClass::Client),
        (404, FailureClass::Client),
        (500, FailureClass::Server),
        (503, FailureClass::Server),
        (302, FailureClass::Malformed),
    ] {
        let server = Server::new(move |_, _| {
            vec![answer(
                status,
                "application/json",
                br#"{"error":{"message":"because"}}"#,
            )]
        });
        let record = one(&server, Load::count(1), Reading::ChatStream);
        assert_eq!(record.status, Some(status));
        let (found, text) = failure(&record);
        assert_eq!(found, class);
        assert!(
            text.contains("because") && text.contains(&status.to_string()),
            "{text}"
        );
        assert_eq!(server.seen.count(), 1, "never again");
    }
}

#[test]
fn a_connection_that_ends_early_is_cut_and_what_came_is_kept() {
    let server =
        Server::new(|_, _| vec![stream_head(), text_event("a"), text_event("b"), Step::Close]);
    let record = one(&server, Load::count(1), Reading::ChatStream);
    assert_eq!(failure(&record).0, FailureClass::Cut, "{record:?}");
    assert_eq!(
        record
            .events
            .iter()
            .filter(|seen| seen.kind == Kind::Text)
            .count(),
        2
    );
    assert_eq!((record.output_tokens, record.end), (Some(2), None));

    let server = Server::new(|_, _| vec![Step::Close]);
    assert_eq!(
        failure(&one(&server, Load::count(1), Reading::Chat)).0,
        FailureClass::Cut
    );
    let server = Server::new(|_, _| {
        vec![
            Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}".to_vec()),
            Step::Close,
        ]
    });
    assert_eq!(
        failure(&one(&server, Load::count(1), Reading::Chat)).0,
        FailureClass::Cut
    );
    let server = Server::new(|_, _| vec![Step::Send(b"SSH-2.0-x\r\n\r\n".to_vec()), Step::Close]);
    assert_eq!(
        failure(&one(&server, Load::count(1), Reading::Chat)).0,
        FailureClass::Malformed
    );
    let server =
        Server::new(|_, _| vec![stream_head(), Step::Send(b"zz\r\n".to_vec()), Step::Hold]);
    assert_eq!(
        failure(&one(&server, Load::count(1), Reading::ChatStream)).0,
        FailureClass::Malformed
    );
}

#[test]
fn silence_and_slowness_have_limits_of_their_own() {
    let idle = Load {
        idle_limit: Duration::from_millis(150),
        ..Load::count(1)
    };
    let server = Server::new(|_, _| vec![Step::Hold]);
    assert_eq!(
        failure(&one(&server, idle.clone(), Reading::Chat)).0,
        FailureClass::Idle
    );
    let server = Server::new(|_, _| vec![stream_head(), text_event("a"), Step::Hold]);
    let record = one(&server, idle, Reading::ChatStream);
    assert_eq!(failure(&record).0, FailureClass::Idle);
    assert_eq!(record.events.len(), 1);
    let total = Load {
        total_limit: Duration::from_millis(150),
        ..Load::count(1)
    };
    let server = Server::new(|_, _| vec![stream_head(), text_event("a"), Step::Hold]);
    assert_eq!(
        failure(&one(&server, total, Reading::ChatStream)).0,
        FailureClass::Slow
    );
}

#[test]
fn an_event_and_a_character_may_be_cut_anywhere() {
    let text = "data: {\"choices\":[{\"delta\":{\"content\":\"你\"}}]}\r\n\r\n";
    let server = Server::new(move |_, _| {
        // One byte a chunk, each a write of its own.
        let bytes = text
            .bytes()
            .map(|byte| Step::Send([&b"1\r\n"[..], &[byte], b"\r\n"].concat()));
        [stream_head()]
            .into_iter()
            .chain(bytes)
            .chain(done())
            .collect()
    });
    let record = one(&server, Load::count(1), Reading::ChatStream);
    assert_eq!(record.outcome, Outcome::Ok);
    assert_eq!(
        (record.events[0].kind, record.events[0].bytes),
        (Kind::Text, 3)
    );
}

#[test]
fn events_of_one_write_are_coalesced() {
    let event = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
    let server = Server::new(move |_, _| {
        [stream_head(), chunk(&event.repeat(5))]
            .into_iter()
            .chain(done())
            .collect()
    });
    let record = one(&server, Load::count(1), Reading::ChatStream);
    assert!(
        record.events[1..5].iter().all(|seen| seen.coalesced),
        "{:?}",
        record.events
    );
    assert!(
        record
            .events
            .windows(2)
            .all(|pair| !pair[1].coalesced || pair[0].at == pair[1].at)
    );
}

#[test]
fn a_connection_that_the_server_closes_after_its_answer_is_not_used_again() {
    let server = Server::new(|_, _| {
        let body = CHAT;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        vec![
            Step::Send([head.as_bytes(), body.as_bytes()].concat()),
            Step::Close,
        ]
    });
    let run = wait(run(
        &server.target(),
        &Load::count(5).at_most(1),
        Numbers::new(Reading::Chat, 1, 100),
    ))
    .unwrap();
    assert!(
        run.records
            .iter()
            .all(|record| record.outcome == Outcome::Ok && record.connect.is_some()),
        "{:?}",
        run.records
    );
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), 5);
}

#[test]
fn a_server_that_closes_connections_without_a_word_is_known_after_the_warm_ups() {
    let server = Server::new(|number, _| {
        let mut steps = vec![json(CHAT)];
        // It says nothing of it, and whoever sends at once meets it.
        if number == 0 {
            steps.push(Step::Close);
        }
        steps
    });
    let load = Load::count(5).at_most(1).warmups(2);
    let run = wait(run(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, 100),
    ))
    .unwrap();
    let own = |record: &&Record| record.outcome == Outcome::Ok && record.connect.is_some();
    assert_eq!(
        run.records.iter().filter(own).count(),
        5,
        "{:?}",
        run.records
    );
}

#[test]
fn heads_carry_key_type_and_own_headers() {
    let server = Server::new(|_, _| vec![json(CHAT)]);
    struct Own(bool);
    impl tribunal_traffic::Source for Own {
        fn next(&mut self) -> Option<Vec<tribunal_traffic::Request>> {
            let mut request = request_with("{}".into(), Reading::Chat);
            request.headers.push(("x-mine".into(), "yes".into()));
            std::mem::take(&mut self.0).then_some(vec![request])
        }
    }
    let target = Target::new(format!("http://{}/base", server.address), "m").key("sk-1");
    wait(run(&target, &Load::count(1), Box::new(Own(true)))).unwrap();
    let head = server.seen.got.lock().unwrap()[0].head.to_ascii_lowercase();
    for line in [
        "post /base/v1/chat/completions http/1.1",
        "authorization: bearer sk-1",
        "content-type: application/json",
        "x-mine: yes",
        "host: 127.0.0.1",
    ] {
        assert!(head.contains(line), "{head}");
    }
}

#[test]
fn a_video_that_is_a_job_is_followed_to_its_bytes() {
    let server = Server::new(|number, got| {
        let path = got.head.split(' ').nth(1).unwrap_or_default();
        match (number, path) {
            (0, "/v1/chat/completions") => {
                vec![json(r#"{"id":"v1","object":"video","status":"queued"}"#)]
            }
            (1, "/v1/chat/completions/v1") => vec![json(r#"{"id":"v1","status":"in_progress"}"#)],
            (2, "/v1/chat/completions/v1") => vec![json(
                r#"{"id":"v1","status":"completed","seconds":"2.5","peak_memory_mb":7}"#,
            )],
            (3, "/v1/chat/completions/v1/content") => vec![answer(200, "video/mp4", b"0123456789")],
            _ => vec![answer(404, "text/plain", path.as_bytes())],
        }
    });
    let record = one(&server, Load::count(1), Reading::Video);
    assert_eq!(record.outcome, Outcome::Ok, "{record:?}");
    assert_eq!(record.video_seconds, Some(2.5));
    assert_eq!(record.told["peak_memory_mb"], 7);
    let bytes: u32 = record
        .events
        .iter()
        .filter(|seen| seen.kind == Kind::Video)
        .map(|seen| seen.bytes)
        .sum();
    assert_eq!(bytes, 10);
    assert!(record.events.iter().any(|seen| seen.kind == Kind::Other));
    let server = Server::new(|_, _| {
        vec![json(
            r#"{"id":"v1","status":"failed","error":{"message":"nan"}}"#,
        )]
    });
    let record = one(&server, Load::count(1), Reading::Video);
    assert!(failure(&record).1.contains("nan"));
    let server = Server::new(|_, _| vec![json(r#"{"id":"../x","status":"queued"}"#)]);
    assert_eq!(
        failure(&one(&server, Load::count(1), Reading::Video)).0,
        FailureClass::Malformed
    );
}
