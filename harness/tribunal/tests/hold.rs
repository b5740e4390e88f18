//! `--hold` in real processes: a deployment is held open, broken by hand, and gone however the harness ends.
//!
//! The harness that holds, its keepers, the engine and its workers are this very program: hidden verbs and `--hold` lead to the harness, everything else
//! to the trials. That is why this target has a `main` of its own.

use std::process::ExitCode;

#[cfg(target_os = "linux")]
mod harness {
    tribunal::main!();

    pub fn run() -> std::process::ExitCode {
        main()
    }
}

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    let first = std::env::args().nth(1).unwrap_or_default();
    if first.starts_with("__tribunal-") || std::env::var_os(trials::ROLE).is_some() {
        return harness::run();
    }
    let arguments = libtest_mimic::Arguments::from_args();
    libtest_mimic::run(&arguments, trials::all()).exit_code()
}

/// Nothing can be started elsewhere.
#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}

#[cfg(target_os = "linux")]
mod trials {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::os::unix::net::UnixStream;
    use std::path::PathBuf;
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use libtest_mimic::Trial;
    use rustix::process::{Pid, Signal, kill_process};
    use serde_json::{Value, json};

    /// Makes a process of this program the harness instead of the trials.
    pub const ROLE: &str = "TRIBUNAL_TEST_IS_HARNESS";
    /// Generous: other tests run beside this one.
    const PATIENCE: Duration = Duration::from_secs(120);

    pub fn all() -> Vec<Trial> {
        vec![
            Trial::test("what_is_typed_is_done_and_quit_ends_all", || {
                what_is_typed_is_done_and_quit_ends_all();
                Ok(())
            }),
            Trial::test("ctrl_c_ends_all", || {
                signalled(Signal::INT, Some(130));
                Ok(())
            }),
            Trial::test("a_killed_harness_leaves_nothing_stopped", || {
                signalled(Signal::KILL, None);
                Ok(())
            }),
            Trial::test("what_asks_for_tests_is_refused", || {
                what_asks_for_tests_is_refused();
                Ok(())
            }),
        ]
    }

    fn harness(folder: &tempfile::TempDir) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if [
                "TRIBUNAL_",
                "RUST_TEST_",
                "NEXTEST",
                "CARGO_TERM_",
                "GITHUB_",
                "BUILDKITE",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
            {
                command.env_remove(name);
            }
        }
        command
            .env(ROLE, "1")
            .env("TRIBUNAL_EVIDENCE_DIR", folder.path())
            .env("TRIBUNAL_LEASES", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    struct Held {
        child: Child,
        errors: BufReader<std::process::ChildStderr>,
        socket: PathBuf,
        folder: tempfile::TempDir,
    }

    impl Held {
        fn open() -> Held {
            let folder = tempfile::tempdir().expect("a folder");
            // The twin, so that it is seen to work; the option is in the documentation's transcript and below.
            let mut child = harness(&folder)
                .env("TRIBUNAL_HOLD", "1")
                .spawn()
                .expect("a harness");
            let mut errors = BufReader::new(child.stderr.take().expect("piped"));
            let mut told = String::new();
            let socket = loop {
                let mut line = String::new();
                let read = errors.read_line(&mut line).expect("text");
                assert!(read > 0, "it ended:\n{told}");
                told.push_str(&line);
                if let Some(path) = line.trim().strip_prefix("socket ") {
                    break PathBuf::from(path.trim());
                }
            };
            assert!(told.contains("held open: http://127.0.0.1:"), "{told}");
            Held {
                child,
                errors,
                socket,
                folder,
            }
        }

        fn types(&self, command: &str) -> Value {
            let mut stream = UnixStream::connect(&self.socket).expect("a console");
            stream
                .set_read_timeout(Some(PATIENCE))
                .expect("a time limit");
            let line = format!("{}\n", json!({ "command": command }));
            stream.write_all(line.as_bytes()).expect("it listens");
            let mut answer = String::new();
            let read = BufReader::new(stream).read_line(&mut answer);
            read.expect("an answer");
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
            assert_eq!(answer["ok"], true, "{command}: {answer}");
            answer
        }

        /// The server's processes, as pid and start time.
        fn processes(&self) -> Vec<(u64, u64)> {
            let status = self.types("status");
            let list = status["data"]["processes"].as_array().expect("a list");
            let number = |p: &Value, key: &str| p[key].as_u64().expect("a number");
            let all = list
                .iter()
                .map(|p| (number(p, "pid"), number(p, "start_time")));
            all.collect()
        }

        /// Waits for its end and for that of the processes; gives its code and what it printed.
        fn ended(mut self, processes: &[(u64, u64)]) -> (Option<i32>, String, tempfile::TempDir) {
            let mut printed = String::new();
            let mut out = self.child.stdout.take().expect("piped");
            out.read_to_string(&mut printed).expect("text");
            let _ = self.errors.read_to_string(&mut printed);
            let status = self.child.wait().expect("our own child");
            until("the end of the server's processes", || {
                processes.iter().all(|process| !runs(*process))
            });
            (status.code(), printed, self.folder)
        }
    }

    fn until(what: &str, mut done: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done() {
            assert!(Instant::now() < deadline, "waited in vain for: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// By pid and start time, so that a number that is used again is not taken for it.
    fn runs((pid, since): (u64, u64)) -> bool {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            return false;
        };
        let mut fields = stat.rsplit(')').next().unwrap_or("").split_whitespace();
        let state = fields.next();
        let start = fields.nth(18).and_then(|text| text.parse().ok());
        state != Some("Z") && start == Some(since)
    }

    fn what_is_typed_is_done_and_quit_ends_all() {
        let held = Held::open();
        let processes = held.processes();
        assert!(processes.len() >= 3, "{processes:?}");
        let stopped = held.types("stop worker 0 for 200ms");
        let says = stopped["says"].as_str().expect("text");
        assert!(says.contains("is stopped: state T"), "{says}");
        until("the worker to go on", || {
            let status = held.types("status");
            let list = status["data"]["processes"].as_array().expect("a list");
            list.iter().all(|p| p["state"] != "T")
        });
        held.types("toxic add latency 5ms");
        held.types("quit");
        let socket = held.socket.clone();
        let (code, printed, folder) = held.ended(&processes);
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.contains("test hold ... ok"), "{printed}");
        assert!(!socket.exists());
        let log = folder.path().join("latest/hold/1/console.jsonl");
        let log = std::fs::read_to_string(log).expect("the session is evidence");
        assert!(log.contains("stop worker 0 for 200ms"), "{log}");
    }

    fn signalled(signal: Signal, expected: Option<i32>) {
        let held = Held::open();
        let processes = held.processes();
        held.types("stop worker 0 for 5m");
        held.types("hog host take 4MiB");
        let pid = i32::try_from(held.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a pid"), signal).expect("our own child");
        let (code, printed, _folder) = held.ended(&processes);
        assert_eq!(code, expected, "{printed}");
    }

    fn what_asks_for_tests_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        for (arguments, part) in [
            (&["--hold", "chat"][..], "`chat` selects nothing"),
            (
                &["--hold", "--deploy", "embeded"],
                "did you mean `embedded`?",
            ),
            (&["--hlod"], "did you mean `--hold`?"),
        ] {
            let output = harness(&folder).args(arguments).output();
            let output = output.expect("a harness");
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{told}");
            assert!(told.contains(part), "{told}");
        }
    }
}
