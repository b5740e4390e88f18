//! Where a part of a value stands in the file.
//!
//! A folded command is one value of YAML over forty lines; a mistake in it is on one of them. Promise: the place is that of the very characters, or of the whole
//! value where that cannot be told (an alias, a text with escapes). Rejected: searching for the word (the same word stands in several lines).

use std::ops::Range;

use tribunal_deploy::tree::{Node, Place, Sources};

/// Leads from bytes of a value to bytes of the file.
pub(crate) struct Locator {
    whole: Place,
    /// Of each character that is no blank: its byte in the value and in the file.
    steps: Vec<(usize, usize)>,
}

impl Locator {
    pub fn of(sources: &Sources, node: &Node) -> Locator {
        let text = node.text().unwrap_or_default();
        Locator {
            whole: node.at,
            steps: steps(sources, node.at, text).unwrap_or_default(),
        }
    }

    /// The place of some bytes of the value.
    pub fn place(&self, range: &Range<usize>) -> Place {
        let first = self.steps.iter().find(|(value, _)| *value >= range.start);
        let last = self
            .steps
            .iter()
            .rev()
            .find(|(value, _)| *value < range.end);
        match (first, last) {
            (Some((_, start)), Some((_, end))) if start <= end => Place {
                start: *start,
                end: end + 1,
                ..self.whole
            },
            _ => self.whole,
        }
    }
}

fn steps(sources: &Sources, at: Place, text: &str) -> Option<Vec<(usize, usize)>> {
    let source = sources.text(at.source);
    let raw = source.get(at.start..)?;
    let quote = raw.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let head = match raw.chars().next()? {
        // The head of a block says how its lines are joined.
        '>' | '|' => raw.find('\n')?,
        '\'' | '"' => 1,
        _ => 0,
    };
    let mut raw = raw
        .char_indices()
        .skip_while(|(offset, _)| *offset < head)
        .peekable();
    let mut steps = Vec::new();
    for (value, c) in text.char_indices() {
        if c.is_whitespace() {
            continue;
        }
        let (offset, found) = raw.find(|(_, c)| !c.is_whitespace())?;
        let found = match (quote, found) {
            (Some('\''), '\'') | (Some('"'), '\\') => raw.next()?.1,
            (_, found) => found,
        };
        if found != c {
            return None;
        }
        steps.push((value, at.start + offset));
    }
    Some(steps)
}
