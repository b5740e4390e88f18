//! How runs end, before and at their time.

use std::time::Duration;

use tribunal_traffic::{
    Arrivals, FailureClass, Load, Outcome, Reading, Stop, TrafficError, Until, run, run_into,
};

use crate::server::{CHAT, LONG, Numbers, Server, Step, json, stream_head, text_event, wait};

fn plain() -> Server {
    Server::new(|_, _| vec![json(CHAT)])
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
    let run = wait(tribunal_traffic::run(
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
fn a_source_that_panics_ends_the_run_with_an_error_and_no_hang() {
    struct Breaks(u32);
    impl tribunal_traffic::Source for Breaks {
        fn next(&mut self) -> Option<Vec<tribunal_traffic::Request>> {
            self.0 += 1;
            assert!(self.0 < 3, "as the test wants");
            Some(vec![crate::server::request_with(
                "{}".into(),
                Reading::Chat,
            )])
        }
    }
    let server = plain();
    let ended = wait(run(
        &server.target(),
        &Load::count(9).at_most(1),
        Box::new(Breaks(0)),
    ));
    assert!(matches!(ended, Err(TrafficError::Panicked(_))), "{ended:?}");
}

#[test]
fn a_run_may_be_awaited_on_any_thread() {
    fn is_send<T: Send>(work: T) -> T {
        work
    }
    let server = plain();
    let target = server.target();
    let load = Load::count(1);
    let work = is_send(run(&target, &load, Numbers::new(Reading::Chat, 1, 1)));
    assert_eq!(wait(work).unwrap().records.len(), 1);
}
