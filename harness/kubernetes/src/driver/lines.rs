//! A stream of a cluster, line by line.
//!
//! Promise: a stream that says nothing is known to be silent after a time (connections die without a word behind many a load balancer), and a line has a bound.

use std::time::Duration;

use http_body_util::BodyExt;
use kube::client::Body;

/// A longer line is cut: one object of a watch is far smaller, and nobody reads more of a log's line.
const MOST_LINE: usize = 4 << 20;

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Line(String),
    /// The server closed it.
    End,
    /// Nothing for too long.
    Silent,
    /// The connection is gone.
    Broken(String),
}

pub(crate) struct Lines {
    body: Body,
    buffer: Vec<u8>,
    /// How much of the buffer has no line break in it.
    looked: usize,
    silence: Duration,
    ended: bool,
}

impl Lines {
    pub fn new(body: Body, silence: Duration) -> Lines {
        Lines {
            body,
            buffer: Vec::new(),
            looked: 0,
            silence,
            ended: false,
        }
    }

    /// The next line. Nothing is lost where the wait for it is given up.
    pub async fn next(&mut self) -> Next {
        loop {
            if let Some(at) = self.buffer[self.looked..]
                .iter()
                .position(|byte| *byte == b'\n')
            {
                let end = self.looked + at;
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..=end);
                self.looked = 0;
                return Next::Line(line);
            }
            self.looked = self.buffer.len();
            if self.ended || self.buffer.len() > MOST_LINE {
                let rest = std::mem::take(&mut self.buffer);
                self.looked = 0;
                if rest.is_empty() {
                    return Next::End;
                }
                return Next::Line(String::from_utf8_lossy(&rest).into_owned());
            }
            match tokio::time::timeout(self.silence, self.body.frame()).await {
                Err(_) => return Next::Silent,
                Ok(None) => self.ended = true,
                Ok(Some(Err(why))) => return Next::Broken(why.to_string()),
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
            }
        }
    }
}
