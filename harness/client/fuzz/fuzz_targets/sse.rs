//! The parser of server-sent events: any bytes, whole and cut where the first bytes say, give the
//! same events, and nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tribunal_client::{SseEvent, SseParser};

fn parse(parts: &[&[u8]]) -> (Vec<SseEvent>, bool, Option<SseEvent>, u64) {
    let mut parser = SseParser::new(1 << 16);
    let mut events = Vec::new();
    for part in parts {
        if parser.push(part, &mut events).is_err() {
            return (events, true, None, 0);
        }
    }
    let comments = parser.comments();
    (events, false, parser.finish(), comments)
}

fuzz_target!(|input: (Vec<u8>, usize, usize)| {
    let (bytes, first, second) = input;
    // Where an event is too large depends on the piece that carries it, so the limit is left alone.
    if bytes.len() > 1 << 15 {
        return;
    }
    let first = first % (bytes.len() + 1);
    let second = first + second % (bytes.len() - first + 1);
    let whole = parse(&[&bytes]);
    assert_eq!(whole, parse(&[&bytes[..first], &bytes[first..second], &bytes[second..]]));
    let each: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(whole, parse(&each));
});
