//! Which features of a model are tested together: the fewest cases that have them all.
//!
//! Promise: a pure function of what is declared; equal input gives equal cases in equal order. Every variant that can be had is in a case (with
//! [`Cover::Pairs`] every two that can stand together are), no case has what excludes each other or needs more devices than there are, and there is no
//! drawing with fewer cases, unless [`Drawing::fewest`] says that this was not proved. Whatever is not tested is named, with the reason.
//! Rejected: the product of all features (a hundred servers for what four show), and lists by hand (nobody sees what one of them no longer covers).

use std::fmt::Write as _;

use crate::cover::{fewest, most_of_two};

/// The most variants of one drawing: all pairs of them are numbered in the bits of one word.
pub const MOST_VARIANTS: usize = 15;

/// How much of a model is tested.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// As many cases as it takes.
    #[default]
    High,
    /// The one or two cases that cover most.
    Normal,
}

/// What counts as covered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cover {
    /// Each variant is in a case.
    #[default]
    Each,
    /// Each two variants that can stand together are in one case.
    Pairs,
}

/// What a deployment says of the features of its model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matrix {
    /// How much is tested.
    pub priority: Priority,
    /// What counts as covered.
    pub cover: Cover,
    /// How many devices a case may use.
    pub devices: u32,
    /// Their model, by its declared name; `None` where cases need no devices of their own.
    pub device: Option<String>,
    /// The features, in the order of the file.
    pub features: Vec<Feature>,
}

/// A feature with its variants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Whether several variants can stand in one case.
    pub together: bool,
    /// The variants, the commonest first.
    pub variants: Vec<Variant>,
}

/// One way to have a feature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// Its name: an identifier, unique in the matrix.
    pub name: String,
    /// What it sets of the deployment, as `--set` does.
    pub set: Vec<String>,
    /// By how much it multiplies the devices of a case.
    pub devices: u32,
    /// How many devices the case must have for it.
    pub at_least: u32,
    /// Variants and features that cannot stand beside it.
    pub excludes: Vec<String>,
    /// The variant in whose place it is used, where that cannot be had.
    pub instead_of: Option<String>,
    /// Why the model does not have it.
    pub lacking: Option<String>,
}

/// The cases of a matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawing {
    /// The cases, those with few devices first.
    pub rows: Vec<MatrixRow>,
    /// What was left out or replaced, and why; and why there are so many cases.
    pub notes: Vec<String>,
    /// Whether it is proved that fewer cases cannot do.
    pub fewest: bool,
}

/// One case of a matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixRow {
    /// Its variants, in the order of the file.
    pub variants: Vec<String>,
    /// How many devices it uses.
    pub devices: u32,
    /// What it alone covers.
    pub why: String,
}

impl MatrixRow {
    /// The segment of its case's name.
    pub fn segment(&self) -> String {
        self.variants.join("__")
    }
}

/// A variant that can be had, with its feature.
struct Usable<'a> {
    feature: &'a Feature,
    variant: &'a Variant,
}

/// Draws the cases for the features that a test asks for.
///
/// # Errors
/// More than [`MOST_VARIANTS`] variants can be had.
pub fn draw(matrix: &Matrix, features: &[String]) -> Result<Drawing, String> {
    let mut drawing = Drawing {
        fewest: true,
        ..Drawing::default()
    };
    let usable = usable(matrix, features, &mut drawing.notes);
    if usable.len() > MOST_VARIANTS {
        return Err(format!(
            "the matrix has {} variants of {}; at most {MOST_VARIANTS} can be drawn from\nhelp: let the test ask for fewer features",
            usable.len(),
            features.join(", ")
        ));
    }
    let rows = maximal(matrix, &usable);
    let targets: Vec<u128> = rows.iter().map(|row| targets(*row, matrix.cover)).collect();
    let all = targets.iter().fold(0, |all, row| all | row);
    let mut chosen = match matrix.priority {
        Priority::High => {
            let (chosen, proved) = fewest(&targets, all);
            drawing.fewest = proved;
            chosen
        }
        Priority::Normal => most_of_two(&targets),
    };
    let devices = |row: u32| devices(row, &usable);
    chosen.sort_by_key(|at| (devices(rows[*at]), *at));
    for at in &chosen {
        let others = chosen.iter().filter(|other| *other != at);
        let elsewhere = others.fold(0, |all, other| all | targets[*other]);
        drawing.rows.push(MatrixRow {
            variants: names(rows[*at], &usable),
            devices: devices(rows[*at]),
            why: why(targets[*at] & !elsewhere, matrix.cover, &usable),
        });
    }
    let covered = chosen.iter().fold(0, |all, at| all | targets[*at]);
    let mut told = format!("{} of {} combinations", chosen.len(), rows.len());
    if all != covered {
        let left = why(all & !covered, matrix.cover, &usable);
        let _ = write!(told, "; the priority is normal, so not tested: {left}");
    } else if !chosen.is_empty() {
        told.push_str(match drawing.fewest {
            true => "; fewer do not cover all",
            false => "; whether fewer could cover all was not found out in time",
        });
    }
    drawing.notes.push(told);
    Ok(drawing)
}

