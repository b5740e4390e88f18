//! A model whose accuracy is known, examined: the rate is found, a fall is found, and no fall is found where there is none.
//!
//! The model answers each row rightly with a fixed probability, by a seed, and independently of what it said before: that is the hardest case, since a
//! model that answers alike when it is asked again changes fewer rows.

use std::path::{Path, PathBuf};

use tribunal_accuracy::{
    Baseline, DataSet, Exam, Gate, Interval, Mark, Pairs, Provenance, Results, Scorer, State,
    WRONGLY, against_baseline, against_floor, at_most, rows_for_pairs,
};

const ROWS: usize = 3500;
const RATE: f64 = 0.8;

/// SplitMix64 (Steele, Lea and Flood 2014): good enough to throw a coin, and the same everywhere.
fn throw(seed: u64, row: u64) -> f64 {
    let mut z = seed
        .wrapping_mul(0xD134_2543_DE82_EF95)
        .wrapping_add(row.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    for (shift, factor) in [(30, 0xBF58_476D_1CE4_E5B9), (27, 0x94D0_49BB_1331_11EB)] {
        z = (z ^ (z >> shift)).wrapping_mul(factor);
    }
    (z ^ (z >> 31)) as f64 / u64::MAX as f64
}

/// As many sums as are asked for.
fn sums(folder: &Path, rows: usize) -> PathBuf {
    let path = folder.join("sums.jsonl");
    let line = |n: usize| {
        let (a, b) = (n, n % 7);
        format!(
            "{{\"id\": {n}, \"prompt\": \"{a}+{b}?\", \"expected\": {}, \"group\": \"{}\"}}\n",
            a + b,
            n % 2
        )
    };
    std::fs::write(&path, (0..rows).map(line).collect::<String>()).expect("written");
    path
}

/// What the model of this accuracy gets.
async fn examined(set: &DataSet, rate: f64, seed: u64) -> Results {
    let exam = Exam::new(set, Scorer::verbatim());
    let ask = async |row: &tribunal_accuracy::Row, _| {
        let right = throw(seed, row.line as u64) < rate;
        let answer = if right {
            row.expected[0].clone()
        } else {
            "-1".into()
        };
        Ok::<_, std::convert::Infallible>(answer)
    };
    exam.ask(ask).await.expect("asked")
}

fn baseline(folder: &Path, results: &Results) -> PathBuf {
    let path = folder.join("baseline.json");
    let made = Provenance::of("simulated").version("1");
    let made = Baseline::of(results, made).expect("a baseline");
    made.write(&path).expect("written");
    path
}

#[tokio::test]
async fn the_rate_lies_in_its_interval() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = DataSet::read(sums(folder.path(), 500)).expect("a set");
    let mut covered = 0;
    for seed in 0..200 {
        let tally = examined(&set, RATE, seed).await.tally();
        let interval = Interval::exact(tally.right(), tally.rows(), 0.95).expect("it exists");
        covered += usize::from(interval.low <= RATE && RATE <= interval.high);
    }
    // The interval covers the truth at least 95 times of 100; so few of 200 would come by chance once in ten thousand.
    let least = (0..200)
        .find(|n| at_most(*n, 200, 0.95) > 1e-4)
        .expect("some");
    assert!(covered >= least, "{covered} of 200, at least {least}");
}

#[tokio::test]
async fn five_points_worse_is_found_and_the_same_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = DataSet::read(sums(folder.path(), ROWS)).expect("a set");
    let needed = rows_for_pairs(RATE, 0.05, WRONGLY, 0.05).expect("it exists");
    assert!(needed <= ROWS, "{needed} rows are needed");
    let first = examined(&set, RATE, 1000).await;
    let gate = Gate::new()
        .floor(RATE)
        .baseline(baseline(folder.path(), &first));
    for seed in 0..20 {
        let same = gate
            .judge(&examined(&set, RATE, seed).await)
            .expect("judged");
        assert!(same.check().is_ok(), "seed {seed}: {same}");
        let worse = gate
            .judge(&examined(&set, RATE - 0.05, seed).await)
            .expect("judged");
        assert_eq!(worse.state, State::Regressed, "seed {seed}: {worse}");
        assert!(worse.check().is_err());
    }
}

