//! Processes that a test starts, and that end with it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

/// Long enough for a slow and busy machine; nothing ever waits so long where the code is right.
pub const LONG: Duration = Duration::from_secs(120);

/// A test from a function that panics where something is wrong.
pub fn trial(name: &str, test: fn()) -> Trial {
    Trial::test(name, move || {
        std::panic::catch_unwind(test).map_err(|cause| {
            let text = cause
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| cause.downcast_ref::<&str>().map(ToString::to_string));
            Failed::from(text.unwrap_or_default())
        })
    })
}

/// This program in a role.
pub fn role(name: &str, args: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg("--play").arg(name).args(args);
    command.stdin(Stdio::null());
    command
}

/// A process that says when it is ready and then lives until its input ends; killed at the latest when this is dropped.
pub struct Member {
    pub child: Child,
    said: BufReader<ChildStdout>,
}

impl Member {
    pub fn start(mut command: Command) -> Member {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap());
        Member { child, said }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line that it says.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).unwrap();
        line.trim_end().to_string()
    }

    /// SIGKILL, to this process alone.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// In a role: says a line, and waits until nobody wants anything any more.
pub fn say_and_wait(line: &str) {
    println!("{line}");
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().lock().read_line(&mut String::new());
}

/// Waits for all of them; kills them and fails if that takes too long.
pub fn finish(children: &mut [Child]) -> Vec<ExitStatus> {
    let begin = Instant::now();
    let mut ended = Vec::new();
    for at in 0..children.len() {
        let status = loop {
            if let Some(status) = children[at].try_wait().unwrap() {
                break status;
            }
            if begin.elapsed() > LONG {
                for child in &mut *children {
                    let _ = child.kill();
                    let _ = child.wait();
                }
                panic!("{} processes have not ended after {LONG:?}", children.len());
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        ended.push(status);
    }
    ended
}
