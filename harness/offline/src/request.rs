//! A request for text, read for a command: what can be told it, and what cannot.
//!
//! Promise: a parameter that would change the answer and that the command cannot be told is refused by name. A command that
//! reads `{request}` is told everything. Neutral values (`n` 1, `top_p` 1, no penalties, no tools) are never refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::job::OfflineJob;
use crate::prompt::{chat, completion};
use crate::told::refuse_the_untold;

/// The longest argument that Linux passes to a program, with its end.
const LONGEST_ARGUMENT: usize = 128 << 10;

/// Which of the two APIs was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Chat,
    Completion,
}

/// A request that can be run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub form: Form,
    pub prompt: String,
    /// What fills the holes of the command, but for the paths.
    pub values: BTreeMap<&'static str, String>,
    pub max_tokens: Option<u64>,
    pub stream: bool,
    pub include_usage: bool,
    /// The request as it came.
    pub body: Value,
}

impl Request {
    pub(crate) fn parse(form: Form, body: &[u8], job: &OfflineJob) -> Result<Self, Failure> {
        let value: Value = serde_json::from_slice(body).map_err(|e| {
            Failure::invalid(
                "invalid_json",
                "",
                format!("The body is not valid JSON: {e}."),
            )
        })?;
        let Value::Object(fields) = &value else {
            return Err(Failure::invalid(
                "invalid_json",
                "",
                "The body must be a JSON object.",
            ));
        };
        let model = text(fields, "model")?.ok_or_else(|| missing("model"))?;
        if model != job.model_name() {
            let message = format!(
                "The model `{model}` does not exist; this server has `{}`.",
                job.model_name()
            );
            return Err(Failure {
                param: Some("model".to_owned()),
                ..Failure::new(404, "model_not_found", message)
            });
        }
        // A command that reads the whole request also reads parts that are no text.
        let everything = job.tells("request");
        let prompt = match form {
            Form::Chat => chat(
                fields.get("messages").ok_or_else(|| missing("messages"))?,
                everything,
            )?,
            Form::Completion => completion(fields.get("prompt").ok_or_else(|| missing("prompt"))?)?,
        };
        if job.tells("prompt") {
            if prompt.len() >= LONGEST_ARGUMENT - 1024 {
                let message = format!(
                    "The prompt has {} bytes, more than fit into one argument of a command; its deployment must use {{prompt_file}}.",
                    prompt.len()
                );
                return Err(Failure::invalid(
                    "prompt_too_long",
                    prompt_name(form),
                    message,
                ));
            }
            if prompt.contains('\0') {
                return Err(Failure::invalid(
                    "invalid_value",
                    prompt_name(form),
                    "The prompt has a NUL character, which no argument of a command can have.",
                ));
            }
        }
        if let Some(n) = fields.get("n").filter(|n| !n.is_null())
            && n.as_f64() != Some(1.0)
        {
            let (code, message) = match n.as_u64() {
                Some(2..) => (
                    "unsupported_parameter",
                    format!(
                        "`n` is {n}, but a command gives one answer for each request; send several."
                    ),
                ),
                _ => ("invalid_value", format!("`n` is {n}; it must be 1.")),
            };
            return Err(Failure::invalid(code, "n", message));
        }
        let max_tokens = whole(fields, "max_completion_tokens", form == Form::Chat)?.or(whole(
            fields,
            "max_tokens",
            true,
        )?);
        let stream = flag(fields, "stream")?;
        if stream && !job.streaming {
            return Err(Failure::invalid(
                "unsupported_parameter",
                "stream",
                "This deployment runs a command for each request and does not declare streaming; leave `stream` out.",
            ));
        }
        let mut values = BTreeMap::new();
        values.insert("prompt", prompt.clone());
        values.insert(
            "model",
            job.model_argument
                .clone()
                .unwrap_or_else(|| model.to_owned()),
        );
        if let Some(tokens) = max_tokens {
            values.insert("max_tokens", tokens.to_string());
        }
        for name in ["temperature", "seed"] {
            match fields.get(name) {
                None | Some(Value::Null) => {}
                Some(Value::Number(number))
                    if name == "temperature" || number.is_i64() || number.is_u64() =>
                {
                    values.insert(name, number.to_string());
                }
                Some(_) => {
                    let expected = if name == "seed" {
                        "a whole number"
                    } else {
                        "a number"
                    };
                    return Err(Failure::invalid(
                        "invalid_type",
                        name,
                        format!("`{name}` must be {expected}."),
                    ));
                }
            }
        }
        if !everything {
            refuse_the_untold(fields, job)?;
        }
        let include_usage = fields
            .get("stream_options")
            .and_then(|options| options.get("include_usage"))
            .is_some_and(|include| include == &Value::Bool(true));
        Ok(Self {
            form,
            prompt,
            values,
            max_tokens,
            stream,
            include_usage,
            body: value,
        })
    }
}

fn prompt_name(form: Form) -> &'static str {
    match form {
        Form::Chat => "messages",
        Form::Completion => "prompt",
    }
}

fn missing(name: &str) -> Failure {
    Failure::invalid("missing_parameter", name, format!("`{name}` is missing."))
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Failure> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Failure::invalid(
            "invalid_type",
            name,
            format!("`{name}` must be a text."),
        )),
    }
}

