//! Events out of a stream of bytes, by the rules of the HTML standard, with as little copying as can be.
//!
//! Promise: what is handed out depends on the bytes alone, never on how the network cut them; an event that lies whole in one read is handed
//! out where it lies, only one that is cut is copied. Bytes stay bytes: a character that is cut in two reads is whole again before anybody
//! decodes it. Rejected: `tribunal-client`'s parser, which keeps every event as a `String` with its fields: twice the time for what load does
//! not look at; `sse-stream`, which has no bound and drops an unfinished last block without a word. A property test compares all with the latter.

use memchr::{memchr, memchr2};

/// What a stream is made of.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// An event that has data: its name (empty: none) and its data, the lines joined by LF.
    Event(&'a [u8], &'a [u8]),
    /// A comment: servers send them to keep a quiet connection open.
    Comment,
}

/// One event is larger than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge {
    /// In bytes.
    pub limit: usize,
}

/// Takes bytes as they come, and hands out pieces.
#[derive(Debug)]
pub struct Splitter {
    limit: usize,
    /// The line that is cut.
    line: Vec<u8>,
    /// The data of the block that is cut, or that has several lines.
    data: Vec<u8>,
    has_data: bool,
    name: Vec<u8>,
    begun: bool,
    skip_lf: bool,
}

/// Where the data of the block under way lies, if it is one line of the bytes at hand.
type Direct<'a> = Option<&'a [u8]>;

impl Splitter {
    /// One that refuses events of more than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
            name: Vec::new(),
            begun: false,
            skip_lf: false,
        }
    }

    /// The next bytes: `take` gets every piece that they end.
    ///
    /// # Errors
    /// [`TooLarge`]; what was whole before was handed out, and nothing more may be pushed.
    pub fn push(&mut self, bytes: &[u8], mut take: impl FnMut(Piece<'_>)) -> Result<(), TooLarge> {
        let mut direct: Direct<'_> = None;
        let mut rest = bytes;
        if self.skip_lf
            && let Some(first) = rest.first()
        {
            self.skip_lf = false;
            if *first == b'\n' {
                rest = &rest[1..];
            }
        }
        // A line that began in an earlier read.
        if !self.line.is_empty() {
            let end = memchr2(b'\n', b'\r', rest);
            let part = &rest[..end.unwrap_or(rest.len())];
            self.fits(self.line.len() + part.len() + self.data.len())?;
            self.line.extend_from_slice(part);
            let Some(end) = end else { return Ok(()) };
            rest = self.past(rest, end);
            let line = std::mem::take(&mut self.line);
            let mut within: Direct<'_> = None;
            self.end_line(&line, &mut within, &mut take);
            // It lies in the line, which is kept for the next that is cut.
            self.keep(&mut within);
            self.line = line;
            self.line.clear();
        }
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let line = &rest[..end];
            self.fits(line.len() + self.data.len())?;
            rest = self.past(rest, end);
            self.end_line(line, &mut direct, &mut take);
        }
        self.keep(&mut direct);
        self.fits(rest.len() + self.data.len())?;
        self.line.extend_from_slice(rest);
        Ok(())
    }

    /// The stream is over: a last block that has data, but not the blank line that would have ended it.
    pub fn finish(&mut self, mut take: impl FnMut(Piece<'_>)) {
        let mut direct: Direct<'_> = None;
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.end_line(&line, &mut direct, &mut take);
        }
        self.end_line(&[], &mut direct, &mut take);
    }

    fn fits(&self, size: usize) -> Result<(), TooLarge> {
        match size <= self.limit {
            true => Ok(()),
            false => Err(TooLarge { limit: self.limit }),
        }
    }

    /// What follows the line that ends at `end`.
    fn past<'a>(&mut self, rest: &'a [u8], end: usize) -> &'a [u8] {
        let after = &rest[end + 1..];
        if rest[end] == b'\n' {
            return after;
        }
        match after.first() {
            Some(b'\n') => &after[1..],
            Some(_) => after,
            None => {
                self.skip_lf = true;
                after
            }
        }
    }

    /// The bytes at hand go away: what lies in them is copied.
    fn keep(&mut self, direct: &mut Direct<'_>) {
        if let Some(value) = direct.take() {
            self.data.extend_from_slice(value);
        }
    }

    fn end_line<'a>(
        &mut self,
        line: &'a [u8],
        direct: &mut Direct<'a>,
        take: &mut impl FnMut(Piece<'_>),
    ) {
        let line = match self.begun {
            true => line,
            false => {
                self.begun = true;
                line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
            }
        };
        match line {
            [] => {
                if self.has_data {
                    take(Piece::Event(&self.name, direct.unwrap_or(&self.data)));
                }
                *direct = None;
                self.data.clear();
                self.has_data = false;
                self.name.clear();
            }
            [b':', ..] => take(Piece::Comment),
            _ => self.field(line, direct),
        }
    }

    fn field<'a>(&mut self, line: &'a [u8], direct: &mut Direct<'a>) {
        let (name, value) = match line.strip_prefix(b"data:") {
            Some(value) => (&b"data"[..], value),
            None => match memchr(b':', line) {
                Some(at) => (&line[..at], &line[at + 1..]),
                None => (line, &b""[..]),
            },
        };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" if !self.has_data => {
                self.has_data = true;
                *direct = Some(value);
            }
            b"data" => {
                self.keep(direct);
                self.data.push(b'\n');
                self.data.extend_from_slice(value);
            }
            b"event" => {
                self.name.clear();
                self.name.extend_from_slice(value);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "splitter_tests.rs"]
mod tests;
