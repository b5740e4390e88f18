//! The rules over all markers of a test: what must be there, what excludes each other, what holds if nothing is said.
//!
//! Promise: pure functions of the merged set; where a marker came from is for the caller to say. One breach per cause: what an
//! implied marker breaks is reported at the marker that implies it. Rejected: checking at every single marker (a rule over
//! module, test and case can only be judged when they are merged).

use std::time::Duration;

use crate::category::{Category, Rule};
use crate::document::list;
use crate::marker::{MarkerId, Role};
use crate::set::MarkerSet;
use crate::value::Arg;
use crate::vocabulary::{Group, Vocabulary};

/// A rule that a test's markers break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// The rule: "kind: at least one", "hardware: exclusive", "conflict".
    pub rule: String,
    /// What is wrong and what to do about it.
    pub message: String,
    /// The markers that it is about; empty if one is missing.
    pub markers: Vec<MarkerId>,
}

impl Vocabulary {
    /// Every rule that a set of markers breaks. The set should be expanded and have its defaults.
    pub fn rules(&self, set: &MarkerSet) -> Vec<Breach> {
        let mut breaches = Vec::new();
        let mut reported: Vec<(MarkerId, MarkerId)> = Vec::new();
        self.conflicts(set, &mut breaches, &mut reported);
        for group in &self.groups {
            if group.mask.common(set) > 1 {
                self.exclusive(group, set, &mut breaches, &mut reported);
            }
        }
        for category in &self.categories {
            self.count(category, set, &mut breaches);
        }
        breaches
    }

    /// What a set of markers gets because it says nothing: for every category of which it has no member (and that nothing waives)
    /// the default with all that it implies, and the marker `defaulted`, if it is declared and anything else was added.
    pub fn defaults(&self, set: &MarkerSet) -> Vec<MarkerId> {
        let mut with = set.clone();
        let mut added = Vec::new();
        for category in &self.categories {
            let Some(default) = &category.default else {
                continue;
            };
            if waived(category, &with) || category.mask.intersects(&with) {
                continue;
            }
            for id in self.expand(default, &[]) {
                if with.insert(id) {
                    added.push(id);
                }
            }
        }
        if !added.is_empty()
            && let Some(id) = self.id("defaulted")
            && with.insert(id)
        {
            added.push(id);
        }
        added
    }

    /// The limit of a test's body that its categories state: the largest of those that match.
    pub fn limit(&self, set: &MarkerSet) -> Option<Duration> {
        let limits = self.categories.iter().flat_map(|category| &category.limits);
        limits
            .filter(|(id, _)| set.contains(*id))
            .map(|(_, limit)| *limit)
            .max()
    }

    /// Adds a marker to a set: all that it implies, and its arguments by name.
    pub fn add(&self, set: &mut MarkerSet, name: &str, args: &[Arg]) {
        let Some(id) = self.id(name) else { return };
        set.merge(&self.at(id).mask);
        if !args.is_empty() {
            self.implied_by_args(id, args, &mut |implied| set.merge(&self.at(implied).mask));
            set.insert_args(id, self.named_args(name, args));
        }
    }

    fn implies(&self, id: MarkerId, implied: MarkerId) -> bool {
        self.at(id).closure.contains(&implied)
    }

    /// Of some markers those that no other of them implies: what somebody wrote, or the most telling part of it.
    fn roots(&self, ids: &[MarkerId]) -> Vec<MarkerId> {
        let implied = |id: &MarkerId| {
            ids.iter()
                .any(|other| other != id && self.implies(*other, *id))
        };
        ids.iter().copied().filter(|id| !implied(id)).collect()
    }

