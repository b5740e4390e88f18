//! Runs of nodes files on real machines: node 0 leads and runs the tests, the others do what it tells them.
//!
//! Promise: which node this is is settled before anything else happens, and the nodes have met before a test begins; they hear how the run ended. Rejected: meeting
//! when the first test asks for the server (its time would count what a cluster takes to start).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tribunal_nodes::{Place, Token};
use tribunal_runner::{Options, UsageError};

/// The default of `--join-within`.
const JOIN: Duration = Duration::from_secs(30 * 60);

/// Which node this is, of the layouts that were chosen and have several.
///
/// # Errors
/// Nobody says it, or what is said is not about these.
pub(super) fn place(o: &Options, several: &[(&String, usize)]) -> Result<Place, UsageError> {
    let variable = |name: &str| std::env::var(name).ok();
    let found = Place::find(o.node.as_deref(), o.leader.as_deref(), variable);
    let place = found.map_err(UsageError)?;
    let Some(place) = place else {
        let (name, nodes) = several[0];
        return Err(nowhere(name, nodes));
    };
    for (name, nodes) in several {
        if *nodes != place.count {
            return Err(UsageError(format!(
                "--deploy {name} is of {nodes} nodes, and there are {} by {}\nhelp: as many machines as the file has nodes",
                place.count, place.source
            )));
        }
    }
    Ok(place)
}

/// A layout of several nodes, and nobody said where they are.
fn nowhere(name: &str, nodes: usize) -> UsageError {
    let last = nodes.saturating_sub(1);
    UsageError(format!(
        "--deploy {name} is of {nodes} nodes, and nothing says which of them this is\n\
         help: rehearse it on this machine: cargo test -- --rehearse --deploy {name}\n\
         help: or run it on {nodes} machines: --node 0/{nodes} on the one that runs the tests, and on the others --node 1/{nodes} to {last}/{nodes} with --leader HOST; \
         LeaderWorkerSet and Indexed Jobs say it by their variables"
    ))
}

/// The secret that all nodes of a run have.
pub(super) fn token() -> Result<Token, UsageError> {
    let found = Token::find(|name| std::env::var(name).ok()).map_err(UsageError)?;
    found.ok_or_else(|| {
        UsageError(
            "the nodes of a run know each other by a secret, and there is none\nhelp: set TRIBUNAL_NODES_TOKEN, or TRIBUNAL_NODES_TOKEN_FILE, to the same on every node: `openssl rand -hex 32` makes one".into(),
        )
    })
}

/// What all nodes must have chosen: their files, byte for byte.
pub(super) fn digest<'a>(files: impl Iterator<Item = &'a Path>) -> Result<String, UsageError> {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    let mut seen: Vec<&Path> = vec![];
    for file in files {
        if seen.contains(&file) {
            continue;
        }
        seen.push(file);
        let bytes = std::fs::read(file)
            .map_err(|e| UsageError(format!("{} cannot be read: {e}", file.display())))?;
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(&bytes);
    }
    let hash = hash.finalize();
    Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Where a conductor of this machine reaches the meeting.
pub(super) fn hub(place: &Place) -> String {
    let unspecified = ["0.0.0.0:", "[::]:"];
    let port = unspecified
        .iter()
        .find_map(|any| place.leader.strip_prefix(any));
    match port {
        Some(port) => format!("127.0.0.1:{port}"),
        None => place.leader.clone(),
    }
}

/// Where the logs of the processes of this node go.
fn evidence(o: &Options) -> PathBuf {
    if let Some(folder) = &o.evidence_dir {
        return folder.join("nodes");
    }
    let exe = std::env::current_exe().unwrap_or_default();
    // Cargo marks every target folder with this file.
    let target = exe
        .ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").exists());
    let target = target.map_or_else(|| PathBuf::from("target"), Path::to_path_buf);
    target.join("tribunal/nodes")
}

/// Does what node 0 says until the run is over; the exit code.
pub(super) fn follow(o: &Options, place: &Place, token: Token, digest: String) -> u8 {
    let Place { node, count, .. } = place;
    eprintln!(
        "node {node} of {count}: does what node 0 at {} says, until the run is over",
        place.leader
    );
    let end = tribunal_nodes::agent(tribunal_nodes::AgentOptions {
        node: *node,
        count: *count,
        leader: place.leader.clone(),
        address: None,
        interface: None,
        evidence: evidence(o),
        shared: false,
        digest: Some(digest),
        token,
        limit: o.join_within.unwrap_or(JOIN),
    });
    eprintln!("node {node} of {count}: {end}");
    end.code()
}

static EXPECTED: Mutex<Option<tribunal_nodes::LeadOptions>> = Mutex::new(None);
static LEADING: Mutex<Option<tribunal_nodes::Leading>> = Mutex::new(None);

/// Says whom [`begin`] has to wait for.
pub(super) fn expect(o: &Options, place: Place, token: Token, digest: String) {
    let lead = tribunal_nodes::LeadOptions {
        place,
        token,
        digest: Some(digest),
        evidence: evidence(o),
        join_within: o.join_within.unwrap_or(JOIN),
        tell: std::sync::Arc::new(|line| eprintln!("{line}")),
    };
    *EXPECTED.lock().unwrap_or_else(PoisonError::into_inner) = Some(lead);
}

/// Waits for the nodes of the run, where it has several.
///
/// # Errors
/// They have not met.
pub(crate) fn begin() -> Result<(), UsageError> {
    let expected = EXPECTED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(lead) = expected {
        let Place { count, leader, .. } = &lead.place;
        eprintln!("node 0 of {count}: the nodes meet at {leader}");
        let leading = tribunal_nodes::Leading::begin(lead).map_err(UsageError)?;
        *LEADING.lock().unwrap_or_else(PoisonError::into_inner) = Some(leading);
    }
    Ok(())
}

/// Tells the nodes that the run is over, and how it ended.
pub(crate) fn over(code: u8) {
    use tribunal_nodes::Outcome;
    let leading = LEADING
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some(leading) = leading {
        let outcome = match (leading.failed(), code) {
            (Some(cause), _) => Outcome::Failed { cause },
            (None, 0) => Outcome::Finished,
            (None, code) => Outcome::Failed {
                cause: format!("the tests ended with exit code {code}"),
            },
        };
        leading.over(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conductor_reaches_the_meeting_from_its_own_machine() {
        let place = |leader: &str| Place {
            node: 0,
            count: 2,
            leader: leader.to_owned(),
            source: "a test",
        };
        for (leader, expected) in [
            ("0.0.0.0:29479", "127.0.0.1:29479"),
            ("[::]:1", "127.0.0.1:1"),
            ("leader.group:29479", "leader.group:29479"),
        ] {
            assert_eq!(hub(&place(leader)), expected);
        }
    }

    #[test]
    fn files_are_told_apart_by_what_is_in_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            path
        };
        let (a, b, c) = (file("a", "x"), file("b", "x"), file("c", "y"));
        let of =
            |files: &[&PathBuf]| digest(files.iter().map(|file| file.as_path())).expect("read");
        assert_eq!(of(&[&a]), of(&[&b]));
        assert_eq!(of(&[&a, &a]), of(&[&a]));
        assert_ne!(of(&[&a]), of(&[&c]));
        assert_ne!(of(&[&a, &c]), of(&[&c, &a]));
        assert!(digest([Path::new("/nowhere/x")].into_iter()).is_err());
    }
}
