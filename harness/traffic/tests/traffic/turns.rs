//! Conversations.

use tribunal_traffic::{Load, Outcome, Reading, run};

use crate::server::{CHAT, Numbers, Server, answer, json, wait};

#[test]
fn each_turn_waits_for_the_one_before_and_knows_its_answer() {
    let server = Server::new(|_, _| vec![json(CHAT)]);
    let run = wait(run(
        &server.target(),
        &Load::count(6).at_most(2),
        Numbers::new(Reading::Chat, 3, 100),
    ))
    .unwrap();
    assert_eq!(run.records.len(), 6);
    for (conversation, turns) in run.records.chunks(3).enumerate() {
        for (number, record) in turns.iter().enumerate() {
            let turn = record.turn.unwrap();
            assert_eq!(
                (turn.conversation, turn.turn),
                (conversation as u64, number as u32)
            );
            assert_eq!(record.outcome, Outcome::Ok);
        }
        assert!(
            turns
                .windows(2)
                .all(|pair| pair[1].scheduled >= pair[0].end.unwrap())
        );
    }
    let mut bodies: Vec<String> = server
        .seen
        .got
        .lock()
        .unwrap()
        .iter()
        .map(|got| got.body.clone())
        .collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["0", "1+hi", "2+hi", "3", "4+hi", "5+hi"]);
}

#[test]
fn turns_after_a_failure_are_not_sent_and_have_their_records() {
    let server = Server::new(|number, _| match number {
        1 => vec![answer(503, "application/json", br#"{"error":"busy"}"#)],
        _ => vec![json(CHAT)],
    });
    let run = wait(run(
        &server.target(),
        &Load::count(4),
        Numbers::new(Reading::Chat, 4, 1),
    ))
    .unwrap();
    let outcomes: Vec<&Outcome> = run.records.iter().map(|record| &record.outcome).collect();
    assert!(
        matches!(
            outcomes[..],
            [
                Outcome::Ok,
                Outcome::Failed(_),
                Outcome::NotSent,
                Outcome::NotSent
            ]
        ),
        "{outcomes:?}"
    );
    assert!(
        run.records[2..]
            .iter()
            .all(|record| record.sent.is_none() && record.turn.is_some())
    );
    assert_eq!(server.seen.count(), 2);
}

#[test]
fn the_count_is_of_requests_also_where_it_cuts_a_conversation() {
    let server = Server::new(|_, _| vec![json(CHAT)]);
    let run = wait(run(
        &server.target(),
        &Load::count(5).at_most(1),
        Numbers::new(Reading::Chat, 3, 100),
    ))
    .unwrap();
    assert_eq!((run.records.len(), server.seen.count()), (5, 5));
}
