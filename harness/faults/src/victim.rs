//! Which processes of a server a fault is meant for.
//!
//! Promise: only the server's own tree is looked through, and a victim is a pid with its start time. Workers are told by the pattern of the deployment
//! and numbered in the order in which they were started. Rejected: patterns over all processes of the host, which hit other people's servers, and a
//! choice by chance that no seed repeats.

use serde::{Deserialize, Serialize};
use tribunal_serving::ProcessInfo;

/// Whom a fault is meant for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Victim {
    /// The process that was started, whose port answers.
    Root,
    /// The worker of this number, from 0, in the order in which the workers were started.
    Worker(usize),
    /// One of the workers, chosen by the seed of the scene.
    AnyWorker,
    /// The process of the deployment's part of this name.
    Part(String),
    /// All processes of the server, the root first.
    Tree,
}

/// A process of the tree as it is chosen from.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub process: ProcessInfo,
    /// Its command line.
    pub line: String,
}

/// What a victim is chosen from.
pub(crate) struct Tree {
    pub processes: Vec<Candidate>,
    pub root: Option<u32>,
    /// Names and pids.
    pub parts: Vec<(String, u32)>,
    pub pattern: Option<String>,
}

impl Victim {
    /// Those who are meant, at least one; or why there is nobody.
    pub(crate) fn among(&self, tree: &Tree, seed: u64) -> Result<Vec<ProcessInfo>, String> {
        let by_pid = |pid: u32| tree.processes.iter().find(|c| c.process.pid == pid);
        match self {
            Victim::Root => {
                let root = tree.root.and_then(by_pid);
                let root = root.ok_or("the server's own process has ended already")?;
                Ok(vec![root.process.clone()])
            }
            Victim::Part(name) => {
                let part = tree.parts.iter().find(|(n, _)| n == name);
                let (_, pid) = part.ok_or_else(|| no_part(name, &tree.parts))?;
                let process = by_pid(*pid);
                let process = process.ok_or_else(|| format!("part `{name}` has ended already"))?;
                Ok(vec![process.process.clone()])
            }
            Victim::Tree => {
                let mut all: Vec<ProcessInfo> =
                    tree.processes.iter().map(|c| c.process.clone()).collect();
                if all.is_empty() {
                    return Err("no process of the server runs any more".into());
                }
                all.sort_by_key(|p| (Some(p.pid) != tree.root, p.start_time, p.pid));
                Ok(all)
            }
            Victim::Worker(number) => {
                let workers = workers(tree)?;
                let worker = workers.get(*number);
                let worker = worker.ok_or_else(|| {
                    format!(
                        "there is no worker {number}: there are {}, numbered from 0",
                        workers.len()
                    )
                })?;
                Ok(vec![worker.clone()])
            }
            Victim::AnyWorker => {
                let workers = workers(tree)?;
                let at = usize::try_from(mixed(seed) % workers.len() as u64).unwrap_or(0);
                Ok(vec![workers[at].clone()])
            }
        }
    }
}

/// At least one.
fn workers(tree: &Tree) -> Result<Vec<ProcessInfo>, String> {
    let Some(pattern) = &tree.pattern else {
        return Err(
            "the deployment does not say how its workers are told; add `[workers] pattern = \"…\"` to its file"
                .into(),
        );
    };
    let expression = regex::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| format!("the pattern of the workers does not parse: {error}"))?;
    let alone = tree.processes.len() == 1;
    let mut found: Vec<ProcessInfo> = tree
        .processes
        .iter()
        // The command line of the root may name its workers; where there is nobody else, it does the work itself.
        .filter(|c| alone || Some(c.process.pid) != tree.root)
        .filter(|c| expression.is_match(&c.process.name) || expression.is_match(&c.line))
        .map(|c| c.process.clone())
        .collect();
    if found.is_empty() {
        return Err(format!(
            "no process of the server matches `{pattern}`; there are: {}",
            listed(&tree.processes)
        ));
    }
    found.sort_by_key(|p| (p.start_time, p.pid));
    Ok(found)
}

fn listed(processes: &[Candidate]) -> String {
    const MOST: usize = 12;
    let mut all: Vec<String> = processes
        .iter()
        .take(MOST)
        .map(|c| {
            let line: String = c.line.chars().take(80).collect();
            format!("{} `{}` ({line})", c.process.pid, c.process.name)
        })
        .collect();
    match processes.len() {
        0 => return "none".into(),
        n if n > MOST => all.push(format!("and {} more", n - MOST)),
        _ => {}
    }
    all.join(", ")
}

