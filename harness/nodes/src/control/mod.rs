//! Breaking what is rehearsed: links and nodes, from the test that has the server.
//!
//! A rehearsal listens at a socket in its evidence folder; one line of JSON asks, one answers. [`NodeControl`] is the side of the test. Promise: what could not be
//! injected is an error that says why, and never silently nothing; nothing but the processes of the named node is signalled, each by its pid and start time. Rejected:
//! doing it from the test's own process (it is in another network, and may have fewer rights than the conductor has in its own).

mod client;
mod serve;

use serde::{Deserialize, Serialize};

pub use client::NodeControl;
pub(crate) use serve::{Control, Nodes};

/// The name of the socket within the evidence folder.
const SOCKET: &str = "nodes.sock";
/// The longest line that is read.
const MOST: u64 = 1 << 20;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
enum Ask {
    /// What a node sends to another is lost; `both`: and what comes back.
    Partition { from: End, to: End, both: bool },
    /// Everything arrives again, at every rate.
    Heal {},
    /// A node sends and receives so many bytes in a second; null: as many as it can.
    Slow {
        node: usize,
        bytes_per_second: Option<u64>,
    },
    /// A node is gone, with all its processes, as when its power fails.
    KillNode { node: usize },
    /// A node stands still.
    StopNode { node: usize },
    /// A node that stands still goes on.
    ContinueNode { node: usize },
    /// Who runs where.
    Processes {},
}

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum End {
    Node(usize),
    Leader,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer {
    Done,
    Failed(String),
    Processes(Vec<NodeProcesses>),
}

/// The processes of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NodeProcesses {
    /// The index of the node.
    pub node: usize,
    /// Its address.
    pub address: String,
    /// Its agent.
    pub agent: u32,
    /// Everything that runs there below its agent.
    pub processes: Vec<NodeProcess>,
}

/// A process of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NodeProcess {
    /// Process id; that of the machine, in every kind of world.
    pub pid: u32,
    /// Its start time in clock ticks since boot.
    pub start_time: u64,
    /// Its short name.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_a_line_that_people_can_write() {
        for (line, expected) in [
            (
                r#"{"do":"partition","from":{"node":0},"to":"leader","both":false}"#,
                Ask::Partition {
                    from: End::Node(0),
                    to: End::Leader,
                    both: false,
                },
            ),
            (r#"{"do":"heal"}"#, Ask::Heal {}),
            (r#"{"do":"kill-node","node":2}"#, Ask::KillNode { node: 2 }),
            (
                r#"{"do":"slow","node":1,"bytes_per_second":null}"#,
                Ask::Slow {
                    node: 1,
                    bytes_per_second: None,
                },
            ),
            (r#"{"do":"processes"}"#, Ask::Processes {}),
        ] {
            let read: Ask = serde_json::from_str(line).expect(line);
            assert_eq!(read, expected);
            assert_eq!(serde_json::to_string(&read).expect("a line"), line);
        }
        for line in [
            "",
            "{}",
            r#"{"do":"explode"}"#,
            r#"{"do":"heal","node":1}"#,
            r#"{"do":"kill-node","node":-1}"#,
        ] {
            assert!(serde_json::from_str::<Ask>(line).is_err(), "{line}");
        }
    }
}
