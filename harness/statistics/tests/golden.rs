//! The functions against what NumPy, SciPy and Apache Otava say (`fixtures/golden/make_statistics.py`).

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tribunal_statistics::change::{How, change_points};
use tribunal_statistics::{
    Alternative, holm, mad, mann_whitney_exact, median, percentile, percentile_interval,
    signed_rank_exact, theil_sen_interval,
};

fn rows<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let text = include_str!("../../../fixtures/golden/statistics.json");
    let mut all: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let rows: Vec<T> = serde_json::from_value(all[name].take()).expect("rows of the expected form");
    assert!(!rows.is_empty(), "{name} has rows");
    rows
}

fn near(found: f64, expected: f64, tolerance: f64, what: &str) {
    let off = (found - expected).abs();
    assert!(
        off <= tolerance * expected.abs().max(1.0),
        "{what}: found {found}, expected {expected}"
    );
}

#[derive(Deserialize)]
struct P {
    less: f64,
    greater: f64,
    #[serde(rename = "two-sided")]
    two_sided: f64,
}

impl P {
    fn check(&self, found: impl Fn(Alternative) -> f64, what: &str) {
        near(found(Alternative::Less), self.less, 1e-9, what);
        near(found(Alternative::Greater), self.greater, 1e-9, what);
        near(found(Alternative::TwoSided), self.two_sided, 1e-9, what);
    }
}

#[test]
fn percentiles_are_numpys() {
    #[derive(Deserialize)]
    struct Row {
        sorted: Vec<f64>,
        p: f64,
        value: f64,
    }
    for row in rows::<Row>("percentiles") {
        let found = percentile(&row.sorted, row.p).expect("a value");
        near(
            found,
            row.value,
            1e-12,
            &format!("p{} of {}", row.p, row.sorted.len()),
        );
    }
}

#[test]
fn intervals_of_percentiles_are_scipys_binomial() {
    #[derive(Deserialize)]
    struct Row {
        n: usize,
        p: f64,
        confidence: f64,
        places: Option<(usize, usize)>,
    }
    for row in rows::<Row>("intervals") {
        let found = percentile_interval(row.n, row.p, row.confidence);
        assert_eq!(
            found, row.places,
            "p{} of {} at {}",
            row.p, row.n, row.confidence
        );
    }
}

#[test]
fn medians_and_spreads_are_numpys() {
    #[derive(Deserialize)]
    struct Row {
        values: Vec<f64>,
        median: f64,
        mad: f64,
    }
    for row in rows::<Row>("spreads") {
        near(
            median(&row.values).expect("a value"),
            row.median,
            1e-12,
            "median",
        );
        near(mad(&row.values).expect("a value"), row.mad, 1e-12, "mad");
    }
}

#[test]
fn slopes_are_scipys() {
    #[derive(Deserialize)]
    struct Row {
        xs: Vec<f64>,
        ys: Vec<f64>,
        confidence: f64,
        slope: f64,
        low: f64,
        high: f64,
    }
    for row in rows::<Row>("slopes") {
        let found = theil_sen_interval(&row.xs, &row.ys, row.confidence).expect("a slope");
        near(found.slope, row.slope, 1e-12, "slope");
        near(found.low, row.low, 1e-12, "low");
        near(found.high, row.high, 1e-12, "high");
    }
}

#[test]
fn rank_tests_are_scipys_exact_ones_and_with_ties_the_count_of_all_draws() {
    #[derive(Deserialize)]
    struct Two {
        new: Vec<f64>,
        base: Vec<f64>,
        p: P,
    }
    for row in rows::<Two>("ranks") {
        let what = format!("U of {} and {}", row.new.len(), row.base.len());
        row.p
            .check(|side| mann_whitney_exact(&row.new, &row.base, side), &what);
    }
    #[derive(Deserialize)]
    struct One {
        differences: Vec<f64>,
        p: P,
    }
    for row in rows::<One>("signed") {
        let what = format!("W of {}", row.differences.len());
        row.p
            .check(|side| signed_rank_exact(&row.differences, side), &what);
    }
}

#[test]
fn corrections_are_holms() {
    #[derive(Deserialize)]
    struct Row {
        p: Vec<f64>,
        holm: Vec<f64>,
    }
    for row in rows::<Row>("corrected") {
        for (found, expected) in holm(&row.p).into_iter().zip(&row.holm) {
            near(found, *expected, 1e-12, "Holm");
        }
    }
}

#[test]
fn change_points_are_otavas() {
    #[derive(Deserialize)]
    struct Row {
        series: Vec<f64>,
        min_magnitude: f64,
        at: Vec<usize>,
    }
    for row in rows::<Row>("changes") {
        let how = How {
            min_magnitude: row.min_magnitude,
            ..How::default()
        };
        let found: Vec<usize> = change_points(&row.series, &how)
            .iter()
            .map(|point| point.index)
            .collect();
        assert_eq!(
            found,
            row.at,
            "{} values, changes of at least {}",
            row.series.len(),
            row.min_magnitude
        );
    }
}
