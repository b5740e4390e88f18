//! The `curl` command that repeats a request.
//!
//! Promise: pasted into a POSIX shell it sends the same method, address, headers and bytes, except
//! for masked secrets, which stand as `***`.

use std::fmt::Write;

/// Linux refuses a single argument of 128 KiB (`MAX_ARG_STRLEN`); a longer body is left to a file.
const LONGEST_ARGUMENT: usize = 100 << 10;

/// Headers that `curl` writes itself.
const OWN: [&str; 2] = ["host", "content-length"];

pub(crate) fn line<'a>(
    method: &str,
    url: &str,
    headers: impl Iterator<Item = (&'a str, &'a str)>,
    body: Option<&[u8]>,
) -> String {
    let mut line = String::from("curl -sS -i -N");
    if method != "GET" {
        let _ = write!(line, " -X {}", quote(method));
    }
    let _ = write!(line, " {}", quote(url));
    for (name, value) in headers.filter(|(name, _)| !OWN.contains(name)) {
        let _ = write!(line, " -H {}", quote(&format!("{name}: {value}")));
    }
    match body {
        None => line,
        Some(body) if body.len() > LONGEST_ARGUMENT => format!(
            "{line} --data-binary @request.body  # {} bytes: too long for a command line",
            body.len()
        ),
        Some(body) => match std::str::from_utf8(body) {
            Ok(text) if !text.contains('\0') => format!("{line} --data-raw {}", quote(text)),
            _ => format!("printf {} | {line} --data-binary @-", octal(body)),
        },
    }
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
            Some(body.as_bytes()),
        );
        let want = format!(
            "<-sS><-i><-N><-X><POST><http://127.0.0.1:1/v1?a=1&b=2><-H><content-type: application/json><-H><authorization: Bearer ***><--data-raw><{body}>"
        );
        assert_eq!(String::from_utf8(shell(&line)).expect("text"), want);
    }

    #[test]
    fn bytes_that_are_no_text_survive() {
        let body = b"\x00\xFF'%\\n\"";
        let out = shell(&line("POST", "http://h/", std::iter::empty(), Some(body)));
        assert!(
            out.ends_with(&[b"<@->", &body[..]].concat()),
            "{}",
            String::from_utf8_lossy(&out)
        );
    }

    #[test]
    fn a_long_body_is_left_to_a_file() {
        let line = line(
            "POST",
            "http://h/",
            std::iter::empty(),
            Some(&vec![b'a'; LONGEST_ARGUMENT + 1]),
        );
        assert!(line.contains("--data-binary @request.body") && line.len() < 200);
    }
}
