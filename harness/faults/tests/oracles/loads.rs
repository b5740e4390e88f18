//! What a load sends, and what it knows of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tribunal_client::Client;
use tribunal_faults::{
    Account, Ending, GiveUp, Heavy, Load, Payload, Role, Running, Said, Timeline, Watch,
};

use crate::engine::Engine;

pub async fn every_request_is_accounted_for() {
    let engine = Engine::start("--workers 1 --slots 4 --speech harmonic").await;
    let picture = Heavy::image_of(64, 64).expect("a picture");
    let load = Load::rate(Payload::chat().stream().tokens(20), 200.0)
        .and(Payload::completion().tokens(5))
        .and(Payload::chat().with(picture).with(Heavy::Text(3)))
        .and(Payload::audio_chat().voice("alto").tokens(5))
        .and(Payload::speech().voice("alto"))
        .and(Payload::images())
        .and(Payload::chat().extra("temperature", "hot"))
        .and(Payload::completion().stream().tokens(3).alike())
        .limit(Duration::from_secs(60))
        .most(24);
    let running = Running::start(load, &engine.model, &engine.timeline).expect("threads");
    while running.seen().1 < 24 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (seen, accounts) = running.finish().await;
    assert!(accounts.conserved(), "{accounts}");
    assert_eq!((accounts.sent, accounts.aborted), (24, 0));
    for (place, one) in seen.iter().enumerate() {
        assert_eq!(one.number as usize, place + 1);
        assert!(one.ended >= one.sent);
        let wrong = place % 8 == 6;
        let expected = if wrong { Account::Failed } else { Account::Ok };
        assert_eq!(
            one.account(),
            expected,
            "{}: {}",
            one.payload,
            one.ended_how()
        );
    }
    let stream = &seen[0];
    assert!(
        stream.first_event > stream.headers && stream.events > 20,
        "{stream:?}"
    );
    assert_eq!(stream.answer.tokens, Some(20));
    assert!(
        seen[6]
            .error
            .as_ref()
            .is_some_and(|error| error.is_object())
    );
    assert_eq!(seen[7].answer.text, seen[15].answer.text);
    assert_ne!(seen[0].token, seen[8].token);
    engine.server.stop().await.expect("a clean stop");
}

pub async fn requests_are_given_up_as_planned() {
    let engine = Engine::start("--workers 2 --tpot-ms 2").await;
    let load = Load::at_once(Payload::chat().stream().tokens(1000), 4)
        .give_up(GiveUp::Events(5), 2)
        .limit(Duration::from_secs(60));
    let running = Running::start(load, &engine.model, &engine.timeline).expect("threads");
    let begun = running
        .in_flight_within(true, 4, Duration::from_secs(30))
        .await
        .expect("streams");
    assert!(begun[0].events > 0 && begun[0].id.is_some());
    let (seen, accounts) = running.finish().await;
    assert_eq!((accounts.ok, accounts.aborted), (2, 2), "{accounts}");
    for one in &seen {
        let given_up = one.number % 2 == 0;
        let role = if given_up {
            Role::Fault
        } else {
            Role::Neighbour
        };
        assert_eq!((one.role, one.ending == Ending::Aborted), (role, given_up));
        assert!(
            !given_up || (5..1000).contains(&one.events),
            "{}",
            one.events
        );
    }
    engine.server.stop().await.expect("a clean stop");
}

/// How often a moment is measured; set higher for a figure.
fn times(variable: &str, usual: u32) -> u32 {
    let set = std::env::var(variable).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

pub async fn a_look_tells_within_milliseconds() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let well = Arc::new(AtomicBool::new(true));
    let state = well.clone();
    let server = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = socket.read(&mut head).await;
            let status = if state.load(Ordering::SeqCst) {
                200
            } else {
                503
            };
            let answer =
                format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    let client = Client::new(format!("http://{address}")).expect("a client");
    let timeline = Timeline::new();
    let watch = Watch::start(&client, "/health", None, &timeline).expect("threads");
    let long = Duration::from_secs(60);
    let mut late = Vec::new();
    for number in 0..times("LOOKS", 5) {
        let now = number % 2 == 1;
        let before = watch.until(long, |look| look.said.is_well() != now).await;
        assert!(before.is_some());
        // Not in step with the looks.
        tokio::time::sleep(Duration::from_millis(u64::from(7 + number % 10))).await;
        let at = timeline.since_start();
        well.store(now, Ordering::SeqCst);
        let look = watch.until(long, |look| look.said.is_well() == now).await;
        let look = look.expect("a look");
        assert_eq!(look.said, Said::Status(if now { 200 } else { 503 }));
        late.push(look.from.checked_sub(at).expect("not before it happened"));
    }
    late.sort();
    eprintln!(
        "told after: median {:?}, worst {:?}",
        late[late.len() / 2],
        late[late.len() - 1]
    );
    let looks = watch.looks();
    assert!(looks.is_sorted_by_key(|look| look.from) && looks.len() as u32 >= times("LOOKS", 5));
    assert!(watch.readings().is_err() && watch.root_ended().is_err());
    server.abort();
}

pub fn runs() -> u32 {
    times("RUNS", 10)
}
