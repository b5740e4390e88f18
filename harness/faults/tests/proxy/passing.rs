use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;

use tribunal_faults::{Ended, Outcome, Proxy};

use crate::fake::{Client, End, Fake, event, nobody, payload, until};

#[test]
fn everything_passes_and_is_counted_by_request() {
    let fake = Fake::start();
    let proxy = Proxy::open(fake.address, 0).unwrap();
    let mut client = Client::connect(proxy.address());
    client.get("/stream/3");
    let stream = client.whole_stream();
    assert_eq!(
        payload(&stream),
        format!("{}{}{}data: [DONE]\n\n", event(0), event(1), event(2))
    );
    client.get("/plain");
    client.hello();
    client.get("/stream/1");
    client.whole_stream();
    until("all is written down", || proxy.stats().answered == 3);
    let stats = proxy.stats();
    assert_eq!(
        (stats.accepted, stats.open, stats.requests, stats.events),
        (1, 1, 3, 6)
    );
    assert_eq!(stats.conserved(), Ok(()));
    let connection = &stats.connections[0];
    assert_eq!(connection.ended, None);
    let requests: Vec<_> = connection
        .requests
        .iter()
        .map(|r| (r.target.as_str(), r.status, r.events, r.outcome))
        .collect();
    assert_eq!(
        requests,
        [
            ("/stream/3", Some(200), Some(4), Outcome::Answered),
            ("/plain", Some(200), Some(0), Outcome::Answered),
            ("/stream/1", Some(200), Some(2), Outcome::Answered),
        ]
    );
    assert_eq!(connection.requests[0].bytes, stream.len() as u64);
    drop(client);
    until("it is closed", || proxy.stats().open == 0);
    assert_eq!(proxy.stats().connections[0].ended, Some(Ended::ByClient));
    until("the server knows", || {
        fake.seen.ended.load(Ordering::Relaxed) == 1
    });
}

#[test]
fn unusual_messages_keep_their_order() {
    let fake = Fake::start();
    let proxy = Proxy::open(fake.address, 0).unwrap();
    let mut client = Client::connect(proxy.address());
    client.send("HEAD /plain HTTP/1.1\r\n\r\n");
    client.until("content-length: 5\r\n\r\n");
    // Two at once.
    client.send("GET /plain HTTP/1.1\r\n\r\nGET /plain HTTP/1.1\r\n\r\n");
    client.hello();
    client.hello();
    client.send("POST /plain HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
    client.until("100 Continue\r\n\r\n");
    client.send("{}");
    client.hello();
    // A body that ends with its connection.
    client.get("/closing/2");
    let (bytes, end) = client.read_out();
    assert!(
        String::from_utf8(bytes)
            .unwrap()
            .ends_with("data: [DONE]\n\n")
    );
    assert_eq!(end, End::Closed);
    drop(client);
    until("all is written down", || proxy.stats().open == 0);
    let stats = proxy.stats();
    assert_eq!((stats.requests, stats.answered, stats.broken), (5, 5, 0));
    assert_eq!(stats.connections[0].ended, Some(Ended::ByServer));
    assert_eq!(
        fake.requests(),
        ["/plain", "/plain", "/plain", "/plain {}", "/closing/2"]
    );
}

#[test]
fn what_is_not_http_passes_uncounted() {
    let fake = Fake::start();
    let proxy = Proxy::open(fake.address, 0).unwrap();
    let mut client = Client::connect(proxy.address());
    client
        .stream
        .write_all(b"\x16\x03\x01\x02\x00\x01")
        .unwrap();
    let (bytes, end) = client.read_out();
    assert_eq!((bytes.as_slice(), end), (&b"what?"[..], End::Closed));
    drop(client);
    until("it is closed", || proxy.stats().open == 0);
    let connection = &proxy.stats().connections[0];
    assert_eq!((connection.to_server, connection.to_client), (6, 5));
    assert_eq!(
        (connection.events, connection.request_count),
        (None, 0),
        "unknown, and not zero"
    );
}

#[test]
fn an_abort_of_the_client_reaches_the_server() {
    let fake = Fake::start();
    let proxy = Proxy::open(fake.address, 0).unwrap();
    let mut client = Client::connect(proxy.address());
    client.get("/held/2");
    client.until(&event(1));
    drop(client);
    until("it is known", || {
        proxy.stats().connections[0].ended == Some(Ended::ByClient)
    });
    fake.go();
    until("it is over", || {
        proxy.stats().open == 0 && fake.seen.ended.load(Ordering::Relaxed) == 1
    });
    let stats = proxy.stats();
    assert_eq!(stats.conserved(), Ok(()));
    assert_eq!(stats.requests, 1);
}

#[test]
fn nobody_behind_it_is_a_reset() {
    let fake = Fake::start();
    let (_held, nobody) = nobody();
    let proxy = Proxy::open(nobody, 0).unwrap();
    let mut client = Client::connect(proxy.address());
    assert_eq!(client.read_out(), (Vec::new(), End::Reset));
    until("it is told", || {
        proxy.stats().connections[0].closed.is_some()
    });
    assert!(matches!(
        proxy.stats().connections[0].ended,
        Some(Ended::NoServer(_))
    ));
    proxy.set_server(fake.address);
    let mut client = Client::connect(proxy.address());
    client.get("/plain");
    client.hello();
}

#[test]
fn cutting_and_dropping_end_every_connection() {
    let fake = Fake::start();
    let proxy = Proxy::open(fake.address, 0).unwrap();
    let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(proxy.address())).collect();
    for client in &mut clients {
        client.get("/held/1");
        client.until(&event(0));
    }
    proxy.close_all();
    for client in &mut clients {
        assert_eq!(client.read_out().1, End::Reset);
    }
    until("it is told", || proxy.stats().open == 0);
    let stats = proxy.stats();
    assert!(
        stats
            .connections
            .iter()
            .all(|c| c.ended == Some(Ended::Cut))
    );
    assert_eq!((stats.broken, stats.conserved()), (3, Ok(())));
    let mut client = Client::connect(proxy.address());
    client.get("/held/1");
    client.until(&event(0));
    let address = proxy.address();
    drop(proxy);
    let refused = TcpStream::connect(address).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    client.read_out();
    fake.go();
    until("the server is rid of them", || {
        fake.seen.ended.load(Ordering::Relaxed) == 4
    });
}