fn usable<'a>(matrix: &'a Matrix, features: &[String], notes: &mut Vec<String>) -> Vec<Usable<'a>> {
    for name in features {
        if !matrix.features.iter().any(|f| f.name == *name) {
            notes.push(format!(
                "feature {name} is dropped: the deployment declares no variant of it"
            ));
        }
    }
    let asked = |f: &&Feature| features.contains(&f.name);
    let all = || {
        let features = matrix.features.iter().filter(asked);
        features.flat_map(|feature| {
            feature
                .variants
                .iter()
                .map(move |variant| Usable { feature, variant })
        })
    };
    let limit = matrix.devices;
    let barred = |variant: &Variant| -> Option<String> {
        let needs = variant.devices.max(variant.at_least);
        match &variant.lacking {
            Some(why) => Some(why.clone()),
            None if needs > limit => {
                Some(format!("it needs {needs} devices, and a case has {limit}"))
            }
            None => None,
        }
    };
    let can = |name: &str| all().any(|u| u.variant.name == name && barred(u.variant).is_none());
    let mut out = vec![];
    for one in all() {
        let (feature, variant) = (&one.feature.name, one.variant);
        let name = &variant.name;
        match (barred(variant), &variant.instead_of) {
            (Some(why), _) => notes.push(format!("{feature} {name} is dropped: {why}")),
            (None, Some(other)) if can(other) => {
                notes.push(format!(
                    "{feature} {name} is not needed: it would stand in for {other}"
                ));
            }
            (None, other) => {
                if let Some(other) = other {
                    notes.push(format!(
                        "{feature} {name} stands in for {other}, which cannot be had"
                    ));
                }
                out.push(one);
            }
        }
    }
    out
}

/// How many devices the variants of a case use together.
fn devices(row: u32, usable: &[Usable<'_>]) -> u32 {
    let (mut product, mut least) = (1_u32, 1);
    for variant in members(row, usable) {
        product = product.saturating_mul(variant.variant.devices.max(1));
        least = least.max(variant.variant.at_least);
    }
    product.max(least)
}

fn members<'a, 'b>(row: u32, usable: &'b [Usable<'a>]) -> impl Iterator<Item = &'b Usable<'a>> {
    let all = usable.iter().enumerate();
    all.filter(move |(at, _)| row & (1 << at) != 0)
        .map(|(_, u)| u)
}

fn names(row: u32, usable: &[Usable<'_>]) -> Vec<String> {
    members(row, usable)
        .map(|u| u.variant.name.clone())
        .collect()
}

/// Whether two variants cannot stand in one case.
fn excluded(a: &Usable<'_>, b: &Usable<'_>) -> bool {
    let names = |one: &Usable<'_>, other: &Usable<'_>| {
        let excludes = &one.variant.excludes;
        excludes.contains(&other.variant.name) || excludes.contains(&other.feature.name)
    };
    (a.feature.name == b.feature.name && !a.feature.together) || names(a, b) || names(b, a)
}

/// The combinations to which nothing can be added, in the order in which the file prefers them. Whatever a smaller one covers, one of these does.
fn maximal(matrix: &Matrix, usable: &[Usable<'_>]) -> Vec<u32> {
    let against: Vec<u32> = usable
        .iter()
        .map(|a| {
            let others = usable.iter().enumerate();
            others.fold(0, |bits, (at, b)| {
                match !std::ptr::eq(a, b) && excluded(a, b) {
                    true => bits | 1 << at,
                    false => bits,
                }
            })
        })
        .collect();
    let fits = |row: u32, at: usize| {
        row & against[at] == 0 && devices(row | 1 << at, usable) <= matrix.devices
    };
    // With at most 15 variants there are few enough subsets to look at each.
    let subsets = 1..1_u32 << usable.len();
    let stands = |row: &u32| {
        (0..usable.len()).all(|at| row & (1 << at) == 0 || row & against[at] == 0)
            && devices(*row, usable) <= matrix.devices
    };
    let full = |row: &u32| (0..usable.len()).all(|at| row & (1 << at) != 0 || !fits(*row, at));
    let mut rows: Vec<u32> = subsets.filter(stands).filter(full).collect();
    // What the file names first comes first: the lowest bits weigh most.
    rows.sort_by_key(|row| std::cmp::Reverse(row.reverse_bits()));
    rows
}

/// What a case covers, as bits: each variant, and with pairs each two of them.
fn targets(row: u32, cover: Cover) -> u128 {
    let mut bits = u128::from(row);
    if cover == Cover::Pairs {
        for (number, (a, b)) in pairs().enumerate() {
            if row & (1 << a) != 0 && row & (1 << b) != 0 {
                bits |= 1 << (MOST_VARIANTS + number);
            }
        }
    }
    bits
}

/// All pairs of variants, by number.
fn pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..MOST_VARIANTS).flat_map(|b| (0..b).map(move |a| (a, b)))
}

/// In words, what some bits stand for. A pair says its variants too, so these are named only where no pair is.
fn why(bits: u128, cover: Cover, usable: &[Usable<'_>]) -> String {
    let name = |at: usize| usable.get(at).map_or("", |u| u.variant.name.as_str());
    let mut words: Vec<String> = (0..MOST_VARIANTS)
        .filter(|at| bits & (1 << at) != 0)
        .map(|at| name(at).to_owned())
        .collect();
    if cover == Cover::Pairs {
        let both = pairs().enumerate();
        let both = both.filter(|(number, _)| bits & (1 << (MOST_VARIANTS + number)) != 0);
        words.extend(both.map(|(_, (a, b))| format!("{} with {}", name(a), name(b))));
    }
    words.join(", ")
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
