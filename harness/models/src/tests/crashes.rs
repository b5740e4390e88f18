//! A crash between any two steps: nothing half is ever seen, and the next copy completes.

use std::cell::Cell;
use std::fs;
use std::io;

use super::support::{Machine, content, resolve};
use crate::step::Step;
use crate::{Place, Wanted};

/// Copies `a/b` and crashes after `steps` steps; says whether it came that far.
fn crash(machine: &Machine, steps: usize) -> bool {
    let count = Cell::new(0);
    let hook = |_: Step| {
        count.set(count.get() + 1);
        if count.get() > steps {
            Err(io::Error::other("crash"))
        } else {
            Ok(())
        }
    };
    machine
        .paths()
        .resolve_hooked("a/b", &Wanted::default(), &hook)
        .unwrap();
    count.get() > steps
}

/// Where the copy stands it is whole.
fn nothing_half(machine: &Machine, steps: usize) {
    let folder = machine.fast().join("a%2Fb");
    if folder.exists() {
        assert_eq!(
            content(&folder),
            content(&machine.shared().join("a/b")),
            "after {steps} steps"
        );
        assert!(
            folder.join(crate::manifest::FILE).exists(),
            "after {steps} steps"
        );
    }
}

#[test]
fn every_prefix_of_the_steps_leaves_a_store_that_completes() {
    let mut steps = 0;
    loop {
        let machine = Machine::new();
        let source = machine.model("a/b", 1);
        let crashed = crash(&machine, steps);
        nothing_half(&machine, steps);
        let found = resolve(&machine.paths(), "a/b");
        assert_eq!(
            found.from,
            Place::Fast,
            "after {steps} steps: {:?}",
            found.notes
        );
        assert_eq!(
            content(found.path().unwrap()),
            content(&source),
            "after {steps} steps"
        );
        assert_eq!(
            fs::read_dir(machine.fast().join(".tribunal/partial"))
                .unwrap()
                .count(),
            0
        );
        if !crashed {
            break;
        }
        steps += 1;
    }
    assert!(steps > 20, "only {steps} steps were seen");
}

#[test]
fn two_crashes_one_after_the_other_do_no_harm_either() {
    for first in (0..26).step_by(3) {
        for second in (0..26).step_by(5) {
            let machine = Machine::new();
            machine.model("a/b", 1);
            crash(&machine, first);
            machine.model("a/b", 2);
            crash(&machine, second);
            let found = resolve(&machine.paths(), "a/b");
            assert_eq!(
                found.from,
                Place::Fast,
                "{first}, {second}: {:?}",
                found.notes
            );
            assert_eq!(
                content(found.path().unwrap()),
                content(&machine.shared().join("a/b")),
                "{first}, {second}"
            );
        }
    }
}

#[test]
fn a_crash_while_an_old_copy_is_replaced_never_shows_a_mixture() {
    for steps in 0..24 {
        let machine = Machine::new();
        machine.model("a/b", 1);
        drop(resolve(&machine.paths(), "a/b"));
        let old = content(&machine.fast().join("a%2Fb"));
        let new = machine.model("a/b", 2);
        crash(&machine, steps);
        let folder = machine.fast().join("a%2Fb");
        if folder.exists() {
            let now = content(&folder);
            assert!(now == old || now == content(&new), "after {steps} steps");
        }
        let found = resolve(&machine.paths(), "a/b");
        assert_eq!(
            content(found.path().unwrap()),
            content(&new),
            "after {steps} steps"
        );
    }
}

#[test]
fn finished_files_are_kept() {
    let machine = Machine::new();
    machine.model("a/b", 1);
    let placed = Cell::new(0);
    let hook = |step: Step| {
        placed.set(placed.get() + usize::from(step == Step::FilePlaced));
        if placed.get() == 2 {
            Err(io::Error::other("crash"))
        } else {
            Ok(())
        }
    };
    machine
        .paths()
        .resolve_hooked("a/b", &Wanted::default(), &hook)
        .unwrap();
    let found = resolve(&machine.paths(), "a/b");
    let copied = found.copied.unwrap();
    assert_eq!((copied.kept, copied.files), (2, 2));
}
