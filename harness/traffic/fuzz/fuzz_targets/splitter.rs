//! The splitter of event streams: any bytes, whole and cut where the first numbers say, give the same pieces, and nothing panics.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tribunal_traffic::{Piece, Splitter};

#[derive(Debug, Default, PartialEq)]
struct Pieces {
    events: Vec<(Vec<u8>, Vec<u8>)>,
    comments: usize,
}

impl Pieces {
    fn take(&mut self, piece: Piece<'_>) {
        match piece {
            Piece::Event(name, data) => self.events.push((name.to_vec(), data.to_vec())),
            Piece::Comment => self.comments += 1,
        }
    }
}

fn split(parts: &[&[u8]]) -> (Pieces, Pieces) {
    let mut splitter = Splitter::new(1 << 20);
    let (mut pieces, mut rest) = (Pieces::default(), Pieces::default());
    for part in parts {
        splitter.push(part, |piece| pieces.take(piece)).expect("below the limit");
    }
    splitter.finish(|piece| rest.take(piece));
    (pieces, rest)
}

fuzz_target!(|input: (Vec<u8>, usize, usize)| {
    let (bytes, first, second) = input;
    // Where an event is too large depends on the read that carries it, so the limit is left alone.
    if bytes.len() > 1 << 15 {
        return;
    }
    let first = first % (bytes.len() + 1);
    let second = first + second % (bytes.len() - first + 1);
    let whole = split(&[&bytes]);
    assert_eq!(whole, split(&[&bytes[..first], &bytes[first..second], &bytes[second..]]));
    let each: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(whole, split(&each));
});
