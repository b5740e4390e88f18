//! When an answer is right.
//!
//! Promise: every answer gets exactly one mark, by rules that can be told in a few words; two runs whose words are equal were scored alike.
//! Rejected: a closure that scores. Nobody could tell whether two runs were scored alike.

use tribunal_media::{Errors, Normaliser};

use crate::error::{AccuracyError, AccuracyErrorKind};
use crate::extract::{Extract, Extracted, number};
use crate::mark::{Answer, Mark};
use crate::refusal::refuses;
use crate::row::Row;

/// When an answer is right.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Compare {
    Exact(Option<Normaliser>),
    Contains(Normaliser),
    Number { absolute: f64, relative: f64 },
    Words(Normaliser, f64),
    Characters(Normaliser, f64),
    Choice,
}

/// How answers are scored: where the answer stands, and when it is right.
#[derive(Debug, Clone)]
pub struct Scorer {
    extract: Extract,
    compare: Compare,
}

/// The score of one answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Score {
    pub(crate) mark: Mark,
    /// The answer that was found in what was said, or what form was expected.
    pub(crate) found: String,
    /// Errors and length of the reference, where texts are aligned.
    pub(crate) errors: Option<(usize, usize)>,
}

impl Scorer {
    fn new(extract: Extract, compare: Compare) -> Scorer {
        Scorer { extract, compare }
    }

    /// Right is what is equal to an expected answer, once both are made comparable.
    pub fn exact(normaliser: Normaliser) -> Scorer {
        Scorer::new(Extract::whole(), Compare::Exact(Some(normaliser)))
    }

    /// Right is what is equal to an expected answer, character by character, but for space around it.
    pub fn verbatim() -> Scorer {
        Scorer::new(Extract::whole(), Compare::Exact(None))
    }

    /// Right is what has an expected answer in it as whole words, once both are made comparable (in texts without spaces: anywhere).
    pub fn contains(normaliser: Normaliser) -> Scorer {
        Scorer::new(Extract::whole(), Compare::Contains(normaliser))
    }

    /// Right is a number that lies no further from an expected one than `absolute`, or than the share `relative` of it.
    ///
    /// # Errors
    /// When a tolerance is negative or no number.
    pub fn number(absolute: f64, relative: f64) -> Result<Scorer, AccuracyError> {
        for tolerance in [absolute, relative] {
            limit(tolerance, "a tolerance")?;
        }
        let compare = Compare::Number { absolute, relative };
        Ok(Scorer::new(Extract::last_number(), compare))
    }

    /// Right is the letter of a right choice.
    pub fn choice() -> Scorer {
        Scorer::new(Extract::choice(), Compare::Choice)
    }

    /// Right is a text whose word error rate is at most `most`. The summary has the rate over all rows as well.
    ///
    /// # Errors
    /// When the limit is negative or no number.
    pub fn word_errors(normaliser: Normaliser, most: f64) -> Result<Scorer, AccuracyError> {
        limit(most, "the largest error rate")?;
        Ok(Scorer::new(
            Extract::whole(),
            Compare::Words(normaliser, most),
        ))
    }

    /// As [`Scorer::word_errors`], of characters.
    ///
    /// # Errors
    /// When the limit is negative or no number.
    pub fn character_errors(normaliser: Normaliser, most: f64) -> Result<Scorer, AccuracyError> {
        limit(most, "the largest error rate")?;
        let compare = Compare::Characters(normaliser, most);
        Ok(Scorer::new(Extract::whole(), compare))
    }

    /// The answer stands elsewhere than this scorer looks by itself.
    pub fn extract(mut self, extract: Extract) -> Scorer {
        self.extract = extract;
        self
    }

    /// In a few words, for results and baselines: two runs are comparable only if they were scored alike.
    pub fn describe(&self) -> String {
        let how = match &self.compare {
            Compare::Exact(None) => "equal".into(),
            Compare::Exact(Some(normaliser)) => format!("equal ({normaliser:?})"),
            Compare::Contains(normaliser) => format!("contains ({normaliser:?})"),
            Compare::Number { absolute, relative } => {
                format!("a number within {absolute} or {relative} of it")
            }
            Compare::Words(normaliser, most) => format!("WER at most {most} ({normaliser:?})"),
            Compare::Characters(normaliser, most) => {
                format!("CER at most {most} ({normaliser:?})")
            }
            Compare::Choice => "a right choice".into(),
        };
        format!("{how}; {}", self.extract.describe())
    }

