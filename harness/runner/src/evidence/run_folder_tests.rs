use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn stamps_are_dates_that_sort() {
    assert_eq!(stamp(at(0)), "19700101-000000.000");
    assert_eq!(stamp(at(951_782_400)), "20000229-000000.000");
    assert_eq!(stamp(at(4_107_542_399)), "21000228-235959.000");
    assert_eq!(
        stamp(at(4_107_542_400)),
        "21000301-000000.000",
        "2100 is no leap year"
    );
    assert_eq!(iso(at(1_795_260_142)), "2026-11-21T11:22:22Z");
}

#[test]
fn only_runs_look_like_runs() {
    assert!(is_run("20261121-112222.000-4711"));
    for name in [
        "latest",
        "20261121-112222.000-",
        "20261121",
        "evidence",
        "2026112a-112222.000-1",
    ] {
        assert!(!is_run(name), "{name}");
    }
}

#[test]
fn names_become_folders() {
    assert_eq!(slug("m::answers::a"), "m.answers.a");
    assert_eq!(slug("../../etc/passwd"), "-..-etc-passwd");
    assert_eq!(slug(".."), "unnamed");
    let long = "x".repeat(400);
    assert!(slug(&long).len() < 200);
    assert_ne!(slug(&format!("{long}a")), slug(&format!("{long}b")));
}

#[test]
fn paths_are_told_from_where_one_stands() {
    let from = |base: &str, path: &str| {
        relative(Path::new(base), Path::new(path))
            .display()
            .to_string()
    };
    assert_eq!(from("/w", "/w/target/tribunal/x"), "target/tribunal/x");
    assert_eq!(from("/w/suites/src", "/w/target/x"), "../../target/x");
    assert_eq!(from("/home/me", "/tmp/x"), "/tmp/x");
}

#[test]
fn old_runs_go_and_used_ones_stay() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path();
    let open = |second: u64, group: Option<&str>| {
        RunFolder::open_as(root, 3, group, at(1_000_000_000 + second)).expect("it can be written")
    };
    fs::write(root.join("a file of somebody else"), "").expect("a file");
    let used = open(0, None);
    for second in 1..=5 {
        drop(open(second, None));
    }
    let left = runs(root).expect("a folder");
    assert_eq!(
        left.len(),
        4,
        "the newest three, and the one in use: {left:?}"
    );
    assert!(used.path.is_dir(), "a live process uses it");
    assert_eq!(
        left[0],
        used.path.file_name().expect("a name").to_string_lossy()
    );
    assert!(root.join("a file of somebody else").exists());
    let latest = fs::read_link(root.join("latest")).expect("a link");
    assert_eq!(latest.to_string_lossy(), left[3]);
    drop(used);
    drop(open(6, None));
    assert_eq!(runs(root).expect("a folder").len(), 3);
}

#[test]
fn processes_of_one_nextest_run_share_a_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let open = |second: u64, group: &str| {
        RunFolder::open_as(folder.path(), 9, Some(group), at(1_000_000_000 + second))
            .expect("it can be written")
    };
    let (one, two) = (open(0, "abc"), open(1, "abc"));
    assert_eq!(one.path, two.path);
    assert_ne!(open(2, "abd").path, one.path);
    one.remove();
    assert!(two.path.is_dir(), "others of the run may still come");
}

#[test]
fn names_are_never_used_twice() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let open =
        || RunFolder::open_as(folder.path(), 100, None, at(1_000_000_000)).expect("writable");
    let all: Vec<RunFolder> = (0..5).map(|_| open()).collect();
    for (i, a) in all.iter().enumerate() {
        assert!(all[i + 1..].iter().all(|b| a.path != b.path));
    }
}

#[test]
fn a_run_of_which_nothing_is_kept_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = RunFolder::open_as(folder.path(), 3, None, at(1_000_000_000)).expect("writable");
    fs::create_dir(run.path.join("servers")).expect("a folder");
    run.remove();
    assert!(runs(folder.path()).expect("a folder").is_empty());
    assert!(fs::symlink_metadata(folder.path().join("latest")).is_err());
}
