//! Nodes in namespaces: they reach each other, links break and heal, and nothing is left.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use tribunal_nodes::{Namespaces, Party, World as _};

/// Runs a scenario in a process with one thread.
const WORLD: &str = "__test-world";
/// A program on a node: it listens at an address, and tells everybody its name until standard input is closed.
const LISTEN: &str = "__test-listen";
/// A program on a node: it says whether it reaches an address.
const ASK: &str = "__test-ask";
/// How long somebody who cannot be reached is waited for.
const PATIENCE: Duration = Duration::from_millis(700);
const PORT: u16 = 8080;
/// What is sent where the time of it counts.
const LOAD: usize = 300_000;
/// The user `nobody`.
const NOBODY: u32 = 65_534;

pub fn verb(args: &[OsString]) -> Option<ExitCode> {
    let words: Vec<&str> = args.iter().filter_map(|word| word.to_str()).collect();
    match words[..] {
        [WORLD, scenario] => Some(match world(scenario) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => {
                println!("failed: {why}");
                ExitCode::FAILURE
            }
        }),
        [LISTEN, address] => {
            listen(address);
            Some(ExitCode::SUCCESS)
        }
        [ASK, address] => {
            println!("{}", ask(address).unwrap_or_else(|e| format!("no: {e}")));
            Some(ExitCode::SUCCESS)
        }
        _ => None,
    }
}

fn listen(address: &str) {
    let listener = TcpListener::bind(address).expect("the address of the node");
    println!("listening");
    let name = address.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let name = name.clone();
            std::thread::spawn(move || {
                let _ = stream.write_all(format!("{name}\n").as_bytes());
                let _ = stream.write_all(&vec![b'x'; LOAD]);
            });
        }
    });
    let _ = std::io::stdin().read(&mut [0]);
}

/// The name of who answers, and how long all that it says took, in milliseconds.
fn ask(address: &str) -> std::io::Result<String> {
    let address: SocketAddr = address.parse().map_err(std::io::Error::other)?;
    let began = Instant::now();
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut reader = BufReader::new(stream);
    let mut name = String::new();
    reader.read_line(&mut name)?;
    let rest = std::io::copy(&mut reader, &mut std::io::sink())?;
    Ok(format!(
        "{} {rest} {}",
        name.trim(),
        began.elapsed().as_millis()
    ))
}