/// Each half of the gate by itself, over many runs: what is promised of both error rates. A new baseline each time, since one that came out high by
/// chance would count for all.
#[test]
fn both_error_rates_are_kept() {
    const RUNS: u64 = 1000;
    let (mut wrongly, mut found) = ([0, 0], [0, 0]);
    let rows = 0..ROWS as u64;
    for seed in 0..RUNS {
        let right = |seed: u64, rate: f64| rows.clone().map(move |row| throw(seed, row) < rate);
        for (rate, counts) in [(RATE, &mut wrongly), (RATE - 0.05, &mut found)] {
            let mut pairs = Pairs::default();
            for (then, now) in right(1_000_000 + seed, RATE).zip(right(seed, rate)) {
                *match (then, now) {
                    (true, true) => &mut pairs.both,
                    (true, false) => &mut pairs.lost,
                    (false, true) => &mut pairs.gained,
                    (false, false) => &mut pairs.neither,
                } += 1;
            }
            let floor = against_floor(pairs.both + pairs.gained, ROWS, RATE, 0.05);
            let baseline = against_baseline(&pairs, 0.05);
            for (count, (state, _)) in counts.iter_mut().zip([floor, baseline]) {
                *count += usize::from(state == State::Regressed);
            }
        }
    }
    // At 0.0005 a run, five of 1000 come by chance once in five thousand sets of seeds.
    assert!(wrongly.iter().all(|n| *n < 5), "{wrongly:?}");
    // At a power of 0.95, so few of 1000 come by chance once in a thousand.
    let least = (0..1000).find(|n| at_most(*n, 1000, 0.95) > 1e-3);
    let least = least.expect("some");
    assert!(
        found.iter().all(|n| *n >= least),
        "{found:?}, at least {least}"
    );
}

#[tokio::test]
async fn a_model_that_answers_alike_needs_fewer_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = DataSet::read(sums(folder.path(), 200)).expect("a set");
    let first = examined(&set, RATE, 1).await;
    let gate = Gate::new().baseline(baseline(folder.path(), &first));
    let again = gate.judge(&examined(&set, RATE, 1).await).expect("judged");
    assert_eq!(again.state, State::Pass, "{again}");
    // One that loses one right answer of twelve, and changes nothing else.
    let mut worse = first.clone();
    let right = worse.records.iter_mut().filter(|r| r.mark == Mark::Right);
    right.step_by(12).for_each(|r| r.mark = Mark::NoAnswer);
    let worse = gate.judge(&worse).expect("judged");
    assert_eq!(worse.state, State::Regressed, "{worse}");
    assert!(worse.to_string().contains("lost: 0, "), "{worse}");
}

#[tokio::test]
async fn a_baseline_is_of_its_rows_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = DataSet::read(sums(folder.path(), 50)).expect("a set");
    let first = examined(&set, 1.0, 1).await;
    let path = baseline(folder.path(), &first);
    let gate = Gate::new().baseline(&path);
    let text = std::fs::read_to_string(set.file()).expect("read");
    std::fs::write(set.file(), text.replace("0+0", "0 + 0")).expect("written");
    let other = DataSet::read(set.file()).expect("a set");
    let error = gate
        .judge(&examined(&other, 1.0, 1).await)
        .expect_err("another set");
    let error = error.to_string();
    assert!(
        error.contains("another data set: sums.jsonl") && error.contains("by simulated"),
        "{error}"
    );
    // A lower bar is not written over a higher one.
    let worse = examined(&set, 0.5, 1).await;
    let lower = Baseline::of(&worse, Provenance::of("simulated")).expect("a baseline");
    let error = lower
        .write(&path)
        .expect_err("a better one is there")
        .to_string();
    assert!(error.contains("50 of 50 rows right"), "{error}");
    // What was written by hand is not believed.
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, text.replacen("++", "+-", 1)).expect("written");
    let error = gate.judge(&first).expect_err("changed").to_string();
    assert!(error.contains("is no baseline"), "{error}");
}

#[tokio::test]
async fn without_a_baseline_or_with_a_failing_server_it_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = DataSet::read(sums(folder.path(), 50)).expect("a set");
    let mut results = examined(&set, 1.0, 1).await;
    let missing = folder.path().join("none.json");
    let ruling = Gate::new()
        .floor(0.9)
        .baseline(&missing)
        .judge(&results)
        .expect("judged");
    assert_eq!(ruling.state, State::NoBaseline, "{ruling}");
    assert!(ruling.check().is_ok() && ruling.check_passed().is_err());
    let nothing = Gate::new().judge(&results).expect("judged");
    assert_eq!(nothing.state, State::NoBaseline, "{nothing}");
    assert!(Gate::new().floor(80.0).judge(&results).is_err());
    results.records[7].mark = Mark::Failed;
    results.records[7].said = "connection reset".into();
    let ruling = Gate::new().floor(0.9).judge(&results).expect("judged");
    assert_eq!((ruling.state, ruling.accuracy), (State::Failed, None));
    assert!(
        ruling.to_string().contains("1 of 50 rows")
            && ruling.to_string().contains("7: connection reset"),
        "{ruling}"
    );
    assert!(Baseline::of(&results, Provenance::of("simulated")).is_err());
    results.records.clear();
    assert!(
        Gate::new().floor(0.9).judge(&results).is_err(),
        "nothing was evaluated"
    );
}
