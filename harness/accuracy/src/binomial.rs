//! The binomial distribution: tails, intervals of a rate, and how many rows a question needs.
//!
//! Promise: equal to SciPy within 1e-9 (`fixtures/golden/accuracy.json`), for up to [`MOST_ROWS`] rows. Counts that cannot be (more right than rows,
//! or no rows) have no interval: `None`, never 0.
//! Rejected: the normal approximation of an interval. Near 0 and 1, where good models live, it is too narrow, and at 1 it has no width at all.

/// The most rows that a data set may have.
pub const MOST_ROWS: usize = 1_000_000;

/// A rate with the bounds between which the truth lies with the asked confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower bound.
    pub low: f64,
    /// The upper bound.
    pub high: f64,
}

impl Interval {
    /// Wilson's interval: the one to show, since it covers the truth about as often as it says.
    pub fn wilson(right: usize, rows: usize, confidence: f64) -> Option<Interval> {
        checked(right, rows, confidence)?;
        let (n, z) = (rows as f64, normal_quantile((1.0 - confidence) / 2.0));
        let rate = right as f64 / n;
        let middle = (rate + z * z / (2.0 * n)) / (1.0 + z * z / n);
        let half = z / (1.0 + z * z / n) * (rate * (1.0 - rate) / n + z * z / (4.0 * n * n)).sqrt();
        Some(Interval {
            low: if right == 0 { 0.0 } else { middle - half },
            high: if right == rows { 1.0 } else { middle + half },
        })
    }

    /// Clopper's and Pearson's interval: the one to decide by, since it never covers the truth less often than it says.
    pub fn exact(right: usize, rows: usize, confidence: f64) -> Option<Interval> {
        checked(right, rows, confidence)?;
        let tail = (1.0 - confidence) / 2.0;
        Some(Interval {
            low: lower_bound(right, rows, tail),
            high: upper_bound(right, rows, tail),
        })
    }
}

fn checked(right: usize, rows: usize, confidence: f64) -> Option<()> {
    (right <= rows && (1..=MOST_ROWS).contains(&rows) && confidence > 0.0 && confidence < 1.0)
        .then_some(())
}

/// The rate below which so many right answers, or more, are as improbable as `tail`.
pub(crate) fn lower_bound(right: usize, rows: usize, tail: f64) -> f64 {
    match right {
        0 => 0.0,
        _ => bisect(|rate| 1.0 - at_most(right - 1, rows, rate) < tail),
    }
}

/// The rate above which so few right answers, or fewer, are as improbable as `tail`.
pub(crate) fn upper_bound(right: usize, rows: usize, tail: f64) -> f64 {
    match right == rows {
        true => 1.0,
        false => bisect(|rate| at_most(right, rows, rate) > tail),
    }
}

/// Where a condition that holds for small rates ends to hold.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// How probable `right` or fewer right answers are of `rows`, each right with the probability `rate`.
pub fn at_most(right: usize, rows: usize, rate: f64) -> f64 {
    if right >= rows || rate <= 0.0 {
        return 1.0;
    }
    if rate >= 1.0 {
        return 0.0;
    }
    beta((rows - right) as f64, right as f64 + 1.0, 1.0 - rate)
}

