use std::future::{Future, pending, ready};
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use tribunal_faults::{
    AbortAt, ClientAbort, ClientFaultError, Ended, Leave, Malformed, Proxy, RawEnd, RawRequest,
    SlowReader, send_raw,
};

use crate::fake::{DEADLINE, Fake, nobody, until};

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

#[test]
fn an_abort_after_events_has_seen_them_and_the_server_sees_it() {
    let fake = Fake::start();
    let proxy = Proxy::open(fake.address, 0).unwrap();
    for (leave, ended) in [
        (Leave::Close, Ended::ByClient),
        (Leave::Reset, Ended::ResetByClient),
    ] {
        let abort = ClientAbort::new(AbortAt::AfterEvents(2)).leave(leave);
        let aborted = run(abort.run(proxy.address(), &RawRequest::get("/held/2"))).unwrap();
        assert_eq!((aborted.seen.events, aborted.seen.status), (2, Some(200)));
        let of = || {
            proxy
                .stats()
                .connections
                .into_iter()
                .find(|c| c.peer == aborted.client)
                .unwrap()
        };
        until("the other side knows", || of().ended == Some(ended.clone()));
        assert_eq!(of().requests[0].events, Some(2));
    }
    fake.go();
    until("both are over", || {
        fake.seen.ended.load(Ordering::Relaxed) == 2
    });
    until("both are written down", || proxy.stats().open == 0);
    assert_eq!(proxy.stats().conserved(), Ok(()));
}

#[test]
fn aborts_before_there_is_anything_to_see() {
    let fake = Fake::start();
    let proxy = Proxy::open(fake.address, 0).unwrap();
    let go = |at, request: &RawRequest| {
        run(ClientAbort::new(at).run(proxy.address(), request))
            .unwrap()
            .seen
    };
    let post = RawRequest::post("/late", &json!({"prompt": "x".repeat(1000)}));
    assert_eq!(go(AbortAt::DuringRequest, &post).bytes, 0);
    until("it is over", || proxy.stats().open == 0);
    assert_eq!(fake.requests(), [""; 0], "half a request is none");
    assert_eq!(go(AbortAt::BeforeFirstByte, &post).bytes, 0);
    until("the server has it", || fake.requests().len() == 1);
    // The head of the stream may have come; no event has.
    let prefill = AbortAt::DuringPrefill(Duration::from_millis(1));
    assert_eq!(go(prefill, &RawRequest::get("/held/0")).events, 0);
    let proof = async {
        until("the server has it", || {
            fake.requests().iter().any(|r| r.starts_with("/late/7"))
        });
        Ok(())
    };
    let (abort, request) = (ClientAbort::new(prefill), RawRequest::get("/late/7"));
    let proven = abort.run_when(proxy.address(), &request, proof);
    assert_eq!(run(proven).unwrap().seen.bytes, 0);
    fake.go();
    until("all are over", || proxy.stats().open == 0);
    // Whether a response to somebody who has gone was sent is a matter of who is faster; who went is not.
    let stats = proxy.stats();
    assert!(
        stats
            .connections
            .iter()
            .all(|c| c.ended == Some(Ended::ByClient))
    );
    assert_eq!(stats.conserved(), Ok(()));
}

#[test]
fn an_abort_that_did_not_happen_is_an_error() {
    let fake = Fake::start();
    let error = |abort: ClientAbort, target: &str| {
        run(abort.run(fake.address, &RawRequest::get(target))).unwrap_err()
    };
    let early = error(ClientAbort::new(AbortAt::AfterEvents(9)), "/stream/3");
    assert!(matches!(early, ClientFaultError::EndedEarly { .. }));
    assert!(
        early.to_string().starts_with(
            "the response ended before an abort after 9 events (status 200, 4 events, "
        ),
        "{early}"
    );
    let late = error(
        ClientAbort::new(AbortAt::DuringPrefill(DEADLINE)),
        "/held/3",
    );
    assert!(
        matches!(late, ClientFaultError::TooLate { seen, .. } if seen.events > 0),
        "{late}"
    );
    let never = ClientAbort::new(AbortAt::AfterEvents(9)).within(Duration::from_millis(50));
    let never = error(never, "/held/3");
    assert!(
        matches!(never, ClientFaultError::TimedOut { .. }),
        "{never}"
    );
    let proof = ready(Err("no request runs".to_string()));
    let abort = ClientAbort::new(AbortAt::DuringPrefill(Duration::ZERO));
    let unproven = run(abort.run_when(fake.address, &RawRequest::get("/late"), proof)).unwrap_err();
    assert_eq!(unproven.to_string(), "not proven: no request runs");
    let (_held, nobody) = nobody();
    let nobody = run(abort.run(nobody, &RawRequest::get("/"))).unwrap_err();
    assert!(
        matches!(nobody, ClientFaultError::Connection { .. }),
        "{nobody}"
    );
}

#[test]
fn a_slow_reader_holds_its_server_up() {
    let fake = Fake::start();
    let slow = SlowReader::new(7, Duration::ZERO);
    let read = run(slow.run(fake.address, &RawRequest::get("/stream/2"), pending())).unwrap();
    assert_eq!((read.whole, read.seen.events), (true, 3));
    let slow = SlowReader::new(16, Duration::from_millis(1));
    // More time where the machine is too busy for the server to get so far.
    let held = [200, 2_000, 20_000].into_iter().any(|time| {
        let over = tokio::time::sleep;
        let read = run(async {
            slow.run(
                fake.address,
                &RawRequest::get("/stream/200000"),
                over(Duration::from_millis(time)),
            )
            .await
        });
        let read = read.unwrap();
        assert!(!read.whole);
        read.held_back > Some(0) || !cfg!(target_os = "linux")
    });
    assert!(held, "its send buffer was never seen with anything in it");
}

#[test]
fn answers_to_anything_are_told_as_they_are() {
    let fake = Fake::start();
    let answer = |malformed: Malformed| {
        run(send_raw(
            fake.address,
            &malformed.bytes("/plain", 1),
            malformed.ends(),
            DEADLINE,
        ))
        .unwrap()
    };
    let json = answer(Malformed::CutJson);
    assert_eq!(
        (json.status, json.body().as_str(), json.end),
        (Some(200), "hello", RawEnd::Open)
    );
    let tls = answer(Malformed::Tls);
    assert_eq!(
        (tls.status, tls.bytes.as_slice(), tls.end),
        (None, &b"what?"[..], RawEnd::Closed)
    );
    assert_eq!(answer(Malformed::ShortBody).end, RawEnd::Closed);
    let waiting = run(send_raw(
        fake.address,
        b"GET /pl",
        false,
        Duration::from_millis(20),
    ))
    .unwrap();
    assert_eq!((waiting.status, waiting.end), (None, RawEnd::Waiting));
}
