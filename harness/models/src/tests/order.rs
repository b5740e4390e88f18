//! Which place is taken, and what is said of the others.

use std::fs;

use super::support::{Machine, content, resolve};
use crate::{ModelErrorKind, ModelPaths, Place, Wanted};

fn local<'a>() -> Wanted<'a> {
    Wanted {
        require_local: true,
        ..Wanted::default()
    }
}

#[test]
fn paths_are_taken_as_they_stand() {
    let machine = Machine::new();
    let folder = machine.model("a/b", 1);
    let found = resolve(&machine.paths(), folder.to_str().unwrap());
    assert_eq!(
        (found.from, found.path()),
        (Place::Path, Some(folder.as_path()))
    );
    assert!(found.copied.is_none());
    let file = folder.join("config.json");
    assert_eq!(
        resolve(&machine.paths(), file.to_str().unwrap()).path(),
        Some(file.as_path())
    );

    let error = machine
        .paths()
        .resolve("/nowhere/at/all", &Wanted::default())
        .unwrap_err();
    assert!(
        matches!(error.kind(), ModelErrorKind::NotHere { .. }),
        "a path is never remote"
    );
    assert!(
        error
            .to_string()
            .contains("path /nowhere/at/all: not there"),
        "{error}"
    );
}

#[test]
fn mappings_lead_both_ways() {
    let machine = Machine::new();
    let folder = machine.at("elsewhere");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("w"), "w").unwrap();
    let file = machine.at("models.toml");
    let text = format!(
        "[models]\nsmall = {{ path = 'elsewhere', id = 'a/b' }}\n'c/d' = '{}'\nlost = {{ path = '/lost', id = 'a/b' }}",
        machine.shared().join("c/d").display()
    );
    fs::write(&file, text).unwrap();
    machine.model("c/d", 1);
    let paths = machine.paths().mapping_file(&file).unwrap();
    for name in ["small", "a/b"] {
        let found = resolve(&paths, name);
        assert_eq!(
            (found.from, found.path(), found.id.as_deref()),
            (Place::Mapping, Some(folder.as_path()), Some("a/b")),
            "{name}"
        );
    }
    assert_eq!(
        resolve(&paths, folder.to_str().unwrap()).id.as_deref(),
        Some("a/b")
    );
    let lost = resolve(&paths, "/lost");
    assert_eq!(
        (lost.from, lost.path()),
        (Place::Mapping, Some(folder.as_path())),
        "the model of a path that is gone is found by its identifier"
    );
    assert!(
        lost.notes[0].contains("a mapping knows it as `a/b`"),
        "{:?}",
        lost.notes
    );
    let copied = resolve(&paths, "c/d");
    assert_eq!(
        copied.from,
        Place::Fast,
        "a mapping into a shared store is a source"
    );

    let error = machine
        .paths()
        .mapping_file(machine.at("none.toml"))
        .err()
        .unwrap();
    assert!(
        error.to_string().contains("none.toml cannot be used"),
        "{error}"
    );
}

#[test]
fn the_order_is_fast_shared_hub_remote() {
    let machine = Machine::new();
    let hub = machine.at("hub");
    let snapshot = hub.join("models--a--b/snapshots/abc");
    fs::create_dir_all(hub.join("models--a--b/refs")).unwrap();
    fs::create_dir_all(&snapshot).unwrap();
    let paths = machine.paths().hub_cache(&hub);

    let found = resolve(&paths, "a/b");
    assert_eq!(
        (found.from, found.path.as_ref(), found.argument()),
        (Place::Remote, None, "a/b".into())
    );
    let why: Vec<String> = found.looked.iter().map(ToString::to_string).collect();
    assert_eq!(why.len(), 6, "{why:#?}");
    assert!(
        why[4].contains("the revision `main` is not in the cache"),
        "{why:#?}"
    );

    fs::write(hub.join("models--a--b/refs/main"), "abc").unwrap();
    std::os::unix::fs::symlink("../../blobs/1", snapshot.join("w")).unwrap();
    let broken = resolve(&paths, "a/b");
    assert_eq!(broken.from, Place::Remote);
    assert!(
        broken
            .looked
            .iter()
            .any(|l| l.to_string().contains("leads nowhere"))
    );
    fs::create_dir(hub.join("models--a--b/blobs")).unwrap();
    fs::write(hub.join("models--a--b/blobs/1"), "weights").unwrap();
    let found = resolve(&paths, "a/b");
    assert_eq!(
        (found.from, found.path()),
        (Place::Hub, Some(snapshot.as_path()))
    );

    let shared = machine.model("a--b", 1);
    let no_copy = Wanted {
        no_copy: true,
        ..Wanted::default()
    };
    let found = paths.resolve("a/b", &no_copy).unwrap();
    assert_eq!(
        (found.from, found.path()),
        (Place::Shared, Some(shared.as_path()))
    );
    let found = resolve(&paths, "a/b");
    assert_eq!(found.from, Place::Fast);
    assert_eq!(content(found.path().unwrap()), content(&shared));
    let nested = machine.model("a/b", 2);
    assert_eq!(
        paths.resolve("a/b", &no_copy).unwrap().path(),
        Some(nested.as_path()),
        "the fast copy is out of date, ORG/NAME comes first"
    );
}

#[test]
fn a_model_that_must_be_here_is_missed_with_every_place() {
    let machine = Machine::new();
    machine.model("qwen/tiny", 1);
    let error = machine
        .paths()
        .resolve("qwen/tinny", &local())
        .unwrap_err()
        .to_string();
    for part in [
        "the model `qwen/tinny` is not on this machine; did you mean `qwen/tiny`?",
        "mapping: no mapping",
        "fast store",
        "shared store",
        "help: ",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(
        machine
            .paths()
            .never_remote(true)
            .resolve("x/y", &Wanted::default())
            .is_err()
    );
    let error = machine.paths().resolve("x/../../y", &local()).unwrap_err();
    assert!(matches!(error.kind(), ModelErrorKind::Name(_)));
}

#[test]
fn the_environment_says_the_places() {
    let machine = Machine::new();
    machine.model("a/b", 1);
    let map = machine.at("m.toml");
    fs::write(&map, "[models]\nshort = { id = 'a/b' }").unwrap();
    let env = |name: &str| match name {
        "TRIBUNAL_MODEL_MAPPINGS" => Some(map.clone().into_os_string()),
        "TRIBUNAL_MODEL_SHARED" => Some(format!("/none:{}", machine.shared().display()).into()),
        "TRIBUNAL_MODEL_FAST" => Some(machine.fast().into_os_string()),
        "TRIBUNAL_MODEL_RESERVE" => Some("0".into()),
        "TRIBUNAL_MODEL_VERIFY" => Some("whole".into()),
        "HF_HUB_OFFLINE" => Some("1".into()),
        _ => None,
    };
    let paths = ModelPaths::from_env(&env).unwrap();
    let found = resolve(&paths, "short");
    assert_eq!(
        (found.from, found.path().unwrap().parent()),
        (Place::Fast, Some(machine.fast().as_path()))
    );
    assert!(
        paths.resolve("other/one", &Wanted::default()).is_err(),
        "HF_HUB_OFFLINE"
    );
}
