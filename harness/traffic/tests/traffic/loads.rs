//! When requests are sent, and what is kept of them.

use std::time::Duration;

use tribunal_traffic::{Arrivals, Load, Outcome, Ramp, Reading, Until, run};

use crate::server::{CHAT, Numbers, Server, Step, done, json, stream_head, text_event, wait};

fn plain() -> Server {
    Server::new(|_, _| vec![json(CHAT)])
}

#[test]
fn a_closed_loop_holds_its_places_full_and_no_more() {
    // None of the first four is answered before all four are there: a barrier between batches, or fewer at once, would never end.
    let server = Server::new(|_, _| vec![Step::Meet(4), json(CHAT)]);
    let load = Load::count(40).at_most(4);
    let run = wait(run(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, 1000),
    ))
    .unwrap();
    assert_eq!(run.records.len(), 40);
    assert_eq!(server.seen.most_at_once(), 4);
    assert_eq!(
        server.seen.count(),
        40,
        "nothing is sent twice, or beyond the count"
    );
    for (number, record) in run.records.iter().enumerate() {
        assert_eq!(record.number, number as u64);
        assert_eq!(record.outcome, Outcome::Ok, "{record:?}");
        assert_eq!(record.slot, Some(record.scheduled));
        let (sent, headers, end) = (
            record.sent.unwrap(),
            record.headers.unwrap(),
            record.end.unwrap(),
        );
        assert!(record.scheduled <= sent && sent <= headers && headers <= end);
        assert_eq!(
            (record.prompt_tokens, record.output_tokens),
            (Some(3), Some(1))
        );
    }
    assert!(
        server
            .seen
            .connections
            .load(std::sync::atomic::Ordering::SeqCst)
            <= 5,
        "connections are kept"
    );
    assert_eq!(
        run.records
            .iter()
            .filter(|record| record.connect.is_some())
            .count() as u64,
        run.cost.connections
    );
    assert!(run.cost.cpu > Duration::ZERO && run.cost.shards == 1);
}

#[test]
fn an_open_loop_sends_at_its_times_whatever_the_server_does() {
    // No answer before all are there: an open loop waits for nobody.
    let server = Server::new(|_, _| vec![Step::Meet(20), json(CHAT)]);
    let load = Load::new(
        Arrivals::Gamma {
            rate: 200.0,
            burstiness: 1.0,
        },
        Until::Count(20),
    )
    .seed(5);
    let run = wait(run(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, 1000),
    ))
    .unwrap();
    assert_eq!(run.records.len(), 20);
    assert!(run.records.is_sorted_by_key(|record| record.scheduled));
    assert_eq!(run.records[19].scheduled, 100_000_000);
    assert!(
        run.records
            .iter()
            .all(|record| record.sent.unwrap() >= record.scheduled)
    );
    assert!(
        run.records
            .iter()
            .all(|record| record.slot.is_none() && record.outcome == Outcome::Ok)
    );
    let lag = run.cost.lag.unwrap();
    assert_eq!(lag.requests, 20);
    assert!(lag.p50 <= lag.p99 && lag.p99 <= lag.max);
    assert_eq!(run.cost.asked_rate, Some(200.0));
}

#[test]
fn an_open_loop_with_a_limit_tells_the_wait_for_a_place() {
    let server = Server::new(|_, _| vec![Step::Meet(2), json(CHAT)]);
    let load = Load::new(Arrivals::Constant { rate: 1000.0 }, Until::Count(30)).at_most(2);
    let run = wait(run(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, 1000),
    ))
    .unwrap();
    assert_eq!(server.seen.most_at_once(), 2);
    assert_eq!(run.records.len(), 30);
    for record in &run.records {
        assert!(record.slot.unwrap() >= record.scheduled);
        assert!(record.sent.unwrap() >= record.slot.unwrap());
    }
}

#[test]
fn all_at_once_ramps_and_traces_send_every_request() {
    for arrivals in [
        Arrivals::AtOnce,
        Arrivals::Ramp {
            from: 100.0,
            to: 1000.0,
            shape: Ramp::Linear,
        },
        Arrivals::Trace((0..30).map(Duration::from_millis).collect()),
    ] {
        let server = plain();
        let load = Load::new(arrivals.clone(), Until::Count(30));
        let run = wait(run(
            &server.target(),
            &load,
            Numbers::new(Reading::Chat, 1, 1000),
        ))
        .unwrap();
        assert_eq!(
            (run.records.len(), server.seen.count()),
            (30, 30),
            "{arrivals:?}"
        );
        assert!(
            run.records
                .iter()
                .all(|record| record.outcome == Outcome::Ok)
        );
        assert_eq!(run.cost.lag.is_some(), arrivals != Arrivals::AtOnce);
    }
}

#[test]
fn warm_ups_are_sent_first_and_not_recorded() {
    let server = plain();
    let load = Load::count(5).at_most(2).warmups(3);
    let run = wait(run(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, 1000),
    ))
    .unwrap();
    assert_eq!(
        (run.records.len(), server.seen.count(), run.warmups_failed),
        (5, 8, 0)
    );
    let bodies: Vec<String> = server
        .seen
        .got
        .lock()
        .unwrap()
        .iter()
        .map(|got| got.body.clone())
        .collect();
    let mut first: Vec<&str> = bodies[..3].iter().map(String::as_str).collect();
    first.sort_unstable();
    assert_eq!(
        first,
        ["0", "1", "2"],
        "prompts of their own, before all others"
    );
    // A source that is too small for both still gives the run what it has.
    let server = plain();
    let run = wait(tribunal_traffic::run(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, 5),
    ))
    .unwrap();
    assert_eq!((run.records.len(), server.seen.count()), (5, 8));
    let server = Server::new(|_, _| vec![crate::server::answer(500, "text/plain", b"no")]);
    let run = wait(tribunal_traffic::run(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, 100),
    ))
    .unwrap();
    assert_eq!(run.warmups_failed, 3);
}

#[test]
fn many_streams_are_counted_event_by_event() {
    let server = Server::new(|_, _| {
        let mut steps = vec![stream_head()];
        steps.extend((0..20).map(|_| text_event("word")));
        steps.extend(done());
        steps
    });
    let run = wait(run(
        &server.target(),
        &Load::count(30).at_most(10),
        Numbers::new(Reading::ChatStream, 1, 100),
    ))
    .unwrap();
    assert!(
        run.records
            .iter()
            .all(|record| record.outcome == Outcome::Ok && record.events.len() == 21)
    );
    assert_eq!(run.cost.events, 30 * 21);
    let coalesced: usize = run
        .records
        .iter()
        .flat_map(|record| &record.events)
        .filter(|seen| seen.coalesced)
        .count();
    assert_eq!(run.cost.coalesced, coalesced as u64);
    assert!(run.cost.median_ttft.is_some());
}
