//! Feeds the parser of server-sent events millions of generated events, well-formed and not, whole
//! and in every kind of split, and stops at the first difference.
//!
//! `cargo run --release -p tribunal-client --example sse_flood -- [EVENTS] [SEED]`; 10 million events
//! if nothing is said. The same seed generates the same bytes.

use std::process::ExitCode;
use std::time::Instant;

use tribunal_client::{SseEvent, SseParser};

/// A small generator of numbers (xorshift64*): good enough to vary bytes, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % sides
    }
}

const LINE_ENDS: [&str; 3] = ["\n", "\r\n", "\r"];
const TEXTS: [&str; 8] = [
    "",
    "x",
    "[DONE]",
    " two  blanks",
    "{\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}",
    "grüße 日本 🦀",
    "data: not a field",
    ": no comment",
];
const GARBAGE: [&[u8]; 16] = [
    b"data",
    b"data:",
    b"data: ",
    b"event: e",
    b"id: 1",
    b"id: \0",
    b"retry: 9",
    b"retry: -1",
    b":",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\xEF\xBB\xBF",
    b"\xFF\xC0",
    b"\xE6\x97",
];

/// A well-formed stream and the events that it must give.
fn written(dice: &mut Dice, bytes: &mut Vec<u8>, want: &mut Vec<SseEvent>) {
    if dice.roll(4) == 0 {
        bytes.extend_from_slice(b"\xEF\xBB\xBF");
    }
    // One kind of line end for each stream: a lone CR before a LF would read as one.
    let end = LINE_ENDS[dice.roll(3)];
    let line = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(end.as_bytes());
    };
    for _ in 0..1 + dice.roll(40) {
        let mut event = SseEvent::default();
        if dice.roll(8) == 0 {
            line(bytes, ": keep-alive");
        }
        if dice.roll(4) == 0 {
            event.event = Some("delta".into());
            line(bytes, "event: delta");
        }
        if dice.roll(8) == 0 {
            event.id = Some("7".into());
            line(bytes, "id:7");
        }
        if dice.roll(16) == 0 {
            event.retry = Some(250);
            line(bytes, "retry: 250");
        }
        let lines: Vec<&str> = (0..1 + dice.roll(3))
            .map(|_| TEXTS[dice.roll(TEXTS.len())])
            .collect();
        for text in &lines {
            line(bytes, &format!("data: {text}"));
        }
        event.data = lines.join("\n");
        line(bytes, "");
        want.push(event);
    }
}

fn garbage(dice: &mut Dice, bytes: &mut Vec<u8>) {
    for _ in 0..1 + dice.roll(200) {
        match dice.roll(24) {
            kind if kind < GARBAGE.len() => bytes.extend_from_slice(GARBAGE[kind]),
            _ => bytes.push(dice.roll(256) as u8),
        }
    }
}

type Parsed = (Vec<SseEvent>, Option<SseEvent>, u64);

fn parse(bytes: &[u8], mut next: impl FnMut() -> usize) -> Parsed {
    let mut parser = SseParser::new(1 << 20);
    let mut events = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(next().clamp(1, rest.len()));
        parser.push(piece, &mut events).expect("below the limit");
        rest = after;
    }
    let comments = parser.comments();
    (events, parser.finish(), comments)
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mut number = |or| match arguments.next() {
        None => Some(or),
        Some(text) => text.replace('_', "").parse::<u64>().ok(),
    };
    let (Some(goal), Some(seed)) = (number(10_000_000), number(20)) else {
        eprintln!("usage: sse_flood [EVENTS] [SEED], both whole numbers");
        return ExitCode::from(2);
    };
    // A state of zero would stay zero.
    let mut dice = Dice(seed.max(1));
    let start = Instant::now();
    let (mut events, mut streams, mut fed) = (0u64, 0u64, 0u64);
    while events < goal {
        let (mut bytes, mut want) = (Vec::new(), Vec::new());
        let honest = dice.roll(3) > 0;
        if honest {
            written(&mut dice, &mut bytes, &mut want);
        } else {
            garbage(&mut dice, &mut bytes);
        }
        let whole = parse(&bytes, || usize::MAX);
        let widest = 1 + dice.roll(64);
        let splits = [
            parse(&bytes, || 1),
            parse(&bytes, || 1 + dice.roll(widest)),
            parse(&bytes, || 1 + dice.roll(3)),
        ];
        if splits.iter().any(|split| *split != whole) || honest && whole.0 != want {
            eprintln!(
                "seed {seed}, stream {streams}: the events differ; the bytes: {}",
                bytes.escape_ascii()
            );
            return ExitCode::FAILURE;
        }
        events += (whole.0.len() * (1 + splits.len())) as u64;
        fed += (bytes.len() * (1 + splits.len())) as u64;
        streams += 1;
    }
    let took = start.elapsed().as_secs_f64();
    println!(
        "{events} events of {streams} streams, {fed} bytes, each stream in 4 splits: no difference, no panic; {took:.1} s, {:.1} million events a second",
        events as f64 / took / 1e6
    );
    ExitCode::SUCCESS
}
