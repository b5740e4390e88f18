//! What the proxy costs: `cargo bench -p tribunal-faults`. The latency that it adds to a small request on a kept connection (medians of rounds that alternate between
//! with and without), and the throughput of one connection that nothing is done to; lines of JSON.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use tribunal_faults::{After, Proxy, Toxic, ToxicRule};

const REQUEST: &[u8] =
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
const ROUNDS: usize = 20;
const REQUESTS: usize = 500;
const MIB: usize = 1 << 20;
const GOES: usize = 7;
const BODY: usize = 512 * MIB;

fn main() {
    latency("no rule", None);
    let stall = Toxic::Stall {
        after: After::Bytes(0),
    };
    let other = ToxicRule::new(stall).path("/other");
    latency("a rule that is looked at and does not strike", Some(other));
    throughput(
        "a body of an announced length",
        plain_head(),
        vec![b'x'; MIB],
    );
    let mut event = b"data: ".to_vec();
    event.extend(std::iter::repeat_n(b'x', 200));
    event.extend_from_slice(b"\n\n");
    let chunk = [
        format!("{:x}\r\n", event.len()).into_bytes(),
        event,
        b"\r\n".to_vec(),
    ]
    .concat();
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    throughput(
        "events of 208 bytes, a chunk each, counted",
        head.into(),
        chunk.repeat(MIB / chunk.len()),
    );
}

fn plain_head() -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {BODY}\r\n\r\n")
}

/// A server on a thread that does this with each connection.
fn server(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

fn latency(what: &str, rule: Option<ToxicRule>) {
    let address = server(|mut stream| {
        let _ = stream.set_nodelay(true);
        let mut request = [0; REQUEST.len()];
        while stream.read_exact(&mut request).is_ok() && stream.write_all(ANSWER).is_ok() {}
    });
    let proxy = Proxy::open(address, 0).expect("a proxy");
    if let Some(rule) = rule {
        proxy.add(rule);
    }
    let mut direct = TcpStream::connect(address).expect("a connection");
    let mut through = TcpStream::connect(proxy.address()).expect("a connection");
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for stream in [&direct, &through] {
        stream.set_nodelay(true).expect("no delay");
    }
    for round in 0..=ROUNDS {
        for (stream, times) in [(&mut direct, &mut without), (&mut through, &mut with)] {
            for _ in 0..REQUESTS {
                let began = Instant::now();
                let mut answer = [0; ANSWER.len()];
                stream.write_all(REQUEST).expect("sent");
                stream.read_exact(&mut answer).expect("answered");
                // The first round warms up.
                if round > 0 {
                    times.push(began.elapsed());
                }
            }
        }
    }
    let (without, with) = (median(&mut without), median(&mut with));
    println!(
        r#"{{"what": "latency, {what}", "direct_median_ms": {:.4}, "proxied_median_ms": {:.4}, "added_median_ms": {:.4}}}"#,
        ms(without),
        ms(with),
        ms(with) - ms(without)
    );
}

fn throughput(what: &str, head: String, block: Vec<u8>) {
    let address = server(move |mut stream| {
        let mut request = [0; REQUEST.len()];
        if stream.read_exact(&mut request).is_err() || stream.write_all(head.as_bytes()).is_err() {
            return;
        }
        let mut left = BODY;
        while left > 0 {
            let n = left.min(block.len());
            if stream.write_all(&block[..n]).is_err() {
                return;
            }
            left -= n;
        }
    });
    let proxy = Proxy::open(address, 0).expect("a proxy");
    let go = |address: SocketAddr| {
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.write_all(REQUEST).expect("sent");
        let mut buffer = vec![0; MIB];
        let (began, mut read) = (Instant::now(), 0);
        while read < BODY {
            match stream.read(&mut buffer).expect("more") {
                0 => break,
                n => read += n,
            }
        }
        read as f64 / 1e6 / began.elapsed().as_secs_f64()
    };
    let best = |address| {
        let mut all: Vec<f64> = (0..GOES).map(|_| go(address)).collect();
        all.sort_by(f64::total_cmp);
        (all[GOES / 2], all[GOES - 1])
    };
    let ((direct, _), (median, best)) = (best(address), best(proxy.address()));
    println!(
        r#"{{"what": "throughput, {what}", "direct_median_mb_s": {direct:.0}, "proxied_median_mb_s": {median:.0}, "proxied_best_mb_s": {best:.0}, "events": {}}}"#,
        proxy.stats().events
    );
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn ms(time: Duration) -> f64 {
    1000.0 * time.as_secs_f64()
}
