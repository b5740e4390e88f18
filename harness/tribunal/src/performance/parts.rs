//! The parts of a form that a data set has made, so that the client that judges can send the same.
//!
//! Promise: reads what `tribunal_traffic` writes, and refuses what it cannot read. Rejected: a library for forms (they read streams from outside, and
//! this is ours, in memory).

use serde_json::{Map, Value};

/// A form, read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Parts {
    /// Its texts.
    pub fields: Map<String, Value>,
    /// Its files: field, media type, bytes.
    pub files: Vec<(String, String, Vec<u8>)>,
}

/// Reads a form; `None`: it is none.
pub(crate) fn parts(kind: &str, body: &[u8]) -> Option<Parts> {
    let boundary = kind.strip_prefix("multipart/form-data; boundary=")?;
    let line = format!("--{boundary}");
    let mut out = Parts::default();
    let mut rest = after(body, line.as_bytes())?;
    while let Some(part) = rest.strip_prefix(b"\r\n") {
        let end = find(part, format!("\r\n{line}").as_bytes())?;
        read(&part[..end], &mut out)?;
        rest = &part[end + 2 + line.len()..];
    }
    rest.starts_with(b"--").then_some(out)
}

fn read(part: &[u8], out: &mut Parts) -> Option<()> {
    let head_end = find(part, b"\r\n\r\n")?;
    let (head, bytes) = (&part[..head_end], &part[head_end + 4..]);
    let head = std::str::from_utf8(head).ok()?;
    let name = quoted(head, "; name=\"")?;
    if quoted(head, "; filename=\"").is_some() {
        let mime = head
            .split("\r\n")
            .find_map(|l| l.strip_prefix("Content-Type: "))?;
        out.files.push((name, mime.to_owned(), bytes.to_vec()));
        return Some(());
    }
    let text = Value::from(std::str::from_utf8(bytes).ok()?);
    match out.fields.get_mut(&name) {
        Some(Value::Array(list)) => list.push(text),
        Some(one) => *one = Value::Array(vec![one.take(), text]),
        None => drop(out.fields.insert(name, text)),
    }
    Some(())
}

fn quoted(head: &str, before: &str) -> Option<String> {
    let (_, rest) = head.split_once(before)?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn after<'a>(text: &'a [u8], what: &[u8]) -> Option<&'a [u8]> {
    Some(&text[find(text, what)? + what.len()..])
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|at| at == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_and_what_is_none_is_not() {
        let body = b"--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat\r\n--b\r\nContent-Disposition: form-data; name=\"x[]\"\r\n\r\n1\r\n\
            --b\r\nContent-Disposition: form-data; name=\"x[]\"\r\n\r\n2\r\n--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\n\
            Content-Type: image/png\r\n\r\n\x89P\r\nNG\r\n--b--\r\n";
        let read = parts("multipart/form-data; boundary=b", body).expect("a form");
        assert_eq!(read.fields["prompt"], "a cat");
        assert_eq!(read.fields["x[]"], serde_json::json!(["1", "2"]));
        assert_eq!(
            read.files,
            [("image".into(), "image/png".into(), b"\x89P\r\nNG".to_vec())]
        );
        assert_eq!(parts("application/json", body), None);
        for cut in 0..body.len() - 4 {
            assert_eq!(parts("multipart/form-data; boundary=b", &body[..cut]), None);
        }
    }
}
