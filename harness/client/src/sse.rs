//! Server-sent events, parsed by the rules of the HTML standard, from any split of bytes.
//!
//! Promise: the events depend on the bytes alone, never on how the network cut them; a line may end
//! in LF, CR or CRLF; one byte order mark at the start is dropped; comments count but yield nothing;
//! the size of one event is bounded; nothing panics.
//!
//! Rejected: the `sse-stream` crate. It reads the same grammar (a property test here compares the
//! two), but it has no bound on the size of an event, and it drops an unfinished last block without
//! a word, so a server that forgets the blank line after `[DONE]` could not be told from one that
//! never sent it. A test harness must see both.

/// One dispatched event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// The `event:` field; `None` where the block has none (a client then says "message").
    pub event: Option<String>,
    /// The `data:` lines, joined with LF.
    pub data: String,
    /// The `id:` field of this block; ids are not inherited from earlier blocks.
    pub id: Option<String>,
    /// The `retry:` field, in milliseconds.
    pub retry: Option<u64>,
    /// The data held bytes that are no UTF-8; each such run was replaced by U+FFFD, as the standard
    /// asks.
    pub invalid_utf8: bool,
}

/// An event grew beyond the limit that the parser was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SseTooLarge {
    /// The limit, in bytes.
    pub limit: usize,
}

impl std::fmt::Display for SseTooLarge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "one server-sent event is larger than {} bytes",
            self.limit
        )
    }
}

impl std::error::Error for SseTooLarge {}

/// A parser that is fed bytes as they come.
#[derive(Debug)]
pub struct SseParser {
    limit: usize,
    line: Vec<u8>,
    first_line: bool,
    skip_lf: bool,
    block: Block,
    comments: u64,
}

#[derive(Debug, Default)]
struct Block {
    event: Option<String>,
    data: Vec<u8>,
    has_data: bool,
    id: Option<String>,
    retry: Option<u64>,
}

