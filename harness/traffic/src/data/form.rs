//! A form with files (RFC 7578), the same bytes every time.

use serde_json::{Map, Value};

use super::item::Part;
use crate::Body;

/// The form of these fields and then of these files. A list becomes a field for each item; text goes as it is, anything else as JSON.
pub(super) fn form(fields: &Map<String, Value>, files: &[(&str, &Part)]) -> Body {
    let mut boundary = 0_u64;
    loop {
        let line = format!("tribunal-traffic-{boundary:016x}");
        let bytes = written(fields, files, &line);
        // The line stands once before each part and once at the end, or a part holds it itself.
        let parts = fields
            .values()
            .map(|value| value.as_array().map_or(1, Vec::len))
            .sum::<usize>()
            + files.len();
        if memchr::memmem::find_iter(&bytes, line.as_bytes()).count() == parts + 1 {
            return Body::Other(
                bytes.into(),
                format!("multipart/form-data; boundary={line}"),
            );
        }
        boundary += 1;
    }
}

fn written(fields: &Map<String, Value>, files: &[(&str, &Part)], boundary: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(
        files
            .iter()
            .map(|(_, part)| part.bytes.len() + 512)
            .sum::<usize>()
            + 1024,
    );
    for (name, value) in fields {
        let items = match value {
            Value::Array(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for item in items {
            let text = item
                .as_str()
                .map_or_else(|| item.to_string(), str::to_owned);
            out.extend_from_slice(
                format!(
                    "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"\r\n\r\n{text}\r\n",
                    quoted(name)
                )
                .as_bytes(),
            );
        }
    }
    for (name, part) in files {
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\nContent-Type: {}\r\n\r\n",
            quoted(name),
            quoted(&part.file_name),
            part.mime
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(&part.bytes);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    out
}

/// As browsers write names in a form.
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::item::Medium;

    #[test]
    fn a_part_that_holds_the_boundary_gets_another() {
        let part = |bytes: &[u8]| Part {
            medium: Medium::Audio,
            url: "".into(),
            bytes: bytes.into(),
            mime: "audio/wav",
            file_name: "a\".wav".into(),
            seconds: None,
        };
        let fields = Map::from_iter([
            ("model".to_owned(), Value::from("m")),
            ("tags".to_owned(), serde_json::json!(["a", 2])),
        ]);
        let Body::Other(bytes, kind) = form(&fields, &[("file", &part(b"RIFF"))]) else {
            panic!()
        };
        assert_eq!(
            kind,
            "multipart/form-data; boundary=tribunal-traffic-0000000000000000"
        );
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text.contains("name=\"model\"\r\n\r\nm\r\n"), "{text}");
        assert!(
            text.contains("name=\"tags\"\r\n\r\na\r\n")
                && text.contains("name=\"tags\"\r\n\r\n2\r\n"),
            "{text}"
        );
        assert!(
            text.contains(
                "name=\"file\"; filename=\"a%22.wav\"\r\nContent-Type: audio/wav\r\n\r\nRIFF\r\n"
            ),
            "{text}"
        );
        assert!(
            text.ends_with("--tribunal-traffic-0000000000000000--\r\n"),
            "{text}"
        );
        let Body::Other(_, kind) = form(
            &fields,
            &[("file", &part(b"x tribunal-traffic-0000000000000000 y"))],
        ) else {
            panic!()
        };
        assert_eq!(
            kind,
            "multipart/form-data; boundary=tribunal-traffic-0000000000000001"
        );
    }
}
