//! From a payload to the bytes that are sent.
//!
//! Promise: the same payload is the same bytes every time. What TOML cannot write stands as an object with one key that begins with `$`; such an object
//! was looked at when the file was read, so that nothing here fails.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::route::{Field, Payload};

/// The longest text that `$repeat` may make.
pub(crate) const LONGEST: usize = 8 << 20;

/// What separates the parts of a form. No content of a row holds it.
const BOUNDARY: &str = "tribunal-part-7d1f0b3c";

/// A picture: a red square.
const PNG: &[u8] = include_bytes!("../../../fixtures/conformance/square.png");

/// What stands for `{model}` and `{voice}`.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    pub model: String,
    pub voice: String,
}

impl Names {
    /// The names as they stand in files, for bytes that are filled in later.
    pub fn open() -> Self {
        Self {
            model: "{model}".into(),
            voice: "{voice}".into(),
        }
    }

    pub fn fill(&self, text: &str) -> String {
        text.replace("{model}", &self.model)
            .replace("{voice}", &self.voice)
    }
}

/// The bytes of a payload with their content type; `None`: there is no body.
pub(crate) fn bytes(payload: &Payload, names: &Names) -> Option<(String, Vec<u8>)> {
    match payload {
        // The frames of a socket are sent one by one.
        Payload::Nothing | Payload::Frames(_) => None,
        Payload::Json(value) => Some((
            "application/json".into(),
            fill(value, names).to_string().into_bytes(),
        )),
        Payload::Bytes(kind, bytes) => {
            let filled = match std::str::from_utf8(bytes) {
                Ok(text) => names.fill(text).into_bytes(),
                Err(_) => bytes.clone(),
            };
            Some((kind.clone(), filled))
        }
        Payload::Form(fields) => Some((
            format!("multipart/form-data; boundary={BOUNDARY}"),
            form(fields, names),
        )),
    }
}

fn form(fields: &[(String, Field)], names: &Names) -> Vec<u8> {
    let mut out = Vec::new();
    let mut part = |head: String, content: &[u8]| {
        out.extend_from_slice(
            format!("--{BOUNDARY}\r\ncontent-disposition: form-data; {head}\r\n\r\n").as_bytes(),
        );
        out.extend_from_slice(content);
        out.extend_from_slice(b"\r\n");
    };
    for (name, field) in fields {
        match field {
            Field::Text(value) => {
                let items = match value {
                    Value::Array(items) => items.as_slice(),
                    one => std::slice::from_ref(one),
                };
                for item in items {
                    part(format!("name=\"{name}\""), &content(item, names));
                }
            }
            Field::File {
                name: file,
                kind,
                content: value,
            } => part(
                format!("name=\"{name}\"; filename=\"{file}\"\r\ncontent-type: {kind}"),
                &content(value, names),
            ),
        }
    }
    out.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    out
}

/// The content of a part: text as it is, media as their bytes, anything else as JSON.
fn content(value: &Value, names: &Names) -> Vec<u8> {
    if let Some(media) = media(value) {
        return media;
    }
    match fill(value, names) {
        Value::String(text) => text.into_bytes(),
        Value::Null => vec![],
        other => other.to_string().into_bytes(),
    }
}

fn media(value: &Value) -> Option<Vec<u8>> {
    if value.get("$png").is_some() {
        return Some(PNG.to_vec());
    }
    Some(tone(value.get("$wav")?.as_f64()?))
}

/// The value with the names in it, and with what stands for something else replaced by that.
pub(crate) fn fill(value: &Value, names: &Names) -> Value {
    match value {
        Value::String(text) => json!(names.fill(text)),
        Value::Array(items) => items.iter().map(|item| fill(item, names)).collect(),
        Value::Object(fields) => special(fields).unwrap_or_else(|| {
            let filled = fields.iter().map(|(k, v)| (k.clone(), fill(v, names)));
            Value::Object(filled.collect())
        }),
        other => other.clone(),
    }
}

