use std::ffi::OsString;

use crate::options::{Format, Group, Options, TABLE, Task, twin};

fn parse(args: &[&str], env: &[(&str, &str)]) -> Result<Options, String> {
    let args: Vec<OsString> = args.iter().map(|a| a.into()).collect();
    let env: Vec<(String, OsString)> = env.iter().map(|(k, v)| (k.to_string(), v.into())).collect();
    Options::parse(&args, &|name| {
        env.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone())
    })
    .map_err(|e| e.0)
}

#[test]
fn every_option_with_a_twin_is_set_by_it() {
    for row in TABLE.iter().filter(|r| r.twin) {
        let value = match row.value {
            "" => "1",
            "N" | "X" | "SEED" | "N|auto" => "3",
            "K/N|auto" => "1/2",
            "DURATION" => "5s",
            "WHO" => "github",
            v if v.contains('|') => v.rsplit('|').next().unwrap(),
            _ => "word",
        };
        let by_env =
            parse(&[], &[(&twin(row.long), value)]).unwrap_or_else(|e| panic!("{}: {e}", row.long));
        if row.long == "shuffle" {
            assert!(by_env.shuffle.is_some());
            continue;
        }
        let long = format!("--{}", row.long);
        let by_flag = if row.value.is_empty() {
            parse(&[&long], &[])
        } else {
            parse(&[&long, value], &[])
        }
        .unwrap();
        assert_eq!(by_env, by_flag, "{}", row.long);
        // A twin that changes nothing would prove nothing; `quiet` aside, no default equals the value used here.
        if !matches!(row.long, "vram-unknown") || value != "run" {
            assert_ne!(by_env, Options::default(), "{}", row.long);
        }
    }
}

#[test]
fn the_command_line_wins_over_the_environment_and_the_last_over_the_first() {
    let o = parse(
        &["--run-level", "full_model", "--run-level=slow"],
        &[("TRIBUNAL_RUN_LEVEL", "core_model")],
    )
    .unwrap();
    assert_eq!(o.run_level.as_deref(), Some("slow"));
    let o = parse(&["-q", "--format", "pretty"], &[]).unwrap();
    assert_eq!(o.format, Format::Pretty);
    let o = parse(
        &["--test-threads", "1", "--test-threads=4"],
        &[("RUST_TEST_THREADS", "9"), ("TRIBUNAL_TEST_THREADS", "7")],
    )
    .unwrap();
    assert_eq!(o.test_threads, Some(4));
}

#[test]
fn a_part_is_that_of_the_build_server_where_that_is_asked_for() {
    let server = [
        ("BUILDKITE_PARALLEL_JOB", "2"),
        ("BUILDKITE_PARALLEL_JOB_COUNT", "5"),
    ];
    let shard = |args: &[&str], more: &[(&str, &str)]| {
        parse(args, &[&server, more].concat()).map(|o| o.shard)
    };
    assert_eq!(shard(&["--shard", "auto"], &[]), Ok(Some((3, 5))));
    assert_eq!(shard(&["--shard=ci"], &[]), Ok(Some((3, 5))));
    assert_eq!(shard(&[], &[]), Ok(None), "not without being asked");
    let twin = [("TRIBUNAL_SHARD", "auto")];
    assert_eq!(shard(&[], &twin), Ok(Some((3, 5))));
    assert_eq!(shard(&["--shard", "1/2"], &twin), Ok(Some((1, 2))));
    // What the command line overrules is not asked for.
    let missing = parse(&["--shard", "1/2"], &twin).unwrap();
    assert_eq!(missing.shard, Some((1, 2)));
    let asked = parse(&["--shard", "auto"], &server).unwrap();
    assert_eq!(asked, parse(&["--shard", "3/5"], &[]).unwrap());
    let error = parse(&[], &twin).unwrap_err();
    assert!(
        error.starts_with("TRIBUNAL_SHARD auto: no build server"),
        "{error}"
    );
}

#[test]
fn habits_of_libtest_nextest_editors_and_pytest() {
    let o = parse(&["", "--nocapture"], &[]).unwrap();
    assert_eq!((o.filters, o.nocapture), (vec![String::new()], true));
    let o = parse(
        &[
            "m::f",
            "-Z",
            "unstable-options",
            "--format=json",
            "--nocapture",
            "--no-capture",
        ],
        &[],
    )
    .unwrap();
    assert_eq!(
        (o.filters, o.format),
        (vec!["m::f".to_string()], Format::Json)
    );
    let o = parse(
        &[
            "-Zunstable-options",
            "-sv",
            "-n",
            "auto",
            "-x",
            "-k",
            "a and b",
            "--collect-only",
            "--durations=0",
        ],
        &[],
    )
    .unwrap();
    assert_eq!(
        (o.task, o.nocapture, o.verbose, o.max_fail, o.durations),
        (Task::List, true, true, Some(1), Some(0))
    );
    assert_eq!(
        parse(&["a", "b", "--", "-x"], &[]).unwrap().filters,
        ["a", "b", "-x"]
    );
}

#[test]
fn mistakes_are_answered() {
    for (args, text) in [
        (
            &["--run-levle", "x"][..],
            "unknown option `--run-levle`; did you mean `--run-level`?",
        ),
        (
            &["--test-threads", "0"],
            "--test-threads needs a number from 1 up, or `auto`, not `0`",
        ),
        (&["--ignored", "--include-ignored"], "exclude one another"),
        (&["--format", "jsn"], "did you mean `json`?"),
        (&["--exact=1"], "`--exact` takes no value"),
        (
            &["--run-level"],
            "`--run-level` needs a value: --run-level LEVEL",
        ),
        (&["--shard", "3/2"], "needs K/N"),
        (&["--shard", "auto"], "--shard auto: no build server says"),
        (&["--dist=loadscope"], "pytest-xdist"),
        (&["--tb=short"], "RUST_BACKTRACE=1"),
        (&["--max-vram-gib", "NaN"], "a number of GiB"),
        (&["--run-limit", "soon"], "--run-limit"),
        (&["-y"], "unknown option `-y`"),
    ] {
        let error = parse(args, &[]).unwrap_err();
        assert!(error.contains(text), "{args:?}: {error}");
    }
    assert!(
        parse(&[], &[("RUST_TEST_THREADS", "0")])
            .unwrap_err()
            .contains("RUST_TEST_THREADS")
    );
    assert!(
        parse(&[], &[("TRIBUNAL_DENY_SKIPS", "maybe")])
            .unwrap_err()
            .contains("TRIBUNAL_DENY_SKIPS is a switch")
    );
}

#[test]
fn the_help_names_every_option_once() {
    let help = Options::help("suites");
    for row in TABLE
        .iter()
        .filter(|r| r.group != Group::Hidden && !r.long.is_empty())
    {
        assert!(help.contains(&format!("--{}", row.long)), "{}", row.long);
    }
    assert!(help.lines().all(|l| l.chars().count() < 170));
}
