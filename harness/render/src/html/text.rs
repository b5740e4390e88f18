//! Text from outside, as a page may show it.
//!
//! Promise: what comes out is of bounded length and has no characters that change how others are read: no terminal sequences, no controls, no
//! overrides of the writing direction; each of them is shown by a visible stand-in, so that nothing disappears. In a `<script>` block it can end neither the block
//! nor begin a comment.
//!
//! Rejected: escaping in the script of the page (one forgotten place would do), and dropping what is odd (it is often the finding).

use std::fmt::Write as _;
use std::io;

use serde::Serialize;
use serde_json::ser::{CompactFormatter, Formatter};

/// Where a text that is too long is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Its end goes.
    End,
    /// Its beginning goes: of a log, what counts is the end.
    Start,
    /// Its middle goes.
    Middle,
}

/// The text as it may be shown, `most` bytes of it.
pub(crate) fn shown(text: &str, most: usize, cut: Cut) -> String {
    if text.len() <= most {
        return clean(text);
    }
    let (head, tail) = match cut {
        Cut::End => (most, 0),
        Cut::Start => (0, most),
        Cut::Middle => (most / 2, most / 2),
    };
    let head = &text[..floor(text, head)];
    let tail = &text[ceil(text, text.len() - tail)..];
    let gone = text.len() - head.len() - tail.len();
    let mut out = clean(head);
    if !head.is_empty() {
        out.push('\n');
    }
    let _ = write!(out, "[… {gone} bytes left out …]");
    if !tail.is_empty() {
        out.push('\n');
    }
    out += &clean(tail);
    out
}

/// One line of it.
pub(crate) fn first_line(text: &str, most: usize) -> String {
    let line = text.lines().find(|line| !line.trim().is_empty());
    let line = line.unwrap_or_default().trim();
    match line.len() > most {
        true => clean(&line[..floor(line, most)]) + "…",
        false => clean(line),
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn ceil(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at += 1;
    }
    at
}

fn clean(text: &str) -> String {
    let plain = |c: char| !is_odd(c);
    if text.chars().all(plain) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if plain(c) => out.push(c),
            '\u{1b}' if chars.peek() == Some(&'[') => {
                chars.next();
                // Parameters, then one letter. What is no such sequence has lost its first two characters, which nobody can see anyway.
                while chars.next_if(|c| matches!(c, ' '..='?')).is_some() {}
                chars.next_if(|c| matches!(c, '@'..='~'));
            }
            '\r' if chars.peek() == Some(&'\n') => {}
            '\0'..='\u{1f}' => out.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => out.push('\u{2421}'),
            c => {
                let _ = write!(out, "‹U+{:04X}›", u32::from(c));
            }
        }
    }
    out
}

/// Controls, and what changes the direction or the order of others.
fn is_odd(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        c if c.is_control() => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        // Lines and paragraphs of their own, and what marks the order of bytes.
        '\u{2028}' | '\u{2029}' | '\u{feff}' => true,
        _ => false,
    }
}

/// JSON that may stand in a `<script>` block: `<`, `>` and `&` are escaped in all strings, and stand nowhere else in JSON.
pub(crate) fn json_block(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    let mut to = serde_json::Serializer::with_formatter(&mut out, InScript(CompactFormatter));
    // Only maps with keys that are no strings cannot be written, and a writer that fails; there are none.
    if value.serialize(&mut to).is_err() {
        return "null".to_owned();
    }
    String::from_utf8(out).unwrap_or_else(|_| "null".to_owned())
}

/// How long [`json_block`] will be.
pub(crate) fn block_length(value: &impl Serialize) -> usize {
    struct Counted(usize);
    impl io::Write for Counted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counted = Counted(0);
    let mut to = serde_json::Serializer::with_formatter(&mut counted, InScript(CompactFormatter));
    // What cannot be written is short.
    let _ = value.serialize(&mut to);
    counted.0
}

struct InScript(CompactFormatter);

impl Formatter for InScript {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        to: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}']) {
            let (before, from) = rest.split_at(at);
            to.write_all(before.as_bytes())?;
            let mut chars = from.chars();
            let c = chars.next().unwrap_or_default();
            write!(to, "\\u{:04x}", u32::from(c))?;
            rest = chars.as_str();
        }
        to.write_all(rest.as_bytes())
    }
}

/// Text between tags.
pub(crate) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_script_block() {
        let text = json_block(&["</script><!--<script>", "a & b \u{2028}", "\"\\"]);
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        let back: Vec<String> = serde_json::from_str(&text).unwrap();
        assert_eq!(back, ["</script><!--<script>", "a & b \u{2028}", "\"\\"]);
    }

    #[test]
    fn what_cannot_be_seen_is_shown() {
        let text = clean("a\0b\u{1b}[31;1mred\u{1b}[0m\u{202e}txt\u{7f}\u{9b}\r\nnext\rback");
        assert_eq!(text, "a␀bred‹U+202E›txt␡‹U+009B›\nnext␍back");
        assert_eq!(clean("plain\n\tשלום 日本"), "plain\n\tשלום 日本");
        assert_eq!(clean("\u{1b}["), "");
        assert_eq!(clean("\u{1b}]0;title"), "␛]0;title");
    }

    #[test]
    fn a_long_text_says_how_much_of_it_is_gone() {
        let text = "é".repeat(50);
        assert_eq!(
            shown(&text, 5, Cut::End),
            "éé\n[… 96 bytes left out …]",
            "no character is cut in two"
        );
        assert_eq!(shown(&text, 5, Cut::Start), "[… 96 bytes left out …]\néé");
        assert_eq!(
            shown(&text, 4, Cut::Middle),
            "é\n[… 96 bytes left out …]\né"
        );
        assert_eq!(shown(&text, 100, Cut::End), text);
        assert_eq!(first_line("\n  ab\ncd", 10), "ab");
        assert_eq!(first_line("éééé", 3), "é…");
    }
}
