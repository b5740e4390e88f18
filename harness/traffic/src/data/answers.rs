//! Answers in later turns of their conversation.
//!
//! Promise: a later turn holds what was answered before, however conversations interleave. Its body is made at once, with a mark where an answer
//! belongs; once that is there, the mark is replaced. Rejected: making the body when its turn comes (a minute of sound would be kept as long).

use std::collections::BTreeMap;

use serde_json::Value;

use super::draw::Draw;

/// Conversations of which answers are kept at once. Beyond it the oldest is given up: it was not gone on with.
const MOST_KEPT: usize = 1 << 16;
/// Bytes of an answer that a later turn holds.
const LONGEST_ANSWER: usize = 1 << 18;

/// What was answered in conversations that go on.
pub(super) struct Answers {
    /// What no text holds by chance.
    mark: String,
    kept: BTreeMap<u64, Vec<String>>,
}

impl Answers {
    pub fn new(seed: u64) -> Self {
        let mark = format!("tribunal{:016x}", Draw::of(seed, u64::MAX).bits());
        Self {
            mark,
            kept: BTreeMap::new(),
        }
    }

    /// What stands for the answer to a turn, of so many.
    pub fn place(&self, conversation: u64, turn: usize, turns: usize) -> String {
        format!("{}.{conversation}.{turn}.{turns};", self.mark)
    }

    /// The JSON with its answers in their places; the newest is `text`. `None` where it has none.
    pub fn fill(&mut self, body: &str, text: &str) -> Option<String> {
        let mut pieces = body.split(&self.mark);
        let mut filled = pieces.next().unwrap_or_default().to_owned();
        let places: Vec<(Place, &str)> = pieces.filter_map(Place::read).collect();
        let newest = places
            .iter()
            .map(|(place, _)| *place)
            .max_by_key(|place| place.turn)?;
        let answers = self.kept.entry(newest.conversation).or_default();
        answers.resize(newest.turn, String::new());
        answers.push(cut(text).to_owned());
        for (place, rest) in places {
            let answer = answers.get(place.turn).map_or("", String::as_str);
            let escaped = Value::String(answer.to_owned()).to_string();
            filled.push_str(&escaped[1..escaped.len() - 1]);
            filled.push_str(rest);
        }
        if newest.turn + 2 >= newest.turns {
            self.kept.remove(&newest.conversation);
        }
        while self.kept.len() > MOST_KEPT {
            self.kept.pop_first();
        }
        Some(filled)
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(LONGEST_ANSWER);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Where an answer belongs: of which conversation, of which turn, of how many.
#[derive(Clone, Copy)]
struct Place {
    conversation: u64,
    turn: usize,
    turns: usize,
}

impl Place {
    /// From what follows a mark; with what follows the place.
    fn read(text: &str) -> Option<(Self, &str)> {
        let (place, rest) = text.strip_prefix('.')?.split_once(';')?;
        let mut numbers = place.split('.');
        let conversation = numbers.next()?.parse().ok()?;
        let turn = numbers.next()?.parse().ok()?;
        let turns = numbers.next()?.parse().ok()?;
        Some((
            Self {
                conversation,
                turn,
                turns,
            },
            rest,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conversations_that_end_or_are_given_up_are_not_kept() {
        let mut answers = Answers::new(1);
        for conversation in 0..3 {
            let body = format!("\"{}\"", answers.place(conversation, 0, 3));
            assert_eq!(answers.fill(&body, "a\"b"), Some("\"a\\\"b\"".to_owned()));
        }
        assert_eq!(answers.kept.len(), 3);
        let last = format!("{}{}", answers.place(1, 0, 3), answers.place(1, 1, 3));
        assert_eq!(answers.fill(&last, "c"), Some("a\\\"bc".to_owned()));
        assert_eq!(answers.kept.keys().copied().collect::<Vec<_>>(), [0, 2]);
        for conversation in 0..MOST_KEPT as u64 + 10 {
            let body = answers.place(conversation, 0, 3);
            answers.fill(&body, "x");
        }
        assert_eq!(answers.kept.len(), MOST_KEPT);
        assert_eq!(answers.fill("no place here", "x"), None);
        assert_eq!(cut(&"ü".repeat(LONGEST_ANSWER)).len(), LONGEST_ANSWER);
    }
}
