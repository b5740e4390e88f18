//! How many words or characters of a transcript are wrong, and which: the cheapest way from the reference to the
//! hypothesis by substitutions, deletions and insertions.
//!
//! Where several ways cost the same, the one is taken that jiwer takes, so that counts can be compared. Rejected: a
//! likeness between 0 and 1. It cannot say which word was wrong.

use crate::{MediaError, MediaErrorKind};

/// The largest product of the two lengths that is aligned: a quarter of a gigabyte of table.
const MAX_CELLS: usize = 1 << 28;

/// One step from the reference to the hypothesis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The same on both sides.
    Hit(String),
    /// The first became the second.
    Substituted(String, String),
    /// In the reference only.
    Deleted(String),
    /// In the hypothesis only.
    Inserted(String),
}

/// The errors of a hypothesis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors {
    /// Equal tokens.
    pub hits: usize,
    /// Tokens that became others.
    pub substitutions: usize,
    /// Tokens that are missing.
    pub deletions: usize,
    /// Tokens too many.
    pub insertions: usize,
    /// The way from the reference to the hypothesis.
    pub steps: Vec<Step>,
}

impl Errors {
    /// The errors of words, which are what whitespace separates. Normalise first: `Yes.` is not `yes`.
    ///
    /// # Errors
    /// When the texts are too long to be aligned.
    pub fn of_words(reference: &str, hypothesis: &str) -> Result<Self, MediaError> {
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        Self::between(&words(reference), &words(hypothesis))
    }

    /// The errors of characters, with the spaces between words, without those at the ends.
    ///
    /// # Errors
    /// When the texts are too long to be aligned.
    pub fn of_characters(reference: &str, hypothesis: &str) -> Result<Self, MediaError> {
        let characters = |text: &str| text.trim().chars().map(String::from).collect::<Vec<_>>();
        Self::between(&characters(reference), &characters(hypothesis))
    }

    /// The length of the reference in tokens.
    pub fn reference(&self) -> usize {
        self.hits + self.substitutions + self.deletions
    }

    /// The errors in all.
    pub fn count(&self) -> usize {
        self.substitutions + self.deletions + self.insertions
    }

    /// The error rate (WER or CER): errors over the length of the reference. `None` for an empty reference, which has no rate.
    pub fn rate(&self) -> Option<f64> {
        (self.reference() > 0).then(|| self.count() as f64 / self.reference() as f64)
    }

    /// The errors as a line to read: `the [quick→quiet] fox {-jumps} {+ran}`; `separator` stands between tokens.
    pub fn shown(&self, separator: &str) -> String {
        let step = |s: &Step| match s {
            Step::Hit(t) => t.clone(),
            Step::Substituted(a, b) => format!("[{a}→{b}]"),
            Step::Deleted(t) => format!("{{-{t}}}"),
            Step::Inserted(t) => format!("{{+{t}}}"),
        };
        self.steps
            .iter()
            .map(step)
            .collect::<Vec<_>>()
            .join(separator)
    }

    fn between(reference: &[String], hypothesis: &[String]) -> Result<Self, MediaError> {
        // Equal ends are never part of an error.
        let front = reference
            .iter()
            .zip(hypothesis)
            .take_while(|(a, b)| a == b)
            .count();
        let (a, b) = (&reference[front..], &hypothesis[front..]);
        let back = a
            .iter()
            .rev()
            .zip(b.iter().rev())
            .take_while(|(x, y)| x == y)
            .count();
        let (a, b) = (&a[..a.len() - back], &b[..b.len() - back]);
        let middle = way(a, b)?;
        let hit = |t: &String| Step::Hit(t.clone());
        let steps: Vec<Step> = reference[..front]
            .iter()
            .map(hit)
            .chain(middle)
            .chain(reference[reference.len() - back..].iter().map(hit))
            .collect();
        let count = |is: fn(&Step) -> bool| steps.iter().filter(|s| is(s)).count();
        Ok(Self {
            hits: count(|s| matches!(s, Step::Hit(_))),
            substitutions: count(|s| matches!(s, Step::Substituted(..))),
            deletions: count(|s| matches!(s, Step::Deleted(_))),
            insertions: count(|s| matches!(s, Step::Inserted(_))),
            steps,
        })
    }
}

/// How the cost of a cell differs from those above (a token of the reference less) and to its left (one of the hypothesis).
const DOWN_COSTS: u8 = 1;
const RIGHT_SAVES: u8 = 2;

fn way(a: &[String], b: &[String]) -> Result<Vec<Step>, MediaError> {
    let width = b.len() + 1;
    let cells = (a.len() + 1).checked_mul(width).filter(|n| *n <= MAX_CELLS);
    let Some(cells) = cells else {
        return Err(MediaError::new(
            MediaErrorKind::TooLarge,
            "text",
            format!(
                "{} and {} tokens differ; too many to align",
                a.len(),
                b.len()
            ),
        ));
    };
    // Two bits per cell say all that the way back asks; the costs themselves need only two rows.
    let mut marks = vec![0_u8; cells];
    let mut above: Vec<u32> = (0..width as u32).collect();
    let mut row = above.clone();
    for (i, x) in a.iter().enumerate() {
        row[0] = above[0] + 1;
        marks[(i + 1) * width] = DOWN_COSTS;
        for (j, y) in b.iter().enumerate() {
            row[j + 1] = (above[j] + u32::from(x != y))
                .min(above[j + 1] + 1)
                .min(row[j] + 1);
            let down = if row[j + 1] > above[j + 1] {
                DOWN_COSTS
            } else {
                0
            };
            // Seen from the cell below the left one: is it dearer to the upper left than here?
            let saves = if row[j] < above[j] { RIGHT_SAVES } else { 0 };
            marks[(i + 1) * width + j + 1] = down | saves;
        }
        std::mem::swap(&mut above, &mut row);
    }
    let (mut i, mut j) = (a.len(), b.len());
    let mut steps = Vec::with_capacity(i.max(j));
    while i > 0 || j > 0 {
        let mark = if j > 0 {
            marks[i * width + j]
        } else {
            DOWN_COSTS
        };
        if i > 0 && (j == 0 || mark & DOWN_COSTS != 0) {
            i -= 1;
            steps.push(Step::Deleted(a[i].clone()));
        } else if i == 0 || (j > 1 && mark & RIGHT_SAVES != 0) {
            j -= 1;
            steps.push(Step::Inserted(b[j].clone()));
        } else {
            (i, j) = (i - 1, j - 1);
            steps.push(match a[i] == b[j] {
                true => Step::Hit(a[i].clone()),
                false => Step::Substituted(a[i].clone(), b[j].clone()),
            });
        }
    }
    steps.reverse();
    Ok(steps)
}
