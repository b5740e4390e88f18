//! A container as a process: the command line of `docker run` or `podman run` in the foreground, under a keeper like any other.
//!
//! In the foreground its output is the server's log, its end is the server's end, and SIGTERM to it goes to the container. What the
//! runtime's own daemon holds is outside our tree; there the container's id, which the runtime writes to a file, is the handle: it is killed
//! by id, and what `ps` still lists of that id is residue. `run --detach` with `logs --follow` was rejected: two more processes that
//! can end on their own.

use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::launch::Container;
use crate::leftover::Leftover;

/// The runtimes that are looked for, in this order: podman needs no daemon, so that its containers lie in our tree.
pub(crate) const RUNTIMES: [&str; 2] = ["podman", "docker"];
/// How long one command of the runtime may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// An id is 64 characters long; a file with more than this is no file of an id.
const LONGEST_ID: u64 = 256;

/// Variables that the runtime's own client reads or needs: their values go on the command line, and not into its environment.
const OF_THE_CLIENT: [&str; 8] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "HTTP_PROXY",
    "HTTPS_PROXY",
];

/// What is run in a container, with all placeholders filled in.
pub(crate) struct Run<'a> {
    pub container: &'a Container,
    /// Its options.
    pub options: Vec<OsString>,
    pub name: &'a str,
    /// Whose it is, for people and for clean-up by hand: `pid-start time` of the harness.
    pub owner: &'a str,
    pub id_file: &'a Path,
    /// The first of the leased ports, and how many they are.
    pub port: u16,
    pub ports: u16,
    pub env: &'a [(OsString, Option<OsString>)],
    pub folder: Option<&'a Path>,
    /// Empty: that of the image.
    pub program: &'a OsStr,
    pub args: Vec<OsString>,
}

type Environment = Vec<(OsString, Option<OsString>)>;

/// The arguments of the runtime, and what its own environment needs. Values of variables go through the environment, so that no list of
/// processes shows them; a variable that is to be removed is simply not passed on.
pub(crate) fn argv(run: &Run<'_>) -> (Vec<OsString>, Environment) {
    let mut args: Vec<OsString> = ["run", "--rm", "--name", run.name, "--cidfile"]
        .map(OsString::from)
        .into();
    args.push(run.id_file.into());
    args.push("--label".into());
    args.push(format!("tribunal.owner={}", run.owner).into());
    match run.container.port {
        Some(inner) => {
            for i in 0..run.ports {
                args.push("-p".into());
                let (outer, inner) = (run.port + i, u32::from(inner) + u32::from(i));
                args.push(format!("127.0.0.1:{outer}:{inner}").into());
            }
        }
        None => args.extend(["--network", "host"].map(OsString::from)),
    }
    if let Some(folder) = run.folder {
        args.push("--workdir".into());
        args.push(folder.into());
    }
    let mut env = Environment::new();
    for (i, (name, value)) in run.env.iter().enumerate() {
        let last = !run.env[i + 1..].iter().any(|(later, _)| later == name);
        let Some(value) = value.as_ref().filter(|_| last) else {
            continue;
        };
        args.push("-e".into());
        let shown = name.to_string_lossy();
        if OF_THE_CLIENT.contains(&&*shown)
            || shown.starts_with("DOCKER_")
            || shown.starts_with("CONTAINER")
        {
            let mut pair = name.clone();
            pair.push("=");
            pair.push(value);
            args.push(pair);
        } else {
            args.push(name.clone());
            env.push((name.clone(), Some(value.clone())));
        }
    }
    args.extend(run.options.iter().cloned());
    args.push((&run.container.image).into());
    if !run.program.is_empty() {
        args.push(run.program.into());
    }
    args.extend(run.args.iter().cloned());
    (args, env)
}

/// A name that the runtimes accept: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
pub(crate) fn name_of(deployment: &str, process: &str, unique: &str) -> String {
    let plain = |text: &str| -> String {
        text.chars()
            .take(40)
            .map(|c| {
                if c.is_ascii_alphanumeric() || "_.-".contains(c) {
                    c
                } else {
                    '-'
                }
            })
            .collect()
    };
    format!("tribunal-{}-{}-{unique}", plain(deployment), plain(process))
}

/// The handle of one container: which runtime, and where it writes the id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handle {
    pub runtime: OsString,
    pub id_file: OsString,
    /// Whether its port is published; otherwise it uses the host's network.
    pub published: bool,
}