    /// What of a row this scorer cannot work with.
    pub(crate) fn refuses(&self, row: &Row) -> Option<String> {
        let nothing_left = |normaliser: Normaliser| {
            let empty = |e: &&String| normaliser.apply(e).is_empty();
            let left = row.expected.iter().find(empty)?;
            Some(format!(
                "of the expected answer {left:?} nothing is left once it is made comparable"
            ))
        };
        match self.compare {
            Compare::Choice if row.choices.is_empty() => {
                Some("without `choices`, which the scorer asks for".into())
            }
            Compare::Number { .. } => {
                let other = row.expected.iter().find(|e| number(e).is_none())?;
                Some(format!("the expected answer {other:?} is no number"))
            }
            Compare::Exact(Some(normaliser))
            | Compare::Contains(normaliser)
            | Compare::Words(normaliser, _)
            | Compare::Characters(normaliser, _) => nothing_left(normaliser),
            _ => None,
        }
    }

    /// Scores one answer.
    pub(crate) fn score(&self, answer: &Answer, row: &Row) -> Score {
        let (found, whether) = match self.extract.apply(&answer.text, row) {
            Extracted::Nothing if answer.refused => (String::new(), Err(Mark::Refused)),
            Extracted::Nothing => (String::new(), Err(Mark::NoAnswer)),
            Extracted::OtherForm(expected) => {
                (format!("not found: {expected}"), Err(Mark::WrongFormat))
            }
            Extracted::Answer(found) => {
                let whether = self.compare(&found, row);
                (found, whether)
            }
        };
        let (mark, errors) = match whether {
            Ok((true, errors)) => (Mark::Right, errors),
            Ok((false, errors)) => (Mark::Wrong, errors),
            Err(mark) => (mark, self.all_missing(row)),
        };
        // Only of what is not right anyway: a right answer may well begin with an apology.
        let refused = answer.refused || refuses(&answer.text);
        let mark = match mark {
            Mark::Wrong | Mark::WrongFormat if refused => Mark::Refused,
            mark => mark,
        };
        Score {
            mark,
            found,
            errors,
        }
    }

    fn compare(&self, found: &str, row: &Row) -> Result<(bool, Option<(usize, usize)>), Mark> {
        let any = |test: &dyn Fn(&str) -> bool| Ok((row.expected.iter().any(|e| test(e)), None));
        match self.compare {
            Compare::Exact(None) => any(&|e| e.trim() == found),
            Compare::Exact(Some(n)) => {
                let found = n.apply(found);
                any(&|e| n.apply(e) == found)
            }
            Compare::Contains(n) => {
                let found = n.apply(found);
                any(&|e| has(&found, &n.apply(e), n))
            }
            Compare::Number { absolute, relative } => match number(found) {
                None => Err(Mark::WrongFormat),
                Some(found) => any(&|e| {
                    number(e).is_some_and(|e| {
                        let apart = (found - e).abs();
                        apart <= absolute || apart <= relative * e.abs()
                    })
                }),
            },
            Compare::Choice => {
                let right = row.right_letters();
                Ok((right.iter().any(|l| found == l.to_string()), None))
            }
            Compare::Words(n, most) => aligned(found, row, n, most, Errors::of_words),
            Compare::Characters(n, most) => aligned(found, row, n, most, Errors::of_characters),
        }
    }

    /// What was not answered has every word of its reference missing.
    fn all_missing(&self, row: &Row) -> Option<(usize, usize)> {
        let nothing = match self.compare {
            Compare::Words(n, most) => aligned("", row, n, most, Errors::of_words),
            Compare::Characters(n, most) => aligned("", row, n, most, Errors::of_characters),
            _ => return None,
        };
        nothing.ok()?.1
    }
}

type Align = fn(&str, &str) -> Result<Errors, tribunal_media::MediaError>;

/// The alignment with the expected answer that comes closest.
fn aligned(
    found: &str,
    row: &Row,
    normaliser: Normaliser,
    most: f64,
    align: Align,
) -> Result<(bool, Option<(usize, usize)>), Mark> {
    let found = normaliser.apply(found);
    let of = |e: &String| align(&normaliser.apply(e), &found).ok();
    let all = row.expected.iter().filter_map(of);
    let best = all
        .filter_map(|errors| Some((errors.rate()?, errors)))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    // Too long to be aligned: no transcript of what was said.
    let (rate, errors) = best.ok_or(Mark::WrongFormat)?;
    Ok((rate <= most, Some((errors.count(), errors.reference()))))
}

fn has(text: &str, part: &str, normaliser: Normaliser) -> bool {
    match normaliser {
        Normaliser::Unspaced => text.contains(part),
        _ => format!(" {text} ").contains(&format!(" {part} ")),
    }
}