fn no_part(name: &str, parts: &[(String, u32)]) -> String {
    let names: Vec<&str> = parts.iter().map(|(n, _)| n.as_str()).collect();
    match tribunal_vocabulary::nearest(name, names.iter().copied()) {
        Some(near) => format!("there is no part `{name}`; did you mean `{near}`?"),
        None if names.is_empty() => {
            format!("there is no part `{name}`: the deployment is one command")
        }
        None => format!(
            "there is no part `{name}`; there are: `{}`",
            names.join("`, `")
        ),
    }
}

/// Neighbouring seeds choose as differently as far ones.
pub(crate) fn mixed(seed: u64) -> u64 {
    let mut x = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(pattern: Option<&str>) -> Tree {
        let of = |pid, start_time, name: &str, line: &str| Candidate {
            process: ProcessInfo {
                pid,
                start_time,
                name: name.into(),
                parent: 1,
            },
            line: line.into(),
        };
        Tree {
            processes: vec![
                of(10, 1, "router", "router serve --worker engine-worker"),
                of(14, 9, "engine-worker", "engine-worker"),
                of(13, 7, "python3", "python3 -m engine-worker --rank 0"),
                of(12, 5, "helper", "helper"),
            ],
            root: Some(10),
            parts: vec![("side".into(), 12), ("gone".into(), 99)],
            pattern: pattern.map(Into::into),
        }
    }

    fn pids(victim: &Victim, tree: &Tree) -> Result<Vec<u32>, String> {
        let found = victim.among(tree, 3)?;
        Ok(found.iter().map(|p| p.pid).collect())
    }

    #[test]
    fn everybody_is_found_by_what_they_are() {
        let tree = tree(Some("engine-worker"));
        assert_eq!(pids(&Victim::Root, &tree), Ok(vec![10]));
        assert_eq!(pids(&Victim::Part("side".into()), &tree), Ok(vec![12]));
        assert_eq!(pids(&Victim::Tree, &tree), Ok(vec![10, 12, 13, 14]));
        // In the order of their start; the root is none, although its command line says the word.
        assert_eq!(pids(&Victim::Worker(0), &tree), Ok(vec![13]));
        assert_eq!(pids(&Victim::Worker(1), &tree), Ok(vec![14]));
    }

    #[test]
    fn any_worker_is_every_worker_for_some_seed_and_the_same_for_the_same() {
        let tree = tree(Some("engine-worker"));
        let chosen = |seed| Victim::AnyWorker.among(&tree, seed).unwrap()[0].pid;
        let all: std::collections::BTreeSet<u32> = (0..32).map(chosen).collect();
        assert_eq!(all, [13, 14].into());
        assert_eq!(chosen(5), chosen(5));
    }

    #[test]
    fn a_server_of_one_process_is_its_own_worker() {
        let mut tree = tree(Some("serve"));
        tree.processes.truncate(1);
        assert_eq!(pids(&Victim::Worker(0), &tree), Ok(vec![10]));
    }

    #[test]
    fn whoever_is_not_there_is_told_with_who_is() {
        let mut tree = tree(Some("VLLM::"));
        let why = |victim: Victim, tree: &Tree| pids(&victim, tree).unwrap_err();
        let none = why(Victim::AnyWorker, &tree);
        assert!(
            none.contains("`VLLM::`") && none.contains("13 `python3`"),
            "{none}"
        );
        assert!(why(Victim::Part("sid".into()), &tree).contains("did you mean `side`"));
        assert!(why(Victim::Part("gone".into()), &tree).contains("has ended"));
        tree.pattern = Some("(".into());
        assert!(why(Victim::Worker(0), &tree).contains("does not parse"));
        tree.pattern = None;
        assert!(why(Victim::Worker(0), &tree).contains("[workers]"));
        tree.pattern = Some("worker".into());
        assert!(why(Victim::Worker(2), &tree).contains("there are 2"));
        tree.processes.clear();
        assert!(why(Victim::Root, &tree).contains("ended"));
        assert!(why(Victim::Tree, &tree).contains("no process"));
    }
}
