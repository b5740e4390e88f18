//! Where a history of runs changed.
//!
//! Promise: the energy statistic of E-divisive (Matteson and James 2014) proposes a point, Student's t test decides (Fleming and others 2023), in
//! windows that overlap; what then does not hold against its neighbours, or is small, is dropped, weakest first. Deterministic. It is for long
//! histories and says nothing of a single run: [`compare`](crate::compare) does. Rejected: permutation tests (slow, and by chance different from
//! one call to the next).

use serde::{Deserialize, Serialize};

use crate::distribution::student_two_sided;

/// How changes are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct How {
    /// Values looked at together: 4 to 500.
    pub window: usize,
    /// A change less likely than this by chance is kept.
    pub max_p: f64,
    /// Smaller changes, as a share of the smaller mean, are dropped.
    pub min_magnitude: f64,
}

impl Default for How {
    fn default() -> Self {
        Self {
            window: 50,
            max_p: 0.001,
            min_magnitude: 0.0,
        }
    }
}

/// A change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangePoint {
    /// The first value after it.
    pub index: usize,
    /// The mean from the change before it (or the start).
    pub before: f64,
    /// The mean up to the change after it (or the end).
    pub after: f64,
    /// How likely a difference like this is without a change.
    pub p: f64,
}

impl ChangePoint {
    /// The larger mean over the smaller, less one; infinite where one is zero.
    pub fn magnitude(&self) -> f64 {
        if self.before == self.after {
            return 0.0;
        }
        let forward = (self.after / self.before - 1.0).abs();
        forward.max((self.before / self.after - 1.0).abs())
    }
}

/// The changes of a series, in order. Values that are not finite make it empty.
pub fn change_points(series: &[f64], how: &How) -> Vec<ChangePoint> {
    if series.iter().any(|value| !value.is_finite()) {
        return Vec::new();
    }
    // Looser at first: a point that looks weak in its window may be strong between the points that are found later.
    let loose = (how.max_p * 10.0).min(0.5).max(how.max_p);
    let window = how.window.clamp(4, 500);
    let mut found = Vec::new();
    let mut start = 0;
    while start < series.len() {
        let end = (start + window).min(series.len());
        let mut inside = Vec::new();
        split(series, start, end, loose, &mut inside);
        inside.sort_unstable();
        let newest = inside.last().copied().unwrap_or(0);
        found.extend(inside);
        start = newest.max(start + window / 2);
    }
    found.sort_unstable();
    found.dedup();
    merge(series, found, how)
}

/// Splits [start, end) at its best point while that is one.
fn split(series: &[f64], start: usize, end: usize, max_p: f64, found: &mut Vec<usize>) {
    let Some(at) = best(&series[start..end]).map(|at| start + at) else {
        return;
    };
    if student(&series[start..at], &series[at..end]) <= max_p {
        split(series, start, at, max_p, found);
        found.push(at);
        split(series, at, end, max_p, found);
    }
}

/// Where the energy between what is before a point and what is after it, up to any later end, is largest: without the later end a change that
/// is taken back would hide itself. A side needs two values: one has no spread.
fn best(values: &[f64]) -> Option<usize> {
    let n = values.len();
    // within[i][j]: the distances of all pairs of the values from i up to, not with, j.
    let mut within = vec![vec![0.0_f64; n + 1]; n];
    for j in 0..n {
        let mut to_newest = 0.0;
        for i in (0..j).rev() {
            to_newest += (values[i] - values[j]).abs();
            within[i][j + 1] = within[i][j] + to_newest;
        }
    }
    let mut best: Option<(usize, f64)> = None;
    for end in 4..=n {
        for at in 2..=end - 2 {
            let (left, right) = (within[0][at], within[at][end]);
            let between = within[0][end] - left - right;
            let (a, b) = (at as f64, (end - at) as f64);
            let inside = left / (a * (a - 1.0)) + right / (b * (b - 1.0));
            let energy = (between / (a * b) - inside) * a * b / (a + b);
            if best.is_none_or(|(_, most)| energy > most) {
                best = Some((at, energy));
            }
        }
    }
    best.map(|(at, _)| at)
}

/// Student's t test of two means, spreads taken as equal, on both sides.
fn student(a: &[f64], b: &[f64]) -> f64 {
    if a.len() + b.len() <= 2 || a.is_empty() || b.is_empty() {
        return 1.0;
    }
    let (n, m) = (a.len() as f64, b.len() as f64);
    let (mean_a, mean_b) = (mean(a), mean(b));
    let squares =
        |values: &[f64], mean: f64| values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    let freedom = n + m - 2.0;
    let pooled = (squares(a, mean_a) + squares(b, mean_b)) / freedom;
    if mean_a == mean_b {
        return 1.0;
    }
    student_two_sided(
        (mean_a - mean_b) / (pooled * (1.0 / n + 1.0 / m)).sqrt(),
        freedom,
    )
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Drops the weakest point, by chance and then by size, until all hold between their neighbours.
fn merge(series: &[f64], mut at: Vec<usize>, how: &How) -> Vec<ChangePoint> {
    loop {
        let points: Vec<ChangePoint> = (0..at.len())
            .map(|place| point(series, &at, place))
            .collect();
        let likeliest = (0..points.len()).max_by(|a, b| points[*a].p.total_cmp(&points[*b].p));
        let smallest = (0..points.len())
            .min_by(|a, b| points[*a].magnitude().total_cmp(&points[*b].magnitude()));
        match (likeliest, smallest) {
            (Some(place), _) if points[place].p > how.max_p => at.remove(place),
            (_, Some(place)) if points[place].magnitude() < how.min_magnitude => at.remove(place),
            _ => return points,
        };
    }
}

/// A point between the one before it and the one after it.
fn point(series: &[f64], at: &[usize], place: usize) -> ChangePoint {
    let index = at[place];
    let start = if place == 0 { 0 } else { at[place - 1] };
    let end = at.get(place + 1).copied().unwrap_or(series.len());
    let (before, after) = (&series[start..index], &series[index..end]);
    ChangePoint {
        index,
        before: mean(before),
        after: mean(after),
        p: student(before, after),
    }
}
