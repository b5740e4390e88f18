//! What of an answer is the answer: models talk before and after it.
//!
//! Promise: an extractor finds the answer, says that there is none, or says what form was expected; it never guesses a form that the answer does not
//! have. Rejected: a chain of extractors that tries looser ones: it scores a model by the luck of its wording, and nobody can tell which one matched.

use regex::Regex;
use serde_json::Value;

use crate::error::{AccuracyError, AccuracyErrorKind};
use crate::row::Row;

/// Where the answer stands in what the model said.
#[derive(Debug, Clone)]
pub struct Extract(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Whole,
    Regex(Regex),
    LastNumber(Regex),
    After(String),
    Choice(Choices),
    JsonPointer(String),
}

#[derive(Debug, Clone)]
struct Choices {
    /// A letter and nothing more.
    alone: Regex,
    /// A letter with a mark behind it, at the start.
    first: Regex,
    /// A letter that is called the answer.
    named: Regex,
}

/// What an extractor found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Extracted {
    /// The answer.
    Answer(String),
    /// Nothing was said.
    Nothing,
    /// Something was said, not in the form that was asked for: this was expected.
    OtherForm(String),
}

/// How large a compiled pattern may get, in bytes.
const MOST_PATTERN: usize = 1 << 20;

impl Extract {
    /// The whole answer.
    pub fn whole() -> Extract {
        Extract(Kind::Whole)
    }

    /// What a pattern matches last: its group `answer`, else its first group, else all of it.
    ///
    /// # Errors
    /// When the pattern is none.
    pub fn regex(pattern: &str) -> Result<Extract, AccuracyError> {
        let built = regex::RegexBuilder::new(pattern)
            .size_limit(MOST_PATTERN)
            .build();
        let regex = built.map_err(|e| {
            AccuracyError::new(
                AccuracyErrorKind::Argument,
                format!("{pattern:?} is no pattern: {e}"),
            )
        })?;
        Ok(Extract(Kind::Regex(regex)))
    }

    /// The last number, also with a sign, separated thousands, a fraction and an exponent.
    pub fn last_number() -> Extract {
        Extract(Kind::LastNumber(fixed(NUMBER)))
    }

    /// What follows the last occurrence of a text, up to the end of that line: `Extract::after("Answer:")`.
    pub fn after(text: impl Into<String>) -> Extract {
        Extract(Kind::After(text.into()))
    }

    /// The letter of a choice: alone, first with a mark behind it (`B.`, `(B)`), or called the answer (`the answer is B`); or the text of exactly one
    /// choice.
    pub fn choice() -> Extract {
        Extract(Kind::Choice(Choices {
            alone: fixed(r"^[\s(\[*`]*([A-Za-z])[\s)\].:*`]*$"),
            first: fixed(r"^[\s(\[*`]*([A-Z])\s*[)\].:*`]"),
            named: fixed(
                r"(?i:\b(?:answer|choice|option)\b(?:\s+is)?)[\s:*(\[`]*([A-Z])(?:[\s)\].:,;*`]|$)",
            ),
        }))
    }

    /// What a JSON pointer (RFC 6901) finds in an answer that is JSON, also in a Markdown fence.
    pub fn json_pointer(pointer: impl Into<String>) -> Extract {
        Extract(Kind::JsonPointer(pointer.into()))
    }

    /// In a few words, for results and baselines.
    pub fn describe(&self) -> String {
        match &self.0 {
            Kind::Whole => "the whole answer".into(),
            Kind::Regex(regex) => format!("what /{regex}/ matches last"),
            Kind::LastNumber(_) => "the last number".into(),
            Kind::After(text) => format!("what follows {text:?}"),
            Kind::Choice(_) => "the letter of a choice".into(),
            Kind::JsonPointer(pointer) => format!("the JSON value at {pointer:?}"),
        }
    }

    pub(crate) fn apply(&self, answer: &str, row: &Row) -> Extracted {
        if answer.trim().is_empty() {
            return Extracted::Nothing;
        }
        let found = match &self.0 {
            Kind::Whole => Some(answer.trim().to_owned()),
            Kind::Regex(regex) => regex.captures_iter(answer).last().and_then(|captures| {
                let group = captures.name("answer").or_else(|| captures.get(1));
                let group = group.or_else(|| captures.get(0));
                group.map(|m| m.as_str().trim().to_owned())
            }),
            Kind::LastNumber(regex) => {
                let found = regex.find_iter(answer).last();
                found.map(|m| {
                    // Behind a figure or a letter a dash is none: `3-2`, `2020-21`.
                    let before = answer[..m.start()].chars().next_back();
                    let number = m.as_str();
                    match before.is_some_and(char::is_alphanumeric) {
                        true => number.trim_start_matches(['-', '+', '\u{2212}']).to_owned(),
                        false => number.to_owned(),
                    }
                })
            }
            Kind::After(text) => answer.rfind(text.as_str()).map(|at| {
                let rest = &answer[at + text.len()..];
                let line = rest.trim_start_matches([' ', '\t', '*']);
                line.lines().next().unwrap_or_default().trim().to_owned()
            }),
            Kind::Choice(choices) => choices.find(answer, row),
            Kind::JsonPointer(pointer) => at_pointer(answer, pointer),
        };
        match found {
            Some(found) if !found.is_empty() => Extracted::Answer(found),
            _ => Extracted::OtherForm(self.describe()),
        }
    }
}

