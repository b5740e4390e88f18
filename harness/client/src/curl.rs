//! The `curl` command that repeats a request.
//!
//! Promise: pasted into a POSIX shell it sends the same method, address, headers and bytes, except
//! for masked secrets, which stand as `***`.

use std::fmt::Write;

use crate::form::FormPart;

/// Linux refuses a single argument of 128 KiB (`MAX_ARG_STRLEN`); a longer body is left to a file.
pub(crate) const LONGEST_ARGUMENT: usize = 100 << 10;

/// Headers that `curl` writes itself.
const OWN: [&str; 2] = ["host", "content-length"];

/// What a request carries, as the line is to give it.
pub(crate) enum Data<'a> {
    None,
    Bytes(&'a [u8]),
    /// A file with the bytes.
    File(String),
    /// The parts of a form, each file with the path to read it from.
    Form(&'a [(&'a FormPart, String)]),
}

pub(crate) fn line<'a>(
    method: &str,
    url: &str,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    data: Data<'_>,
) -> String {
    let mut line = String::from("curl -sS -i -N");
    if method != "GET" {
        let _ = write!(line, " -X {}", quote(method));
    }
    let _ = write!(line, " {}", quote(url));
    // The boundary of a form is chosen by `curl`, which then writes this header itself.
    let is_form = matches!(data, Data::Form(_));
    for (name, value) in
        headers.filter(|(name, _)| !(OWN.contains(name) || is_form && *name == "content-type"))
    {
        let _ = write!(line, " -H {}", quote(&format!("{name}: {value}")));
    }
    match data {
        Data::None => line,
        Data::File(path) => format!("{line} --data-binary {}", quote(&format!("@{path}"))),
        Data::Form(parts) => {
            for (part, path) in parts {
                let _ = match part {
                    FormPart::Text { name, value } => {
                        write!(line, " --form-string {}", quote(&format!("{name}={value}")))
                    }
                    FormPart::File {
                        name,
                        file_name,
                        mime,
                        ..
                    } => {
                        let file = format!(
                            "{name}=@{};type={mime};filename={}",
                            in_form(path),
                            in_form(file_name)
                        );
                        write!(line, " -F {}", quote(&file))
                    }
                };
            }
            line
        }
        Data::Bytes(body) => match std::str::from_utf8(body) {
            Ok(text) if !text.contains('\0') => format!("{line} --data-raw {}", quote(text)),
            _ => format!("printf {} | {line} --data-binary @-", octal(body)),
        },
    }
}

/// A file's name within the argument of `-F`, where `;` and `,` would end it.
fn in_form(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', r"\\").replace('"', "\\\""))
}

/// A word that a POSIX shell takes as it is.
fn quote(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A format for `printf` that writes these bytes.
fn octal(bytes: &[u8]) -> String {
    let mut out = String::from("'");
    for byte in bytes {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b' '
            | b'{'
            | b'}'
            | b'"'
            | b':'
            | b','
            | b'.'
            | b'_' => out.push(char::from(*byte)),
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a real shell makes of the words, with `curl` replaced by a function that shows them.
    fn shell(line: &str) -> Vec<u8> {
        let script = format!(
            "curl() {{ printf '<%s>' \"$@\"; for last in \"$@\"; do :; done; [ \"$last\" = @- ] && cat; true; }}; {line}"
        );
        std::process::Command::new("sh")
            .args(["-c", &script])
            .output()
            .expect("a POSIX shell")
            .stdout
    }

    #[test]
    fn a_shell_reads_the_words_back() {
        let body = "{\"a\":\"it's $HOME `x` \\n\"}";
        let headers = [
            ("content-type", "application/json"),
            ("host", "h"),
            ("authorization", "Bearer ***"),
        ];
        let line = line(
            "POST",
            "http://127.0.0.1:1/v1?a=1&b=2",
            headers.into_iter(),
            Data::Bytes(body.as_bytes()),
        );
        let want = format!(
            "<-sS><-i><-N><-X><POST><http://127.0.0.1:1/v1?a=1&b=2><-H><content-type: application/json><-H><authorization: Bearer ***><--data-raw><{body}>"
        );
        assert_eq!(String::from_utf8(shell(&line)).expect("text"), want);
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let body = b"\x00\xFF'%\\n\"";
        let out = shell(&line(
            "POST",
            "http://h/",
            std::iter::empty(),
            Data::Bytes(body),
        ));
        assert!(
            out.ends_with(&[b"<@->", &body[..]].concat()),
            "{}",
            String::from_utf8_lossy(&out)
        );
    }

    #[test]
    fn a_form_is_given_part_by_part() {
        let text = FormPart::Text {
            name: "prompt".into(),
            value: "@it's".into(),
        };
        let file = FormPart::File {
            name: "file".into(),
            file_name: "a;b.wav".into(),
            mime: "audio/wav".into(),
            bytes: bytes::Bytes::new(),
        };
        let parts = [(&text, String::new()), (&file, "media/0001-x.wav".into())];
        let headers = [
            ("content-type", "multipart/form-data; boundary=b"),
            ("accept", "*/*"),
        ];
        let line = line("POST", "http://h/", headers.into_iter(), Data::Form(&parts));
        assert_eq!(
            String::from_utf8(shell(&line)).expect("text"),
            "<-sS><-i><-N><-X><POST><http://h/><-H><accept: */*><--form-string><prompt=@it's><-F><file=@\"media/0001-x.wav\";type=audio/wav;filename=\"a;b.wav\">"
        );
    }
}
