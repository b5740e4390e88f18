//! One direction of a connection, read as it passes: where heads, events and messages end.
//!
//! Promise: whatever comes is divided into steps that together are exactly the bytes that came; what is not HTTP/1 is one opaque run. A body is seen through only as far as
//! its framing and, in an event stream, the ends of its events; everything else is skipped by its length. Rejected: an HTTP server and a client back to back, as
//! in a reverse proxy: they would repair the very framing that a fault is about.

use super::events::Events;
use super::head::{self, Body, Head, Side, Stream};

/// The longest head that is understood.
const LONGEST_HEAD: usize = 256 << 10;

/// What bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Head,
    /// Sizes and ends of chunks.
    Framing,
    Payload,
    /// Not HTTP/1.
    Opaque,
}

/// What ends with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Nothing,
    Head,
    Event,
}

/// The next bytes that are of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub len: usize,
    pub kind: Kind,
    pub mark: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Between two messages.
    Between,
    Head,
    Length(u64),
    /// Before a chunk.
    NewChunk,
    /// In the line with the size of a chunk: the size so far, and whether its digits are over.
    Size(u64, bool),
    Chunk(u64),
    /// Bytes of the line end behind a chunk that are still to come.
    ChunkEnd(u8),
    /// In the lines behind the last chunk; how many bytes this line has.
    Trailer(usize),
    UntilClose,
    Opaque,
}

/// Reads one direction.
#[derive(Debug)]
pub(crate) struct Wire {
    side: Side,
    state: State,
    head: Vec<u8>,
    /// The length of the head's last line so far; `None` before its first byte.
    line: Option<usize>,
    last: Option<Head>,
    events: Option<Events>,
    /// How many bytes of this message have passed.
    pub position: u64,
    /// The head of this message has passed.
    pub headed: bool,
}

impl Wire {
    pub(crate) fn new(side: Side) -> Self {
        Self {
            side,
            state: State::Between,
            head: Vec::new(),
            line: None,
            last: None,
            events: None,
            position: 0,
            headed: false,
        }
    }

    /// Whether the next byte begins a message.
    pub(crate) fn between(&self) -> bool {
        self.state == State::Between
    }

    /// Whether the head of a message is being read.
    pub(crate) fn in_head(&self) -> bool {
        self.state == State::Head
    }

    /// Whether a chunk can be put in here.
    pub(crate) fn between_chunks(&self) -> bool {
        self.state == State::NewChunk
    }

    /// Whether the body ends with its connection.
    pub(crate) fn until_close(&self) -> bool {
        self.state == State::UntilClose
    }

    /// Whether the body is in chunks.
    pub(crate) fn chunked(&self) -> bool {
        matches!(
            self.state,
            State::NewChunk
                | State::Size(..)
                | State::Chunk(_)
                | State::ChunkEnd(_)
                | State::Trailer(_)
        )
    }

    pub(crate) fn opaque(&self) -> bool {
        self.state == State::Opaque
    }

    /// The head of this message, once it has passed.
    pub(crate) fn head(&self) -> Option<&Head> {
        self.last.as_ref()
    }

    /// The events of this message so far; `None` where it is no event stream that can be read.
    pub(crate) fn events(&self) -> Option<u64> {
        self.events.as_ref().map(|e| e.count)
    }

    /// Whether the next byte of payload is the first of an event.
    pub(crate) fn event_begins(&self) -> bool {
        self.events.as_ref().is_some_and(Events::fresh)
    }

    /// The message whose head has just passed has no body, whatever it says: the answer to a HEAD request.
    pub(crate) fn without_body(&mut self) {
        self.state = State::Between;
    }

