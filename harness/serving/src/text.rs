//! Words for people: excerpts that are safe to print, masked secrets, the nearest valid name.
//!
//! What a server writes is outside input: it is cut to a bound and loses its control characters before it reaches
//! a terminal or a report.

use std::ffi::{OsStr, OsString};
use std::time::Duration;

/// `text` without ANSI escape sequences and control characters (tabs stay; everything else becomes nothing).
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            if chars.peek() == Some(&'[') {
                chars.next();
                // A control sequence ends at its first byte in @…~.
                while let Some(c) = chars.next_if(|c| !('@'..='~').contains(c)) {
                    debug_assert!(!('@'..='~').contains(&c));
                }
                chars.next();
            }
        } else if c == '\t' || !c.is_control() {
            out.push(c);
        }
    }
    out
}

/// The beginning of a body as one printable line of at most `limit` characters, with a mark where it was cut.
pub(crate) fn excerpt(body: &[u8], limit: usize) -> String {
    // Four bytes hold any character: no more of a large body is looked at than can be shown.
    let seen = &body[..body.len().min(limit.saturating_mul(4))];
    let text = String::from_utf8_lossy(seen);
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = printable(&words.join(" "));
    if line.is_empty() {
        return "(empty body)".into();
    }
    let cut: String = line.chars().take(limit).collect();
    if cut.len() < line.len() || seen.len() < body.len() {
        format!("{cut} …")
    } else {
        cut
    }
}

/// The candidate that resembles `wanted` most, if any does (at least 70 % by Jaro-Winkler).
pub(crate) fn nearest<'a>(
    wanted: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(wanted, c), c))
        .filter(|(likeness, _)| *likeness >= 0.7)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}

/// Whether a name (of an option or a variable) says that its value is a secret.
pub fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('_', "-");
    let name = name.trim_start_matches('-');
    // `--tokenizer`, `--max-tokens` and `--keyword` are no secrets: the word must stand alone.
    name.split('-').any(|word| {
        matches!(
            word,
            "key" | "apikey" | "token" | "secret" | "password" | "passwd" | "credentials"
        )
    })
}

/// A command line for people: arguments with blanks are quoted, values of secret options and what looks like a key are
/// masked.
pub(crate) fn command_line(program: &OsStr, args: &[OsString]) -> String {
    let mut out = quoted(&program.to_string_lossy());
    let mut mask_next = false;
    for arg in args {
        let arg = arg.to_string_lossy();
        out.push(' ');
        if std::mem::take(&mut mask_next) && !arg.starts_with('-') {
            out.push_str("***");
            continue;
        }
        match arg.split_once('=') {
            Some((name, _)) if name.starts_with('-') && names_secret(name) => {
                out.push_str(&quoted(&format!("{name}=***")));
            }
            _ => {
                mask_next = arg.starts_with('-') && names_secret(&arg);
                out.push_str(&quoted(&arg));
            }
        }
    }
    crate::mask::without_keys(&out)
}

fn quoted(word: &str) -> String {
    let word = printable(word);
    let plain = !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || "-_./:=,@%+".contains(c));
    if plain {
        word
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// A duration as people say it: milliseconds below one second.
pub(crate) fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_control_characters_are_dropped() {
        assert_eq!(printable("\u{1b}[1;31mred\u{1b}[0m\tx\u{7}\r"), "red\tx");
        assert_eq!(printable("cut \u{1b}["), "cut ");
        assert_eq!(printable("cut \u{1b}"), "cut ");
    }

    #[test]
    fn an_excerpt_is_one_bounded_line() {
        assert_eq!(excerpt(b"a\r\n  b\tc", 10), "a b c");
        assert_eq!(excerpt("äöü".as_bytes(), 2), "äö …");
        assert_eq!(excerpt(b"", 10), "(empty body)");
        assert_eq!(excerpt(&[b'x'; 100], 5), "xxxxx …");
    }

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("prot", ["host", "port", "model"]), Some("port"));
        assert_eq!(nearest("zzz", ["host", "port"]), None);
    }

    #[test]
    fn values_of_secret_options_are_masked() {
        let args = [
            "--api-key",
            "s3",
            "--hf-token=abc",
            "--max-tokens",
            "3",
            "a b",
        ];
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        assert_eq!(
            command_line(OsStr::new("vllm"), &args),
            "vllm --api-key *** '--hf-token=***' --max-tokens 3 'a b'"
        );
        assert!(!names_secret("--tokenizer"));
        assert!(names_secret("HF_TOKEN"));
    }
}
