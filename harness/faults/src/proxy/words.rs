//! The words of a text form, and what is said where one is wrong.

use std::str::FromStr;
use std::time::Duration;

use super::text::{OF_RULES, ToxicError};
use super::toxic::After;

/// The words of a text; what stands in quotation marks is one.
pub(super) struct Words {
    text: String,
    words: std::vec::IntoIter<String>,
    /// The form of the toxic that is read.
    pub of_toxic: &'static str,
}

impl Words {
    pub(super) fn of(text: &str) -> Result<Self, ToxicError> {
        let mut words = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            if rest.starts_with('"') {
                let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
                let Some(Ok(word)) = values.next() else {
                    return Err(ToxicError(format!(
                        "`{text}`: what begins with a quotation mark is a text as in JSON, and must end with one"
                    )));
                };
                rest = &rest[values.byte_offset()..];
                words.push(word);
            } else {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                words.push(rest[..end].to_string());
                rest = &rest[end..];
            }
            rest = rest.trim_start();
        }
        Ok(Words {
            text: text.into(),
            words: words.into_iter(),
            of_toxic: "",
        })
    }

    pub(super) fn next(&mut self) -> Option<String> {
        self.words.next()
    }

    pub(super) fn peek(&self) -> Option<&str> {
        self.words.as_slice().first().map(String::as_str)
    }

    /// Takes the next word if it is this one.
    pub(super) fn take(&mut self, word: &str) -> bool {
        let there = self.peek() == Some(word);
        if there {
            self.next();
        }
        there
    }

    pub(super) fn wrong(&self, word: &str, expected: &str) -> ToxicError {
        ToxicError(format!("`{}`: `{word}` is not {expected}", self.text))
    }

    pub(super) fn unknown(&self, word: &str, near: Option<&str>) -> ToxicError {
        let near = match near {
            Some(near) if near == word => "; it comes earlier or once".into(),
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        };
        ToxicError(format!(
            "`{}`: `{word}` means nothing here; the form is `{}`, and then any of {}{near}",
            self.text,
            self.of_toxic,
            OF_RULES.map(|w| format!("`{w}`")).join(", ")
        ))
    }

    pub(super) fn argument(&mut self, of: &str) -> Result<String, ToxicError> {
        let text = &self.text;
        let form = self.of_toxic;
        self.words
            .next()
            .ok_or_else(|| ToxicError(format!("`{text}` ends behind `{of}`; the form is `{form}`")))
    }

    pub(super) fn number<T: FromStr>(&mut self, of: &str) -> Result<T, ToxicError> {
        let word = self.argument(of)?;
        word.parse()
            .map_err(|_| self.wrong(&word, &format!("a number that `{of}` can have")))
    }

    pub(super) fn time(&mut self, of: &str) -> Result<Duration, ToxicError> {
        let word = self.argument(of)?;
        self.as_time(&word)
    }

    pub(super) fn time_after(&mut self, word: &str) -> Result<Option<Duration>, ToxicError> {
        self.take(word).then(|| self.time(word)).transpose()
    }

    pub(super) fn as_time(&self, word: &str) -> Result<Duration, ToxicError> {
        let digits = word
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(word.len());
        let number: Option<u64> = word[..digits].parse().ok();
        let time = number.and_then(|n| match &word[digits..] {
            "ns" => Some(Duration::from_nanos(n)),
            "us" => Some(Duration::from_micros(n)),
            "ms" => Some(Duration::from_millis(n)),
            "s" => Some(Duration::from_secs(n)),
            "m" => n.checked_mul(60).map(Duration::from_secs),
            _ => None,
        });
        time.ok_or_else(|| self.wrong(word, "a time such as `250ms`, `30s` or `2m`"))
    }

    pub(super) fn range(&mut self, of: &str) -> Result<(String, String), ToxicError> {
        let word = self.argument(of)?;
        let (from, until) = word
            .split_once("..")
            .ok_or_else(|| self.wrong(&word, "a range such as `0..3` or `1s..5s`"))?;
        Ok((from.into(), until.into()))
    }

    pub(super) fn after(&mut self) -> Result<After, ToxicError> {
        if !self.take("after") {
            let found = self.peek().map_or("its end".into(), |w| format!("`{w}`"));
            return Err(ToxicError(format!(
                "`{}`: `after` is expected where {found} stands; the form is `{}`",
                self.text, self.of_toxic
            )));
        }
        let number: u64 = self.number("after")?;
        let unit = self.argument("after")?;
        match unit.as_str() {
            "bytes" | "byte" => Ok(After::Bytes(number)),
            "events" | "event" => u32::try_from(number)
                .map(After::Events)
                .map_err(|_| self.wrong(&number.to_string(), "a number of events")),
            _ => Err(self.wrong(&unit, "`bytes` or `events`")),
        }
    }
}

/// The name that resembles the word most, if any does.
pub(crate) fn nearest<'a>(
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    known
        .into_iter()
        .map(|k| (strsim::jaro_winkler(wanted, k), k))
        .filter(|(likeness, _)| *likeness >= 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}