/// The world of a scenario, in its own process.
fn world(scenario: &str) -> Result<(), String> {
    let said = |e: std::io::Error| e.to_string();
    let mut world = Namespaces::new(3).map_err(|e| format!("refused: {e}"))?;
    println!("about {}", world.about());
    let program = std::env::current_exe().map_err(said)?;
    let mut nodes = Vec::new();
    for (node, address) in world.addresses().iter().enumerate() {
        let mut command = Command::new(&program);
        command
            .args([LISTEN, &format!("{address}:{PORT}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = world.spawn(node, command).map_err(said)?;
        let mut line = String::new();
        let stdout = child.stdout.take().ok_or("no output")?;
        BufReader::new(stdout).read_line(&mut line).map_err(said)?;
        if line.trim() != "listening" {
            return Err(format!("node {node} does not listen"));
        }
        println!("network {}", network(child.id()));
        nodes.push(child);
    }
    println!("network {}", network(std::process::id()));
    let addresses = world.addresses();
    let mut from = |node: usize, to: usize| -> Result<String, String> {
        let mut command = Command::new(&program);
        command
            .args([ASK, &format!("{}:{PORT}", addresses[to])])
            .stdout(Stdio::piped());
        let child = world.spawn(node, command).map_err(said)?;
        let output = child.wait_with_output().map_err(said)?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match scenario {
        "meet" => {
            for (a, b) in [(0, 1), (1, 2), (2, 0), (1, 1)] {
                println!("{a} to {b}: {}", from(a, b)?);
            }
            let leader = ask(&format!("10.77.0.2:{PORT}")).map_err(said)?;
            println!("leader to 1: {leader}");
        }
        "cut" => {
            println!("before: {}", from(0, 1)?);
            let links = world.breakable();
            let from = |world: &mut Namespaces, node: usize, to: usize| {
                let mut command = Command::new(&program);
                command.args([ASK, &format!("{}:{PORT}", world.addresses()[to])]);
                command.stdout(Stdio::piped());
                let child = world.spawn(node, command).map_err(said)?;
                let output = child.wait_with_output().map_err(said)?;
                Ok::<_, String>(String::from_utf8_lossy(&output.stdout).trim().to_owned())
            };
            let (one, other) = (Party::Node(0), Party::Node(1));
            links.cut(one, other).map_err(said)?;
            println!("cut: {}", from(&mut world, 0, 1)?);
            println!("beside: {}", from(&mut world, 2, 1)?);
            links.mend(one, other).map_err(said)?;
            println!("mended: {}", from(&mut world, 0, 1)?);
            // What comes back is lost.
            links.cut(other, one).map_err(said)?;
            println!("back: {}", from(&mut world, 0, 1)?);
            links.cut(Party::Leader, Party::Node(2)).map_err(said)?;
            let leader = ask(&format!("10.77.0.3:{PORT}"));
            println!("leader: {}", leader.unwrap_or_else(|e| format!("no: {e}")));
            links.mend_all().map_err(said)?;
            println!("healed: {}", from(&mut world, 0, 1)?);
            println!(
                "nobody: {}",
                links.cut(one, Party::Node(7)).err().ok_or("no error")?
            );
        }
        "slow" => {
            println!("before: {}", from(0, 1)?);
            let links = world.breakable();
            links.rate(1, Some(100_000)).map_err(said)?;
            let slow = ask(&format!("10.77.0.2:{PORT}")).map_err(said)?;
            println!("slow: {slow}");
            links.rate(1, None).map_err(said)?;
            let quick = ask(&format!("10.77.0.2:{PORT}")).map_err(said)?;
            println!("quick: {quick}");
        }
        "stay" => {
            println!("ready");
            let _ = std::io::stdin().read(&mut [0]);
        }
        other => return Err(format!("there is no scenario {other}")),
    }
    for mut node in nodes {
        drop(node.stdin.take());
        node.wait().map_err(said)?;
    }
    Ok(())
}

/// Which network a process is in.
fn network(pid: u32) -> String {
    std::fs::read_link(format!("/proc/{pid}/ns/net"))
        .map(|link| link.display().to_string())
        .unwrap_or_default()
}

/// The networks that processes of this machine are in.
fn networks() -> Vec<String> {
    let pids = std::fs::read_dir("/proc").expect("processes");
    let pids = pids.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.map(network).collect()
}

pub fn trials() -> Vec<Trial> {
    fn trial(name: &str, run: fn() -> Result<(), Failed>) -> Trial {
        Trial::test(format!("worlds::{name}"), run)
    }
    vec![
        trial("nodes_reach_each_other_and_the_leader", || meet(false)),
        trial("no_right_is_needed_where_users_may_have_namespaces", || {
            meet(true)
        }),
        trial("links_break_and_heal", cut),
        trial("a_slow_node_is_slow", slow),
        trial("nothing_is_left_of_a_world_that_was_killed", killed),
    ]
}

fn start(scenario: &str, unprivileged: bool) -> Child {
    let mut program = std::env::current_exe().expect("this binary");
    let mut command = Command::new(&program);
    if unprivileged && rustix::process::getuid().is_root() {
        // Where this binary lies may be closed to others.
        let copy = std::env::temp_dir().join(format!("tribunal-worlds-{}", std::process::id()));
        std::fs::copy(&program, &copy).expect("a copy");
        program = copy;
        command = Command::new(&program);
        command.uid(NOBODY).gid(NOBODY).current_dir("/");
    }
    command
        .args([WORLD, scenario])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process")
}

/// What a scenario said, by the words before the colon; `None` where there are no namespaces to be had.
fn played(scenario: &str, unprivileged: bool) -> Option<Vec<(String, String)>> {
    let child = start(scenario, unprivileged);
    let output = child.wait_with_output().expect("an end");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.starts_with("failed: refused") {
        eprintln!("not made: {text}");
        return None;
    }
    assert!(output.status.success(), "{text}");
    let mut networks: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("network "))
        .collect();
    let own = network(std::process::id());
    networks.push(&own);
    let all = networks.len();
    networks.sort_unstable();
    networks.dedup();
    assert_eq!(networks.len(), all, "each has a network of its own: {text}");
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    Some(
        lines
            .map(|(what, said)| (what.to_owned(), said.to_owned()))
            .collect(),
    )
}

fn meet(unprivileged: bool) -> Result<(), Failed> {
    let Some(said) = played("meet", unprivileged) else {
        return Ok(());
    };
    let reached: Vec<String> = said
        .iter()
        .map(|(what, said)| format!("{what} {}", said.split(' ').next().unwrap_or_default()))
        .collect();
    assert_eq!(
        reached,
        [
            "0 to 1 10.77.0.2:8080",
            "1 to 2 10.77.0.3:8080",
            "2 to 0 10.77.0.1:8080",
            "1 to 1 10.77.0.2:8080",
            "leader to 1 10.77.0.2:8080"
        ]
    );
    Ok(())
}

fn cut() -> Result<(), Failed> {
    let Some(said) = played("cut", false) else {
        return Ok(());
    };
    for (what, said) in &said {
        let lost = matches!(what.as_str(), "cut" | "back" | "leader");
        match what.as_str() {
            "nobody" => assert_eq!(said, "there is no node 7: there are 0 to 2"),
            _ => assert_eq!(said.starts_with("no: "), lost, "{what}: {said}"),
        }
        // Nobody is told that it is lost.
        assert!(!lost || said.contains("timed out"), "{what}: {said}");
    }
    assert_eq!(said.len(), 8, "{said:?}");
    Ok(())
}

fn slow() -> Result<(), Failed> {
    let Some(said) = played("slow", false) else {
        return Ok(());
    };
    let took = |what: &str| -> u64 {
        let (_, said) = said.iter().find(|(name, _)| name == what).expect("said");
        let [_, bytes, took] = said.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{what}: {said}")
        };
        assert_eq!(bytes.parse(), Ok(LOAD), "{what}");
        took.parse().expect("milliseconds")
    };
    // 300 kB at 100 kB a second, of which a tenth of a second's worth goes at once.
    assert!(took("slow") >= 2000, "{said:?}");
    assert!(took("quick") < took("slow"), "{said:?}");
    Ok(())
}

fn killed() -> Result<(), Failed> {
    let mut world = start("stay", false);
    let mut made = Vec::new();
    let stdout = world.stdout.take().expect("its output");
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        if line.starts_with("failed: refused") {
            eprintln!("not made: {line}");
            let _ = world.wait();
            return Ok(());
        }
        if let Some(network) = line.strip_prefix("network ") {
            made.push(network.to_owned());
        }
        if line == "ready" {
            break;
        }
    }
    assert_eq!(made.len(), 4);
    let there = networks();
    assert!(made.iter().all(|network| there.contains(network)));
    world.kill().expect("it is ours");
    world.wait()?;
    // Its nodes see the end of their standard input.
    let began = Instant::now();
    while networks().iter().any(|network| made.contains(network)) {
        assert!(began.elapsed() < Duration::from_secs(10), "{made:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!Path::new("/sys/class/net/tribunal0").exists());
    Ok(())
}