    /// The next step of `bytes`, which are not empty; its length is at least 1, except where an event turns out to have ended before.
    pub(crate) fn step(&mut self, bytes: &[u8]) -> Step {
        if self.state == State::Between {
            self.state = State::Head;
            self.head.clear();
            self.line = None;
            self.events = None;
            self.last = None;
            (self.position, self.headed) = (0, false);
        }
        let (len, kind, mark) = match self.state {
            State::Between | State::Head => self.in_a_head(bytes),
            State::Length(left) => {
                let (len, mark) = self.payload(bytes, left);
                let left = left - len as u64;
                self.state = if left == 0 {
                    State::Between
                } else {
                    State::Length(left)
                };
                (len, Kind::Payload, mark)
            }
            State::Chunk(left) => {
                let (len, mark) = self.payload(bytes, left);
                let left = left - len as u64;
                self.state = if left == 0 {
                    State::ChunkEnd(2)
                } else {
                    State::Chunk(left)
                };
                (len, Kind::Payload, mark)
            }
            State::UntilClose => {
                let (len, mark) = self.payload(bytes, u64::MAX);
                (len, Kind::Payload, mark)
            }
            State::Opaque => (bytes.len(), Kind::Opaque, Mark::Nothing),
            State::NewChunk | State::Size(..) | State::ChunkEnd(_) | State::Trailer(_) => {
                (self.framing(bytes), Kind::Framing, Mark::Nothing)
            }
        };
        self.position += len as u64;
        Step { len, kind, mark }
    }

    fn payload(&mut self, bytes: &[u8], left: u64) -> (usize, Mark) {
        let most = usize::try_from(left).map_or(bytes.len(), |left| bytes.len().min(left));
        match self.events.as_mut().map(|e| e.scan(&bytes[..most])) {
            Some(Some(end)) => (end, Mark::Event),
            _ => (most, Mark::Nothing),
        }
    }

    fn in_a_head(&mut self, bytes: &[u8]) -> (usize, Kind, Mark) {
        let before = self.head.len();
        let (end, closed) = match self.end_of_head(bytes) {
            Some(end) => (end, true),
            None => (bytes.len(), false),
        };
        self.head.extend_from_slice(&bytes[..end]);
        let blank = self
            .head
            .iter()
            .take_while(|b| matches!(b, b'\r' | b'\n'))
            .count();
        let head = &self.head[blank..];
        let understood = if !head::plausible(self.side, head) || self.head.len() > LONGEST_HEAD {
            None
        } else if !closed {
            return (end, Kind::Head, Mark::Nothing);
        } else {
            head::read(self.side, head)
        };
        let Some(head) = understood else {
            self.state = State::Opaque;
            // What was passed on of it was passed on as a head; from here on nothing is read.
            let kind = if before == 0 {
                Kind::Opaque
            } else {
                Kind::Head
            };
            return (bytes.len(), kind, Mark::Nothing);
        };
        self.state = match head.body {
            Body::Length(0) => State::Between,
            Body::Length(n) => State::Length(n),
            Body::Chunked => State::NewChunk,
            Body::UntilClose => State::UntilClose,
            Body::Opaque => State::Opaque,
        };
        if self.side == Side::Response && head.stream == Stream::Events {
            self.events = Some(Events::new());
        }
        self.last = Some(head);
        self.headed = true;
        (end, Kind::Head, Mark::Head)
    }

    /// How many of `bytes` belong to the head, if it ends in them. Blank lines before its first line are part of it.
    fn end_of_head(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            match (byte, &mut self.line) {
                (b'\n', Some(0)) => return Some(at + 1),
                (b'\n', Some(length)) => *length = 0,
                (b'\r' | b'\n', _) => {}
                (_, line) => *line = Some(line.map_or(1, |n| n + 1)),
            }
        }
        None
    }

    /// Framing up to the next payload or the end of the message.
    fn framing(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            self.state = match self.state {
                State::ChunkEnd(2) if *byte == b'\r' => State::ChunkEnd(1),
                // Also a lone LF, which some servers write.
                State::ChunkEnd(_) => State::NewChunk,
                State::NewChunk => match char::from(*byte).to_digit(16) {
                    Some(digit) => State::Size(u64::from(digit), false),
                    None => State::Opaque,
                },
                State::Size(0, _) if *byte == b'\n' => State::Trailer(0),
                State::Size(size, _) if *byte == b'\n' => State::Chunk(size),
                State::Size(size, false) => match char::from(*byte).to_digit(16) {
                    Some(digit) if size >> 59 == 0 => {
                        State::Size(size << 4 | u64::from(digit), false)
                    }
                    Some(_) => State::Opaque,
                    None => State::Size(size, true),
                },
                State::Trailer(0) if *byte == b'\n' => State::Between,
                State::Trailer(_) if *byte == b'\n' => State::Trailer(0),
                State::Trailer(n) if *byte != b'\r' => State::Trailer(n + 1),
                same => same,
            };
            if matches!(
                self.state,
                State::Chunk(_) | State::Between | State::Opaque | State::NewChunk
            ) {
                return at + 1;
            }
        }
        bytes.len()
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
