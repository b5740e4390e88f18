//! One row of a data set: what is asked, and what should be answered.
//!
//! Promise: a row that was read can be asked and scored; what keeps it from that is told when it is read, in words that name the field.
//! Rejected: fields that are silently left alone when they are misspelt. Fields that nobody knows are kept, but one that stands near a known name
//! where that is missing is told.

use serde_json::{Map, Value};

/// One question with the answers that are right.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Its name: the field `id`, or `line-N`.
    pub id: String,
    /// The line that it stands in, from 1.
    pub line: usize,
    /// What is asked: the field `prompt`, or the text of the last message. May be empty where a file is asked about.
    pub prompt: String,
    /// The whole conversation, where the row has one.
    pub messages: Vec<Value>,
    /// The file that the question is about, relative to the data set's folder.
    pub media: Option<String>,
    /// The right answers: any one of them will do. For a question with choices, the text of the right choice.
    pub expected: Vec<String>,
    /// What can be chosen from.
    pub choices: Vec<String>,
    /// The group that it is counted in.
    pub group: Option<String>,
    /// Words to pick rows by.
    pub tags: Vec<String>,
    /// The fields that have no meaning here.
    pub extra: Map<String, Value>,
}

const FIELDS: [&str; 8] = [
    "id", "prompt", "messages", "media", "expected", "choices", "group", "tags",
];

/// More choices than letters cannot be named.
const MOST_CHOICES: usize = 26;

impl Row {
    /// The letter of a choice.
    pub fn letter(choice: usize) -> Option<char> {
        (choice < MOST_CHOICES).then(|| char::from(b'A' + choice as u8))
    }

    /// The prompt, followed by the choices, if there are any, each with its letter.
    pub fn question(&self) -> String {
        let mut text = self.prompt.clone();
        for (at, choice) in self.choices.iter().enumerate() {
            if let Some(letter) = Row::letter(at) {
                text.push_str(&format!("\n{letter}. {choice}"));
            }
        }
        if !self.choices.is_empty() {
            text.push_str("\nAnswer with the letter of the right choice alone.");
        }
        text
    }

    /// The letters of the right choices.
    pub(crate) fn right_letters(&self) -> Vec<char> {
        let right = |choice: &String| self.expected.contains(choice);
        let choices = self.choices.iter().enumerate();
        choices
            .filter(|(_, choice)| right(choice))
            .filter_map(|(at, _)| Row::letter(at))
            .collect()
    }

    /// Reads one line of JSON.
    pub(crate) fn read(text: &str, line: usize) -> Result<Row, String> {
        let value: Value = serde_json::from_str(text).map_err(|e| {
            let what = e.to_string();
            let what = what.split(" at line").next().unwrap_or_default();
            format!(
                "no JSON (at column {}: {what}); a line is one object, as in {{\"prompt\": \"…\", \"expected\": \"…\"}}",
                e.column()
            )
        })?;
        let Value::Object(mut fields) = value else {
            return Err(format!(
                "{}; expected an object, as in {{\"prompt\": \"…\", \"expected\": \"…\"}}",
                kind(&value)
            ));
        };
        let mut row = Row {
            id: match fields.remove("id") {
                None => format!("line-{line}"),
                Some(value) => scalar("id", value)?,
            },
            line,
            prompt: optional_text("prompt", fields.remove("prompt"))?.unwrap_or_default(),
            messages: messages(fields.remove("messages"))?,
            media: optional_text("media", fields.remove("media"))?,
            expected: vec![],
            choices: texts("choices", fields.remove("choices"))?,
            group: fields
                .remove("group")
                .map(|v| scalar("group", v))
                .transpose()?,
            tags: texts("tags", fields.remove("tags"))?,
            extra: Map::new(),
        };
        if row.id.is_empty() || row.id.chars().any(char::is_control) {
            return Err("the field `id` is empty, or has characters that do not show".into());
        }
        let expected = fields.remove("expected");
        if row.prompt.trim().is_empty() && row.messages.is_empty() && row.media.is_none() {
            return Err(missing(
                "prompt",
                "`prompt`, `messages` or `media`",
                &fields,
            ));
        }
        if row.prompt.is_empty() {
            row.prompt = last_text(&row.messages);
        }
        row.expected = match expected {
            None => return Err(missing("expected", "`expected`", &fields)),
            Some(Value::Array(list)) => list
                .into_iter()
                .map(|v| scalar("expected", v))
                .collect::<Result<_, _>>()?,
            Some(value) => vec![scalar("expected", value)?],
        };
        if row.expected.is_empty() || row.expected.iter().any(|e| e.trim().is_empty()) {
            return Err("the field `expected` is empty; expected one right answer or more".into());
        }
        row.resolve_choices()?;
        row.extra = fields;
        Ok(row)
    }

    /// A right choice may be named by its text or by its letter; from here on it is its text.
    fn resolve_choices(&mut self) -> Result<(), String> {
        if self.choices.is_empty() {
            return Ok(());
        }
        if self.choices.len() > MOST_CHOICES || self.choices.len() < 2 {
            return Err(format!(
                "the field `choices` has {} entries; expected 2 to {MOST_CHOICES}",
                self.choices.len()
            ));
        }
        for (at, choice) in self.choices.iter().enumerate() {
            if self.choices[..at].contains(choice) {
                return Err(format!("the choice {choice:?} stands there twice"));
            }
        }
        for expected in &mut self.expected {
            if self.choices.contains(expected) {
                continue;
            }
            let letter = match expected.trim().as_bytes() {
                [letter] => usize::from(letter.to_ascii_uppercase().wrapping_sub(b'A')),
                _ => usize::MAX,
            };
            match self.choices.get(letter) {
                Some(choice) => *expected = choice.clone(),
                None => {
                    return Err(format!(
                        "expected {expected:?} is none of the choices ({}), and no letter of one",
                        self.choices.join(", ")
                    ));
                }
            }
        }
        Ok(())
    }
}

