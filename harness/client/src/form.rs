//! A multipart form (RFC 7578), written by hand so that the same form is the same bytes every time.
//!
//! Rejected: `reqwest`'s own. Its boundary is random, so that a retried request would not be the same
//! request, and its parts cannot be read back for the transcript and the `curl` line.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::outgoing::Payload;

/// A file of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormFile {
    pub field: String,
    pub file_name: String,
    pub mime: String,
    pub bytes: Bytes,
}

/// A part of a form, for the transcript and the `curl` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormPart {
    /// A field with text.
    Text {
        /// The field's name.
        name: String,
        /// Its value.
        value: String,
    },
    /// A file.
    File {
        /// The field's name.
        name: String,
        /// The name that the server is told.
        file_name: String,
        /// Its media type.
        mime: String,
        /// Its content.
        bytes: Bytes,
    },
}

/// The form of these fields, in the order of their names, and then of these files. A list becomes a
/// field for each item; text goes as it is, anything else as JSON.
pub(crate) fn payload(fields: &Map<String, Value>, files: &[FormFile]) -> Payload {
    let mut parts: Vec<FormPart> = Vec::new();
    for (name, value) in fields {
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for item in items {
            parts.push(FormPart::Text {
                name: name.clone(),
                value: item
                    .as_str()
                    .map_or_else(|| item.to_string(), str::to_owned),
            });
        }
    }
    let mut seen = fields.clone();
    for file in files {
        let facts = json!({
            "file": file.file_name,
            "mime": file.mime,
            "bytes": file.bytes.len(),
            "sha256": hash(&file.bytes),
        });
        match seen.get_mut(&file.field) {
            None => drop(seen.insert(file.field.clone(), facts)),
            Some(Value::Array(list)) => list.push(facts),
            Some(one) => *one = json!([one.take(), facts]),
        }
        parts.push(FormPart::File {
            name: file.field.clone(),
            file_name: file.file_name.clone(),
            mime: file.mime.clone(),
            bytes: file.bytes.clone(),
        });
    }
    let boundary = boundary(&parts);
    Payload {
        content_type: format!("multipart/form-data; boundary={boundary}"),
        bytes: write(&parts, &boundary),
        json: Arc::new(Value::Object(seen)),
        parts,
    }
}

/// A line that none of the parts can hold: it is made of their own hash.
fn boundary(parts: &[FormPart]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        let (name, content) = match part {
            FormPart::Text { name, value } => (name, value.as_bytes()),
            FormPart::File { name, bytes, .. } => (name, &bytes[..]),
        };
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update((content.len() as u64).to_le_bytes());
        hasher.update(content);
    }
    format!("tribunal-{}", &hex(&hasher.finalize())[..32])
}

fn write(parts: &[FormPart], boundary: &str) -> Bytes {
    let mut out = BytesMut::new();
    for part in parts {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        let (head, content) = match part {
            FormPart::Text { name, value } => (
                format!(
                    "content-disposition: form-data; name=\"{}\"\r\n\r\n",
                    escaped(name)
                ),
                value.as_bytes(),
            ),
            FormPart::File {
                name,
                file_name,
                mime,
                bytes,
            } => (
                format!(
                    "content-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {}\r\n\r\n",
                    escaped(name),
                    escaped(file_name),
                    mime.replace(['\r', '\n'], " "),
                ),
                &bytes[..],
            ),
        };
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(content);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out.freeze()
}

/// A name between quotes, as browsers escape it.
fn escaped(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// The SHA-256 of these bytes, in hexadecimal digits.
pub(crate) fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &'static [u8]) -> FormFile {
        FormFile {
            field: "file".into(),
            file_name: "a \"b\".wav".into(),
            mime: "audio/wav".into(),
            bytes: Bytes::from_static(bytes),
        }
    }

    #[test]
    fn the_same_form_is_the_same_bytes_and_every_part_is_there() {
        let fields = json!({ "model": "m", "n": 2, "words[]": ["a", "b"] });
        let fields = fields.as_object().expect("an object");
        let form = payload(fields, &[file(b"\x00\xFF")]);
        let again = payload(fields, &[file(b"\x00\xFF")]);
        assert_eq!(
            (&form.content_type, &form.bytes),
            (&again.content_type, &again.bytes)
        );
        assert_ne!(
            form.content_type,
            payload(fields, &[file(b"\x00\xFE")]).content_type
        );
        let boundary = form
            .content_type
            .strip_prefix("multipart/form-data; boundary=")
            .expect("a boundary");
        let text = String::from_utf8_lossy(&form.bytes).replace(boundary, "B");
        assert_eq!(
            text,
            "--B\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nm\r\n\
             --B\r\ncontent-disposition: form-data; name=\"n\"\r\n\r\n2\r\n\
             --B\r\ncontent-disposition: form-data; name=\"words[]\"\r\n\r\na\r\n\
             --B\r\ncontent-disposition: form-data; name=\"words[]\"\r\n\r\nb\r\n\
             --B\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a %22b%22.wav\"\r\ncontent-type: audio/wav\r\n\r\n\0\u{FFFD}\r\n--B--\r\n"
        );
        assert_eq!(form.json["file"]["bytes"], 2);
        assert_eq!(form.json["n"], 2);
    }
}
