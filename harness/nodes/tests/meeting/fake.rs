//! What stands for engines: a server that answers `/health`, with a worker that leaves its process group, and a conductor that puts it there.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use tribunal_nodes::{Cast, CommandLine, Conduct, Loopback, NodesFile, Stage, Subject, conduct};
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups};

const CONDUCT: &str = "fake-conduct";
const SERVER: &str = "fake-server";
const LEAD: &str = "fake-lead";
const WORKER: &str = "fake-worker";

pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    let words: Vec<&str> = args.iter().filter_map(|a| a.to_str()).collect();
    match words[..] {
        [CONDUCT, file, port, evidence, ref hub @ ..] => {
            Some(conductor(file, port, evidence, hub.first().copied()))
        }
        [LEAD, port, evidence] => {
            let leading = crate::joined::lead(port.parse().unwrap(), 2, evidence.as_ref());
            let leading = leading.unwrap();
            println!("led: {}", leading.hub());
            std::thread::sleep(Duration::from_secs(600));
            drop(leading);
            Some(ExitCode::SUCCESS)
        }
        [SERVER, ref rest @ ..] => {
            server(rest);
            Some(ExitCode::SUCCESS)
        }
        [crate::names::NAMES, scenario] => Some(crate::names::scenario(scenario)),
        [crate::clock::SHIFTED, ref rest @ ..] => Some(crate::clock::shifted(rest)),
        ["fake-uptime"] => {
            println!("{}", crate::clock::uptime());
            Some(ExitCode::SUCCESS)
        }
        [WORKER, ..] => {
            std::thread::sleep(Duration::from_secs(600));
            Some(ExitCode::SUCCESS)
        }
        _ => None,
    }
}

/// Puts the fake server wherever a file says that something of another name runs.
struct Fakes {
    mark: String,
}

impl Stage for Fakes {
    fn command(&self, subject: Subject<'_>, line: CommandLine, address: &str) -> CommandLine {
        let program = std::env::current_exe().unwrap();
        let mut argv = vec![program.to_string_lossy().into_owned(), SERVER.to_owned()];
        argv.extend([self.mark.clone(), address.to_owned()]);
        match subject {
            Subject::Proxy { port, .. } => argv.extend(["--port".to_owned(), port.to_string()]),
            Subject::Pool(pool) => argv.extend(["--port".to_owned(), pool.ports[0].to_string()]),
            Subject::Process(_) if line.argv.iter().any(|word| word == "as-written") => {
                return CommandLine {
                    argv: line.argv[3..].to_vec(),
                    ..line
                };
            }
            Subject::Process(_) => argv.extend(line.argv[2..].iter().cloned()),
        }
        CommandLine {
            argv,
            env: line.env,
        }
    }
}

fn conductor(file: &str, port: &str, evidence: &str, hub: Option<&str>) -> ExitCode {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let mut read = NodesFile::read(Path::new(file), &lookups).unwrap();
    let layout = read.layouts.remove(0);
    let cast = match hub {
        None => Cast::Rehearsed(Box::new(Loopback::new(layout.nodes.len()).unwrap())),
        Some(hub) => Cast::Joined {
            hub: hub.to_owned(),
            token: crate::joined::token(),
        },
    };
    let code = conduct(
        Conduct {
            layout,
            front: TcpListener::bind(("127.0.0.1", port.parse::<u16>().unwrap())).unwrap(),
            stage: Box::new(Fakes {
                mark: evidence.to_owned(),
            }),
            evidence: PathBuf::from(evidence),
            ready_within: Duration::from_secs(20),
            grace: Duration::from_secs(3),
        },
        cast,
    );
    match code {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            println!("{}{why}", tribunal_nodes::FATAL);
            ExitCode::FAILURE
        }
    }
}

/// `MARK ADDRESS [--port PORT] [--headless] [--sick-after MS]`
fn server(words: &[&str]) {
    let [mark, address, rest @ ..] = words else {
        panic!("no mark and address in {words:?}");
    };
    let value = |name: &str| {
        let at = rest.iter().position(|word| *word == name)?;
        rest.get(at + 1)?.parse::<u64>().ok()
    };
    println!("fake server at {address} with {}", rest.join(" "));
    let worker = Command::new(std::env::current_exe().unwrap())
        .args([WORKER, mark])
        .process_group(0)
        .spawn();
    let Some(port) = value("--port").filter(|_| !rest.contains(&"--headless")) else {
        std::thread::sleep(Duration::from_secs(600));
        return;
    };
    let listener = TcpListener::bind((*address, u16::try_from(port).unwrap())).unwrap();
    let began = std::time::Instant::now();
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let sick = value("--sick-after").is_some_and(|ms| began.elapsed().as_millis() > ms.into());
        let status = if sick {
            "503 Service Unavailable"
        } else {
            "200 OK"
        };
        let _ = write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{address}",
            address.len()
        );
    }
    drop(worker);
}
