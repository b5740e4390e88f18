//! A running engine: this very binary with the engine's verb.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// An engine that ends with its value.
pub struct Engine {
    pub url: String,
    child: Child,
}

impl Engine {
    /// Starts one in a mode, and waits until it listens.
    pub fn start(mode: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("the path of this binary"))
            .args([
                tribunal_engine::VERB,
                "--port",
                "0",
                "--model",
                "engine",
                "--workers",
                "1",
                "--mode",
                mode,
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("this binary starts");
        let mut lines = BufReader::new(child.stderr.take().expect("a pipe"))
            .lines()
            .map_while(Result::ok);
        let url = lines
            .find_map(|line| {
                line.split_once("listening on ")
                    .map(|(_, url)| url.trim().to_owned())
            })
            .expect("it says where it listens");
        // What it says later has to go somewhere.
        std::thread::spawn(move || lines.for_each(drop));
        Engine { url, child }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
