//! Ends of server-sent events in bytes as they come.
//!
//! Promise: an event is a block with a `data` line, as a client dispatches it (`[DONE]` is one, a comment is none), wherever the network cut the bytes; a line ends in
//! LF, CR or CRLF. Nothing is kept of what was read. Rejected: the client's parser, which keeps the text of every event: most of the work, and none of it is
//! needed here.

/// How much of a line was read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Line {
    /// That many bytes, and they are the beginning of `data`.
    Prefix(usize),
    /// More, and what it is no longer depends on what follows.
    Rest,
}

const NAME: &[u8] = b"data";
const MARK: &[u8] = b"\xEF\xBB\xBF";

/// Counts events.
#[derive(Debug)]
pub(crate) struct Events {
    /// How many have ended.
    pub count: u64,
    line: Line,
    has_data: bool,
    after_cr: bool,
    /// The CR that was read ended an event.
    due: bool,
    /// How much of a byte order mark was read at the very beginning.
    mark: Option<usize>,
    fresh: bool,
}

impl Events {
    pub(crate) fn new() -> Self {
        Self {
            count: 0,
            line: Line::Prefix(0),
            has_data: false,
            after_cr: false,
            due: false,
            mark: Some(0),
            fresh: true,
        }
    }

    /// Whether the next byte is the first of an event.
    pub(crate) fn fresh(&self) -> bool {
        self.fresh
    }

    /// Reads up to the next end of an event: how many bytes that took. `None`: all of them, and none has ended.
    pub(crate) fn scan(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at];
            if std::mem::take(&mut self.after_cr) {
                let belongs = usize::from(byte == b'\n');
                at += belongs;
                if std::mem::take(&mut self.due) {
                    return Some(self.ended(at));
                }
                if belongs == 1 {
                    continue;
                }
            }
            if let Some(seen) = self.mark {
                if seen < MARK.len() && byte == MARK[seen] {
                    self.mark = Some(seen + 1);
                    at += 1;
                    continue;
                }
                self.mark = None;
            }
            self.fresh = false;
            match (byte, self.line) {
                (b'\n' | b'\r', line) => {
                    at += 1;
                    self.line = Line::Prefix(0);
                    self.has_data |= line == Line::Prefix(NAME.len());
                    let fires = line == Line::Prefix(0) && std::mem::take(&mut self.has_data);
                    if byte == b'\r' {
                        (self.after_cr, self.due) = (true, fires);
                    } else if fires {
                        return Some(self.ended(at));
                    }
                }
                (_, Line::Prefix(n)) => {
                    at += 1;
                    self.has_data |= n == NAME.len() && byte == b':';
                    self.line = match NAME.get(n) {
                        Some(next) if *next == byte => Line::Prefix(n + 1),
                        _ => Line::Rest,
                    };
                }
                (_, Line::Rest) => {
                    at += memchr::memchr2(b'\n', b'\r', &bytes[at..])?;
                }
            }
        }
        None
    }

    fn ended(&mut self, at: usize) -> usize {
        self.count += 1;
        self.fresh = true;
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tribunal_client::SseParser;

    /// Where events end, fed in pieces of these lengths.
    fn ends(text: &[u8], pieces: &[usize]) -> Vec<usize> {
        let (mut events, mut found, mut from) = (Events::new(), Vec::new(), 0);
        let mut lengths = pieces.iter().copied().chain(std::iter::repeat(text.len()));
        while from < text.len() {
            let until = text.len().min(from + lengths.next().unwrap_or(1).max(1));
            let mut at = from;
            while let Some(n) = events.scan(&text[at..until]) {
                at += n;
                found.push(at);
            }
            from = until;
        }
        found
    }

    #[test]
    fn an_event_is_a_block_with_data() {
        for (text, expected) in [
            ("data: a\n\n", vec![9]),
            ("data: a\n\ndata: b\n\n", vec![9, 18]),
            (": ping\n\n", vec![]),
            ("event: x\n\n", vec![]),
            ("event: x\ndata\n\n", vec![15]),
            ("datax: 1\n\n", vec![]),
            ("data:1\r\n\r\n", vec![10]),
            ("\u{feff}data:1\n\n", vec![11]),
            ("data:1\n", vec![]),
            ("data:1\n\n\n\n", vec![8]),
            // After a lone CR it takes the next byte to know that no LF follows.
            ("data:1\r\rdata:2\r\r", vec![8]),
        ] {
            assert_eq!(ends(text.as_bytes(), &[]), expected, "{text:?}");
            assert_eq!(ends(text.as_bytes(), &[1; 40]), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn it_counts_what_a_client_dispatches(text in "(data|event|id|:|da|é|\u{feff}|\r\n|\r|\n| |1){0,40}", pieces in prop::collection::vec(1usize..9, 0..20)) {
            let mut parsed = Vec::new();
            let mut parser = SseParser::new(1 << 20);
            // So that a CR at the end is followed by something.
            let text = format!("{text}x");
            parser.push(text.as_bytes(), &mut parsed).unwrap();
            prop_assert_eq!(ends(text.as_bytes(), &pieces).len(), parsed.len());
        }
    }
}