/// The regularised incomplete beta function, by its continued fraction (Lentz's algorithm).
fn beta(a: f64, b: f64, x: f64) -> f64 {
    // The fraction converges fast on this side of the mean only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(b, a, 1.0 - x);
    }
    let log = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b)
        + a * libm::log(x)
        + b * libm::log1p(-x);
    let apart = |value: f64| {
        if value.abs() < f64::MIN_POSITIVE / f64::EPSILON {
            f64::MIN_POSITIVE / f64::EPSILON
        } else {
            value
        }
    };
    let mut c = 1.0;
    let mut d = 1.0 / apart(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..20_000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for term in [even, odd] {
            d = 1.0 / apart(1.0 + term * d);
            c = apart(1.0 + term / c);
            change = c * d;
            fraction *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    (libm::exp(log) * fraction / a).clamp(0.0, 1.0)
}

/// The value that a standard normal variable exceeds with the probability `tail`.
pub(crate) fn normal_quantile(tail: f64) -> f64 {
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..100 {
        let middle: f64 = (low + high) / 2.0;
        if libm::erfc(middle / std::f64::consts::SQRT_2) / 2.0 > tail {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// How many rows it takes to find, all but a share `missed` of the times, that a model whose rate should be `rate` is worse by `margin`, when a model
/// that is not worse is called worse less than a share `wrong` of the times. The test is the exact one of a proportion; `None` beyond [`MOST_ROWS`].
pub fn rows_for_floor(rate: f64, margin: f64, wrong: f64, missed: f64) -> Option<usize> {
    let worse = worse_rate(rate, margin)?;
    let (a, b) = (normal_quantile(wrong), normal_quantile(missed));
    let roots = a * (rate * (1.0 - rate)).sqrt() + b * (worse * (1.0 - worse)).sqrt();
    // The approximation falls short of what it promises, the more the nearer the rate is to 1.
    let first = (roots / margin).powi(2).ceil().max(1.0) as usize;
    (first..=MOST_ROWS).find(|rows| {
        let largest = largest_that_is_worse(*rows, rate, wrong);
        largest.is_some_and(|right| at_most(right, *rows, worse) >= 1.0 - missed)
    })
}

/// The largest count that is called worse.
fn largest_that_is_worse(rows: usize, rate: f64, wrong: f64) -> Option<usize> {
    let (mut low, mut high) = (0, rows);
    while low < high {
        let middle = (low + high) / 2;
        if at_most(middle, rows, rate) < wrong {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low.checked_sub(1)
}

/// The same for a model that is compared row by row with an earlier run of it, where the answers of the two do not depend on each other (Miettinen's
/// formula for McNemar's test, corrected for continuity). A model that answers alike when it is asked again needs fewer.
pub fn rows_for_pairs(rate: f64, margin: f64, wrong: f64, missed: f64) -> Option<usize> {
    let worse = worse_rate(rate, margin)?;
    let (a, b) = (normal_quantile(wrong), normal_quantile(missed));
    let apart = rate * (1.0 - worse) + (1.0 - rate) * worse;
    let roots = a * apart.sqrt() + b * (apart - margin * margin).max(0.0).sqrt();
    let rows = (roots / margin).powi(2);
    let corrected = rows / 4.0 * (1.0 + (1.0 + 4.0 / (rows * margin)).sqrt()).powi(2);
    (corrected <= MOST_ROWS as f64).then(|| corrected.ceil() as usize)
}

/// A rate below the margin cannot be worse by it.
fn worse_rate(rate: f64, margin: f64) -> Option<f64> {
    (margin > 0.0 && rate <= 1.0 && rate >= margin).then_some(rate - margin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> serde_json::Value {
        let text = include_str!("../../../fixtures/golden/accuracy.json");
        serde_json::from_str(text).expect("the golden file is JSON")
    }

    fn near(found: f64, expected: &serde_json::Value, what: &serde_json::Value) {
        let expected = expected.as_f64().expect("a number");
        assert!(
            (found - expected).abs() <= 1e-9 + expected.abs() * 1e-9,
            "{what}: {found}, SciPy has {expected}"
        );
    }

    fn rows(name: &str) -> Vec<serde_json::Value> {
        golden()[name].as_array().expect("a list").clone()
    }

    fn number(row: &serde_json::Value, name: &str) -> f64 {
        row[name].as_f64().expect("a number")
    }

    fn count(row: &serde_json::Value, name: &str) -> usize {
        row[name].as_u64().expect("a count") as usize
    }

    #[test]
    fn intervals_are_scipys() {
        for row in rows("intervals") {
            let (right, rows) = (count(&row, "right"), count(&row, "rows"));
            let confidence = number(&row, "confidence");
            let wilson = Interval::wilson(right, rows, confidence).expect("it exists");
            near(wilson.low, &row["wilson"][0], &row);
            near(wilson.high, &row["wilson"][1], &row);
            let exact = Interval::exact(right, rows, confidence).expect("it exists");
            near(exact.low, &row["exact"][0], &row);
            near(exact.high, &row["exact"][1], &row);
        }
    }

    #[test]
    fn tails_and_quantiles_are_scipys() {
        for row in rows("tests") {
            let tail = at_most(
                count(&row, "right"),
                count(&row, "rows"),
                number(&row, "rate"),
            );
            near(tail, &row["at_most"], &row);
        }
        for row in rows("quantiles") {
            near(normal_quantile(number(&row, "tail")), &row["z"], &row);
        }
    }

    #[test]
    fn sample_sizes_are_scipys_and_keep_their_promise() {
        for row in rows("sizes") {
            let (rate, margin) = (number(&row, "rate"), number(&row, "margin"));
            let floor = rows_for_floor(rate, margin, 0.0005, 0.05);
            assert_eq!(floor, Some(count(&row, "floor")), "{row}");
            let pairs = rows_for_pairs(rate, margin, 0.0005, 0.05);
            assert_eq!(pairs, Some(count(&row, "pairs")), "{row}");
            // What the formula promises, by the exact distribution.
            assert!(number(&row, "power_of_pairs") >= 0.9499, "{row}");
        }
    }

    #[test]
    fn what_cannot_be_has_no_interval() {
        assert_eq!(Interval::wilson(0, 0, 0.95), None);
        assert_eq!(Interval::exact(3, 2, 0.95), None);
        assert_eq!(Interval::exact(1, 2, 1.0), None);
        assert_eq!(rows_for_floor(0.04, 0.05, 0.001, 0.05), None);
        assert_eq!(rows_for_pairs(0.5, 0.0, 0.001, 0.05), None);
        assert_eq!(rows_for_floor(0.5, 1e-5, 0.001, 0.05), None);
        assert_eq!(rows_for_pairs(0.5, 1e-5, 0.001, 0.05), None);
    }

    proptest::proptest! {
        /// Whatever the counts: bounds in order, the rate between them, and the exact ones no narrower at their ends than the tails say.
        #[test]
        fn bounds_hold_the_rate(rows in 1_usize..3000, share in 0.0_f64..=1.0) {
            let right = (rows as f64 * share).round() as usize;
            let rate = right as f64 / rows as f64;
            for of in [Interval::wilson, Interval::exact] {
                let interval = of(right, rows, 0.95).expect("it exists");
                proptest::prop_assert!(0.0 <= interval.low && interval.low <= rate + 1e-12);
                proptest::prop_assert!(rate <= interval.high + 1e-12 && interval.high <= 1.0);
            }
            let exact = Interval::exact(right, rows, 0.95).expect("it exists");
            if right < rows {
                proptest::prop_assert!((at_most(right, rows, exact.high) - 0.025).abs() < 1e-6);
            }
        }
    }
}
