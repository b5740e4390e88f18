//! The server: streams of events with known delays, stamped when they are written.
//!
//! It speaks just enough HTTP for the client of this crate, and costs little beside it: one thread, one write for each event, texts made before.
//! `/stream?events=N&every_us=M` sends N events of a chat, one every M µs (0: as fast as it can), then one with the stamps of all; anything else
//! is answered at once with a small chat.

use std::io::{self, Write as _};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use crate::clock::monotonic;

/// The longest head and body of a request; more is not one of ours.
const MOST: usize = 1 << 16;
const MOST_EVENTS: u64 = 10_000_000;
/// More stamps are not sent back.
const MOST_STAMPS: usize = 100_000;
const PLAIN: &str = r#"{"id":"c","object":"chat.completion","created":1,"model":"known-delay","choices":[{"index":0,"message":{"role":"assistant","content":"known"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}"#;

/// Serves on a free port of the loopback until standard input ends; the first line of standard output says `port N`.
///
/// # Errors
/// No port, or no runtime.
pub fn serve() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (ended_in, ended) = tokio::sync::oneshot::channel::<()>();
    // A read of standard input cannot be given up, so it has a thread of its own; it ends with the process.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        drop(ended_in);
    });
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let mut out = io::stdout().lock();
        writeln!(out, "port {port}")?;
        out.flush()?;
        drop(out);
        let accepting = async {
            let mut number = 0u64;
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    number += 1;
                    tokio::spawn(async move {
                        // A client that goes away ends its connection, nothing else.
                        let _ = connection(stream, number).await;
                    });
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            _ = ended => {}
        }
        Ok(())
    })
}

async fn connection(mut stream: TcpStream, number: u64) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::new();
    while let Some(target) = request(&mut stream, &mut buffer).await? {
        match target.strip_prefix("/stream?") {
            Some(query) => events(&mut stream, query, number).await?,
            None => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{PLAIN}",
                    PLAIN.len()
                );
                stream.write_all(head.as_bytes()).await?;
            }
        }
    }
    Ok(())
}

/// The target of the next request; `None` at the end, and for what is no request of ours.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<String>> {
    loop {
        if let Some(end) = memchr::memmem::find(buffer, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse::<usize>().ok())
                .unwrap_or(0);
            let whole = end + 4 + length.min(MOST);
            while buffer.len() < whole {
                if stream.read_buf(buffer).await? == 0 {
                    return Ok(None);
                }
            }
            buffer.drain(..whole);
            return Ok(head.split(' ').nth(1).map(str::to_owned));
        }
        if buffer.len() > MOST || stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

async fn events(stream: &mut TcpStream, query: &str, number: u64) -> io::Result<()> {
    let value = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .into_iter()
            .find(|(key, _)| *key == name)?
            .1
            .parse::<u64>()
            .ok()
    };
    let count = value("events").unwrap_or(1).min(MOST_EVENTS);
    let every = Duration::from_micros(value("every_us").unwrap_or(0));
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        .await?;
    let mut stamps = Vec::with_capacity((count as usize).min(MOST_STAMPS));
    let (mut event, place) = event_of();
    // Streams that begin together are spread over the time between two events, as those of different prompts are.
    let begin =
        Instant::now() + every.mul_f64((number.wrapping_mul(0x9E37_79B9) % 1024) as f64 / 1024.0);
    for index in 0..count {
        if !every.is_zero() {
            tokio::time::sleep_until(begin + every * u32::try_from(index).unwrap_or(u32::MAX))
                .await;
        }
        let stamp = monotonic();
        if stamps.len() < MOST_STAMPS && !every.is_zero() {
            stamps.push(stamp);
        }
        write!(&mut event[place..], "{stamp:019}")?;
        stream.write_all(&event).await?;
    }
    let stamps: Vec<String> = stamps.iter().map(u64::to_string).collect();
    let last = format!(
        "data: {{\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}],\"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":{count}}},\"metrics\":{{\"stamps_ns\":[{}]}}}}\n\ndata: [DONE]\n\n",
        stamps.join(",")
    );
    let last = format!("{:x}\r\n{last}\r\n0\r\n\r\n", last.len());
    stream.write_all(last.as_bytes()).await
}

/// An event as it goes over the wire, and where its stamp stands: as long as those of real servers.
fn event_of() -> (Vec<u8>, usize) {
    let before = "data: {\"id\":\"chatcmpl-0123456789abcdef0123456789abcdef\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"known-delay\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" known\"},\"logprobs\":null,\"finish_reason\":null}],\"stamp_ns\":\"";
    let after = "\"}\n\n";
    let length = before.len() + 19 + after.len();
    let chunk = format!("{length:x}\r\n{before}{}{after}\r\n", "0".repeat(19));
    let place = chunk.len() - 2 - after.len() - 19;
    (chunk.into_bytes(), place)
}
