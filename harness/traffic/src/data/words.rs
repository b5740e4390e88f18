//! Random text of a known number of words.
//!
//! Promise: text of `n` words from a list of short, common English words. Of those nearly every tokenizer that was trained on English has each, with
//! the space before it, as one token, so that `n` words are about `n` tokens; what they really were, the server's usage says. Rejected: a
//! tokenizer (every model has its own, and they are tens of megabytes), and random token numbers (they decode to what is encoded otherwise).

use super::draw::Draw;

const WORDS: [&str; 190] = [
    "the", "and", "for", "are", "but", "not", "you", "all", "can", "had", "her", "was", "one",
    "our", "out", "day", "get", "has", "him", "his", "how", "man", "new", "now", "old", "see",
    "two", "way", "who", "boy", "did", "its", "let", "put", "say", "she", "too", "use", "air",
    "arm", "art", "bad", "bag", "bed", "big", "box", "bus", "buy", "car", "cat", "cup", "cut",
    "dog", "dry", "ear", "eat", "egg", "end", "eye", "far", "few", "fit", "fly", "fun", "gas",
    "gun", "hat", "hit", "hot", "ice", "job", "key", "kid", "law", "leg", "lie", "lot", "low",
    "map", "mix", "net", "oil", "pay", "pen", "red", "run", "sea", "set", "sit", "six", "sky",
    "son", "sun", "tax", "tea", "ten", "top", "toy", "war", "win", "year", "work", "back", "call",
    "came", "come", "each", "even", "find", "give", "good", "hand", "have", "here", "high", "home",
    "into", "just", "keep", "kind", "know", "last", "left", "life", "like", "line", "live", "long",
    "look", "made", "make", "many", "more", "most", "move", "much", "must", "name", "need", "next",
    "once", "only", "open", "over", "part", "play", "read", "same", "seem", "show", "side", "some",
    "such", "take", "tell", "than", "that", "them", "then", "they", "this", "time", "turn", "very",
    "want", "well", "went", "were", "what", "when", "will", "with", "word", "your", "about",
    "after", "again", "could", "every", "first", "found", "great", "house", "large", "never",
    "other", "place", "point", "right", "small",
];

/// `count` words, one space between each two.
pub(super) fn text(draw: &mut Draw, count: u32) -> String {
    let mut text = String::with_capacity(count as usize * 5);
    for index in 0..count {
        if index > 0 {
            text.push(' ');
        }
        text.push_str(WORDS[draw.below(WORDS.len())]);
    }
    text
}

/// How many words a text has.
pub(super) fn count(text: &str) -> u32 {
    u32::try_from(text.split_whitespace().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_have_their_words_and_every_word_once_in_the_list() {
        for length in [0, 1, 17, 1000] {
            assert_eq!(count(&text(&mut Draw::of(1, 1), length)), length);
        }
        let mut words = WORDS.to_vec();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), WORDS.len());
    }
}
