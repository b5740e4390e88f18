//! One process copies: what is kept, what is mended, and what happens when the source or the store does not cooperate.

use std::cell::{Cell, RefCell};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use super::support::{Machine, content, resolve};
use crate::step::Step;
use crate::{ModelErrorKind, Place, Progress, Wanted};

#[test]
fn a_copy_is_made_once_and_used_again() {
    let machine = Machine::new();
    let source = machine.model("a/b", 1);
    let first = resolve(&machine.paths(), "a/b");
    let copied = first.copied.as_ref().unwrap();
    assert_eq!(
        (copied.files, copied.bytes, copied.kept),
        (4, 6_000 + 10, 0)
    );
    assert_eq!(content(first.path().unwrap()), content(&source));
    assert!(first.lease.is_some());
    assert!(
        fs::symlink_metadata(first.path().unwrap().join("link.bin"))
            .unwrap()
            .is_file(),
        "links become files"
    );
    let second = resolve(&machine.paths(), "a/b");
    assert_eq!(
        (second.from, second.copied.is_none(), second.path()),
        (Place::Fast, true, first.path())
    );
    assert_eq!(
        fs::read_dir(machine.fast().join(".tribunal/partial"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_model_of_one_file_stays_one_file() {
    let machine = Machine::new();
    fs::write(machine.shared().join("tiny.gguf"), "weights").unwrap();
    let found = resolve(&machine.paths(), "tiny.gguf");
    assert_eq!(found.from, Place::Fast);
    assert_eq!(fs::read(found.path().unwrap()).unwrap(), b"weights");
    assert_eq!(resolve(&machine.paths(), "tiny.gguf").path(), found.path());
}

#[test]
fn a_source_that_has_changed_is_copied_anew_but_not_under_a_user() {
    let machine = Machine::new();
    machine.model("a/b", 1);
    let user = resolve(&machine.paths(), "a/b");
    let source = machine.model("a/b", 2);
    let second = resolve(&machine.paths(), "a/b");
    assert_eq!(
        (second.from, second.path()),
        (Place::Shared, Some(source.as_path()))
    );
    assert!(
        second
            .notes
            .iter()
            .any(|n| n.contains("while another process uses it")),
        "{:?}",
        second.notes
    );
    assert_eq!(
        fs::read(user.path().unwrap().join("config.json")).unwrap(),
        b"{\"salt\":1}"
    );
    drop(user);
    let third = resolve(&machine.paths(), "a/b");
    assert_eq!(third.from, Place::Fast);
    assert_eq!(content(third.path().unwrap()), content(&source));
    assert_eq!(
        third.copied.as_ref().unwrap().kept,
        1,
        "the empty file is the same in both"
    );
}

#[test]
fn a_damaged_copy_is_mended_with_what_is_left_of_it() {
    for whole in [false, true] {
        let machine = Machine::new();
        let source = machine.model("a/b", 1);
        let paths = || machine.paths().verify_whole(whole);
        let folder = resolve(&paths(), "a/b").path().unwrap().to_path_buf();
        if whole {
            let mut bytes = fs::read(folder.join("deep/er/weights.bin")).unwrap();
            bytes[1_500] ^= 1;
            fs::write(folder.join("deep/er/weights.bin"), bytes).unwrap();
        } else {
            fs::remove_file(folder.join("deep/er/weights.bin")).unwrap();
        }
        let mended = resolve(&paths(), "a/b");
        assert_eq!(content(mended.path().unwrap()), content(&source));
        let copied = mended.copied.as_ref().unwrap();
        assert_eq!((copied.files, copied.kept), (1, 3), "{whole}");
        assert!(mended.notes[0].contains("damaged"), "{:?}", mended.notes);
    }
}

#[test]
fn a_half_copied_source_is_not_taken() {
    let machine = Machine::new();
    let source = machine.model("a/b", 1);
    fs::write(source.join("x.safetensors"), [9, 0, 0]).unwrap();
    let found = resolve(&machine.paths(), "a/b");
    assert_eq!(found.from, Place::Remote);
    assert!(
        found
            .looked
            .iter()
            .any(|l| l.to_string().contains("`x.safetensors` is cut")),
        "{:#?}",
        found.looked
    );
}

/// Resolves `a/b` and calls `act` after the first step that is `at`.
fn meddle(machine: &Machine, at: &Step, always: bool, act: &dyn Fn()) -> crate::Resolved {
    let done = Cell::new(false);
    let hook = |step: Step| {
        if step == *at && (always || !done.replace(true)) {
            act();
        }
        Ok(())
    };
    machine
        .paths()
        .resolve_hooked("a/b", &Wanted::default(), &hook)
        .unwrap()
}

#[test]
fn a_source_that_changes_meanwhile_is_copied_as_it_is_at_the_end() {
    let machine = Machine::new();
    machine.model("a/b", 1);
    for step in [Step::FilePlaced, Step::LeftoversRemoved] {
        let found = meddle(&machine, &step, false, &|| drop(machine.model("a/b", 7)));
        assert_eq!(found.from, Place::Fast, "{:?}", found.notes);
        assert_eq!(
            content(found.path().unwrap()),
            content(&machine.shared().join("a/b"))
        );
        drop(found);
        fs::remove_dir_all(machine.fast()).unwrap();
        machine.model("a/b", 2);
    }
}

#[test]
fn a_source_that_never_rests_is_used_where_it_lies() {
    let machine = Machine::new();
    machine.model("a/b", 1);
    let salt = Cell::new(1u8);
    let found = meddle(&machine, &Step::LeftoversRemoved, true, &|| {
        salt.set(salt.get() + 1);
        fs::write(
            machine.shared().join("a/b/config.json"),
            vec![b'x'; salt.get().into()],
        )
        .unwrap();
    });
    assert_eq!(found.from, Place::Shared);
    assert!(
        found.notes[0].contains("changed while it was copied, 3 times"),
        "{:?}",
        found.notes
    );
    assert!(!machine.fast().join("a%2Fb").exists());
}

#[test]
fn a_source_that_disappears_is_looked_for_elsewhere() {
    let machine = Machine::new();
    machine.model("a/b", 1);
    let found = meddle(&machine, &Step::FileHalf, false, &|| {
        fs::remove_dir_all(machine.shared().join("a")).unwrap()
    });
    assert_eq!(found.from, Place::Remote);
    assert!(found.notes[0].contains("not copied"), "{:?}", found.notes);
    assert!(!machine.fast().join("a%2Fb").exists());
}

#[test]
fn a_store_that_cannot_be_written_is_no_error() {
    let machine = Machine::new();
    let source = machine.model("a/b", 1);
    fs::write(machine.fast().join(".tribunal"), "in the way").unwrap();
    let found = resolve(&machine.paths(), "a/b");
    assert_eq!(
        (found.from, found.path()),
        (Place::Shared, Some(source.as_path()))
    );
    assert!(
        found.notes[0].contains("the fast store cannot be written"),
        "{:?}",
        found.notes
    );

    fs::remove_file(machine.fast().join(".tribunal")).unwrap();
    drop(resolve(&machine.paths(), "a/b"));
    fs::remove_dir_all(machine.fast().join(".tribunal")).unwrap();
    let found = resolve(&machine.paths(), "a/b");
    assert_eq!(
        (found.from, found.lease.is_none()),
        (Place::Fast, true),
        "as in a store that is mounted read-only"
    );
    assert!(
        found.notes[0].contains("without a lease"),
        "{:?}",
        found.notes
    );
}

#[test]
fn cancelled_in_the_middle_it_goes_on_later() {
    let machine = Machine::new();
    let source = machine.model("a/b", 1);
    let flag = AtomicBool::new(false);
    let files = RefCell::new(Vec::new());
    let progress = |p: &Progress| {
        if let Progress::Copying { file, .. } = p {
            files.borrow_mut().push(file.clone());
            flag.store(files.borrow().len() == 3, Ordering::Relaxed);
        }
    };
    let wanted = Wanted {
        cancel: Some(&flag),
        progress: Some(&progress),
        ..Wanted::default()
    };
    let error = machine.paths().resolve("a/b", &wanted).unwrap_err();
    assert_eq!(error.kind(), &ModelErrorKind::Cancelled);
    assert!(!machine.fast().join("a%2Fb").exists());
    let found = resolve(&machine.paths(), "a/b");
    assert_eq!(found.copied.as_ref().unwrap().kept, 2);
    assert_eq!(content(found.path().unwrap()), content(&source));
}

#[test]
fn what_lies_in_the_way_in_a_partial_copy_goes() {
    let machine = Machine::new();
    let source = machine.model("a/b", 1);
    let partial = machine.fast().join(".tribunal/partial/a%2Fb");
    let outside = machine.at("outside");
    fs::create_dir_all(partial.join("config.json/folder")).unwrap();
    fs::create_dir_all(partial.join("stray/folder")).unwrap();
    fs::create_dir_all(&outside).unwrap();
    fs::write(partial.join("link.bin"), vec![9; 3_000]).unwrap();
    std::os::unix::fs::symlink(&outside, partial.join("deep")).unwrap();
    let found = resolve(&machine.paths(), "a/b");
    assert_eq!(found.from, Place::Fast, "{:?}", found.notes);
    assert_eq!(content(found.path().unwrap()), content(&source));
    assert!(!found.path().unwrap().join("stray").exists());
    assert_eq!(
        fs::read_dir(&outside).unwrap().count(),
        0,
        "nothing is written through a link"
    );
}