/// What an object with a `$` key stands for.
fn special(fields: &Map<String, Value>) -> Option<Value> {
    if fields.contains_key("$null") {
        return Some(Value::Null);
    }
    if let Some(Value::String(text)) = fields.get("$repeat") {
        let times = fields.get("times").and_then(Value::as_u64).unwrap_or(1);
        return Some(json!(text.repeat(times as usize)));
    }
    let url =
        |kind: &str, bytes: &[u8]| json!(format!("data:{kind};base64,{}", STANDARD.encode(bytes)));
    let whole = Value::Object(fields.clone());
    let bytes = media(&whole)?;
    Some(
        match (fields.contains_key("$png"), fields.contains_key("bare")) {
            (_, true) => json!(STANDARD.encode(bytes)),
            (true, _) => url("image/png", &bytes),
            (false, _) => url("audio/wav", &bytes),
        },
    )
}

/// So many seconds of a tone of 440 Hz, 8,000 samples a second, 16 bits.
fn tone(seconds: f64) -> Vec<u8> {
    const RATE: u32 = 8000;
    let count = (seconds.clamp(0.0, 600.0) * f64::from(RATE)) as u32;
    let size = count * 2;
    let mut out = Vec::with_capacity(44 + size as usize);
    out.extend_from_slice(b"RIFF");
    out.extend_from_slice(&(36 + size).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    out.extend_from_slice(&16u32.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&RATE.to_le_bytes());
    out.extend_from_slice(&(RATE * 2).to_le_bytes());
    out.extend_from_slice(&2u16.to_le_bytes());
    out.extend_from_slice(&16u16.to_le_bytes());
    out.extend_from_slice(b"data");
    out.extend_from_slice(&size.to_le_bytes());
    for n in 0..count {
        let angle = f64::from(n) / f64::from(RATE) * 440.0 * std::f64::consts::TAU;
        // What matters is that it is a sound, not its last bit.
        out.extend_from_slice(&((angle.sin() * 8000.0) as i16).to_le_bytes());
    }
    out
}

/// A value in one short line, as a table shows it.
pub(crate) fn shown(value: &Value) -> String {
    const LONGEST: usize = 48;
    let text = match value {
        Value::Object(fields) if fields.contains_key("$null") => "null".into(),
        Value::Object(fields) if fields.contains_key("$repeat") => format!(
            "{} × {}",
            fields["$repeat"],
            fields.get("times").unwrap_or(&json!(1))
        ),
        Value::Object(fields) if fields.contains_key("$png") => "a picture".into(),
        Value::Object(fields) if fields.contains_key("$wav") => "a sound".into(),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            model: "m".into(),
            voice: "v".into(),
        }
    }

    #[test]
    fn what_toml_cannot_write_is_filled_in() {
        let value =
            json!({"model": "{model}", "n": {"$null": true}, "t": [{"$repeat": "ab", "times": 2}]});
        assert_eq!(
            fill(&value, &names()),
            json!({"model": "m", "n": null, "t": ["abab"]})
        );
        let url = fill(&json!({"$png": true}), &names());
        assert!(
            url.as_str()
                .is_some_and(|u| u.starts_with("data:image/png;base64,iVBOR")),
            "{url}"
        );
        assert_eq!(shown(&json!({"$repeat": "a", "times": 9})), "\"a\" × 9");
    }

    #[test]
    fn a_form_has_its_parts_in_order() {
        let fields = vec![
            ("model".into(), Field::Text(json!("{model}"))),
            (
                "file".into(),
                Field::File {
                    name: "a.wav".into(),
                    kind: "audio/wav".into(),
                    content: json!({"$wav": 0.001}),
                },
            ),
        ];
        let (kind, bytes) = bytes(&Payload::Form(fields), &names()).unwrap();
        assert_eq!(kind, format!("multipart/form-data; boundary={BOUNDARY}"));
        let text = String::from_utf8_lossy(&bytes);
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\nRIFF"
        );
        assert!(
            text.starts_with(&head) && text.ends_with(&format!("\r\n--{BOUNDARY}--\r\n")),
            "{text}"
        );
    }
}
