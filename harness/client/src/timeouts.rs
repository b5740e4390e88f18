//! How long a request may take and how large an answer may grow.

use std::time::Duration;

/// The three limits of one request. All are real time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Until the connection stands. Default 5 s: a server on this machine accepts at once or not at
    /// all; the value leaves room for a full accept queue.
    pub connect: Duration,
    /// Between two arrivals of bytes once the response headers are there. Default 30 s. Comments
    /// count as arrivals: servers send them to say that they are alive.
    pub idle: Duration,
    /// From before the connection is opened to the last byte. Default 120 s, what vLLM-Omni's own
    /// test client allows.
    pub total: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(30),
            total: Duration::from_secs(120),
        }
    }
}

/// How large an answer may grow before it is refused. All are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// One server-sent event. Default 16 MiB: the largest honest events carry an image or seconds of
    /// audio in base64.
    pub event: usize,
    /// A whole response body. Default 256 MiB.
    pub body: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            event: 16 << 20,
            body: 256 << 20,
        }
    }
}
