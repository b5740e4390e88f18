//! The cases of a test: every combination of its axes, and one variant per platform where `hardware_test` asks for it.
//!
//! Promise: names are distinct, or the mistake names both; the order is that of the source, the last axis running fastest.
//! Rejected: multiplying at start-up (a test explorer must know the names, and a collision is the author's mistake).

use std::collections::HashMap;

use proc_macro2::Span;
use tribunal_vocabulary::Vocabulary;

use crate::axis::{Axis, Entry};
use crate::marker::Marker;
use crate::mistakes::Mistakes;

/// One case.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    /// The position on every axis.
    pub(crate) at: Vec<u16>,
    /// Name and text of every parameter.
    pub(crate) texts: Vec<(String, String)>,
    /// The markers of this case alone.
    pub(crate) markers: Vec<Marker>,
    pub(crate) span: Span,
}

/// More cases than this in one test are a mistake: positions are 16 bits wide, and each case costs compile time.
const MOST: usize = 1 << 16;

/// A `hardware_test` marker for one platform, or as written where all platforms ask for equally many cards.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) platform: Option<String>,
    pub(crate) marker: Marker,
}

/// The variants of a `hardware_test` marker: one without a platform, or one for each platform.
pub(crate) fn variants(marker: &Marker, vocabulary: &Vocabulary) -> Vec<Variant> {
    vocabulary
        .hardware_variants(&marker.args())
        .into_iter()
        .map(|variant| match variant.platform {
            None => Variant {
                platform: None,
                marker: marker.clone(),
            },
            Some(platform) => Variant {
                platform: Some(platform),
                marker: marker.with_args(variant.args),
            },
        })
        .collect()
}

/// The marker that says which devices a test needs.
const HARDWARE: &str = "hardware_test";

/// That marker among `markers`.
pub(crate) fn hardware(markers: &[Marker]) -> Option<&Marker> {
    markers.iter().find(|marker| marker.declared == HARDWARE)
}

/// The others among `markers`.
pub(crate) fn without_hardware(markers: &[Marker]) -> impl Iterator<Item = &Marker> {
    markers.iter().filter(|marker| marker.declared != HARDWARE)
}

/// Takes a test's own `hardware_test` out of its markers where its cases differ in it, and gives its variants: where it asks for
/// unequal counts, or where a case has one of its own, which then stands in its place.
pub(crate) fn split(
    markers: &mut Vec<Marker>,
    axes: &[Axis],
    vocabulary: &Vocabulary,
) -> Vec<Variant> {
    let Some(index) = markers
        .iter()
        .position(|marker| marker.declared == HARDWARE)
    else {
        return Vec::new();
    };
    let variants = variants(&markers[index], vocabulary);
    let mut entries = axes.iter().flat_map(|axis| &axis.entries);
    if variants.len() < 2 && !entries.any(|entry| hardware(&entry.markers).is_some()) {
        return Vec::new();
    }
    markers.remove(index);
    variants
}

/// All cases. `split` is what [`split`] took out of the test's markers.
pub(crate) fn cases(
    axes: &[Axis],
    split: &[Variant],
    vocabulary: &Vocabulary,
    test: Span,
    mistakes: &mut Mistakes,
) -> Vec<Case> {
    let sizes = axes
        .iter()
        .map(|axis| axis.entries.len())
        .chain([split.len().max(1)]);
    if sizes.fold(1usize, usize::saturating_mul) > MOST {
        mistakes.at_span(
            test,
            format!("this test has more than {MOST} cases\nhelp: make them at start-up with `#[cases(from = function)]`"),
        );
        return Vec::new();
    }
    let mut cases = Vec::new();
    for at in positions(axes) {
        let chosen: Vec<(&Axis, &Entry)> = axes
            .iter()
            .zip(&at)
            .filter_map(|(axis, &at)| Some((axis, axis.entries.get(usize::from(at))?)))
            .collect();
        combine(&chosen, &at, split, vocabulary, test, &mut cases);
    }
    check_names(&cases, mistakes);
    cases
}

/// The position of every combination.
fn positions(axes: &[Axis]) -> Vec<Vec<u16>> {
    axes.iter().fold(vec![Vec::new()], |so_far, axis| {
        let on_axis = 0..u16::try_from(axis.entries.len()).unwrap_or(u16::MAX);
        so_far
            .iter()
            .flat_map(|before| {
                on_axis
                    .clone()
                    .map(move |at| before.iter().copied().chain([at]).collect())
            })
            .collect()
    })
}

