//! One step: two levels, and nothing that goes on from one to the other.
//!
//! Promise: a series that climbs at all steadily is none, however little it is noisy. Rejected: the slope of the second half alone, as the only sign that something
//! goes on (of a dozen blocks it is a matter of luck, and it misses leaks that wander).

use crate::order::median;

/// A level has at least so many points: fewer are an outlier at an end.
const FEWEST: usize = 3;
/// What two levels leave unexplained is less than this share of what a line does.
const CLEAR: f64 = 0.5;

/// Where two levels explain the values much better than the line of this slope does (a burst that lasted to the end, an allocation that came to rest): the slope
/// that is left within them, the median of all pairs on one level. `None`: they do not.
pub(crate) fn slope_beside_a_step(times: &[f64], values: &[f64], slope: f64) -> Option<f64> {
    let line: Vec<f64> = times
        .iter()
        .zip(values)
        .map(|(at, value)| value - slope * at)
        .collect();
    let (levels, split) = (FEWEST..values.len().saturating_sub(FEWEST - 1))
        .filter_map(|split| Some((away(&values[..split])? + away(&values[split..])?, split)))
        .min_by(|a, b| a.0.total_cmp(&b.0))?;
    if levels >= CLEAR * away(&line)? {
        return None;
    }
    let (mut slopes, points) = (Vec::new(), times.iter().zip(values));
    for (index, (at, value)) in points.enumerate() {
        let end = if index < split { split } else { values.len() };
        let later = times[index + 1..end].iter().zip(&values[index + 1..end]);
        slopes.extend(later.map(|(after, then)| (then - value) / (after - at)));
    }
    median(&slopes)
}

/// The distances from the median together. `None` for nothing, or what is not finite.
fn away(values: &[f64]) -> Option<f64> {
    let level = median(values)?;
    Some(values.iter().map(|value| (value - level).abs()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(of: impl Fn(f64) -> f64) -> (Vec<f64>, Vec<f64>) {
        let times: Vec<f64> = (0..24).map(f64::from).collect();
        let values = times.iter().map(|at| of(*at)).collect();
        (times, values)
    }

    fn beside(of: impl Fn(f64) -> f64) -> Option<f64> {
        let (times, values) = series(of);
        let slope = crate::theil_sen(&times, &values).map_or(0.0, |found| found.slope);
        slope_beside_a_step(&times, &values, slope)
    }

    #[test]
    fn two_levels_are_a_step_and_what_climbs_is_none() {
        let noise = |at: f64| (at * 7.3).sin();
        type Case<'a> = (&'a str, &'a dyn Fn(f64) -> f64, bool);
        let cases: [Case<'_>; 9] = [
            (
                "in the middle",
                &|at| if at < 12.0 { 0.0 } else { 100.0 },
                true,
            ),
            (
                "near the end",
                &|at| noise(at) + if at < 19.0 { 0.0 } else { 100.0 },
                true,
            ),
            (
                "down",
                &|at| noise(at) - if at < 12.0 { 0.0 } else { 100.0 },
                true,
            ),
            ("a line", &|at| 5.0 * at, false),
            (
                "a line with noise",
                &|at| 5.0 * at + 10.0 * noise(at),
                false,
            ),
            (
                "a line lost in noise",
                &|at| 0.1 * at + 10.0 * noise(at),
                false,
            ),
            (
                "a line with a small step",
                &|at| 10.0 * at + if at < 12.0 { 0.0 } else { 60.0 },
                false,
            ),
            ("stairs", &|at| 40.0 * (at / 8.0).floor(), false),
            ("flat", &|_| 3.0, false),
        ];
        for (what, of, expected) in cases {
            assert_eq!(beside(of).is_some(), expected, "{what}");
        }
    }

    #[test]
    fn what_climbs_beside_a_step_is_told() {
        let burst = |at: f64| if at < 18.0 { 0.0 } else { 500.0 };
        assert_eq!(beside(burst), Some(0.0));
        assert_eq!(beside(|at| 4.0 * at + burst(at)), Some(4.0));
    }

    #[test]
    fn too_few_points_have_no_levels() {
        let few = slope_beside_a_step(&[0.0, 1.0, 2.0, 3.0], &[0.0, 0.0, 9.0, 9.0], 3.0);
        assert_eq!(few, None);
        assert_eq!(slope_beside_a_step(&[], &[], 0.0), None);
    }
}
