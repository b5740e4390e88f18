//! Which node this process is, of how many, and where the leader is: from the command line, or from what a cluster puts into the environment.
//!
//! Promise: pure; two sources that say different things are an error that names both, and half a source says what is missing. Rejected: guessing from addresses or names of hosts (they
//! agree by luck).

/// Where the nodes meet if nothing else is said.
pub const LEADER_PORT: u16 = 29_479;
/// No run has more nodes.
const MOST: usize = 1024;

/// Which node this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its index, from 0; node 0 leads.
    pub node: usize,
    /// How many nodes there are.
    pub count: usize,
    /// Where node 0 is reached by all: `HOST:PORT`. On node 0 it may be `0.0.0.0:PORT`: at whatever addresses it has.
    pub leader: String,
    /// Who said so, for messages.
    pub source: &'static str,
}

/// What one source says.
struct Said {
    source: &'static str,
    node: usize,
    count: usize,
    leader: Option<Leader>,
}

#[derive(PartialEq, Eq)]
struct Leader {
    host: String,
    port: Option<u16>,
}

/// All addresses of a machine.
pub(crate) const ANY: &str = "0.0.0.0";
const OPTIONS: &str = "--node and --leader";
const LWS: &str = "the variables of LeaderWorkerSet";
const JOB: &str = "the variables of an Indexed Job";

impl Place {
    /// The place of this process: `node` is what `--node` says (`I/N`), `leader` what `--leader` says (`HOST` or `HOST:PORT`). `None`: nobody says that there is more than this machine.
    ///
    /// Of a LeaderWorkerSet `LWS_LEADER_ADDRESS`, `LWS_GROUP_SIZE` and `LWS_WORKER_INDEX` are read; of an Indexed Job `JOB_COMPLETION_INDEX`, where `TRIBUNAL_NODES` says how many
    /// nodes there are (without it, its index is none of a node). `--leader` may add a port to the leader of the environment, and says who leads a Job.
    ///
    /// # Errors
    /// Something is missing, is no index or address, or contradicts something else.
    pub fn find(
        node: Option<&str>,
        leader: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Place>, String> {
        let variable = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let given = leader
            .map(|text| read_leader(text, "--leader"))
            .transpose()?;
        let mut said: Vec<Said> = Vec::new();
        if let Some(text) = node {
            let (node, count) = read_node(text)?;
            said.push(Said {
                source: OPTIONS,
                node,
                count,
                leader: None,
            });
        }
        said.extend(of_lws(&variable)?);
        said.extend(of_job(&variable)?);
        let Some(first) = said.first() else {
            return match given {
                None => Ok(None),
                Some(_) => Err(
                    "--leader says where node 0 is, and nothing says which node this is\nhelp: add --node I/N"
                        .to_owned(),
                ),
            };
        };
        for other in &said[1..] {
            if (first.node, first.count) != (other.node, other.count) {
                return Err(format!(
                    "{} say that this is node {} of {}, and {} that it is node {} of {}\nhelp: leave one of them out",
                    first.source, first.node, first.count, other.source, other.node, other.count
                ));
            }
        }
        let known = said
            .iter()
            .find_map(|s| s.leader.as_ref().map(|l| (s.source, l)));
        let leader = match (given, known) {
            (Some(given), Some((source, known))) if given.host != known.host => {
                return Err(format!(
                    "--leader says {}, and {source} say {}\nhelp: leave --leader out, or give it the same host and a port",
                    given.host, known.host
                ));
            }
            (Some(given), _) => given,
            (None, Some((_, known))) => Leader {
                host: known.host.clone(),
                port: known.port,
            },
            // It listens at all its addresses, and finds out by which one others reach it.
            (None, None) if first.node == 0 => Leader {
                host: ANY.to_owned(),
                port: None,
            },
            (None, None) => {
                return Err(format!(
                    "{} say that this is node {} of {}, and nothing says where node 0 is\nhelp: add --leader HOST[:PORT], an address of node 0",
                    first.source, first.node, first.count
                ));
            }
        };
        if first.node > 0 && ["0.0.0.0", "[::]"].contains(&leader.host.as_str()) {
            return Err(format!(
                "--leader says {}, at which node 0 is not reached from another machine\nhelp: give the address of node 0",
                leader.host
            ));
        }
        Ok(Some(Place {
            node: first.node,
            count: first.count,
            leader: format!("{}:{}", leader.host, leader.port.unwrap_or(LEADER_PORT)),
            source: first.source,
        }))
    }

    /// Whether it runs the tests.
    pub fn leads(&self) -> bool {
        self.node == 0
    }
}

fn read_node(text: &str) -> Result<(usize, usize), String> {
    let wrong = || {
        format!(
            "--node takes the index of this node and how many there are, as in 1/3, not `{text}`"
        )
    };
    let (node, count) = text.split_once('/').ok_or_else(wrong)?;
    let node = node.trim().parse().map_err(|_| wrong())?;
    let count = count.trim().parse().map_err(|_| wrong())?;
    within(node, count, "--node")?;
    Ok((node, count))
}

fn within(node: usize, count: usize, name: &str) -> Result<(), String> {
    if count == 0 || count > MOST {
        return Err(format!("{name}: a run has 1 to {MOST} nodes, not {count}"));
    }
    if node >= count {
        return Err(format!(
            "{name}: there is no node {node} of {count}: nodes are counted from 0 to {}",
            count - 1
        ));
    }
    Ok(())
}

/// `HOST`, `HOST:PORT`, `[V6]` or `[V6]:PORT`.
fn read_leader(text: &str, name: &str) -> Result<Leader, String> {
    let wrong = |why: &str| {
        Err(format!(
            "{name} takes a host and maybe a port, as in node-0.cluster:{LEADER_PORT}, not `{text}`: {why}"
        ))
    };
    let text = text.trim();
    let (host, port) = match text.rfind(']') {
        Some(end) if text.starts_with('[') => (&text[..=end], &text[end + 1..]),
        _ => match text.split_once(':') {
            Some((_, rest)) if rest.contains(':') => {
                return wrong("an address of IPv6 stands in brackets");
            }
            Some((host, _)) => text.split_at(host.len()),
            None => (text, ""),
        },
    };
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '[' | ']' | ':' | '%');
    if host.is_empty() {
        return wrong("it has no host");
    }
    if !host.chars().all(plain) {
        return wrong("that is no host");
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => None,
        Some(port) => match port.parse::<u16>() {
            Ok(1..) => port.parse().ok(),
            _ => return wrong("that is no port"),
        },
        None => return wrong("what follows the brackets is no port"),
    };
    Ok(Leader {
        host: host.to_owned(),
        port,
    })
}

