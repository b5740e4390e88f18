//! Room in the fast store: what has to go, oldest first, and only if that is enough.
//!
//! Promise: nothing in use is removed; nothing is removed when all that could be removed would not suffice; what other
//! processes are copying at the same time is counted as taken. The decision ([`victims`]) is a pure function.

use std::fs::File;
use std::io;

use crate::lock::{self, Holder};
use crate::manifest::Manifest;
use crate::resolved::Progress;
use crate::store::{Store, size_of};

/// Something that could be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub slug: String,
    /// A copy whose maker died: it goes first, since nobody can use it.
    pub partial: bool,
    pub used: u128,
    pub bytes: u64,
}

/// Why there is no room.
#[derive(Debug)]
pub(crate) enum NoRoom {
    Full {
        need: u64,
        free: u64,
        reserve: u64,
        removable: u64,
    },
    Io(String),
}

impl std::fmt::Display for NoRoom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Full {
                need,
                free,
                reserve,
                removable,
            } => write!(
                f,
                "no room: the copy needs {need} bytes and {reserve} must stay free, but {free} are free and models of {removable} bytes are not in use"
            ),
            Self::Io(why) => f.write_str(why),
        }
    }
}

/// Which candidates have to go so that `free` grows to `wanted`: none if it is enough already, `None` if all of them
/// would not be enough.
pub(crate) fn victims(
    mut candidates: Vec<Candidate>,
    free: u64,
    wanted: u64,
) -> Option<Vec<Candidate>> {
    candidates.sort_by(|a, b| (!a.partial, a.used, &a.slug).cmp(&(!b.partial, b.used, &b.slug)));
    let mut left = wanted.saturating_sub(free);
    let mut gone = Vec::new();
    for candidate in candidates {
        if left == 0 {
            break;
        }
        left = left.saturating_sub(candidate.bytes);
        gone.push(candidate);
    }
    (left == 0).then_some(gone)
}

/// Makes room for `need` more bytes of the model `slug`, whose copy lock the caller holds. Gives the names of what was
/// removed.
pub(crate) fn make(
    store: &Store,
    slug: &str,
    need: u64,
    progress: &dyn Fn(&Progress),
) -> Result<Vec<String>, NoRoom> {
    let io = |what: &str, error: io::Error| NoRoom::Io(format!("{what}: {error}"));
    let free = (store.free)(&store.root).map_err(|e| io("the free space cannot be read", e))?;
    let (mut candidates, mut locks, mut promised) = (Vec::new(), Vec::new(), 0u64);
    for other in store.partials() {
        if other == slug {
            continue;
        }
        let size = size_of(&store.partial(&other));
        match exclusive(&store.copy_lock(&other)).map_err(|e| io("a lock cannot be taken", e))? {
            Some(lock) => {
                locks.push((other.clone(), lock));
                candidates.push(Candidate {
                    slug: other,
                    partial: true,
                    used: 0,
                    bytes: size,
                });
            }
            // Its maker lives, and will still need this much.
            None => {
                promised = promised.saturating_add(
                    Holder::read(&store.copy_lock(&other))
                        .map_or(0, |h| h.total.saturating_sub(size)),
                )
            }
        }
    }
    let wanted = need.saturating_add(store.reserve).saturating_add(promised);
    if free >= wanted {
        return Ok(Vec::new());
    }
    for other in store.models() {
        if other == slug {
            continue;
        }
        // What has no manifest was not put there by this store, and is not ours to remove.
        let Ok(manifest) = Manifest::read(&store.model(&other)) else {
            continue;
        };
        let held = locks.iter().any(|(held, _)| *held == other);
        let copy = if held {
            None
        } else {
            exclusive(&store.copy_lock(&other)).map_err(|e| io("a lock cannot be taken", e))?
        };
        if copy.is_none() && !held {
            continue;
        }
        let Some(users) =
            exclusive(&store.use_lock(&other)).map_err(|e| io("a lock cannot be taken", e))?
        else {
            continue;
        };
        locks.extend(copy.map(|lock| (other.clone(), lock)));
        locks.push((other.clone(), users));
        candidates.push(Candidate {
            partial: false,
            used: store.used(&other),
            bytes: manifest.bytes(),
            slug: other,
        });
    }
    let removable = candidates.iter().map(|c| c.bytes).sum();
    let gone = victims(candidates, free, wanted).ok_or(NoRoom::Full {
        need,
        free,
        reserve: store.reserve,
        removable,
    })?;
    let mut removed = Vec::new();
    for victim in gone {
        let folder = if victim.partial {
            store.partial(&victim.slug)
        } else {
            store.model(&victim.slug)
        };
        let name = Manifest::read(&folder).map_or_else(|_| victim.slug.clone(), |m| m.name);
        progress(&Progress::Evicting { name: name.clone() });
        store
            .remove(&folder)
            .map_err(|e| io(&format!("{} cannot be removed", folder.display()), e))?;
        if !victim.partial {
            removed.push(name);
        }
    }
    Ok(removed)
}

/// The lock, if nobody has it.
fn exclusive(path: &std::path::Path) -> io::Result<Option<File>> {
    let file = lock::open(path)?;
    Ok(lock::try_lock(&file, true)?.then_some(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn candidate(slug: &str, partial: bool, used: u128, bytes: u64) -> Candidate {
        Candidate {
            slug: slug.to_owned(),
            partial,
            used,
            bytes,
        }
    }

    #[test]
    fn the_oldest_goes_first_and_no_more_than_needed() {
        let all = || {
            vec![
                candidate("new", false, 30, 10),
                candidate("old", false, 10, 10),
                candidate("middle", false, 20, 10),
                candidate("dead", true, 0, 5),
            ]
        };
        let gone = |free, wanted| {
            victims(all(), free, wanted)
                .map(|gone| gone.into_iter().map(|c| c.slug).collect::<Vec<_>>())
        };
        assert_eq!(gone(50, 50), Some(vec![]));
        assert_eq!(gone(0, 5), Some(vec!["dead".to_owned()]));
        assert_eq!(gone(0, 6), Some(vec!["dead".into(), "old".into()]));
        assert_eq!(
            gone(10, 35),
            Some(vec!["dead".into(), "old".into(), "middle".into()])
        );
        assert_eq!(gone(0, 35).unwrap().len(), 4);
        assert_eq!(gone(0, 36), None, "nothing goes if all is not enough");
        assert_eq!(gone(0, u64::MAX), None);
    }

    proptest! {
        #[test]
        fn room_is_made_exactly_when_it_can_be(sizes in prop::collection::vec((any::<bool>(), 0u128..5, 0u64..100), 0..8), free in 0u64..200, wanted in 0u64..400) {
            let all: Vec<Candidate> = sizes.iter().enumerate().map(|(i, &(partial, used, bytes))| candidate(&format!("m{i}"), partial, used, bytes)).collect();
            let sum: u64 = all.iter().map(|c| c.bytes).sum();
            match victims(all.clone(), free, wanted) {
                None => prop_assert!(free + sum < wanted),
                Some(gone) => {
                    let freed: u64 = gone.iter().map(|c| c.bytes).sum();
                    prop_assert!(free + freed >= wanted);
                    if let Some(last) = gone.last() {
                        prop_assert!(free + freed - last.bytes < wanted, "the last one was needed");
                    }
                    let newest = gone.iter().filter(|c| !c.partial).map(|c| c.used).max();
                    let kept = all.iter().filter(|c| !c.partial && !gone.contains(c)).map(|c| c.used).min();
                    prop_assert!(newest.is_none() || kept.is_none() || newest <= kept);
                }
            }
        }
    }
}
