//! What the words of a spoken number mean, each by itself.

const ONES: [&str; 19] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];
const POWERS: [&str; 12] = [
    "hundred",
    "thousand",
    "million",
    "billion",
    "trillion",
    "quadrillion",
    "quintillion",
    "sextillion",
    "septillion",
    "octillion",
    "nonillion",
    "decillion",
];

/// What a word is to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Zero,
    One(i128),
    OneWith(i128, &'static str),
    Ten(i128),
    TenWith(i128, &'static str),
    Power(i128),
    PowerWith(i128, &'static str),
    SignBefore(char),
    UnitAfter(char),
    Per,
    Percent,
    And,
    Times(usize),
    Point,
}

/// What a word of lower case is to a number, if anything.
pub(crate) fn word(text: &str) -> Option<Word> {
    let place =
        |words: &[&str], text: &str| words.iter().position(|w| *w == text).map(|i| i as i128);
    let power = |i: i128| if i == 0 { 100 } else { 1000_i128.pow(i as u32) };
    let found = match text {
        "o" | "oh" | "zero" => Word::Zero,
        "minus" | "negative" => Word::SignBefore('-'),
        "plus" | "positive" => Word::SignBefore('+'),
        "pound" | "pounds" => Word::UnitAfter('£'),
        "euro" | "euros" => Word::UnitAfter('€'),
        "dollar" | "dollars" => Word::UnitAfter('$'),
        "cent" | "cents" => Word::UnitAfter('¢'),
        "per" => Word::Per,
        "percent" => Word::Percent,
        "and" => Word::And,
        "double" => Word::Times(2),
        "triple" => Word::Times(3),
        "point" => Word::Point,
        "zeroth" => Word::OneWith(0, "th"),
        "first" => Word::OneWith(1, "st"),
        "second" => Word::OneWith(2, "nd"),
        "third" => Word::OneWith(3, "rd"),
        "fifth" => Word::OneWith(5, "th"),
        "twelfth" => Word::OneWith(12, "th"),
        "sixes" => Word::OneWith(6, "s"),
        _ => {
            if let Some(i) = place(&ONES, text) {
                return Some(Word::One(i + 1));
            }
            if let Some(i) = place(&TENS, text) {
                return Some(Word::Ten(10 * (i + 2)));
            }
            if let Some(i) = place(&POWERS, text) {
                return Some(Word::Power(power(i)));
            }
            // `ninth` is none of them: the rule that is followed here builds `nineth`.
            let ordinal = text
                .strip_suffix("th")
                .or_else(|| text.strip_suffix('h').filter(|t| t.ends_with('t')));
            if let Some(i) = ordinal
                .and_then(|t| place(&ONES, t))
                .filter(|i| *i > 2 && ![4, 11].contains(i))
            {
                return Some(Word::OneWith(i + 1, "th"));
            }
            let plural = text.strip_suffix('s');
            if let Some(i) = plural.and_then(|t| place(&ONES, t)).filter(|i| *i != 5) {
                return Some(Word::OneWith(i + 1, "s"));
            }
            let stem = |suffix: &str| text.strip_suffix(suffix).map(|t| format!("{t}y"));
            if let Some(i) = stem("ies").and_then(|t| place(&TENS, &t)) {
                return Some(Word::TenWith(10 * (i + 2), "s"));
            }
            if let Some(i) = stem("ieth").and_then(|t| place(&TENS, &t)) {
                return Some(Word::TenWith(10 * (i + 2), "th"));
            }
            if let Some(i) = plural.and_then(|t| place(&POWERS, t)) {
                return Some(Word::PowerWith(power(i), "s"));
            }
            return text
                .strip_suffix("th")
                .and_then(|t| place(&POWERS, t))
                .map(|i| Word::PowerWith(power(i), "th"));
        }
    };
    Some(found)
}