impl SseParser {
    /// A parser that refuses events of more than `limit` bytes (data and the line being read).
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            first_line: true,
            skip_lf: false,
            block: Block::default(),
            comments: 0,
        }
    }

    /// Feed the next bytes; the events that they complete are appended to `events`.
    ///
    /// # Errors
    /// [`SseTooLarge`] where one event exceeds the limit. Events completed before it are in
    /// `events`; the parser must not be fed further.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        events: &mut Vec<SseEvent>,
    ) -> Result<(), SseTooLarge> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.skip_lf) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = &bytes[..end.unwrap_or(bytes.len())];
            if self
                .line
                .len()
                .saturating_add(part.len())
                .saturating_add(self.block.data.len())
                > self.limit
            {
                return Err(SseTooLarge { limit: self.limit });
            }
            self.line.extend_from_slice(part);
            let Some(end) = end else { break };
            self.skip_lf = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
            self.end_line(events);
        }
        Ok(())
    }

    /// How many comment lines came so far (servers send them to keep a quiet connection open).
    pub fn comments(&self) -> u64 {
        self.comments
    }

    /// The stream is over: the last block, if it has data but lacks the blank line that would have
    /// dispatched it. A standard client drops such a block.
    pub fn finish(mut self) -> Option<SseEvent> {
        let mut events = Vec::new();
        if !self.line.is_empty() {
            self.end_line(&mut events);
        }
        self.dispatch(&mut events);
        events.pop()
    }

    fn end_line(&mut self, events: &mut Vec<SseEvent>) {
        let mut line = std::mem::take(&mut self.line);
        {
            let mut text = line.as_slice();
            if std::mem::take(&mut self.first_line) {
                text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
            }
            match text {
                [] => self.dispatch(events),
                [b':', ..] => self.comments += 1,
                _ => self.field(text),
            }
        }
        // The buffer is kept for the next line: one allocation per stream instead of one per line.
        line.clear();
        self.line = line;
    }

    fn field(&mut self, line: &[u8]) {
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = match colon {
            Some(at) => (
                &line[..at],
                line[at + 1..].strip_prefix(b" ").unwrap_or(&line[at + 1..]),
            ),
            None => (line, &b""[..]),
        };
        match name {
            b"data" => {
                if self.block.has_data {
                    self.block.data.push(b'\n');
                }
                self.block.has_data = true;
                self.block.data.extend_from_slice(value);
            }
            b"event" => self.block.event = Some(String::from_utf8_lossy(value).into_owned()),
            b"id" if !value.contains(&0) => {
                self.block.id = Some(String::from_utf8_lossy(value).into_owned())
            }
            // The standard wants ASCII digits alone: no sign, no blank.
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                self.block.retry = std::str::from_utf8(value)
                    .ok()
                    .and_then(|text| text.parse().ok())
                    .or(self.block.retry);
            }
            _ => {}
        }
    }

    fn dispatch(&mut self, events: &mut Vec<SseEvent>) {
        let block = std::mem::take(&mut self.block);
        if !block.has_data {
            return;
        }
        let (data, invalid_utf8) = match String::from_utf8(block.data) {
            Ok(text) => (text, false),
            Err(error) => (String::from_utf8_lossy(error.as_bytes()).into_owned(), true),
        };
        events.push(SseEvent {
            event: block.event,
            data,
            id: block.id,
            retry: block.retry,
            invalid_utf8,
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt, StreamExt, stream};
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 1 << 20;

    fn parse(parts: &[&[u8]]) -> (Vec<SseEvent>, Option<SseEvent>, u64) {
        let mut parser = SseParser::new(LIMIT);
        let mut events = Vec::new();
        for part in parts {
            parser.push(part, &mut events).expect("below the limit");
        }
        let comments = parser.comments();
        (events, parser.finish(), comments)
    }

    fn data(parts: &[&[u8]]) -> Vec<String> {
        parse(parts).0.into_iter().map(|event| event.data).collect()
    }

    #[test]
    fn every_line_ending_ends_a_line() {
        for text in [
            "data: a\n\ndata: b\n\n",
            "data: a\r\n\r\ndata: b\r\n\r\n",
            "data: a\r\rdata: b\r\r",
        ] {
            assert_eq!(data(&[text.as_bytes()]), ["a", "b"], "{text:?}");
        }
    }

    #[test]
    fn a_crlf_cut_in_the_middle_is_one_line_ending() {
        assert_eq!(data(&[b"data: a\r", b"\n\r", b"\n"]), ["a"]);
        assert_eq!(data(&[b"data: a\r", b"\ndata: b\r", b"\n\r\n"]), ["a\nb"]);
    }

    #[test]
    fn a_byte_order_mark_is_dropped_at_the_start_only() {
        assert_eq!(data(&[b"\xEF", b"\xBB", b"\xBFdata: a\n\n"]), ["a"]);
        assert_eq!(
            data(&[b"data: a\n\n\xEF\xBB\xBFdata: b\n\n"]),
            ["a"],
            "a later mark belongs to the field name"
        );
    }

    #[test]
    fn several_data_lines_join_with_a_line_feed_and_one_blank_is_stripped() {
        assert_eq!(data(&[b"data:  a\ndata:b\ndata\n\n"]), [" a\nb\n"]);
    }

    #[test]
    fn comments_are_counted_and_yield_nothing() {
        let (events, rest, comments) = parse(&[b": ping\n\n:\n\ndata: a\n\n"]);
        assert_eq!((events.len(), rest, comments), (1, None, 2));
    }

    #[test]
    fn other_fields_are_kept_with_their_block_and_do_not_leak_into_the_next() {
        let (events, ..) = parse(&[b"event: error\nid: 7\nretry: 250\nretry: +1\nnonsense: x\ndata: a\n\nid: 8\n\ndata: b\n\n"]);
        assert_eq!(
            events[0],
            SseEvent {
                event: Some("error".into()),
                data: "a".into(),
                id: Some("7".into()),
                retry: Some(250),
                invalid_utf8: false
            }
        );
        assert_eq!(
            events[1],
            SseEvent {
                data: "b".into(),
                ..SseEvent::default()
            }
        );
    }

    #[test]
    fn an_unfinished_last_block_is_handed_out_apart() {
        for text in [
            &b"data: a\n\ndata: [DONE]"[..],
            b"data: a\n\ndata: [DONE]\n",
        ] {
            let (events, rest, _) = parse(&[text]);
            assert_eq!(events.len(), 1);
            assert_eq!(rest.expect("the last block").data, "[DONE]");
        }
        assert_eq!(
            parse(&[b"data: a\n\nid: 3"]).1,
            None,
            "a block without data is none"
        );
    }

    #[test]
    fn bytes_that_are_no_utf8_are_replaced_and_told() {
        let (events, ..) = parse(&[b"data: a\xFFb\n\ndata: ok\n\n"]);
        assert_eq!(
            (events[0].data.as_str(), events[0].invalid_utf8),
            ("a\u{FFFD}b", true)
        );
        assert!(!events[1].invalid_utf8);
    }

    #[test]
    fn an_event_beyond_the_limit_is_refused_wherever_it_grows() {
        let mut events = Vec::new();
        let mut one_line = SseParser::new(16);
        assert_eq!(one_line.push(b"data: 0123456789", &mut events), Ok(()));
        assert_eq!(
            one_line.push(b"x", &mut events),
            Err(SseTooLarge { limit: 16 })
        );
        let mut many_lines = SseParser::new(16);
        assert_eq!(
            many_lines.push(b"data: 01234567\ndata: 890\n", &mut events),
            Err(SseTooLarge { limit: 16 })
        );
        let mut small = SseParser::new(16);
        assert_eq!(
            small.push(&b"data: 012\n\n".repeat(100), &mut events),
            Ok(()),
            "the limit is one event's, not the stream's"
        );
    }

    /// What the streams of the property tests are made of. An index into a table instead of a choice
    /// of strategies: the tests spend their time in the parser.
    const PIECES: [&[u8]; 13] = [
        b"data: ",
        b"data",
        b"event: x",
        b"id: 1",
        b"retry: 3",
        b":",
        b"\n",
        b"\r",
        b"\r\n",
        b"\xEF\xBB\xBF",
        "grüße 日本".as_bytes(),
        b" ",
        b"[DONE]",
    ];

    fn stream_text() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(0..PIECES.len(), 0..60).prop_map(|pieces| {
            pieces
                .into_iter()
                .flat_map(|piece| PIECES[piece])
                .copied()
                .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: proptest::test_runner::RngSeed::Fixed(20), ..ProptestConfig::default() })]

        #[test]
        fn any_split_gives_the_same_events(bytes in stream_text(), cuts in proptest::collection::vec(0usize..400, 0..12)) {
            let whole = parse(&[&bytes]);
            let each: Vec<&[u8]> = bytes.chunks(1).collect();
            prop_assert_eq!(&whole, &parse(&each));
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
            cuts.sort_unstable();
            let parts: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(&whole, &parse(&parts));
        }

        #[test]
        fn arbitrary_bytes_never_panic_and_split_alike(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0usize..400) {
            let cut = cut.min(bytes.len());
            prop_assert_eq!(parse(&[&bytes]), parse(&[&bytes[..cut], &bytes[cut..]]));
        }

        /// An independent implementation of the same standard agrees. It also yields blocks
        /// without data, which a standard client drops.
        #[test]
        fn agrees_with_sse_stream(bytes in stream_text()) {
            let input = stream::iter([Ok::<_, std::io::Error>(bytes::Bytes::from(bytes.clone()))]);
            let theirs: Vec<_> = sse_stream::SseByteStream::new(input)
                .map(|event| event.expect("valid UTF-8"))
                .collect::<Vec<_>>()
                .now_or_never()
                .expect("the input is all there")
                .into_iter()
                .filter_map(|event| Some((event.event, event.data?, event.id, event.retry)))
                .collect();
            let ours: Vec<_> = parse(&[&bytes]).0.into_iter().map(|event| (event.event, event.data, event.id, event.retry)).collect();
            prop_assert_eq!(ours, theirs);
        }
    }
}