fn number(name: &str, text: &str) -> Result<usize, String> {
    let read = text.trim().parse();
    read.map_err(|_| format!("{name} is no number: `{text}`"))
}

fn of_lws(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<Said>, String> {
    const NAMES: [&str; 3] = ["LWS_LEADER_ADDRESS", "LWS_GROUP_SIZE", "LWS_WORKER_INDEX"];
    let values = NAMES.map(variable);
    if values.iter().all(Option::is_none) {
        return Ok(None);
    }
    let [Some(leader), Some(count), Some(node)] = values else {
        let missing = NAMES.iter().filter(|name| variable(name).is_none());
        let missing: Vec<&str> = missing.copied().collect();
        return Err(format!(
            "of LeaderWorkerSet's variables {} is not set: all of {} are needed\nhelp: LeaderWorkerSet sets them in its pods; unset the others where this is none",
            missing.join(" and "),
            NAMES.join(", ")
        ));
    };
    let (node, count) = (number(NAMES[2], &node)?, number(NAMES[1], &count)?);
    within(node, count, NAMES[2])?;
    let leader = read_leader(&leader, NAMES[0])?;
    Ok(Some(Said {
        source: LWS,
        node,
        count,
        leader: Some(leader),
    }))
}

fn of_job(variable: &impl Fn(&str) -> Option<String>) -> Result<Option<Said>, String> {
    let (Some(node), Some(count)) = (variable("JOB_COMPLETION_INDEX"), variable("TRIBUNAL_NODES"))
    else {
        return Ok(None);
    };
    let node = number("JOB_COMPLETION_INDEX", &node)?;
    let count = number("TRIBUNAL_NODES", &count)?;
    within(node, count, "JOB_COMPLETION_INDEX")?;
    Ok(Some(Said {
        source: JOB,
        node,
        count,
        leader: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(
        node: Option<&str>,
        leader: Option<&str>,
        variables: &[(&str, &str)],
    ) -> Result<Option<Place>, String> {
        Place::find(node, leader, |name| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn place(node: usize, count: usize, leader: &str, source: &'static str) -> Option<Place> {
        Some(Place {
            node,
            count,
            leader: leader.to_owned(),
            source,
        })
    }

    const GROUP: [(&str, &str); 3] = [
        ("LWS_LEADER_ADDRESS", "vllm-0.vllm.default"),
        ("LWS_GROUP_SIZE", "4"),
        ("LWS_WORKER_INDEX", "2"),
    ];

    #[test]
    fn every_source_says_where_this_is() {
        assert_eq!(find(None, None, &[]), Ok(None));
        let by_options = place(1, 3, "10.0.0.1:29479", OPTIONS);
        assert_eq!(find(Some("1/3"), Some("10.0.0.1"), &[]), Ok(by_options));
        let port = place(0, 2, "[fe80::1]:7000", OPTIONS);
        assert_eq!(find(Some("0/2"), Some("[fe80::1]:7000"), &[]), Ok(port));
        let group = place(2, 4, "vllm-0.vllm.default:29479", LWS);
        assert_eq!(find(None, None, &GROUP), Ok(group));
        let job = [("JOB_COMPLETION_INDEX", "1"), ("TRIBUNAL_NODES", "2")];
        let in_job = place(1, 2, "job-0.job:9000", JOB);
        assert_eq!(find(None, Some("job-0.job:9000"), &job), Ok(in_job));
        // Shards of a suite are an Indexed Job as well, and no nodes.
        assert_eq!(find(None, None, &job[..1]), Ok(None));
    }

    #[test]
    fn node_0_needs_no_leader_and_the_others_a_real_one() {
        let all = place(0, 2, "0.0.0.0:29479", OPTIONS);
        assert_eq!(find(Some("0/2"), None, &[]), Ok(all));
        let port = place(0, 2, "0.0.0.0:7000", OPTIONS);
        assert_eq!(find(Some("0/2"), Some("0.0.0.0:7000"), &[]), Ok(port));
        let error = find(Some("1/2"), Some("0.0.0.0"), &[]).unwrap_err();
        assert!(error.contains("give the address of node 0"), "{error}");
    }

    #[test]
    fn two_sources_may_agree_and_one_may_add_a_port() {
        let both = find(Some("2/4"), Some("vllm-0.vllm.default:7000"), &GROUP);
        assert_eq!(both, Ok(place(2, 4, "vllm-0.vllm.default:7000", OPTIONS)));
    }

    #[test]
    fn what_contradicts_or_is_missing_is_named() {
        let wrong = |node, leader, variables: &[(&str, &str)], parts: &[&str]| {
            let error = find(node, leader, variables).unwrap_err();
            for part in parts {
                assert!(error.contains(part), "{part}: {error}");
            }
        };
        wrong(
            Some("1/4"),
            None,
            &GROUP,
            &[
                "--node and --leader say that this is node 1 of 4",
                "LeaderWorkerSet that it is node 2 of 4",
            ],
        );
        wrong(
            None,
            Some("other"),
            &GROUP,
            &["--leader says other", "say vllm-0.vllm.default"],
        );
        wrong(None, None, &GROUP[..2], &["LWS_WORKER_INDEX is not set"]);
        wrong(
            Some("1/3"),
            None,
            &[],
            &["nothing says where node 0 is", "--leader HOST"],
        );
        wrong(None, Some("a"), &[], &["add --node I/N"]);
        let job = [("JOB_COMPLETION_INDEX", "1"), ("TRIBUNAL_NODES", "2")];
        wrong(None, None, &job, &["Indexed Job", "--leader"]);
        wrong(
            Some("3/3"),
            Some("a"),
            &[],
            &["there is no node 3 of 3", "0 to 2"],
        );
        wrong(Some("0/0"), Some("a"), &[], &["1 to 1024"]);
        for node in ["", "1", "a/b", "-1/2", "1/2/3"] {
            wrong(Some(node), Some("a"), &[], &["as in 1/3"]);
        }
        for leader in [
            "",
            ":70",
            "a:b",
            "a:0",
            "fe80::1",
            "[fe80::1]x",
            "http://a",
            "a b",
        ] {
            wrong(Some("0/1"), Some(leader), &[], &["--leader takes a host"]);
        }
        let mut odd = GROUP;
        odd[1].1 = "many";
        wrong(None, None, &odd, &["LWS_GROUP_SIZE is no number: `many`"]);
    }

    proptest::proptest! {
        #[test]
        fn nonsense_never_panics(node in ".{0,12}", leader in ".{0,20}", index in ".{0,6}") {
            let _ = find(Some(&node), Some(&leader), &[("JOB_COMPLETION_INDEX", &index), ("TRIBUNAL_NODES", "3")]);
        }
    }
}
