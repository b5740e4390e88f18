//! A fast store that is full.

use std::fs;
use std::path::Path;

use super::support::{Machine, resolve};
use crate::store::size_of;
use crate::{ModelPaths, Place};

/// What one model of the tests takes.
const MODEL: u64 = 6_010;

/// The stores, where the fast one holds `capacity` bytes of models.
fn paths(machine: &Machine, capacity: u64) -> ModelPaths {
    let mut paths = machine.paths();
    paths.store.as_mut().unwrap().free = Box::new(move |root: &Path| {
        let models: u64 = fs::read_dir(root)?
            .flatten()
            .filter(|e| e.file_name() != ".tribunal")
            .map(|e| without_manifest(&e.path()))
            .sum();
        Ok(capacity.saturating_sub(models + size_of(&root.join(".tribunal/partial"))))
    });
    paths
}

fn without_manifest(folder: &Path) -> u64 {
    size_of(folder) - fs::metadata(folder.join(crate::manifest::FILE)).map_or(0, |f| f.len())
}

/// Sets when a model was used last.
fn used(machine: &Machine, slug: &str, nanoseconds: u64) {
    fs::write(
        machine.fast().join(".tribunal/used").join(slug),
        nanoseconds.to_string(),
    )
    .unwrap();
}

#[test]
fn the_least_recently_used_goes() {
    let machine = Machine::new();
    for name in ["a", "b", "c", "d"] {
        machine.model(name, 1);
    }
    let paths = paths(&machine, 3 * MODEL);
    for (name, at) in [("a", 20), ("b", 10), ("c", 30)] {
        drop(resolve(&paths, name));
        used(&machine, name, at);
    }
    let found = resolve(&paths, "d");
    assert_eq!(
        (found.from, found.copied.unwrap().evicted),
        (Place::Fast, vec!["b".to_owned()])
    );
    let there = |name: &str| machine.fast().join(name).exists();
    assert!(there("a") && !there("b") && there("c") && there("d"));
    assert_eq!(
        fs::read_dir(machine.fast().join(".tribunal/trash"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn what_is_in_use_stays_and_using_makes_young() {
    let machine = Machine::new();
    for name in ["a", "b", "c"] {
        machine.model(name, 1);
    }
    let paths = paths(&machine, 2 * MODEL);
    drop(resolve(&paths, "b"));
    let user = resolve(&paths, "a");
    used(&machine, "a", 1);
    used(&machine, "b", 2);
    assert_eq!(resolve(&paths, "c").copied.unwrap().evicted, ["b"]);
    drop(user);
    used(&machine, "a", 1);
    used(&machine, "c", 2);
    drop(resolve(&paths, "a"));
    assert_eq!(
        resolve(&paths, "b").copied.unwrap().evicted,
        ["c"],
        "`a` was used since"
    );
}

#[test]
fn where_all_would_not_be_enough_nothing_goes() {
    let machine = Machine::new();
    machine.model("a", 1);
    let large = machine.model("large", 1);
    fs::write(large.join("w"), vec![1; 3 * MODEL as usize]).unwrap();
    let paths = paths(&machine, 2 * MODEL);
    drop(resolve(&paths, "a"));
    let found = resolve(&paths, "large");
    assert_eq!(
        (found.from, found.path()),
        (Place::Shared, Some(large.as_path()))
    );
    assert!(
        found.notes[0].contains("no room: the copy needs 24040 bytes"),
        "{:?}",
        found.notes
    );
    assert!(machine.fast().join("a").exists());
}

#[test]
fn the_reserve_stays_free() {
    let machine = Machine::new();
    machine.model("a", 1);
    let found = resolve(&paths(&machine, MODEL + 99).reserve(100), "a");
    assert_eq!(found.from, Place::Shared);
    assert!(
        found.notes[0].contains("100 must stay free"),
        "{:?}",
        found.notes
    );
    assert_eq!(
        resolve(&paths(&machine, MODEL + 100).reserve(100), "a").from,
        Place::Fast
    );
}

#[test]
fn left_over_copies_of_the_dead_go_first_and_foreign_folders_never() {
    let machine = Machine::new();
    machine.model("a", 1);
    machine.model("b", 1);
    let paths = paths(&machine, 2 * MODEL);
    drop(resolve(&paths, "a"));
    used(&machine, "a", 1);
    let dead = machine.fast().join(".tribunal/partial/dead");
    fs::create_dir(&dead).unwrap();
    fs::write(dead.join("w"), vec![0; 5_000]).unwrap();
    let found = resolve(&paths, "b");
    assert_eq!(
        (found.from, found.copied.unwrap().evicted.len()),
        (Place::Fast, 0)
    );
    assert!(!dead.exists() && machine.fast().join("a").exists());

    fs::create_dir(machine.fast().join("mine")).unwrap();
    fs::write(machine.fast().join("mine/diary"), "private").unwrap();
    machine.model("c", 1);
    drop(resolve(&paths, "c"));
    assert!(machine.fast().join("mine/diary").exists());
}