fn limit(value: f64, what: &str) -> Result<(), AccuracyError> {
    if value.is_finite() && value >= 0.0 {
        return Ok(());
    }
    Err(AccuracyError::new(
        AccuracyErrorKind::Argument,
        format!("{what} is {value}; expected a number, 0 or more"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(expected: &str) -> Row {
        Row::read(&format!(r#"{{"prompt": "?", "expected": {expected}}}"#), 1).expect("a row")
    }

    #[test]
    fn each_answer_gets_one_mark() {
        let english = Normaliser::English;
        let exact = Scorer::exact(english);
        let number = Scorer::number(0.01, 0.0).expect("a scorer");
        let near = Scorer::number(0.0, 0.1).expect("a scorer");
        let contains = Scorer::contains(english);
        let words = Scorer::word_errors(Normaliser::Basic, 0.25).expect("a scorer");
        let after = Scorer::verbatim().extract(Extract::after("Answer:"));
        let unspaced = Scorer::character_errors(Normaliser::Unspaced, 0.2).expect("a scorer");
        for (scorer, expected, answer, mark) in [
            (&exact, r#""The Mill""#, "the mill.", Mark::Right),
            (&exact, r#"["a", "b c"]"#, "B, c!", Mark::Right),
            (&exact, r#""mill""#, "the mill", Mark::Wrong),
            (&exact, r#""mill""#, "  ", Mark::NoAnswer),
            (
                &exact,
                r#""mill""#,
                "I'm sorry, but I can't help with that.",
                Mark::Refused,
            ),
            (&exact, r#""mill""#, "I’m unable to say", Mark::Refused),
            (&exact, r#""mill""#, "I cannonade the mill", Mark::Wrong),
            (
                &contains,
                r#""mill""#,
                "I cannot say more than: the mill",
                Mark::Right,
            ),
            (&contains, r#""mill""#, "windmills", Mark::Wrong),
            (&number, "4", "2+2 makes 4.005", Mark::Right),
            (&number, "4", "2+2 makes 4.02", Mark::Wrong),
            (&number, "4", "four", Mark::WrongFormat),
            (&near, "200", "it is 219", Mark::Right),
            (&near, "200", "it is 221", Mark::Wrong),
            (&after, r#""Four""#, "so Answer: Four", Mark::Right),
            (&after, r#""Four""#, "so Answer: four", Mark::Wrong),
            (&after, r#""Four""#, "Four", Mark::WrongFormat),
            (
                &words,
                r#""one two three four""#,
                "One, two; three: 4",
                Mark::Right,
            ),
            (
                &words,
                r#""one two three four""#,
                "a two three b",
                Mark::Wrong,
            ),
            (&words, r#""one two three four""#, "", Mark::NoAnswer),
            (&unspaced, r#""你好世界呀""#, "你 好 世 界", Mark::Right),
        ] {
            let score = scorer.score(&answer.into(), &row(expected));
            assert_eq!(score.mark, mark, "{} of {answer:?}", scorer.describe());
        }
    }

    #[test]
    fn a_choice_is_right_by_its_letter() {
        let row = Row::read(
            r#"{"prompt": "?", "choices": ["x", "y"], "expected": "y"}"#,
            1,
        );
        let row = row.expect("a row");
        let mark = |answer: &str| Scorer::choice().score(&answer.into(), &row).mark;
        assert_eq!(mark("B"), Mark::Right);
        assert_eq!(mark("Answer: A"), Mark::Wrong);
        assert_eq!(mark("either"), Mark::WrongFormat);
    }

    #[test]
    fn a_refusal_by_the_server_counts_without_words() {
        let answer = Answer {
            text: String::new(),
            refused: true,
        };
        let score = Scorer::verbatim().score(&answer, &row("\"x\""));
        assert_eq!(score.mark, Mark::Refused);
    }

    #[test]
    fn errors_are_counted_of_what_was_not_said_as_well() {
        let words = Scorer::word_errors(Normaliser::Basic, 0.0).expect("a scorer");
        let score = |answer: &str| words.score(&answer.into(), &row("\"a b c\"")).errors;
        assert_eq!(score("a b d"), Some((1, 3)));
        assert_eq!(score(""), Some((3, 3)));
    }

    #[test]
    fn what_a_scorer_cannot_work_with_is_told() {
        let number = Scorer::number(0.0, 0.0).expect("a scorer");
        assert!(number.refuses(&row("\"four\"")).is_some());
        assert!(number.refuses(&row("\"1,000\"")).is_none());
        assert!(Scorer::choice().refuses(&row("\"x\"")).is_some());
        let exact = Scorer::exact(Normaliser::Basic);
        assert!(exact.refuses(&row("\"!!\"")).is_some());
        assert!(Scorer::number(-1.0, 0.0).is_err());
        assert!(Scorer::word_errors(Normaliser::Basic, f64::NAN).is_err());
    }
}
