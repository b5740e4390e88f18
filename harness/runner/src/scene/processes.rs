//! The processes below one, and the ports on which they listen, from `/proc`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use crate::evidence::names_secret;

/// Command lines can be long.
const LONGEST: usize = 300;

/// One process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub pid: u32,
    pub parent: u32,
    pub state: char,
    pub name: String,
    pub start: u64,
    /// Clock ticks of processor time.
    pub ticks: u64,
    /// Resident pages.
    pub pages: u64,
}

impl Process {
    pub fn of(pid: u32) -> Option<Process> {
        Process::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// A line of `/proc/PID/stat`; the name may contain anything, also brackets.
    fn parse(stat: &str) -> Option<Process> {
        let (front, rest) = stat.rsplit_once(')')?;
        let (pid, name) = front.split_once(" (")?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |i: usize| fields.get(i)?.parse::<u64>().ok();
        Some(Process {
            pid: pid.parse().ok()?,
            parent: u32::try_from(number(1)?).ok()?,
            state: fields.first()?.chars().next()?,
            name: name.to_owned(),
            start: number(19)?,
            ticks: number(11)? + number(12)?,
            pages: number(21)?,
        })
    }

    /// The processes below one, itself first.
    pub fn tree(root: u32) -> Vec<Process> {
        let mut all: BTreeMap<u32, Vec<Process>> = BTreeMap::new();
        let Ok(entries) = fs::read_dir("/proc") else {
            return vec![];
        };
        for entry in entries.flatten() {
            let pid = entry.file_name().to_str().and_then(|n| n.parse().ok());
            if let Some(process) = pid.and_then(Process::of) {
                all.entry(process.parent).or_default().push(process);
            }
        }
        let mut out: Vec<Process> = Process::of(root).into_iter().collect();
        let mut at = 0;
        while at < out.len() {
            // A process is looked at once, so that a table that changes meanwhile cannot make a circle.
            out.extend(all.remove(&out[at].pid).unwrap_or_default());
            at += 1;
        }
        out
    }

    /// The command line for people.
    pub fn command(&self) -> String {
        let bytes = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let line: String = masked(text.trim_end_matches('\0').split('\0'))
            .trim()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(LONGEST)
            .collect();
        if line.is_empty() {
            format!("[{}]", self.name)
        } else {
            line
        }
    }
}

/// Arguments as one line; values of options that name a secret are not shown.
fn masked<'a>(args: impl Iterator<Item = &'a str>) -> String {
    let mut secret = false;
    let mut out = vec![];
    for arg in args {
        let named = arg.starts_with("--") && names_secret(arg.split('=').next().unwrap_or(arg));
        out.push(match arg.split_once('=') {
            _ if secret && !arg.starts_with("--") => "***".to_owned(),
            Some((option, _)) if named => format!("{option}=***"),
            _ => arg.to_owned(),
        });
        secret = named && !arg.contains('=');
    }
    out.join(" ")
}

pub(super) fn text(root: u32) -> String {
    let tree = Process::tree(root);
    if tree.is_empty() {
        return "The processes are not available: /proc cannot be read\n".into();
    }
    let second = rustix::param::clock_ticks_per_second().max(1);
    let page = rustix::param::page_size() as u64;
    let mut out = format!(
        "{:>8} {:>8} state {:>9} {:>9}  command\n",
        "pid", "parent", "cpu", "memory"
    );
    for p in &tree {
        let _ = writeln!(
            out,
            "{:>8} {:>8} {:5} {:>8.1}s {:>6} MiB  {}",
            p.pid,
            p.parent,
            p.state,
            p.ticks as f64 / second as f64,
            (p.pages * page) >> 20,
            p.command()
        );
    }
    let ports = ports(&tree);
    out.push_str("\nlistening:\n");
    if ports.is_empty() {
        out.push_str("    nothing\n");
    }
    for (address, pid) in ports {
        let _ = writeln!(out, "    {address} process {pid}");
    }
    out
}

/// Addresses on which processes listen.
fn ports(tree: &[Process]) -> Vec<(String, u32)> {
    let mut listening: BTreeMap<String, String> = BTreeMap::new();
    for table in ["tcp", "tcp6"] {
        // No IPv6, no table.
        let text = fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default();
        listening.extend(text.lines().skip(1).filter_map(listener));
    }
    let mut found = BTreeSet::new();
    for p in tree {
        // The descriptors of another user's process are not ours to see.
        let Ok(fds) = fs::read_dir(format!("/proc/{}/fd", p.pid)) else {
            continue;
        };
        for link in fds.flatten().filter_map(|e| fs::read_link(e.path()).ok()) {
            let link = link.to_string_lossy();
            if let Some(inode) = link
                .strip_prefix("socket:[")
                .and_then(|l| l.strip_suffix(']'))
                && let Some(address) = listening.get(inode)
            {
                found.insert((address.clone(), p.pid));
            }
        }
    }
    found.into_iter().collect()
}

/// A line of `/proc/net/tcp` of a socket that listens: its inode and its address.
fn listener(line: &str) -> Option<(String, String)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    if *fields.get(3)? != "0A" {
        return None;
    }
    let (address, port) = fields.get(1)?.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    // The kernel prints words in the order of the machine.
    let bytes: Vec<u8> = (0..address.len() / 8)
        .filter_map(|w| u32::from_str_radix(address.get(w * 8..w * 8 + 8)?, 16).ok())
        .flat_map(u32::to_ne_bytes)
        .collect();
    let shown = match bytes.len() {
        4 => std::net::Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).to_string(),
        16 => format!(
            "[{}]",
            std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)
        ),
        _ => return None,
    };
    Some(((*fields.get(9)?).to_owned(), format!("{shown}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_contain_anything() {
        let stat = "42 (a) (b c) S 7 42 42 0 -1 4194560 1 0 0 0 10 5 0 0 20 0 1 0 777 1000 33 18446744073709551615";
        let p = Process::parse(stat).expect("a process");
        assert_eq!(
            (p.pid, p.parent, p.state, p.name.as_str()),
            (42, 7, 'S', "a) (b c")
        );
        assert_eq!((p.ticks, p.start, p.pages), (15, 777, 33));
        for nonsense in ["", "42", "x (y) S", "42 (y)"] {
            assert_eq!(Process::parse(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn secrets_on_command_lines_are_not_shown() {
        let line = |args: &[&str]| masked(args.iter().copied());
        assert_eq!(
            line(&["serve", "--api-key", "abc", "--port", "1"]),
            "serve --api-key *** --port 1"
        );
        assert_eq!(
            line(&["x", "--hf-token=abc", "--max-tokens", "5"]),
            "x --hf-token=*** --max-tokens 5"
        );
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn listeners_are_read() {
        let line = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1";
        assert_eq!(
            listener(line),
            Some(("12345".into(), "127.0.0.1:8080".into()))
        );
        let line = "   0: 00000000000000000000000001000000:0050 0:0 0A 0 0 0 0 0 99 1";
        assert_eq!(listener(line), Some(("99".into(), "[::1]:80".into())));
        assert_eq!(listener(&line.replace(" 0A ", " 01 ")), None);
    }

    #[test]
    fn this_process_and_its_listener_are_in_the_table() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let text = text(std::process::id());
        assert!(
            text.contains(&format!("{:>8} ", std::process::id())),
            "{text}"
        );
        let address = listener.local_addr().expect("bound");
        assert!(
            text.contains(&format!("{address} process {}", std::process::id())),
            "{text}"
        );
    }
}
