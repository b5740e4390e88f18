//! The markers that a test has.
//!
//! Promise: cheap enough to hold for 100,000 cases; membership is one bit. Up to 256 markers need no allocation.
//! Rejected: a sorted list of names (selection would compare text 100,000 times).

use crate::marker::MarkerId;
use crate::value::Value;

const WORDS: usize = 4;

/// A set of markers, with the arguments of those that have some. It belongs to the vocabulary that gave the ids.
#[derive(Clone, Debug, Default)]
pub struct MarkerSet {
    low: [u64; WORDS],
    /// Markers beyond the first 256.
    high: Vec<u64>,
    args: Vec<(MarkerId, Vec<(String, Value)>)>,
}

impl MarkerSet {
    /// An empty set.
    pub fn new() -> MarkerSet {
        MarkerSet::default()
    }

    /// Adds a marker. Says whether it is new.
    pub fn insert(&mut self, id: MarkerId) -> bool {
        let (word, bit) = place(id);
        let slot = match self.low.get_mut(word) {
            Some(slot) => slot,
            None => {
                let word = word - WORDS;
                if self.high.len() <= word {
                    self.high.resize(word + 1, 0);
                }
                &mut self.high[word]
            }
        };
        let new = *slot & bit == 0;
        *slot |= bit;
        new
    }

    /// Adds a marker with its arguments by name ([`crate::Vocabulary::named_args`]). A marker may be there several times with
    /// different arguments; all of them are kept, in order.
    pub fn insert_args(&mut self, id: MarkerId, args: Vec<(String, Value)>) {
        self.insert(id);
        if !args.is_empty() {
            self.args.push((id, args));
        }
    }

    /// Whether the marker is there.
    pub fn contains(&self, id: MarkerId) -> bool {
        let (word, bit) = place(id);
        let slot = self.low.get(word).or_else(|| self.high.get(word - WORDS));
        slot.is_some_and(|slot| slot & bit != 0)
    }

    /// The markers, in the order of the vocabulary.
    pub fn iter(&self) -> impl Iterator<Item = MarkerId> + '_ {
        self.low
            .iter()
            .chain(&self.high)
            .enumerate()
            .flat_map(|(word, bits)| {
                let mut bits = *bits;
                std::iter::from_fn(move || {
                    let bit = (bits != 0).then(|| bits.trailing_zeros())?;
                    bits &= bits - 1;
                    Some(MarkerId(word as u32 * 64 + bit))
                })
            })
    }

    /// The arguments of every occurrence of a marker that has some.
    pub fn args(&self, id: MarkerId) -> impl Iterator<Item = &[(String, Value)]> + '_ {
        self.args
            .iter()
            .filter(move |(of, _)| *of == id)
            .map(|(_, args)| &**args)
    }

    /// The first argument of that name that any occurrence of a marker has.
    pub fn arg(&self, id: MarkerId, name: &str) -> Option<&Value> {
        self.args(id)
            .flatten()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    /// Adds everything that `other` has.
    pub fn merge(&mut self, other: &MarkerSet) {
        for (mine, bits) in self.low.iter_mut().zip(&other.low) {
            *mine |= bits;
        }
        if self.high.len() < other.high.len() {
            self.high.resize(other.high.len(), 0);
        }
        for (mine, bits) in self.high.iter_mut().zip(&other.high) {
            *mine |= bits;
        }
        self.args.extend(other.args.iter().cloned());
    }

    /// Whether any marker is in both.
    pub fn intersects(&self, other: &MarkerSet) -> bool {
        self.words(other).any(|bits| bits != 0)
    }

    /// How many markers are in both.
    pub(crate) fn common(&self, other: &MarkerSet) -> usize {
        self.words(other)
            .map(|bits| bits.count_ones() as usize)
            .sum()
    }

    fn words<'a>(&'a self, other: &'a MarkerSet) -> impl Iterator<Item = u64> + 'a {
        let low = self.low.iter().zip(&other.low);
        low.chain(self.high.iter().zip(&other.high))
            .map(|(a, b)| a & b)
    }

    /// How many markers there are.
    pub fn len(&self) -> usize {
        self.low
            .iter()
            .chain(&self.high)
            .map(|bits| bits.count_ones() as usize)
            .sum()
    }

    /// Whether there is no marker.
    pub fn is_empty(&self) -> bool {
        self.low.iter().chain(&self.high).all(|bits| *bits == 0)
    }
}

fn place(id: MarkerId) -> (usize, u64) {
    (id.0 as usize / 64, 1 << (id.0 % 64))
}

impl Extend<MarkerId> for MarkerSet {
    fn extend<T: IntoIterator<Item = MarkerId>>(&mut self, ids: T) {
        for id in ids {
            self.insert(id);
        }
    }
}

impl FromIterator<MarkerId> for MarkerSet {
    fn from_iter<T: IntoIterator<Item = MarkerId>>(ids: T) -> MarkerSet {
        let mut set = MarkerSet::new();
        set.extend(ids);
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn behaves_like_a_set(others in proptest::collection::vec(0u32..700, 0..20), ids in proptest::collection::vec(0u32..700, 0..60), asked in 0u32..900) {
            let mut set = MarkerSet::new();
            let mut model = BTreeSet::new();
            for id in ids {
                prop_assert_eq!(set.insert(MarkerId(id)), model.insert(id));
            }
            prop_assert_eq!(set.iter().map(|id| id.0).collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set.contains(MarkerId(asked)), model.contains(&asked));
            prop_assert_eq!(set.len(), model.len());
            prop_assert_eq!(set.is_empty(), model.is_empty());

            let other: MarkerSet = others.iter().map(|id| MarkerId(*id)).collect();
            let others: BTreeSet<u32> = others.into_iter().collect();
            prop_assert_eq!(set.intersects(&other), !model.is_disjoint(&others));
            prop_assert_eq!(set.common(&other), model.intersection(&others).count());
            set.merge(&other);
            let both: Vec<u32> = model.union(&others).copied().collect();
            prop_assert_eq!(set.iter().map(|id| id.0).collect::<Vec<_>>(), both);
        }
    }

    #[test]
    fn every_occurrence_keeps_its_arguments() {
        let (a, b) = (MarkerId(3), MarkerId(300));
        let mut set = MarkerSet::new();
        set.insert_args(a, vec![("env".into(), "A".into())]);
        let mut other = MarkerSet::new();
        other.insert_args(
            a,
            vec![("env".into(), "B".into()), ("os".into(), "linux".into())],
        );
        other.insert_args(b, vec![]);
        set.merge(&other);
        assert_eq!(set.args(a).count(), 2);
        assert_eq!(set.arg(a, "env"), Some(&"A".into()));
        assert_eq!(set.arg(a, "os"), Some(&"linux".into()));
        assert!(set.contains(b) && set.args(b).next().is_none() && set.arg(b, "env").is_none());
    }
}
