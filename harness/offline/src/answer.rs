//! What a command left as its answer: text, or JSON in one of three shapes.
//!
//! Promise: a pure function of the bytes. Missing, empty, broken off and unparsable answers are told apart, and the message
//! says where. Counts of tokens are those that the command gives; none is made up.

use serde_json::{Map, Value};

use crate::failure::Failure;

/// Answers beyond this are refused: no text of a model is that long.
pub(crate) const LARGEST: u64 = 64 << 20;

/// An answer.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Answer {
    pub text: String,
    /// The whole message of a chat, where the command gave one (it may have tool calls).
    pub message: Option<Map<String, Value>>,
    pub finish_reason: Option<String>,
    pub usage: Option<Map<String, Value>>,
    pub logprobs: Option<Value>,
}

impl Answer {
    /// Reads `bytes`; `place` says what they are (`standard output`, `` the file `x` ``).
    pub(crate) fn read(bytes: &[u8], json: bool, place: &str) -> Result<Self, Failure> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(Failure::output(
                "output_empty",
                format!("The command ended well, but {place} is empty."),
            ));
        }
        let text = std::str::from_utf8(bytes).map_err(|e| {
            let at = e.valid_up_to();
            match e.error_len() {
                None => Failure::output(
                    "output_incomplete",
                    format!("{place} breaks off in the middle of a character, after byte {at}."),
                ),
                Some(_) => Failure::output(
                    "output_unparsable",
                    format!("{place} is not valid UTF-8 at byte {at}."),
                ),
            }
        })?;
        if !json {
            // The end of the line belongs to the command, not to the answer.
            let text = text
                .strip_suffix('\n')
                .map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
            return Ok(Self {
                text: text.to_owned(),
                ..Self::default()
            });
        }
        let value: Value = serde_json::from_str(text).map_err(|e| {
            let at = format!("line {}, column {}", e.line(), e.column());
            if e.is_eof() {
                Failure::output(
                    "output_incomplete",
                    format!("The JSON of {place} breaks off at {at}."),
                )
            } else {
                Failure::output(
                    "output_unparsable",
                    format!("{place} is no JSON at {at}: {e}."),
                )
            }
        })?;
        Self::of_value(&value).map_err(|why| {
            Failure::output(
                "output_unparsable",
                format!("The JSON of {place} is no answer: {why}."),
            )
        })
    }

    fn of_value(value: &Value) -> Result<Self, String> {
        if let Value::String(text) = value {
            return Ok(Self {
                text: text.clone(),
                ..Self::default()
            });
        }
        let object = value
            .as_object()
            .ok_or_else(|| format!("it is {}, not an object or a text", kind(value)))?;
        if let Some(choices) = object.get("choices") {
            return Self::of_choices(object, choices);
        }
        let text = object
            .get("text")
            .ok_or("it has neither `choices` nor `text`")?;
        let text = text
            .as_str()
            .ok_or_else(|| format!("`text` is {}", kind(text)))?;
        let mut usage = Map::new();
        for name in ["prompt_tokens", "completion_tokens"] {
            if let Some(count) = object.get(name).filter(|v| !v.is_null()) {
                let count = count
                    .as_u64()
                    .ok_or_else(|| format!("`{name}` is {count}, not a number of tokens"))?;
                usage.insert(name.to_owned(), count.into());
            }
        }
        let sum = |usage: &Map<String, Value>| {
            Some(
                usage
                    .get("prompt_tokens")?
                    .as_u64()?
                    .saturating_add(usage.get("completion_tokens")?.as_u64()?),
            )
        };
        if let Some(total) = sum(&usage) {
            usage.insert("total_tokens".to_owned(), total.into());
        }
        Ok(Self {
            text: text.to_owned(),
            message: None,
            finish_reason: finish(object)?,
            usage: (!usage.is_empty()).then_some(usage),
            logprobs: None,
        })
    }

    /// The shape of a chat or of a completion.
    fn of_choices(object: &Map<String, Value>, choices: &Value) -> Result<Self, String> {
        let choices = choices.as_array().ok_or("`choices` is no list")?;
        let [choice] = &choices[..] else {
            return Err(format!("it has {} choices, not one", choices.len()));
        };
        let choice = choice.as_object().ok_or("its choice is no object")?;
        let message = match choice.get("message") {
            None => None,
            Some(message) => Some(
                message
                    .as_object()
                    .ok_or("its `message` is no object")?
                    .clone(),
            ),
        };
        let text = match (&message, choice.get("text")) {
            (Some(message), _) => match message.get("content") {
                Some(Value::String(text)) => text.clone(),
                // A call of a tool has no text.
                None | Some(Value::Null) if message.contains_key("tool_calls") => String::new(),
                _ => return Err("its message has no `content` that is a text".to_owned()),
            },
            (None, Some(Value::String(text))) => text.clone(),
            (None, _) => return Err("its choice has neither a `message` nor a `text`".to_owned()),
        };
        Ok(Self {
            text,
            message,
            finish_reason: finish(choice)?,
            usage: object.get("usage").and_then(Value::as_object).cloned(),
            logprobs: choice.get("logprobs").filter(|v| !v.is_null()).cloned(),
        })
    }
}