impl Choices {
    fn find(&self, answer: &str, row: &Row) -> Option<String> {
        let letter = |m: regex::Captures<'_>| {
            let letter = m.get(1)?.as_str().to_ascii_uppercase();
            let at = usize::from(letter.bytes().next()?.wrapping_sub(b'A'));
            (at < row.choices.len()).then_some(letter)
        };
        if let Some(found) = self.alone.captures(answer).and_then(letter) {
            return Some(found);
        }
        // What it is called last counts: models change their mind.
        if let Some(found) = self.named.captures_iter(answer).filter_map(letter).last() {
            return Some(found);
        }
        if let Some(found) = self.first.captures(answer).and_then(letter) {
            return Some(found);
        }
        let said = answer.trim().trim_end_matches('.').to_lowercase();
        let mut texts = row.choices.iter().enumerate();
        let same = texts.find(|(_, choice)| choice.trim().to_lowercase() == said);
        same.and_then(|(at, _)| Row::letter(at)).map(String::from)
    }
}

const NUMBER: &str = r"[-+\u{2212}]?(?:\d{1,3}(?:,\d{3})+\b|\d+)?(?:\.\d+|\d)(?:[eE][-+]?\d+)?";

/// A number as [`Extract::last_number`] finds it.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim().trim_start_matches(['$', '€', '£']);
    let text = text.trim_end_matches(['%', '.']).trim();
    let plain = text.replace(',', "").replace('\u{2212}', "-");
    let value: f64 = plain.parse().ok()?;
    value.is_finite().then_some(value)
}

fn at_pointer(answer: &str, pointer: &str) -> Option<String> {
    let text = answer.trim();
    let text = match text.strip_prefix("```") {
        Some(fenced) => {
            let body = fenced.split_once('\n').map_or("", |(_, body)| body);
            body.rsplit_once("```").map_or(body, |(body, _)| body)
        }
        None => text,
    };
    let value: Value = serde_json::from_str(text).ok()?;
    match value.pointer(pointer)? {
        Value::Null => None,
        Value::String(text) => Some(text.trim().to_owned()),
        other => Some(other.to_string()),
    }
}

/// A pattern of this file.
fn fixed(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns of this file are tested")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row::read(
            r#"{"prompt": "?", "choices": ["red", "green", "blue"], "expected": "A"}"#,
            1,
        )
        .expect("a row")
    }

    fn found(extract: &Extract, answer: &str) -> Option<String> {
        match extract.apply(answer, &row()) {
            Extracted::Answer(text) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn each_finds_the_answer_or_none() {
        let number = Extract::last_number();
        let after = Extract::after("Answer:");
        let choice = Extract::choice();
        let json = Extract::json_pointer("/result/0");
        let regex = Extract::regex(r"<(\w+)>").expect("a pattern");
        let named = Extract::regex(r"(x)(?<answer>\d)").expect("a pattern");
        let whole = Extract::whole();
        for (extract, answer, expected) in [
            (&whole, " all of it \n", Some("all of it")),
            (&number, "first 3, then 1,234.50 apples.", Some("1,234.50")),
            (&number, "it is -7", Some("-7")),
            (&number, "2.5e-3.", Some("2.5e-3")),
            (&number, "they won 3-2", Some("2")),
            (&number, "5 - 7 = -2", Some("-2")),
            (&number, "half is .5", Some(".5")),
            (&number, "8,9", Some("9")),
            (&number, "17", Some("17")),
            (&number, "none", None),
            (
                &after,
                "Answer: 1\nno, Answer: two words\nmore",
                Some("two words"),
            ),
            (&after, "**Answer:** 4", Some("4")),
            (&after, "Answer:", None),
            (&after, "it is 4", None),
            (&choice, "B", Some("B")),
            (&choice, " (b). ", Some("B")),
            (&choice, "C. blue, since", Some("C")),
            (
                &choice,
                "I think the answer is B, or rather: the answer is (C).",
                Some("C"),
            ),
            (&choice, "**Answer: A**", Some("A")),
            (&choice, "Green.", Some("B")),
            (&choice, "A red one, perhaps", None),
            (&choice, "Z", None),
            (&choice, "yellow", None),
            (&json, r#"{"result": [4]}"#, Some("4")),
            (&json, "```json\n{\"result\": [\" a \"]}\n```", Some("a")),
            (&json, r#"{"result": [null]}"#, None),
            (&json, "{", None),
            (&regex, "<a> and <b>", Some("b")),
            (&named, "x1", Some("1")),
            (&regex, "nothing", None),
        ] {
            let told = extract.describe();
            assert_eq!(
                found(extract, answer).as_deref(),
                expected,
                "{told} of {answer:?}"
            );
        }
        assert_eq!(whole.apply(" \n", &row()), Extracted::Nothing);
        assert!(Extract::regex("(").is_err());
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, value) in [
            ("1,234.5", Some(1234.5)),
            ("\u{2212}3", Some(-3.0)),
            ("$5.00", Some(5.0)),
            ("12 %", Some(12.0)),
            ("4.", Some(4.0)),
            ("1e400", None),
            ("nan", None),
            ("four", None),
        ] {
            assert_eq!(number(text), value, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_answer_makes_an_extractor_stumble(answer in "\\PC{0,80}") {
            for extract in [Extract::whole(), Extract::last_number(), Extract::after("a"), Extract::choice(), Extract::json_pointer("/a")] {
                let _ = extract.apply(&answer, &row());
            }
        }
    }
}