fn missing(field: &str, what: &str, fields: &Map<String, Value>) -> String {
    let near = |name: &&String| strsim::osa_distance(name, field) <= 2;
    let near = fields
        .keys()
        .filter(|name| !FIELDS.contains(&name.as_str()))
        .find(near)
        .map_or(String::new(), |n| {
            format!("; did you mean `{field}` by `{n}`?")
        });
    format!("without {what}{near}")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn scalar(field: &str, value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        other => Err(format!(
            "the field `{field}` is {}; expected a text or a number",
            kind(&other)
        )),
    }
}

fn optional_text(field: &str, value: Option<Value>) -> Result<Option<String>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(format!(
            "the field `{field}` is {}; expected a text",
            kind(&other)
        )),
    }
}

fn texts(field: &str, value: Option<Value>) -> Result<Vec<String>, String> {
    match value {
        None | Some(Value::Null) => Ok(vec![]),
        Some(Value::Array(list)) => list.into_iter().map(|v| scalar(field, v)).collect(),
        Some(other) => Err(format!(
            "the field `{field}` is {}; expected a list of texts",
            kind(&other)
        )),
    }
}

fn messages(value: Option<Value>) -> Result<Vec<Value>, String> {
    let list = match value {
        None | Some(Value::Null) => return Ok(vec![]),
        Some(Value::Array(list)) => list,
        Some(other) => {
            return Err(format!(
                "the field `messages` is {}; expected a list of messages",
                kind(&other)
            ));
        }
    };
    for (at, message) in list.iter().enumerate() {
        if message.get("role").and_then(Value::as_str).is_none() {
            return Err(format!(
                "message {} is without a `role`; expected {{\"role\": \"user\", \"content\": \"…\"}}",
                at + 1
            ));
        }
    }
    Ok(list)
}

fn last_text(messages: &[Value]) -> String {
    let text = messages.last().and_then(|m| m.get("content")?.as_str());
    text.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Row, String> {
        Row::read(text, 3)
    }

    #[test]
    fn a_row_has_what_the_line_says() {
        let row = read(r#"{"prompt": "2+2?", "expected": 4, "group": "sums", "tags": ["easy"], "source": "own"}"#).expect("a row");
        assert_eq!((row.id.as_str(), row.line), ("line-3", 3));
        assert_eq!(row.expected, ["4"]);
        assert_eq!(row.group.as_deref(), Some("sums"));
        assert_eq!(row.extra["source"], "own");
        assert_eq!(row.question(), "2+2?");
    }

    #[test]
    fn choices_are_named_by_text_or_letter() {
        for expected in ["\"Rome\"", "\"b\"", "[\"B\"]"] {
            let row = read(&format!(
                r#"{{"prompt": "Where?", "choices": ["Oslo", "Rome"], "expected": {expected}}}"#
            ));
            let row = row.expect("a row");
            assert_eq!(row.right_letters(), ['B'], "{expected}");
            assert!(
                row.question()
                    .starts_with("Where?\nA. Oslo\nB. Rome\nAnswer")
            );
        }
    }

    #[test]
    fn a_conversation_is_a_question() {
        let row = read(r#"{"messages": [{"role": "system", "content": "Short."}, {"role": "user", "content": "Why?"}], "expected": "so"}"#).expect("a row");
        assert_eq!((row.prompt.as_str(), row.messages.len()), ("Why?", 2));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (line, told) in [
            ("{\"prompt\": ", "no JSON (at column 11"),
            ("[1]", "a list; expected an object"),
            (
                r#"{"expected": "x"}"#,
                "without `prompt`, `messages` or `media`",
            ),
            (
                r#"{"promt": "x", "expected": "x"}"#,
                "did you mean `prompt` by `promt`?",
            ),
            (
                r#"{"prompt": "x", "expectd": "x"}"#,
                "did you mean `expected` by `expectd`?",
            ),
            (r#"{"prompt": "x", "expected": []}"#, "`expected` is empty"),
            (
                r#"{"prompt": "x", "expected": {}}"#,
                "`expected` is an object",
            ),
            (r#"{"prompt": 1, "expected": "x"}"#, "`prompt` is a number"),
            (
                r#"{"prompt": "x", "choices": ["a", "b"], "expected": "c"}"#,
                "none of the choices (a, b)",
            ),
            (
                r#"{"prompt": "x", "choices": ["a", "a"], "expected": "a"}"#,
                "twice",
            ),
            (
                r#"{"prompt": "x", "choices": ["a"], "expected": "a"}"#,
                "1 entries; expected 2",
            ),
            (
                r#"{"messages": [{"content": "x"}], "expected": "x"}"#,
                "message 1 is without a `role`",
            ),
            (
                r#"{"id": "", "prompt": "x", "expected": "x"}"#,
                "`id` is empty",
            ),
        ] {
            let error = read(line).expect_err(line);
            assert!(error.contains(told), "{line}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_read_or_refused(line in "\\PC{0,60}") {
            let _ = read(&line);
        }
    }
}