fn flag(fields: &Map<String, Value>, name: &str) -> Result<bool, Failure> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Failure::invalid(
            "invalid_type",
            name,
            format!("`{name}` must be true or false."),
        )),
    }
}

fn whole(fields: &Map<String, Value>, name: &str, known: bool) -> Result<Option<u64>, Failure> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(_) if !known => Err(Failure::invalid(
            "unknown_parameter",
            name,
            format!("`{name}` is a parameter of chats."),
        )),
        Some(value) => match value.as_u64() {
            Some(number) if number > 0 => Ok(Some(number)),
            _ => Err(Failure::invalid(
                "invalid_value",
                name,
                format!("`{name}` is {value}; it must be a whole number of at least 1."),
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn job(command: &[&str]) -> OfflineJob {
        OfflineJob::new(command.iter().copied())
    }

    fn parse(job: &OfflineJob, body: Value) -> Result<Request, Failure> {
        let form = if body.get("messages").is_some() {
            Form::Chat
        } else {
            Form::Completion
        };
        Request::parse(form, body.to_string().as_bytes(), job)
    }

    #[test]
    fn what_is_told_fills_the_holes() {
        let job = job(&["x", "{prompt}", "{seed}", "{temperature}", "{max_tokens}"]);
        let request = parse(
            &job,
            json!({"model": "offline", "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
            "seed": 7, "temperature": 0.5, "max_completion_tokens": 9, "top_p": 1, "n": 1, "stream": false, "stop": null, "user": "me"}),
        )
        .unwrap();
        let values: Vec<(&str, &str)> = request
            .values
            .iter()
            .map(|(k, v)| (*k, v.as_str()))
            .collect();
        assert_eq!(
            values,
            [
                ("max_tokens", "9"),
                ("model", "offline"),
                ("prompt", "Hi"),
                ("seed", "7"),
                ("temperature", "0.5")
            ]
        );
        let request = parse(
            &job,
            json!({"model": "offline", "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]}),
        )
        .unwrap();
        assert_eq!(request.prompt, "system: Be kind.\n\nuser: Hi");
        assert_eq!(
            parse(&job, json!({"model": "offline", "prompt": ["a"]}))
                .unwrap()
                .prompt,
            "a"
        );
    }

    #[test]
    fn what_cannot_be_told_is_refused_by_name() {
        let blind = job(&["x", "{prompt}"]);
        let base = |extra: (&str, Value)| {
            let mut body = json!({"model": "offline", "prompt": "p"});
            body[extra.0] = extra.1;
            body
        };
        for (name, value, code) in [
            ("seed", json!(1), "unsupported_parameter"),
            ("temperature", json!(0), "unsupported_parameter"),
            ("max_tokens", json!(1), "unsupported_parameter"),
            ("top_p", json!(0.5), "unsupported_parameter"),
            ("stop", json!(["x"]), "unsupported_parameter"),
            ("logprobs", json!(2), "unsupported_parameter"),
            ("n", json!(2), "unsupported_parameter"),
            ("stream", json!(true), "unsupported_parameter"),
            ("whatever", json!(1), "unsupported_parameter"),
            ("seed", json!("x"), "invalid_type"),
            ("max_tokens", json!(0), "invalid_value"),
            ("max_tokens", json!(-5), "invalid_value"),
            ("prompt", json!(["a", "b"]), "unsupported_parameter"),
            ("prompt", json!(3), "invalid_type"),
            ("prompt", json!("a\0b"), "invalid_value"),
            (
                "prompt",
                json!("x".repeat(LONGEST_ARGUMENT)),
                "prompt_too_long",
            ),
            ("model", json!("other"), "model_not_found"),
        ] {
            let failure = parse(&blind, base((name, value.clone()))).unwrap_err();
            assert_eq!(
                (failure.code, failure.param.as_deref()),
                (code, Some(name)),
                "{name}: {value}"
            );
        }
        let mut lenient = blind.clone();
        lenient.ignore = vec!["seed".into()];
        assert!(parse(&lenient, base(("seed", json!(1)))).is_ok());
        let whole = job(&["x", "{request}"]);
        assert!(parse(&whole, base(("top_p", json!(0.5)))).is_ok());
        for (n, code) in [
            (json!(4), "unsupported_parameter"),
            (json!(0), "invalid_value"),
            (json!("1"), "invalid_value"),
        ] {
            assert_eq!(parse(&whole, base(("n", n))).unwrap_err().code, code);
        }
        let image = json!({"model": "offline", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}]});
        assert!(parse(&whole, image.clone()).is_ok());
        assert_eq!(
            parse(&blind, image).unwrap_err().code,
            "unsupported_content"
        );
    }

    #[test]
    fn nonsense_is_an_error_and_never_a_panic() {
        for body in [
            "",
            "{",
            "[]",
            "null",
            "{}",
            r#"{"model":3}"#,
            r#"{"model":"offline"}"#,
            r#"{"model":"offline","messages":[]}"#,
            r#"{"model":"offline","messages":[{}]}"#,
            r#"{"model":"offline","messages":[{"role":"user"}]}"#,
        ] {
            for form in [Form::Chat, Form::Completion] {
                let failure =
                    Request::parse(form, body.as_bytes(), &job(&["x", "{prompt}"])).unwrap_err();
                assert_eq!(failure.status, 400, "{body}");
            }
        }
    }
}
