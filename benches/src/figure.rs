//! One figure: what was measured how often, and the budget that it is held against.
//!
//! Promise: the median of what was measured, never of what was not; a figure without samples has no median.

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Wall time in microseconds.
    Microseconds,
    /// Wall time in milliseconds.
    Milliseconds,
    /// Wall time in seconds.
    Seconds,
    /// Memory in mebibytes.
    Mebibytes,
}

impl Unit {
    /// As the table writes it.
    pub fn name(self) -> &'static str {
        match self {
            Unit::Microseconds => "µs",
            Unit::Milliseconds => "ms",
            Unit::Seconds => "s",
            Unit::Mebibytes => "MiB",
        }
    }
}

/// One row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The group by which it is asked for.
    pub group: &'static str,
    /// What was measured, in a few words.
    pub what: String,
    /// What the numbers count.
    pub unit: Unit,
    /// At most this much; `None` where the figure stands for comparison only.
    pub budget: Option<f64>,
    /// One number per run.
    pub samples: Vec<f64>,
    /// Processor time of each run, all its processes and threads, in the same unit; empty where that says nothing.
    pub processor: Vec<f64>,
}

impl Figure {
    /// A figure without samples yet.
    pub fn new(
        group: &'static str,
        what: impl Into<String>,
        unit: Unit,
        budget: Option<f64>,
    ) -> Figure {
        Figure {
            group,
            what: what.into(),
            unit,
            budget,
            samples: vec![],
            processor: vec![],
        }
    }

    /// The median of the samples.
    pub fn median(&self) -> Option<f64> {
        median(&self.samples)
    }

    /// The smallest and the largest sample.
    pub fn range(&self) -> Option<(f64, f64)> {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        Some((*sorted.first()?, *sorted.last()?))
    }

    /// The median of the processor time.
    pub fn processor_median(&self) -> Option<f64> {
        median(&self.processor)
    }

    /// Whether the median is within the budget; `None` without a budget or without samples.
    pub fn within(&self) -> Option<bool> {
        Some(self.median()? <= self.budget?)
    }
}

fn median(samples: &[f64]) -> Option<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(samples: &[f64], budget: Option<f64>) -> Figure {
        Figure {
            samples: samples.to_vec(),
            ..Figure::new("g", "w", Unit::Milliseconds, budget)
        }
    }

    #[test]
    fn the_median_is_the_middle_and_not_the_mean() {
        for (samples, expected) in [
            (&[7.0][..], 7.0),
            (&[100.0, 1.0, 2.0], 2.0),
            (&[4.0, 1.0, 2.0, 100.0], 3.0),
        ] {
            assert_eq!(
                figure(samples, None).median(),
                Some(expected),
                "{samples:?}"
            );
        }
    }

    #[test]
    fn nothing_measured_is_no_figure() {
        let f = figure(&[], Some(5.0));
        assert_eq!((f.median(), f.range(), f.within()), (None, None, None));
    }

    #[test]
    fn the_budget_is_held_against_the_median() {
        assert_eq!(figure(&[1.0, 5.0, 90.0], Some(5.0)).within(), Some(true));
        assert_eq!(figure(&[1.0, 5.1, 5.2], Some(5.0)).within(), Some(false));
        assert_eq!(figure(&[1.0], None).within(), None);
    }

    #[test]
    fn the_range_is_that_of_unsorted_samples() {
        assert_eq!(figure(&[3.0, 1.0, 2.0], None).range(), Some((1.0, 3.0)));
    }
}
