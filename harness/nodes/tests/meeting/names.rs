//! A name server that answers late, wrongly or never, and an agent that looks for its leader by name.
//!
//! Each scenario is a process with a network and an `/etc/resolv.conf` of its own, in which this test is the name server.

use std::io::Read as _;
use std::net::{Ipv4Addr, UdpSocket};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rustix::mount::{MountPropagationFlags, mount_bind, mount_change};
use tribunal_nodes::{AGENT_VERB, Leading, Namespaces, Outcome, Place, TOKEN_VARIABLE, World as _};

use crate::joined::{TOKEN, free_port, options};

/// The verb of a scenario's process.
pub const NAMES: &str = "fake-names";
const LEADER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 254);
/// Where nobody listens, on a node that is there; and where no node is.
const NOBODY: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const NOWHERE: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 77);
/// How long the name server keeps people waiting where it does.
const WAITS: Duration = Duration::from_secs(2);

/// What the name server says of every name, so long after its start.
type Says = fn(Duration) -> Said;

enum Said {
    Address(Ipv4Addr),
    NoSuchName,
    Nothing,
}

fn script(scenario: &str) -> Says {
    match scenario {
        "late" => |since| match since < WAITS {
            true => Said::Nothing,
            false => Said::Address(LEADER),
        },
        "unknown" => |since| match since < WAITS {
            true => Said::NoSuchName,
            false => Said::Address(LEADER),
        },
        "corrected" => |since| match since < WAITS {
            true => Said::Address(NOBODY),
            false => Said::Address(LEADER),
        },
        "wrong" => |_| Said::Address(NOBODY),
        "nowhere" => |_| Said::Address(NOWHERE),
        _ => |_| Said::Nothing,
    }
}

/// The process of a scenario: it prints the exit code of the agent and what it said.
pub fn scenario(name: &str) -> ExitCode {
    match play(name) {
        Ok(said) => {
            println!("{said}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            println!("refused: {why}");
            ExitCode::FAILURE
        }
    }
}

fn play(name: &str) -> Result<String, String> {
    let said = |e: std::io::Error| e.to_string();
    let folder = tempfile::tempdir().map_err(said)?;
    let mut world = Namespaces::new(1).map_err(said)?;
    let resolver = folder.path().join("resolv.conf");
    let text = match name {
        // As it is where nobody says otherwise: five seconds, twice.
        "silent" => format!("nameserver {LEADER}\n"),
        _ => format!("nameserver {LEADER}\noptions timeout:1 attempts:1\n"),
    };
    std::fs::write(&resolver, text).map_err(said)?;
    #[expect(
        deprecated,
        reason = "the flag shares nothing that memory safety hangs on"
    )]
    rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNS).map_err(|e| e.to_string())?;
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(|e| e.to_string())?;
    mount_bind(&resolver, "/etc/resolv.conf").map_err(|e| e.to_string())?;

    let socket = UdpSocket::bind((LEADER, 53)).map_err(said)?;
    let says = script(name);
    std::thread::spawn(move || answer(&socket, says));
    let port = free_port();
    let mut asked = options(port, 2, folder.path());
    let place = Place::find(Some("0/2"), Some(&format!("{LEADER}:{port}")), |_| None)?;
    asked.place = place.ok_or("no place")?;
    asked.join_within = Duration::from_secs(7);
    let leading = std::thread::spawn(move || Leading::begin(asked));

    let mut command = Command::new(std::env::current_exe().map_err(said)?);
    command
        .arg(AGENT_VERB)
        .args(["--node", "1/2", "--address", "10.77.0.1"])
        .args(["--leader", &format!("leader.test:{port}")])
        .args(["--digest", "same", "--join-within", "6"])
        .arg("--evidence")
        .arg(folder.path())
        .env(TOKEN_VARIABLE, TOKEN)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let began = Instant::now();
    let mut agent = world.spawn(0, command).map_err(said)?;
    let met = leading.join().map_err(|_| "the leader panicked")?;
    if let Ok(leading) = met {
        println!("met");
        leading.over(Outcome::Finished);
    }
    let mut text = String::new();
    let out = agent.stdout.take().ok_or("no output")?;
    std::io::BufReader::new(out)
        .read_to_string(&mut text)
        .map_err(said)?;
    let status = agent.wait().map_err(said)?;
    let code = status.code().unwrap_or(-1);
    Ok(format!(
        "after {} s: {code}: {}",
        began.elapsed().as_secs(),
        text.trim()
    ))
}

/// Answers every question by the script, for ever.
fn answer(socket: &UdpSocket, says: Says) {
    let began = Instant::now();
    let mut question = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut question) {
        if let Some(answer) = answered(&question[..length], says(began.elapsed())) {
            let _ = socket.send_to(&answer, from);
        }
    }
}

/// The answer to a question, as RFC 1035 has it.
fn answered(question: &[u8], said: Said) -> Option<Vec<u8>> {
    let names = question.get(12..)?;
    let end = names.iter().position(|byte| *byte == 0)? + 12;
    let kind = question.get(end + 1..end + 3)?;
    let (code, address) = match said {
        Said::Nothing => return None,
        Said::NoSuchName => (3, None),
        // Of other kinds of addresses there are none.
        Said::Address(address) => (0, (kind == [0, 1]).then_some(address)),
    };
    let mut answer = question.get(..2)?.to_vec();
    answer.extend([0x81, 0x80 | code, 0, 1, 0, u8::from(address.is_some())]);
    answer.extend([0; 4]);
    answer.extend(question.get(12..end + 5)?);
    if let Some(address) = address {
        // The name of the question, A, IN, for no time, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}

pub fn trials() -> Vec<Trial> {
    let joins = |scenario: &'static str| {
        move || {
            let Some(said) = played(scenario) else {
                return Ok(());
            };
            assert!(said.contains("met\n"), "{said}");
            assert!(said.contains(": 0: "), "{said}");
            Ok(())
        }
    };
    let fails = |scenario: &'static str, why: &'static [&'static str]| {
        move || {
            let Some(said) = played(scenario) else {
                return Ok(());
            };
            assert!(!said.contains("met\n"), "{said}");
            assert!(said.contains(": 4: "), "{said}");
            for why in why {
                assert!(said.contains(why), "{why}: {said}");
            }
            Ok(())
        }
    };
    vec![
        Trial::test(
            "names::one_that_is_answered_late_is_waited_for",
            joins("late"),
        ),
        Trial::test(
            "names::one_that_is_not_known_yet_is_asked_again",
            joins("unknown"),
        ),
        Trial::test(
            "names::one_that_was_wrong_is_asked_again",
            joins("corrected"),
        ),
        Trial::test(
            "names::a_wrong_address_is_told_with_its_name",
            fails("wrong", &["leader.test:", "(10.77.0.1:", "refused"]),
        ),
        Trial::test(
            "names::an_address_of_nobody_is_told_with_its_name",
            fails("nowhere", &["leader.test:", "(10.77.0.77:"]),
        ),
        Trial::test(
            "names::a_name_server_that_never_answers_is_told",
            fails("never", &["(DNS)", "leader.test:"]),
        ),
        Trial::test(
            "names::nobody_waits_for_a_silent_name_server_longer_than_he_may",
            fails("silent", &["no name server (DNS)", "leader.test:"]),
        ),
    ]
}

/// What came of a scenario; `None` where there are no namespaces to be had.
fn played(scenario: &str) -> Option<String> {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([NAMES, scenario])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if text.starts_with("refused: ") {
        eprintln!("not made: {text}");
        return None;
    }
    assert!(output.status.success(), "{text}");
    Some(text)
}
