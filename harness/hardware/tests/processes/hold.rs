//! A lease ends with its holder, however that ends, and lives with whoever has its descriptor.

use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;

use libtest_mimic::Trial;
use tribunal_hardware::{Claim, Leases};

use crate::crew::{self, LONG, Member};

pub fn trials() -> Vec<Trial> {
    vec![
        crew::trial(
            "a_killed_holder_frees_its_lease",
            a_killed_holder_frees_its_lease,
        ),
        crew::trial(
            "a_killed_waiter_frees_its_place",
            a_killed_waiter_frees_its_place,
        ),
        crew::trial("a_child_with_the_descriptor_keeps_it", a_child_keeps_it),
        crew::trial("a_child_without_it_does_not", a_child_without_it_does_not),
    ]
}

fn name() -> Claim {
    Claim {
        names: vec!["db".into()],
        label: "the database".into(),
        ..Claim::default()
    }
}

/// A process that holds, queues for, or does nothing with the ledger in a folder.
pub fn play(args: &[String]) {
    let [what, folder] = args else {
        panic!("two arguments, not {args:?}");
    };
    let leases = Leases::open(Path::new(folder)).unwrap();
    match what.as_str() {
        "lease" => {
            let _lease = leases.try_take(&name()).unwrap().expect("it is free");
            crew::say_and_wait("ready");
        }
        "queue" => {
            let waiter = leases.wait_for(&name()).unwrap();
            assert!(waiter.try_take().unwrap().is_none());
            crew::say_and_wait("ready");
        }
        _ => crew::say_and_wait("ready"),
    }
}

fn member(what: &str, folder: &Path) -> Member {
    let mut member = Member::start(crew::role("hold", &[what, folder.to_str().unwrap()]));
    assert_eq!(member.line(), "ready");
    member
}

fn a_killed_holder_frees_its_lease() {
    let folder = tempfile::tempdir().unwrap();
    let leases = Leases::open(folder.path()).unwrap();
    let mut holder = member("lease", folder.path());
    let blockers = leases.blocked_by(&name()).unwrap();
    assert_eq!(blockers.len(), 1);
    assert_eq!(blockers[0].process.pid, holder.pid());
    assert_eq!(blockers[0].process.runs(), Some(true));
    assert_eq!(blockers[0].claim, name());
    assert!(blockers[0].command.contains("--play hold lease"));
    assert!(leases.try_take(&name()).unwrap().is_none());
    holder.kill();
    assert!(leases.try_take(&name()).unwrap().is_some());
    assert_eq!(leases.holders().unwrap(), []);
}

fn a_killed_waiter_frees_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let leases = Leases::open(folder.path()).unwrap();
    let lease = leases.try_take(&name()).unwrap().unwrap();
    let mut first = member("queue", folder.path());
    let second = leases.wait_for(&name()).unwrap();
    drop(lease);
    // Free, and still another's turn.
    assert!(second.try_take().unwrap().is_none());
    let blockers = second.blocked_by().unwrap();
    assert_eq!(blockers.len(), 1);
    assert!(blockers[0].waits && blockers[0].process.pid == first.pid());
    first.kill();
    assert!(second.wait(LONG).unwrap().is_some());
}

fn a_child_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let leases = Leases::open(folder.path()).unwrap();
    let lease = leases.try_take(&name()).unwrap().unwrap();
    // As its error output, since that is a descriptor that a child is given.
    let copy = lease.descriptor().as_fd().try_clone_to_owned().unwrap();
    let mut command = crew::role("hold", &["nothing", folder.path().to_str().unwrap()]);
    command.stderr(Stdio::from(copy));
    let mut keeper = Member::start(command);
    assert_eq!(keeper.line(), "ready");
    lease.name_holder(keeper.pid()).unwrap();
    // The command has a copy of the descriptor too, which went with `Member::start`.
    drop(lease);
    let blockers = leases.blocked_by(&name()).unwrap();
    assert_eq!(blockers[0].process.pid, keeper.pid());
    assert!(leases.try_take(&name()).unwrap().is_none());
    keeper.kill();
    comes_free(&leases);
}

fn a_child_without_it_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let leases = Leases::open(folder.path()).unwrap();
    let lease = leases.try_take(&name()).unwrap().unwrap();
    let _child = member("nothing", folder.path());
    // From here on only the kernel says when it ends.
    lease.descriptor();
    drop(lease);
    comes_free(&leases);
}

/// A process that another test starts in this moment has copies of all descriptors, until it has become its program.
fn comes_free(leases: &Leases) {
    let waiter = leases.wait_for(&name()).unwrap();
    assert!(waiter.wait(LONG).unwrap().is_some());
}
