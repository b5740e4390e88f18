//! A server that can answer only after a known time, and writes down when that was.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use crate::process::now;

/// The hidden verb: followed by port, milliseconds and the file for the stamp.
pub const VERB: &str = "__late-server";
/// Its only model.
pub const MODEL: &str = "late";

/// Runs it if the command line asks for it.
pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    let [verb, port, after, stamp] = args else {
        return None;
    };
    if verb != VERB {
        return None;
    }
    let serve = || -> Result<(), String> {
        let number = |text: &OsString| {
            text.to_string_lossy()
                .parse::<u64>()
                .map_err(|e| format!("{text:?}: {e}"))
        };
        let port = u16::try_from(number(port)?).map_err(|e| e.to_string())?;
        // Stands for a model being loaded.
        std::thread::sleep(Duration::from_millis(number(after)?));
        let listener =
            TcpListener::bind(("127.0.0.1", port)).map_err(|e| format!("port {port}: {e}"))?;
        std::fs::write(stamp, now().to_string()).map_err(|e| format!("{stamp:?}: {e}"))?;
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
        Ok(())
    };
    Some(match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            eprintln!("error: {text}");
            ExitCode::FAILURE
        }
    })
}

/// One request per connection; whatever goes wrong with it is the other side's business.
fn answer(mut stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut request = String::new();
    reader.read_line(&mut request).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink()).ok()?;
    let body = match request.split(' ').nth(1)? {
        "/v1/models" => format!(r#"{{"object":"list","data":[{{"id":"{MODEL}"}}]}}"#),
        "/v1/chat/completions" => r#"{"choices":[{"index":0}]}"#.to_owned(),
        _ => String::new(),
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .ok()
}
