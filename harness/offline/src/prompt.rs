//! The prompt in a request, as one text.

use serde_json::Value;

use crate::failure::Failure;

/// One message is its text; several are `role: text`, an empty line between them.
pub(crate) fn chat(messages: &Value, everything: bool) -> Result<String, Failure> {
    let wrong = |message: &str| Failure::invalid("invalid_type", "messages", message.to_owned());
    let messages = messages.as_array().filter(|m| !m.is_empty());
    let messages =
        messages.ok_or_else(|| wrong("`messages` must be a list of at least one message."))?;
    let mut texts = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let place = format!("messages[{at}]");
        let role = message.get("role").and_then(Value::as_str);
        let role = role.ok_or_else(|| {
            Failure::invalid(
                "missing_parameter",
                &place,
                format!("`{place}` has no `role`."),
            )
        })?;
        let content = match message.get("content") {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => parts_of(parts, &place, everything)?,
            _ => {
                return Err(Failure::invalid(
                    "missing_parameter",
                    &place,
                    format!("`{place}` has no `content` that is a text or a list of parts."),
                ));
            }
        };
        texts.push((role, content));
    }
    Ok(match &texts[..] {
        [(_, only)] => only.clone(),
        several => {
            let lines: Vec<String> = several
                .iter()
                .map(|(role, text)| format!("{role}: {text}"))
                .collect();
            lines.join("\n\n")
        }
    })
}

fn parts_of(parts: &[Value], place: &str, everything: bool) -> Result<String, Failure> {
    let mut text = String::new();
    for part in parts {
        match (
            part.get("type").and_then(Value::as_str),
            part.get("text").and_then(Value::as_str),
        ) {
            (Some("text"), Some(part)) => text.push_str(part),
            (Some(_), _) if everything => {}
            (kind, _) => {
                let kind = kind.unwrap_or("no type");
                let message = format!(
                    "`{place}.content` has a part of type `{kind}`, which the command of this deployment cannot be told; its deployment can pass the whole request on as {{request}}."
                );
                return Err(Failure::invalid(
                    "unsupported_content",
                    &format!("{place}.content"),
                    message,
                ));
            }
        }
    }
    Ok(text)
}

/// A text, or a list of one.
pub(crate) fn completion(prompt: &Value) -> Result<String, Failure> {
    match prompt {
        Value::String(text) => Ok(text.clone()),
        Value::Array(list) if list.len() == 1 && list[0].is_string() => {
            Ok(list[0].as_str().unwrap_or_default().to_owned())
        }
        Value::Array(_) => Err(Failure::invalid(
            "unsupported_parameter",
            "prompt",
            "`prompt` must be one text: a command answers one prompt, and reads no token ids.",
        )),
        _ => Err(Failure::invalid(
            "invalid_type",
            "prompt",
            "`prompt` must be a text.",
        )),
    }
}
