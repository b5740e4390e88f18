//! A server that an example starts: it runs until the page is done, or another takes its port.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::{Duration, Instant};

use tribunal_offline::{Ending, Supervised, Work};

use crate::ready;

const POLL: Duration = Duration::from_millis(50);
const ANSWER: Duration = Duration::from_secs(5);

/// A server of an example.
pub(crate) struct Running {
    pub id: String,
    pub port: u16,
    process: Supervised,
}

/// Why it is not ready.
pub(crate) enum NotReady {
    /// The port was taken before it was started.
    Taken(u16),
    /// It ended instead.
    Ended(Box<Ending>),
    /// Its time was up.
    TimedOut,
    /// Something else.
    Failed(String),
}

impl Running {
    /// Starts it, and waits until it answers.
    pub(crate) fn start(
        id: &str,
        url: &str,
        work: Work,
        folder: &Path,
        patience: Duration,
    ) -> Result<Self, NotReady> {
        let (host, port, path) = ready::parts(url).map_err(NotReady::Failed)?;
        if connect(&host, port).is_ok() {
            return Err(NotReady::Taken(port));
        }
        let failed = |e: io::Error| NotReady::Failed(e.to_string());
        let mut process = Supervised::start(&work, folder).map_err(failed)?;
        let until = Instant::now() + patience;
        loop {
            if process.has_ended().map_err(failed)? {
                return Err(NotReady::Ended(Box::new(process.wait().map_err(failed)?)));
            }
            if answers(&host, port, path.as_deref()) {
                return Ok(Self {
                    id: id.to_owned(),
                    port,
                    process,
                });
            }
            if Instant::now() >= until {
                let _ = process.stop();
                return Err(NotReady::TimedOut);
            }
            std::thread::sleep(POLL);
        }
    }

    /// Whether it has ended by itself.
    pub(crate) fn is_lost(&mut self) -> bool {
        self.process.has_ended().unwrap_or(true)
    }

    /// Ends it with all that it started.
    pub(crate) fn stop(self) -> io::Result<Ending> {
        self.process.stop()
    }
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let host = host.trim_matches(['[', ']']);
    let mut last = io::Error::other("no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, ANSWER) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}

/// Whether it is ready: the address that was stated answers well; else `/health`, or the list of models, or, where neither is
/// there, anything that is no error of the server.
fn answers(host: &str, port: u16, path: Option<&str>) -> bool {
    let ask = |path: &str| status(host, port, path).ok();
    let good = |status: u16| (200..300).contains(&status);
    if let Some(path) = path.filter(|p| *p != "/") {
        return ask(path).is_some_and(good);
    }
    for path in ["/health", "/v1/models"] {
        match ask(path) {
            None => return false,
            Some(status) if good(status) => return true,
            Some(404 | 405 | 501) => {}
            Some(_) => return false,
        }
    }
    ask("/").is_some_and(|status| status < 500)
}

fn status(host: &str, port: u16, path: &str) -> io::Result<u16> {
    let mut stream = connect(host, port)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n"
    )?;
    let mut head = [0; 64];
    let mut got = 0;
    while got < head.len() && !head[..got].contains(&b'\n') {
        match stream.read(&mut head[got..])? {
            0 => break,
            n => got += n,
        }
    }
    let head = String::from_utf8_lossy(&head[..got]);
    let status = head
        .strip_prefix("HTTP/")
        .and_then(|h| h.split_whitespace().nth(1))
        .and_then(|s| s.parse().ok());
    status.ok_or_else(|| io::Error::other("no HTTP"))
}
