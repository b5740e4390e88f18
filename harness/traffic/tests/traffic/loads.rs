//! When requests are sent, and what is kept of them.

use std::time::Duration;

use tribunal_traffic::{
    Arrivals, FailureClass, Load, Outcome, Ramp, Reading, Stop, TrafficError, Until, run, run_into,
};

use crate::server::{CHAT, LONG, Numbers, Server, Step, done, json, stream_head, text_event, wait};

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
fn a_run_of_some_time_ends_and_a_source_that_ends_ends_it() {
    let server = plain();
    let load = Load::new(Arrivals::AtOnce, Until::Elapsed(Duration::from_millis(200))).at_most(2);
    let long = wait(run(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, u64::MAX),
    ))
    .unwrap();
    assert!(!long.records.is_empty());
    assert!(
        long.records
            .iter()
            .all(|record| record.scheduled <= 200_000_000)
    );
    assert_eq!(
        long.records.len(),
        server.seen.count(),
        "what was drawn ahead and not sent is no request"
    );
    let short = wait(run(
        &server.target(),
        &Load::count(50).at_most(2),
        Numbers::new(Reading::Chat, 1, 7),
    ))
    .unwrap();
    assert_eq!(short.records.len(), 7);
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
    let run = wait(crate::loads::run(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, 5),
    ))
    .unwrap();
    assert_eq!((run.records.len(), server.seen.count()), (5, 8));
    let server = Server::new(|_, _| vec![crate::server::answer(500, "text/plain", b"no")]);
    let run = wait(crate::loads::run(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, 100),
    ))
    .unwrap();
    assert_eq!(run.warmups_failed, 3);
}

#[test]
fn a_share_is_given_up_on_purpose_and_its_connections_closed() {
    let server = Server::new(|_, _| vec![stream_head(), text_event("a"), Step::Hold]);
    let load = Load::count(6)
        .at_most(3)
        .cancel(1.0, Duration::from_millis(50));
    let run = wait(run(
        &server.target(),
        &load,
        Numbers::new(Reading::ChatStream, 1, 100),
    ))
    .unwrap();
    assert_eq!(run.records.len(), 6);
    assert!(
        run.records
            .iter()
            .all(|record| record.outcome == Outcome::Cancelled),
        "{:?}",
        run.records
    );
    assert!(run.records.iter().all(|record| record.end.is_none()));
    let half = Load::count(40)
        .at_most(4)
        .cancel(0.5, Duration::from_millis(30))
        .seed(3);
    let server =
        Server::new(|_, _| vec![Step::Meet(4), stream_head(), text_event("a"), Step::Hold]);
    let half = Load {
        idle_limit: Duration::from_millis(400),
        ..half
    };
    let run = wait(crate::loads::run(
        &server.target(),
        &half,
        Numbers::new(Reading::ChatStream, 1, 100),
    ))
    .unwrap();
    let cancelled = run
        .records
        .iter()
        .filter(|record| record.outcome == Outcome::Cancelled)
        .count();
    assert!((10..=30).contains(&cancelled), "{cancelled}");
}

#[test]
fn stopping_sends_no_more_and_aborting_gives_up_what_is_under_way() {
    let server = plain();
    let stop = Stop::new();
    let (mut taken, inside) = (0u64, stop.clone());
    let load = Load::rate(500.0, LONG);
    let summary = wait(run_into(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, u64::MAX),
        &mut |_| {
            taken += 1;
            if taken == 20 {
                inside.stop();
            }
        },
        &stop,
    ))
    .unwrap();
    assert!((20..20_000).contains(&taken), "{taken}");
    assert_eq!(summary.counts.all(), taken);
    assert_eq!(server.seen.count() as u64, taken - summary.counts.not_sent);

    let server = Server::new(|number, _| match number {
        0 => vec![json(CHAT)],
        _ => vec![Step::Hold],
    });
    let stop = Stop::new();
    let inside = stop.clone();
    let mut records = Vec::new();
    let load = Load::count(10).at_most(2);
    let summary = wait(run_into(
        &server.target(),
        &load,
        Numbers::new(Reading::Chat, 1, 100),
        &mut |record| {
            records.push(record);
            inside.abort();
        },
        &stop,
    ))
    .unwrap();
    assert_eq!(summary.counts.ok, 1);
    assert!(summary.counts.cancelled >= 1);
    assert!(
        records[1..]
            .iter()
            .all(|record| record.outcome == Outcome::Cancelled)
    );
}

#[test]
fn a_run_that_is_dropped_gives_up_what_is_under_way() {
    let server = Server::new(|_, _| vec![Step::Hold]);
    let (target, seen) = (server.target(), server.seen.clone());
    wait(async move {
        let load = Load::count(3).at_most(3);
        let running = run(&target, &load, Numbers::new(Reading::Chat, 1, 100));
        tokio::select! {
            ended = running => panic!("nothing was answered: {ended:?}"),
            () = async { while seen.count() < 3 { tokio::time::sleep(Duration::from_millis(5)).await } } => {}
        }
        // The server sees its connections go: until then its threads hold on.
        while seen.at_once() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
}

#[test]
fn no_server_is_a_failure_of_each_request_and_no_hang() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let target =
        tribunal_traffic::Target::new(format!("http://{}", gone.local_addr().unwrap()), "m");
    drop(gone);
    let run = wait(run(
        &target,
        &Load::count(3).at_most(2),
        Numbers::new(Reading::Chat, 1, 100),
    ))
    .unwrap();
    assert_eq!(run.records.len(), 3);
    for record in &run.records {
        let Outcome::Failed(failure) = &record.outcome else {
            panic!("{record:?}")
        };
        assert_eq!(failure.class, FailureClass::Connect);
        assert_eq!(record.sent, None);
    }
}

#[test]
fn what_cannot_be_sent_is_refused_before_anything_is() {
    let server = plain();
    let source = || Numbers::new(Reading::Chat, 1, 10);
    let refused = |load: Load, target| wait(run(&target, &load, source())).unwrap_err();
    assert!(matches!(
        refused(Load::count(0), server.target()),
        TrafficError::Load(_)
    ));
    let secure = tribunal_traffic::Target::new("https://127.0.0.1:1", "m");
    assert!(matches!(
        refused(Load::count(1), secure),
        TrafficError::Target(_)
    ));
    let strange = Numbers::new(Reading::Chat, 0, 3);
    let why = wait(run(&server.target(), &Load::count(1), strange)).unwrap_err();
    assert!(matches!(why, TrafficError::Request(_)), "{why}");
    assert_eq!(server.seen.count(), 0);
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
