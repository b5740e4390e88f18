//! Rules over the markers of one attribute list, so far as they can be judged before markers of modules are merged in.
//!
//! Promise: only what no module marker can mend is a mistake: two markers that exclude each other, and a `slow` test without a
//! limit of its own. Rules of the kind "at least one" wait for start-up.
//! Rejected: judging all rules here (a module's `markers!(e2e)` is not visible to the macro of a test).

use tribunal_vocabulary::{Breach, MarkerId, MarkerSet, Vocabulary};

use crate::axis::Axis;
use crate::marker::Marker;
use crate::matrix::{Variant, hardware, variants, without_hardware};
use crate::mistakes::Mistakes;

/// Checks the markers of a test and those of its cases.
pub(crate) fn check(
    markers: &[Marker],
    split: &[Variant],
    axes: &[Axis],
    vocabulary: &Vocabulary,
    mistakes: &mut Mistakes,
) {
    let common: Vec<&Marker> = markers.iter().collect();
    let mut reported = Vec::new();
    for variant in each(split) {
        conflicts(&common, &[], variant, vocabulary, &mut reported, mistakes);
    }
    for entry in axes
        .iter()
        .flat_map(|axis| &axis.entries)
        .filter(|entry| !entry.markers.is_empty())
    {
        // What a case says of its hardware stands in place of what the test says; the test's own is then among `split`.
        let own = hardware(&entry.markers).map(|marker| variants(marker, vocabulary));
        let extra: Vec<&Marker> = without_hardware(&entry.markers).collect();
        let mut reported_here = reported.clone();
        for variant in each(own.as_deref().unwrap_or(split)) {
            conflicts(
                &common,
                &extra,
                variant,
                vocabulary,
                &mut reported_here,
                mistakes,
            );
        }
    }
    limits(markers, axes, vocabulary, mistakes);
}

/// Checks the markers of a module.
pub(crate) fn check_module(markers: &[Marker], vocabulary: &Vocabulary, mistakes: &mut Mistakes) {
    let markers: Vec<&Marker> = markers.iter().collect();
    conflicts(&markers, &[], None, vocabulary, &mut Vec::new(), mistakes);
}

/// Each variant, or once none.
fn each(split: &[Variant]) -> impl Iterator<Item = Option<&Marker>> {
    let none = split.is_empty().then_some(None);
    split
        .iter()
        .map(|variant| Some(&variant.marker))
        .chain(none)
}

fn conflicts(
    base: &[&Marker],
    extra: &[&Marker],
    variant: Option<&Marker>,
    vocabulary: &Vocabulary,
    reported: &mut Vec<String>,
    mistakes: &mut Mistakes,
) {
    let written: Vec<(&Marker, Vec<MarkerId>)> = base
        .iter()
        .copied()
        .chain(variant)
        .chain(extra.iter().copied())
        .map(|marker| (marker, vocabulary.expand(&marker.declared, &marker.args())))
        .collect();
    let mut set = MarkerSet::new();
    for (marker, _) in &written {
        vocabulary.add(&mut set, &marker.declared, &marker.args());
    }
    for breach in vocabulary.rules(&set).into_iter().filter(is_conflict) {
        if reported.contains(&breach.message) {
            continue;
        }
        // At the last marker of the list that takes part: the one that the author added to the others.
        if let Some((marker, _)) = written
            .iter()
            .rev()
            .find(|(_, ids)| ids.iter().any(|id| breach.markers.contains(id)))
        {
            mistakes.at(&marker.name, &breach.message);
        }
        reported.push(breach.message);
    }
}

/// Whether markers that are there exclude each other (and not: whether one is missing).
fn is_conflict(breach: &Breach) -> bool {
    breach.markers.len() > 1
}

/// A test of a level that asks for it states its own time limit: a default says nothing about tests that run for hours.
fn limits(markers: &[Marker], axes: &[Axis], vocabulary: &Vocabulary, mistakes: &mut Mistakes) {
    let limited = |markers: &[Marker]| markers.iter().any(|marker| marker.declared == "timeout");
    let everywhere = limited(markers)
        || axes.iter().any(|axis| {
            !axis.entries.is_empty() && axis.entries.iter().all(|entry| limited(&entry.markers))
        });
    if everywhere {
        return;
    }
    let entries = axes
        .iter()
        .flat_map(|axis| &axis.entries)
        .filter(|entry| !limited(&entry.markers));
    for marker in markers
        .iter()
        .chain(entries.flat_map(|entry| &entry.markers))
    {
        let ids = vocabulary.expand(&marker.declared, &marker.args());
        let asking = vocabulary
            .levels()
            .iter()
            .find(|level| level.needs_timeout && ids.contains(&level.id));
        if let Some(level) = asking {
            mistakes.at(
                &marker.name,
                format!(
                    "a `{}` test must state its own time limit\nhelp: add `#[timeout(\"1h\")]`, or what it needs",
                    level.name
                ),
            );
        }
    }
}
