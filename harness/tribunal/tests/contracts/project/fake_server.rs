//! A server that misbehaves: `fake-server MODE PORT`.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, mode, port] = args.as_slice() else {
        eprintln!("usage: fake-server MODE PORT");
        std::process::exit(2);
    };
    match mode.as_str() {
        "exiting" => {
            eprintln!("the model file is missing");
            std::process::exit(3);
        }
        "silent" => loop {
            std::thread::park();
        },
        // Another process, outside of our tree as soon as its parent is gone, listens in our place.
        "elsewhere" => {
            let me = &args[0];
            let status = Command::new("setsid").args(["--fork", me, "failing", port]).status();
            eprintln!("somebody else was asked: {status:?}");
            loop {
                std::thread::park();
            }
        }
        _ => {}
    }
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).expect("the port");
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let body = "{\"error\":{\"message\":\"the engine is dead\"}}";
        let _ = write!(stream, "HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    }
}