impl Handle {
    /// The id, once the runtime has written it.
    pub(crate) fn id(&self) -> Option<String> {
        let mut text = String::new();
        std::fs::File::open(PathBuf::from(&self.id_file))
            .ok()?
            .take(LONGEST_ID)
            .read_to_string(&mut text)
            .ok()?;
        let id = text.trim();
        (!id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric())).then(|| id.into())
    }

    /// The command that tells on which addresses the container's ports are published.
    pub(crate) fn port_command(&self, id: &str) -> Command {
        let mut command = Command::new(&self.runtime);
        command.args(["port", id]).stdin(Stdio::null());
        command
    }

    /// Kills and removes the container. Nothing to do, and no error, where it is gone.
    pub(crate) fn remove(&self) {
        if let Some(id) = self.id() {
            // What this could not do, `left` reports.
            let _ = self.ask(&["rm", "--force", &id]);
        }
    }

    /// The container, if it is still there; what cannot be asked for is not gone.
    pub(crate) fn left(&self) -> Option<Leftover> {
        let id = self.id()?;
        let filter = format!("id={id}");
        let list = ["ps", "--all", "--no-trunc", "--quiet", "--filter", &filter];
        let unasked = match self.ask(&list) {
            Ok(list) if list.trim().is_empty() => return None,
            Ok(_) => None,
            Err(why) => Some(why),
        };
        Some(Leftover::Container {
            id,
            runtime: self.runtime.to_string_lossy().into_owned(),
            unasked,
        })
    }

    /// Runs one command of the runtime, which is killed when it takes too long. Called by the keeper, whose other children are not reaped meanwhile.
    fn ask(&self, args: &[&str]) -> Result<String, String> {
        let what = format!("`{} {}`", self.runtime.to_string_lossy(), args.join(" "));
        let failed = |e: std::io::Error| format!("{what}: {e}");
        let mut child = Command::new(&self.runtime)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait().map_err(failed)? {
                Some(status) => break status,
                None if Instant::now() >= deadline => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(format!("{what} took longer than {} s", PATIENCE.as_secs()));
                }
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let mut text = String::new();
        if let Some(out) = child.stdout.take() {
            // One id; a runtime that says more than this says nothing that is understood.
            let _ = out.take(4_096).read_to_string(&mut text);
        }
        if status.success() {
            Ok(text)
        } else {
            Err(format!(
                "{what} ended with {}",
                crate::exit::in_words(status)
            ))
        }
    }
}

/// Whether the answer of `port` has a port that is published as `127.0.0.1:port` (or on all addresses).
pub(crate) fn publishes(answer: &str, port: u16) -> bool {
    answer
        .lines()
        .filter_map(|line| line.rsplit_once("-> "))
        .any(|(_, address)| {
            address.trim().rsplit_once(':').is_some_and(|(host, p)| {
                p.parse() == Ok(port) && matches!(host, "127.0.0.1" | "0.0.0.0" | "[::]")
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(port: Option<u16>) -> Container {
        Container {
            image: "vllm/vllm-openai:v0.11".into(),
            runtime: None,
            options: Vec::new(),
            port,
        }
    }

    fn run<'a>(container: &'a Container, env: &'a [(OsString, Option<OsString>)]) -> Run<'a> {
        Run {
            container,
            options: ["--gpus", "all"].map(OsString::from).into(),
            name: "tribunal-vllm-server-1-2",
            owner: "1-99",
            id_file: Path::new("/e/server.cid"),
            port: 20_017,
            ports: 2,
            env,
            folder: None,
            program: OsStr::new(""),
            args: vec!["--model".into(), "a b".into()],
        }
    }

    fn shown(args: &[OsString]) -> Vec<&str> {
        args.iter().filter_map(|a| a.to_str()).collect()
    }

    #[test]
    fn published_ports_and_variables() {
        let env = [
            ("HF_TOKEN".into(), Some("secret".into())),
            ("PATH".into(), Some("/opt/bin".into())),
            ("MODE".into(), Some("slow".into())),
            ("MODE".into(), Some("fast".into())),
            ("GONE".into(), None),
        ];
        let container = container(Some(8000));
        let (args, client) = argv(&run(&container, &env));
        assert_eq!(
            shown(&args),
            [
                "run",
                "--rm",
                "--name",
                "tribunal-vllm-server-1-2",
                "--cidfile",
                "/e/server.cid",
                "--label",
                "tribunal.owner=1-99",
                "-p",
                "127.0.0.1:20017:8000",
                "-p",
                "127.0.0.1:20018:8001",
                "-e",
                "HF_TOKEN",
                "-e",
                "PATH=/opt/bin",
                "-e",
                "MODE",
                "--gpus",
                "all",
                "vllm/vllm-openai:v0.11",
                "--model",
                "a b"
            ]
        );
        let expected: Environment = vec![
            ("HF_TOKEN".into(), Some("secret".into())),
            ("MODE".into(), Some("fast".into())),
        ];
        assert_eq!(client, expected);
    }

    #[test]
    fn the_hosts_network_a_folder_and_a_program() {
        let container = container(None);
        let run = Run {
            folder: Some(Path::new("/work")),
            program: OsStr::new("serve"),
            ..run(&container, &[])
        };
        let (args, client) = argv(&run);
        assert_eq!(
            shown(&args)[8..],
            [
                "--network",
                "host",
                "--workdir",
                "/work",
                "--gpus",
                "all",
                "vllm/vllm-openai:v0.11",
                "serve",
                "--model",
                "a b"
            ]
        );
        assert!(client.is_empty());
    }

    #[test]
    fn names_are_what_the_runtimes_accept() {
        assert_eq!(
            name_of("my model/ü", "server", "7-1"),
            "tribunal-my-model---server-7-1"
        );
        assert!(name_of(&"x".repeat(500), "w", "1").len() < 63);
    }

    #[test]
    fn a_published_port_is_told_from_others() {
        let answer = "8000/tcp -> 127.0.0.1:20017\n8001/tcp -> 10.0.0.1:20018\n9/tcp -> [::]:20019";
        for (port, expected) in [
            (20_017, true),
            (20_018, false),
            (20_019, true),
            (8_000, false),
        ] {
            assert_eq!(publishes(answer, port), expected, "{port}");
        }
        assert!(!publishes("nonsense -> x\n", 1));
    }
}