    fn conflicts(
        &self,
        set: &MarkerSet,
        breaches: &mut Vec<Breach>,
        reported: &mut Vec<(MarkerId, MarkerId)>,
    ) {
        let fighting = self
            .fighters
            .iter()
            .filter(|(id, against)| set.contains(*id) && set.intersects(against));
        let fighters: Vec<MarkerId> = fighting.map(|(id, _)| *id).collect();
        let opponents = |id: MarkerId| -> Vec<MarkerId> {
            let against = self.fighters.iter().filter(|(fighter, _)| *fighter == id);
            against
                .flat_map(|(_, against)| against.iter())
                .filter(|other| set.contains(*other))
                .collect()
        };
        for id in self.roots(&fighters) {
            let opponents = opponents(id);
            let guilty: Vec<MarkerId> = set
                .iter()
                .filter(|other| {
                    !self.implies(id, *other)
                        && opponents
                            .iter()
                            .any(|opponent| self.implies(*other, *opponent))
                })
                .collect();
            if guilty.iter().any(|other| reported.contains(&(*other, id))) {
                continue;
            }
            for mine in &self.at(id).closure {
                reported.extend(
                    guilty
                        .iter()
                        .flat_map(|other| [(*mine, *other), (*other, *mine)]),
                );
            }
            let roots = self.roots(&guilty);
            let message = format!(
                "`{}` ({}) cannot stand together with {}; drop one side",
                self.name(id),
                self.at(id).doc,
                list(roots.iter().map(|id| self.name(*id)))
            );
            let markers = std::iter::once(id).chain(roots).collect();
            breaches.push(Breach {
                rule: "conflict".to_owned(),
                message,
                markers,
            });
        }
    }

    fn exclusive(
        &self,
        group: &Group,
        set: &MarkerSet,
        breaches: &mut Vec<Breach>,
        reported: &mut Vec<(MarkerId, MarkerId)>,
    ) {
        let there: Vec<MarkerId> = group
            .ids
            .iter()
            .copied()
            .filter(|id| set.contains(*id))
            .collect();
        let pairs = || {
            there
                .iter()
                .enumerate()
                .flat_map(|(at, a)| there[at + 1..].iter().map(|b| (*a, *b)))
        };
        if pairs().all(|pair| reported.contains(&pair)) {
            return;
        }
        // What two markers imply excludes each other for the same reason: `gpu_1` and `gpu_2` bring `cards_1` and `cards_2`.
        for (a, b) in pairs() {
            for mine in &self.at(a).closure {
                reported.extend(
                    self.at(b)
                        .closure
                        .iter()
                        .flat_map(|other| [(*mine, *other), (*other, *mine)]),
                );
            }
        }
        let names = list(there.iter().map(|id| self.name(*id)));
        let message = format!("{names} exclude each other; a test has one of them");
        breaches.push(Breach {
            rule: format!("{}: exclusive", group.category),
            message,
            markers: there,
        });
    }

    fn count(&self, category: &Category, set: &MarkerSet, breaches: &mut Vec<Breach>) {
        let rule = || format!("{}: {}", category.name, category.rule.text());
        match category.rule {
            Rule::Optional => {}
            _ if !category.mask.intersects(set) => {
                if waived(category, set) {
                    return;
                }
                let what = if category.doc.is_empty() {
                    String::new()
                } else {
                    format!(" ({})", category.doc)
                };
                let members = category
                    .members
                    .iter()
                    .filter(|id| self.at(**id).role == Role::Member)
                    .map(|id| self.name(*id));
                let or_device = if category.platforms {
                    ", or a device"
                } else {
                    ""
                };
                let message = format!(
                    "no marker of category `{}`{what}; add one of {}{or_device}",
                    category.name,
                    list(members)
                );
                breaches.push(Breach {
                    rule: rule(),
                    message,
                    markers: Vec::new(),
                });
            }
            Rule::AtLeastOne => {}
            Rule::ExactlyOne => {
                let there: Vec<MarkerId> = category
                    .members
                    .iter()
                    .copied()
                    .filter(|id| set.contains(*id))
                    .collect();
                let roots = self.roots(&there);
                if roots.len() > 1 {
                    let names = list(roots.iter().map(|id| self.name(*id)));
                    let message = format!(
                        "{names} are of category `{}`, of which a test has exactly one",
                        category.name
                    );
                    breaches.push(Breach {
                        rule: rule(),
                        message,
                        markers: roots,
                    });
                }
            }
        }
    }
}

fn waived(category: &Category, set: &MarkerSet) -> bool {
    category.waived_by.iter().any(|id| set.contains(*id))
}
