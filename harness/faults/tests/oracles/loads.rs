//! What a load sends, and what it knows of it.

use std::time::Duration;

use tribunal_faults::{Account, Ending, GiveUp, Heavy, Load, Payload, Role, Running};

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
    let load = Load::at_once(Payload::chat().stream().tokens(200), 4)
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
            !given_up || (5..200).contains(&one.events),
            "{}",
            one.events
        );
    }
    engine.server.stop().await.expect("a clean stop");
}
