//! A transcript on disk: one JSON file, and the media beside it.
//!
//! Promise: whoever reads `transcript.json` sees every exchange whole, and no wall of base64: what is
//! media, binary, or too long for a command line lies in a file of its own, named after the number
//! of its exchange; the JSON says its path, length and SHA-256; and the `curl` lines, run in the
//! folder, send the same requests again.
//!
//! A long text in base64 is taken for media only if encoding it again gives the same text, so that
//! nothing is lost by the replacement.

use std::fs;
use std::io;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::curl::{self, Data};
use crate::form::{FormPart, hash};
use crate::headers::Headers;
use crate::media::{ending_of, kind_of};

/// Base64 and bytes up to this length stay where they are: a file would say less.
const SHORT: usize = 1 << 10;

/// Where the media of one exchange goes.
pub(crate) struct Shelf<'a> {
    /// The folder of the transcript; without one, media is told by its length and hash alone.
    folder: Option<&'a Path>,
    number: usize,
    failed: Option<io::Error>,
}

impl<'a> Shelf<'a> {
    pub(crate) fn new(folder: Option<&'a Path>, number: usize) -> Self {
        Self {
            folder,
            number,
            failed: None,
        }
    }

    /// The first file that could not be written.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.failed.map_or(Ok(()), Err)
    }

    /// Put bytes into a file and return its path below the folder; `None` without a folder.
    fn put(&mut self, name: &str, ending: &str, bytes: &[u8]) -> Option<String> {
        let folder = self.folder?;
        let path = format!("media/{:04}-{name}.{ending}", self.number);
        let file = folder.join(&path);
        let written = fs::create_dir_all(folder.join("media"))
            .and_then(|()| fs::write(&file, bytes))
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", file.display())));
        if let Err(error) = written {
            self.failed.get_or_insert(error);
        }
        Some(path)
    }

    /// Bytes as JSON: where they lie and what they are.
    fn media(&mut self, name: &str, mime: Option<&str>, bytes: &[u8]) -> Value {
        let mime = mime.filter(|mime| ending_of(mime) != "bin");
        let mime = mime.or_else(|| kind_of(bytes));
        let path = self.put(name, mime.map_or("bin", ending_of), bytes);
        json!({ "file": path, "mime": mime, "bytes": bytes.len(), "sha256": hash(bytes) })
    }

    /// The same in one line, to stand within a text.
    fn line(&mut self, name: &str, mime: Option<&str>, bytes: &[u8]) -> String {
        let media = self.media(name, mime, bytes);
        let text = |key: &str| media[key].as_str().map(str::to_owned);
        format!(
            "@{} ({}, {} bytes, sha256 {})",
            text("file").unwrap_or_default(),
            text("mime").unwrap_or_else(|| "unknown type".into()),
            bytes.len(),
            text("sha256").unwrap_or_default(),
        )
    }

    /// A body as JSON: as text, in base64 where it is short, else as media.
    pub(crate) fn body(&mut self, name: &str, headers: &Headers, bytes: &Bytes) -> Value {
        let mime = headers.media_type();
        let is_media = mime.as_deref().is_some_and(|mime| {
            ["audio/", "image/", "video/"]
                .iter()
                .any(|kind| mime.starts_with(kind))
        });
        match std::str::from_utf8(bytes) {
            Ok(text) if !is_media || text.is_empty() => json!({ "text": self.text(name, text) }),
            _ if bytes.len() <= SHORT && self.folder.is_none() => {
                json!({ "base64": STANDARD.encode(bytes) })
            }
            _ => json!({ "media": self.media(name, mime.as_deref(), bytes) }),
        }
    }

    /// A text in which media in base64 is replaced, if it is JSON and holds any.
    pub(crate) fn text(&mut self, name: &str, text: &str) -> String {
        if text.len() <= SHORT {
            return text.to_owned();
        }
        let Ok(mut json) = serde_json::from_str::<Value>(text) else {
            return text.to_owned();
        };
        let mut count = 0;
        self.replace(name, &mut json, &mut count);
        if count == 0 {
            text.to_owned()
        } else {
            json.to_string()
        }
    }

    fn replace(&mut self, name: &str, json: &mut Value, count: &mut usize) {
        match json {
            Value::Array(items) => items
                .iter_mut()
                .for_each(|item| self.replace(name, item, count)),
            Value::Object(fields) => fields
                .iter_mut()
                .for_each(|(_, item)| self.replace(name, item, count)),
            Value::String(text) if text.len() > SHORT => {
                let (head, mime, data) = match text
                    .strip_prefix("data:")
                    .and_then(|rest| rest.split_once(";base64,"))
                {
                    Some((mime, data)) => (format!("data:{mime};base64,"), Some(mime), data),
                    None => (String::new(), None, text.as_str()),
                };
                let Ok(bytes) = STANDARD.decode(data) else {
                    return;
                };
                if STANDARD.encode(&bytes) != data {
                    return;
                }
                *count += 1;
                let line = self.line(&format!("{name}-{count}"), mime, &bytes);
                *text = format!("{head}{line}");
            }
            _ => {}
        }
    }

    /// The request's form as JSON.
    pub(crate) fn form(&mut self, parts: &[FormPart]) -> Value {
        let form: Vec<Value> = parts
            .iter()
            .enumerate()
            .map(|(place, part)| match part {
                FormPart::Text { name, value } => json!({ "name": name, "value": value }),
                FormPart::File {
                    name,
                    file_name,
                    mime,
                    bytes,
                } => {
                    let media = self.media(&file_part(place), Some(mime), bytes);
                    json!({ "name": name, "file_name": file_name, "media": media })
                }
            })
            .collect();
        json!({ "form": form })
    }

    /// The `curl` line of a request whose body is this.
    pub(crate) fn curl(
        &mut self,
        method: &str,
        url: &str,
        headers: &Headers,
        body: Option<&Bytes>,
        form: &[FormPart],
    ) -> String {
        if !form.is_empty() {
            let parts: Vec<(&FormPart, String)> = form
                .iter()
                .enumerate()
                .map(|(place, part)| (part, self.form_file(place, part)))
                .collect();
            return curl::line(method, url, headers.iter(), Data::Form(&parts));
        }
        let data = match body {
            None => Data::None,
            Some(body) if body.len() <= curl::LONGEST_ARGUMENT => {
                // Short enough for a command line, but nobody wants to read media there.
                let media = std::str::from_utf8(body).is_err() && body.len() > SHORT;
                let replaced = std::str::from_utf8(body)
                    .is_ok_and(|text| Shelf::new(None, 0).text("", text) != text);
                match (media || replaced)
                    .then(|| self.request_file(body))
                    .flatten()
                {
                    Some(path) => Data::File(path),
                    None => Data::Bytes(body),
                }
            }
            Some(body) => Data::File(
                self.request_file(body)
                    .unwrap_or_else(|| "request.body".into()),
            ),
        };
        curl::line(method, url, headers.iter(), data)
    }

    /// The path of a file of the form, as `curl` is to read it.
    fn form_file(&mut self, place: usize, part: &FormPart) -> String {
        match part {
            FormPart::Text { .. } => String::new(),
            FormPart::File {
                file_name,
                mime,
                bytes,
                ..
            } => {
                let mime = Some(mime.as_str()).filter(|mime| ending_of(mime) != "bin");
                let mime = mime.or_else(|| kind_of(bytes));
                self.put(&file_part(place), mime.map_or("bin", ending_of), bytes)
                    .unwrap_or_else(|| file_name.clone())
            }
        }
    }

    fn request_file(&mut self, body: &Bytes) -> Option<String> {
        let ending = match std::str::from_utf8(body) {
            Ok(text) if text.trim_start().starts_with(['{', '[']) => "json",
            Ok(_) => "txt",
            Err(_) => kind_of(body).map_or("bin", ending_of),
        };
        self.put("request", ending, body)
    }
}

fn file_part(place: usize) -> String {
    format!("request-part-{}", place + 1)
}
