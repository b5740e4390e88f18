use super::*;
use proptest::prelude::*;

/// What was seen of these bytes, fed in pieces: per message its length, the places where events end in it, and the payload.
#[derive(Debug, Default, PartialEq, Clone)]
struct Seen {
    length: u64,
    events: Vec<u64>,
    payload: Vec<u8>,
}

fn read(side: Side, bytes: &[u8], pieces: &[usize]) -> (Vec<Seen>, Wire) {
    let mut wire = Wire::new(side);
    let (mut seen, mut from): (Vec<Seen>, _) = (Vec::new(), 0);
    let mut lengths = pieces.iter().copied().chain(std::iter::repeat(bytes.len()));
    while from < bytes.len() {
        let until = bytes.len().min(from + lengths.next().unwrap_or(1).max(1));
        while from < until {
            if wire.between() {
                seen.push(Seen::default());
            }
            let step = wire.step(&bytes[from..until]);
            let message = seen.last_mut().unwrap();
            if step.kind == Kind::Payload {
                message
                    .payload
                    .extend_from_slice(&bytes[from..from + step.len]);
            }
            if step.mark == Mark::Event {
                message.events.push(wire.position);
            }
            from += step.len;
            message.length = wire.position;
        }
    }
    (seen, wire)
}

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
    9\r\ndata: 1\n\n\r\n4\r\ndata\r\n5;x=y\r\n: é\n\r\n1\r\n\n\r\n0\r\n\r\n";
const PLAIN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabcd";

#[test]
fn messages_end_where_their_framing_says() {
    let both = format!("{STREAM}{PLAIN}");
    for pieces in [vec![], vec![1; 400], vec![7; 60]] {
        let (seen, wire) = read(Side::Response, both.as_bytes(), &pieces);
        assert!(wire.between());
        assert_eq!(seen.len(), 2, "{seen:?}");
        assert_eq!(seen[0].length, STREAM.len() as u64);
        assert_eq!(seen[0].payload, "data: 1\n\ndata: é\n\n".as_bytes());
        let first = STREAM.find("\n\n\r\n").unwrap() as u64 + 2;
        assert_eq!(seen[0].events, [first, STREAM.len() as u64 - 7]);
        assert_eq!(seen[1].payload, b"abcd");
        assert!(seen[1].events.is_empty());
    }
}

#[test]
fn requests_end_where_their_framing_says() {
    let text = "\r\nPOST /a HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}GET /b HTTP/1.1\nhost: x\n\nPOST /c HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n\
        2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n";
    for pieces in [vec![], vec![1; 400]] {
        let (seen, wire) = read(Side::Request, text.as_bytes(), &pieces);
        assert!(wire.between());
        let bodies: Vec<&[u8]> = seen.iter().map(|m| m.payload.as_slice()).collect();
        assert_eq!(bodies, [&b"{}"[..], b"", b"hi"]);
    }
}

#[test]
fn other_protocols_are_opaque() {
    for bytes in [
        &b"\x16\x03\x01\x02"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
    ] {
        let (_, wire) = read(Side::Request, bytes, &[1; 50]);
        assert!(wire.opaque(), "{bytes:?}");
    }
    let long = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(LONGEST_HEAD));
    assert!(
        read(Side::Response, long.as_bytes(), &[1000; 300])
            .1
            .opaque()
    );
    let huge = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffffff\r\n";
    assert!(read(Side::Response, huge.as_bytes(), &[]).1.opaque());
}

#[test]
fn a_body_may_end_with_its_connection() {
    let text = "HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: 1\n\ndata: 2\n\n";
    let (seen, wire) = read(Side::Response, text.as_bytes(), &[]);
    assert!(wire.until_close());
    assert_eq!(seen[0].events.len(), 2);
}

proptest! {
    #[test]
    fn how_the_network_cuts_makes_no_difference(pieces in prop::collection::vec(1usize..30, 0..60), times in 1usize..4) {
        let text = format!("{STREAM}{PLAIN}").repeat(times);
        let (whole, _) = read(Side::Response, text.as_bytes(), &[]);
        let (cut, _) = read(Side::Response, text.as_bytes(), &pieces);
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn nonsense_is_passed_over(bytes in prop::collection::vec(any::<u8>(), 1..300), pieces in prop::collection::vec(1usize..30, 0..60)) {
        for side in [Side::Request, Side::Response] {
            let begun = [if side == Side::Request { &b"GET / HTTP/1.1\r\n"[..] } else { b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" }, &bytes].concat();
            read(side, &begun, &pieces);
            read(side, &bytes, &pieces);
        }
    }
}
