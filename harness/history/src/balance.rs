//! Parts of a selection that take equally long.
//!
//! Promise: a pure function of names and lengths, so that machines that know the same history make the same parts, and every case is in exactly one: the
//! longest first, each to the part that has least. Rejected: blocks of neighbours (slow tests stand together), and exact partition (this is within a few
//! per cent of it, and takes no time).

/// To which of `parts` parts each case belongs, from 0. A case whose length is unknown is taken to be as long as the median of the others.
pub fn balanced(cases: &[(&str, Option<f64>)], parts: usize) -> Vec<usize> {
    let mut known: Vec<f64> = cases.iter().filter_map(|(_, s)| *s).collect();
    known.retain(|s| s.is_finite() && *s >= 0.0);
    known.sort_by(f64::total_cmp);
    let usual = known.get(known.len() / 2).copied().unwrap_or(1.0);
    let length = |at: usize| {
        let known = cases[at].1.filter(|s| s.is_finite() && *s >= 0.0);
        known.unwrap_or(usual)
    };
    let mut order: Vec<usize> = (0..cases.len()).collect();
    order.sort_by(|a, b| {
        let longer = length(*b).total_cmp(&length(*a));
        longer.then_with(|| cases[*a].0.cmp(cases[*b].0))
    });
    let mut loads = vec![(0.0_f64, 0_usize); parts.max(1)];
    let mut out = vec![0; cases.len()];
    for at in order {
        let least = (0..loads.len())
            .min_by(|a, b| {
                let (a, b) = (loads[*a], loads[*b]);
                a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
            })
            .unwrap_or(0);
        loads[least].0 += length(at);
        loads[least].1 += 1;
        out[at] = least;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64, as a number below 1.
    fn random(state: &mut u64) -> f64 {
        *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    #[test]
    fn ten_random_suites_are_parted_within_a_tenth() {
        for seed in 0..10_u64 {
            let mut state = seed * 1000 + 17;
            let count = 120 + (random(&mut state) * 400.0) as usize;
            // Long-tailed, as suites are: many short tests, a few of minutes.
            let cases: Vec<(String, f64)> = (0..count)
                .map(|n| (format!("m::t{n}"), 0.05 * (random(&mut state) * 6.0).exp()))
                .collect();
            let parts = 2 + (seed as usize % 7);
            let named: Vec<(&str, Option<f64>)> =
                cases.iter().map(|(n, s)| (&**n, Some(*s))).collect();
            let of = balanced(&named, parts);
            let mut loads = vec![0.0; parts];
            for (at, part) in of.iter().enumerate() {
                loads[*part] += cases[at].1;
            }
            let longest = loads.iter().copied().fold(0.0, f64::max);
            let shortest = loads.iter().copied().fold(f64::MAX, f64::min);
            assert!(longest / shortest <= 1.1, "{seed}: {loads:?}");
        }
    }

    #[test]
    fn the_order_of_the_cases_does_not_matter_and_all_are_somewhere() {
        let cases = [
            ("a", Some(9.0)),
            ("b", Some(5.0)),
            ("c", None),
            ("d", Some(4.0)),
            ("e", Some(f64::NAN)),
        ];
        let forth = balanced(&cases, 2);
        let back: Vec<_> = cases.iter().rev().copied().collect();
        let mut back = balanced(&back, 2);
        back.reverse();
        assert_eq!(forth, back);
        assert!(forth.iter().all(|part| *part < 2));
        // Without any length they are parted by count.
        let none: Vec<(&str, Option<f64>)> = ["a", "b", "c", "d"].map(|n| (n, None)).to_vec();
        let parts = balanced(&none, 2);
        assert_eq!(parts.iter().filter(|p| **p == 0).count(), 2);
        let zero: Vec<(&str, Option<f64>)> = ["a", "b", "c", "d"].map(|n| (n, Some(0.0))).to_vec();
        let parts = balanced(&zero, 2);
        assert_eq!(parts.iter().filter(|p| **p == 0).count(), 2);
        assert!(balanced(&[], 3).is_empty());
    }
}
