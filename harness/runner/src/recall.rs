//! What earlier runs tell the selection and the plan.
//!
//! Promise: plain data, so that both stay pure; what is not known is absent. Rejected: a plan that reads files itself.

use std::collections::{BTreeSet, HashMap};

/// What earlier runs tell.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recalled {
    /// How long cases took, in seconds.
    pub seconds: HashMap<String, f64>,
    /// The cases that failed last, where somebody asks for them.
    pub failed: BTreeSet<String>,
    /// By which lengths `--shard` parts the selection; `None`: by count.
    pub shards: Option<HashMap<String, f64>>,
    /// What is worth saying of it.
    pub notes: Vec<String>,
}

impl Recalled {
    /// To which of `parts` parts each of these cases belongs, from 0.
    pub(crate) fn parts(&self, names: &[&str], parts: usize) -> Vec<usize> {
        match &self.shards {
            // Every n-th, not a block: neighbours are alike in length.
            None => (0..names.len()).map(|i| i % parts).collect(),
            Some(seconds) => {
                let cases: Vec<(&str, Option<f64>)> = names
                    .iter()
                    .map(|name| (*name, seconds.get(*name).copied()))
                    .collect();
                tribunal_history::balanced(&cases, parts)
            }
        }
    }
}

/// How far to the front a case of this length belongs: cases of about one length keep their order, and so do short ones.
pub(crate) fn class_of_length(seconds: Option<f64>) -> i32 {
    const SHORT: f64 = 0.5;
    match seconds {
        Some(seconds) if seconds >= SHORT => (seconds / SHORT).log2().floor() as i32 + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_parted_by_length_where_that_is_known() {
        let names = ["a", "b", "c", "d"];
        let mut recalled = Recalled::default();
        assert_eq!(recalled.parts(&names, 2), [0, 1, 0, 1]);
        let seconds = [("a", 9.0), ("b", 3.0), ("c", 3.0), ("d", 3.0)];
        recalled.shards = Some(seconds.map(|(n, s)| (n.to_owned(), s)).into());
        assert_eq!(recalled.parts(&names, 2), [0, 1, 1, 1]);
    }

    #[test]
    fn only_lengths_that_differ_much_change_an_order() {
        let class = |s: f64| class_of_length(Some(s));
        assert_eq!(class_of_length(None), 0);
        assert_eq!((class(0.0), class(0.4)), (0, 0));
        assert_eq!(class(5.0), class(6.0));
        assert!(class(60.0) > class(6.0));
    }
}
