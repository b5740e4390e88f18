//! libtest and libtest-mimic as oracles: for the flags that they know, the same tests end, count and list the same.

use std::collections::BTreeSet;

use crate::row::rows;
use crate::said::Said;
use crate::scaffold::binary;

rows![
    oracle_libtest_exit_codes_and_results,
    oracle_libtest_lists,
    oracle_libtest_variables,
    oracle_libtest_mimic_exit_codes_and_results,
    oracle_libtest_pretty_text,
];

/// The arguments that libtest knows without `-Z`.
const KNOWN: [&[&str]; 24] = [
    &[],
    &["m::a"],
    &["m::a", "n::a"],
    &["nothing_like_it"],
    &[""],
    &["--exact", "m::a"],
    &["--exact", "m::a", "n::a"],
    &["--exact", "m"],
    &["--skip", "m"],
    &["--skip", "m::", "--skip", "fails"],
    &["--skip", "a", "m::a"],
    &["--exact", "--skip", "m::a"],
    &["--ignored"],
    &["--include-ignored"],
    &["--include-ignored", "later"],
    &["--test"],
    &["-q"],
    &["--quiet", "--format", "pretty"],
    &["--format=terse", "n::a"],
    &["--nocapture", "m::a"],
    &["--show-output", "m::"],
    &["--test-threads=1"],
    &["--test-threads", "3", "--color", "never"],
    &["--color=always", "m::ab"],
];

/// Counts of the summary line, without colours and times.
fn counts(said: &Said) -> Vec<String> {
    let plain = without_colors(&said.out);
    let summary = plain
        .lines()
        .rev()
        .find(|l| l.starts_with("test result: "))
        .unwrap_or_else(|| panic!("no summary in {plain:?}"));
    summary
        .split(['.', ';'])
        .map(|p| p.trim().to_owned())
        .filter(|p| !p.starts_with("finished") && !p.is_empty() && !p.ends_with('s'))
        .collect()
}

fn without_colors(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        // A colour ends with `m`; libtest also chooses a character set, `ESC ( B`.
        rest = after
            .strip_prefix("(B")
            .unwrap_or_else(|| after.split_once('m').map_or("", |(_, tail)| tail));
    }
    out + rest
}

/// Names with `ok`, `FAILED` or `ignored`.
fn verdicts(said: &Said) -> BTreeSet<(String, String)> {
    let plain = Said {
        code: said.code,
        killed: false,
        out: without_colors(&said.out),
        err: String::new(),
    };
    plain
        .results()
        .into_iter()
        .map(|(name, tail)| {
            (
                name,
                tail.split([',', ' ']).next().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

/// The same tests, the same arguments: the same exit code, the same results, the same counts.
fn oracle_libtest_exit_codes_and_results() {
    for args in KNOWN {
        let (libtest, ours) = (binary("plain", args).run(), binary("twin", args).run());
        assert_eq!(
            ours.code, libtest.code,
            "{args:?}\n{}\n{}",
            ours.out, ours.err
        );
        assert_eq!(counts(&ours), counts(&libtest), "{args:?}");
        assert_eq!(verdicts(&ours), verdicts(&libtest), "{args:?}");
    }
}

/// `--list` with everything that decides what is listed.
fn oracle_libtest_lists() {
    for args in KNOWN {
        for format in [&["--list"][..], &["--list", "--format", "terse"]] {
            // libtest refuses two formats.
            if args
                .iter()
                .any(|a| a.contains("format") || a.contains("-q"))
            {
                continue;
            }
            let all = [args, format].concat();
            let (libtest, ours) = (binary("plain", &all).run(), binary("twin", &all).run());
            assert_eq!(
                (ours.code, &ours.out),
                (libtest.code, &libtest.out),
                "{all:?}"
            );
        }
    }
}

/// The variables of libtest.
fn oracle_libtest_variables() {
    for (name, value) in [
        ("RUST_TEST_THREADS", "1"),
        ("RUST_TEST_THREADS", "0"),
        ("RUST_TEST_THREADS", "many"),
        ("RUST_TEST_NOCAPTURE", "1"),
        ("RUST_TEST_NOCAPTURE", "0"),
    ] {
        let run = |target| binary(target, ["m::prints"]).env(name, value).run();
        let (libtest, ours) = (run("plain"), run("twin"));
        // A wrong value is a panic of libtest's, an error of usage of ours.
        let expected = if libtest.code == 0 { 0 } else { 2 };
        assert_eq!(ours.code, expected, "{name}={value}: {}", ours.err);
        assert_eq!(
            ours.out.contains("a line"),
            libtest.out.contains("a line"),
            "{name}={value}"
        );
    }
}

/// Where libtest-mimic knows the arguments too, all three agree on exit code and names; it has no word for `should_panic`.
fn oracle_libtest_mimic_exit_codes_and_results() {
    let mut compared = 0;
    for args in KNOWN {
        let mimic = binary("mimicked", args).run();
        if mimic.code == 2 {
            // Several filters, or both -q and --format: unknown to it.
            continue;
        }
        let ours = binary("twin", args).run();
        assert_eq!(ours.code, mimic.code, "{args:?}");
        assert_eq!(counts(&ours), counts(&mimic), "{args:?}");
        assert_eq!(verdicts(&ours), verdicts(&mimic), "{args:?}");
        compared += 1;
    }
    assert!(compared >= 18, "only {compared} were compared");
}

/// The pretty text itself, with one thread so that the order is given: ours has a first line and times more, aligns the results, and puts the reason
/// of an ignored test in parentheses (both are libtest-mimic's way); else it is libtest's.
fn oracle_libtest_pretty_text() {
    let args = ["--test-threads=1", "--skip", "fails"];
    let (libtest, ours) = (
        binary("plain", args).run().exits(0),
        binary("twin", args).run().exits(0),
    );
    let lines = |text: &str| -> Vec<String> {
        let text = crate::said::without_times(text)
            .replace("ignored (not today)", "ignored, not today")
            .replace(" - should panic", "");
        let kept = text
            .lines()
            .filter(|l| l.starts_with("running ") || l.starts_with("test "));
        kept.map(|l| l.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    };
    assert_eq!(lines(&ours.out), lines(&libtest.out));
}