/// Adds the case of one combination, or one for each platform.
fn combine(
    chosen: &[(&Axis, &Entry)],
    at: &[u16],
    split: &[Variant],
    vocabulary: &Vocabulary,
    test: Span,
    cases: &mut Vec<Case>,
) {
    let parts: Vec<&str> = chosen
        .iter()
        .map(|(_, entry)| entry.name.as_str())
        .collect();
    let texts: Vec<(String, String)> = chosen
        .iter()
        .flat_map(|(axis, entry)| {
            entry
                .texts(&axis.parameters)
                .map(|(name, text)| (name.to_owned(), text))
        })
        .collect();
    let markers: Vec<Marker> = chosen
        .iter()
        .flat_map(|(_, entry)| entry.markers.iter().cloned())
        .collect();
    let span = chosen.first().map_or(test, |(_, entry)| entry.span);
    let case = |platform: Option<&str>, markers: Vec<Marker>| Case {
        name: parts
            .iter()
            .copied()
            .chain(platform)
            .collect::<Vec<_>>()
            .join("__"),
        at: at.to_vec(),
        texts: texts.clone(),
        markers,
        span,
    };
    // What a case says of its hardware stands in place of what the test says.
    let own = hardware(&markers).map(|marker| variants(marker, vocabulary));
    let others: Vec<Marker> = without_hardware(&markers).cloned().collect();
    let variants = own.as_deref().unwrap_or(split);
    for variant in variants {
        let markers = others
            .iter()
            .cloned()
            .chain([variant.marker.clone()])
            .collect();
        cases.push(case(variant.platform.as_deref(), markers));
    }
    if variants.is_empty() {
        cases.push(case(None, others));
    }
}

/// Names that are distinct on each axis can still meet when they are joined (`a__b` + `c` and `a` + `b__c`).
fn check_names(cases: &[Case], mistakes: &mut Mistakes) {
    let mut seen: HashMap<&str, &Case> = HashMap::new();
    for case in cases {
        if let Some(earlier) = seen.insert(&case.name, case) {
            let shown = |case: &Case| {
                let texts = case
                    .texts
                    .iter()
                    .map(|(name, text)| format!("{name} = {text}"));
                texts.collect::<Vec<_>>().join(", ")
            };
            mistakes.at_span(
                case.span,
                format!(
                    "two cases are called `{}`: ({}) and ({})\nhelp: give one of them another name",
                    case.name,
                    shown(earlier),
                    shown(case)
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(parameter: &str, names: &[&str]) -> Axis {
        let entries = names
            .iter()
            .map(|name| Entry {
                name: (*name).to_owned(),
                values: vec![syn::parse_str(&format!("{name:?}")).expect("a literal")],
                markers: Vec::new(),
                span: Span::call_site(),
            })
            .collect();
        Axis {
            parameters: vec![parameter.to_owned()],
            entries,
        }
    }

    fn named(axes: &[Axis]) -> (Vec<(String, Vec<u16>)>, Vec<String>) {
        let mut mistakes = Mistakes::default();
        let cases = cases(
            axes,
            &[],
            Vocabulary::shipped(),
            Span::call_site(),
            &mut mistakes,
        );
        (
            cases.into_iter().map(|case| (case.name, case.at)).collect(),
            mistakes.messages(),
        )
    }

    #[test]
    fn the_last_axis_runs_fastest() {
        let (cases, mistakes) = named(&[axis("a", &["x", "y"]), axis("b", &["one", "two"])]);
        let expected = [
            ("x__one", [0, 0]),
            ("x__two", [0, 1]),
            ("y__one", [1, 0]),
            ("y__two", [1, 1]),
        ];
        assert_eq!(
            cases,
            expected.map(|(name, at)| (name.to_owned(), at.to_vec()))
        );
        assert_eq!(mistakes, [""; 0]);
    }

    #[test]
    fn joined_names_that_meet_are_reported_with_both_values() {
        let (_, mistakes) = named(&[axis("a", &["x__y", "x"]), axis("b", &["z", "y__z"])]);
        assert_eq!(mistakes.len(), 1);
        assert!(
            mistakes[0].contains("(a = x__y, b = z) and (a = x, b = y__z)"),
            "{mistakes:?}"
        );
    }

    #[test]
    fn an_unreasonable_matrix_is_refused_before_it_is_built() {
        let names: Vec<String> = (0..100).map(|n| format!("v{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let axes: Vec<Axis> = (0..20).map(|n| axis(&format!("p{n}"), &names)).collect();
        let (cases, mistakes) = named(&axes);
        assert!(
            cases.is_empty() && mistakes[0].contains("more than 65536 cases"),
            "{mistakes:?}"
        );
    }
}