fn finish(object: &Map<String, Value>) -> Result<Option<String>, String> {
    match object.get("finish_reason") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(reason)) => Ok(Some(reason.clone())),
        Some(other) => Err(format!("`finish_reason` is {}", kind(other))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn text_loses_one_end_of_line() {
        let read = |text: &str| Answer::read(text.as_bytes(), false, "it").unwrap().text;
        assert_eq!(read("a b"), "a b");
        assert_eq!(read(" a\n\n"), " a\n");
        assert_eq!(read("a\r\n"), "a");
    }

    #[test]
    fn json_has_three_shapes() {
        let read = |value: Value| Answer::read(value.to_string().as_bytes(), true, "it").unwrap();
        assert_eq!(read(json!("a")).text, "a");
        let plain = read(
            json!({"text": "a", "prompt_tokens": 2, "completion_tokens": 3, "finish_reason": "length"}),
        );
        assert_eq!(
            (plain.text.as_str(), plain.finish_reason.as_deref()),
            ("a", Some("length"))
        );
        assert_eq!(plain.usage.unwrap()["total_tokens"], 5);
        let part = read(json!({"text": "", "completion_tokens": 3}))
            .usage
            .unwrap();
        assert!(
            !part.contains_key("prompt_tokens") && !part.contains_key("total_tokens"),
            "what was not counted is not there"
        );
        let chat = read(
            json!({"choices": [{"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}], "usage": {"x": 1}}),
        );
        assert_eq!(
            (chat.text.as_str(), chat.usage.unwrap()["x"].as_u64()),
            ("a", Some(1))
        );
        assert_eq!(
            read(json!({"choices": [{"text": "b", "logprobs": {"tokens": []}}]})).logprobs,
            Some(json!({"tokens": []}))
        );
        let tool = read(
            json!({"choices": [{"message": {"role": "assistant", "content": null, "tool_calls": []}}]}),
        );
        assert!(tool.message.unwrap().contains_key("tool_calls"));
    }

    #[test]
    fn broken_answers_are_told_apart() {
        for (bytes, json, code, place) in [
            (&b""[..], false, "output_empty", "it is empty"),
            (b" \n\n", true, "output_empty", "it is empty"),
            (b"ab\xff c", false, "output_unparsable", "byte 2"),
            (b"ab\xc3", false, "output_incomplete", "after byte 2"),
            (
                b"{\"text\": \"a b",
                true,
                "output_incomplete",
                "line 1, column 13",
            ),
            (b"{\"choices\": [", true, "output_incomplete", "line 1"),
            (
                b"loading\n{}",
                true,
                "output_unparsable",
                "line 1, column 1",
            ),
            (b"{} trailing", true, "output_unparsable", "column 4"),
            (b"[]", true, "output_unparsable", "a list"),
            (
                b"{}",
                true,
                "output_unparsable",
                "neither `choices` nor `text`",
            ),
            (b"{\"text\": 3}", true, "output_unparsable", "a number"),
            (
                b"{\"text\": \"a\", \"prompt_tokens\": -1}",
                true,
                "output_unparsable",
                "prompt_tokens",
            ),
            (b"{\"choices\": []}", true, "output_unparsable", "0 choices"),
            (b"{\"choices\": [{}]}", true, "output_unparsable", "neither"),
            (
                b"{\"choices\": [{\"message\": {}}]}",
                true,
                "output_unparsable",
                "content",
            ),
            (
                b"{\"text\": \"a\", \"finish_reason\": 1}",
                true,
                "output_unparsable",
                "finish_reason",
            ),
        ] {
            let failure = Answer::read(bytes, json, "it").unwrap_err();
            assert_eq!((failure.code, failure.status), (code, 502), "{bytes:?}");
            assert!(failure.message.contains(place), "{}", failure.message);
        }
    }
}
