//! Many tests at once.
//!
//! Promise: Holm's step-down correction: the chance that any of the tests raises a false alarm stays below the level, however they depend on each
//! other. Rejected: Bonferroni's, which never finds more.

/// The p-values, raised for how many there are, in the order given. One that is not a number counts as 1.
pub fn holm(values: &[f64]) -> Vec<f64> {
    let p = |index: usize| {
        if values[index].is_nan() {
            1.0
        } else {
            values[index]
        }
    };
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| p(*a).total_cmp(&p(*b)));
    let mut adjusted = vec![1.0; values.len()];
    let mut least = 0.0_f64;
    for (place, index) in order.into_iter().enumerate() {
        least = least.max((p(index) * (values.len() - place) as f64).min(1.0));
        adjusted[index] = least;
    }
    adjusted
}
