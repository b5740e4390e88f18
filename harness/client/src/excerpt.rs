//! Pieces of text for error messages: a place in a body, and a length of time.

use std::time::Duration;

/// A length of time for people.
pub(crate) fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

/// The length of an excerpt of a body, in characters, on either side of the place it shows.
const EXCERPT: usize = 160;

/// One line of a body around byte `at`, for an error message. Control characters are escaped.
pub(crate) fn excerpt(body: &[u8], at: usize) -> String {
    if body.is_empty() {
        return "(empty)".into();
    }
    let from = at.min(body.len()).saturating_sub(EXCERPT);
    let to = at.saturating_add(EXCERPT).min(body.len());
    let text: String = String::from_utf8_lossy(&body[from..to])
        .chars()
        .flat_map(|letter| {
            if letter.is_control() {
                letter.escape_default().collect::<Vec<_>>()
            } else {
                vec![letter]
            }
        })
        .collect();
    format!(
        "{}{text}{} ({} bytes in all)",
        if from > 0 { "..." } else { "" },
        if to < body.len() { "..." } else { "" },
        body.len()
    )
}

/// The byte at which `serde_json` gave up.
pub(crate) fn position(body: &[u8], error: &serde_json::Error) -> usize {
    let before: usize = body
        .split_inclusive(|byte| *byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    before + error.column().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_shows_the_place_and_escapes_what_a_terminal_would_obey() {
        let body = [
            vec![b'a'; 1000],
            b"\x1b[31mHERE\n".to_vec(),
            vec![b'b'; 1000],
        ]
        .concat();
        let text = excerpt(&body, 1005);
        assert!(
            text.contains("\\u{1b}[31mHERE\\n") && text.len() < 500,
            "{text}"
        );
        assert_eq!(excerpt(b"", 0), "(empty)");
        assert!(excerpt("日本語".as_bytes(), usize::MAX).contains("bytes in all"));
    }
}
