//! Text made comparable: what sounds alike is written alike.
//!
//! Rejected: one rule for every language. Spaces mean nothing in Chinese, and letters without their marks are other
//! letters in most languages, but not in English.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::UnicodeNormalization as _;

use crate::text::{numbers, spellings};

/// By which rules text is made comparable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normaliser {
    /// English, after Whisper's rules: lower case, no fillers, no contractions, numbers in digits, American spelling,
    /// no marks.
    English,
    /// Any language with spaces: lower case, no symbols, single spaces.
    Basic,
    /// Chinese, Japanese and Thai: as the basic rules, and without spaces. Count characters, not words.
    Unspaced,
}

impl Normaliser {
    /// The rules for a language by its code (`en`, `zh-CN`, `de`).
    pub fn for_language(code: &str) -> Self {
        match code
            .split(['-', '_'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "en" => Self::English,
            "zh" | "ja" | "th" | "yue" | "lo" | "my" | "km" => Self::Unspaced,
            _ => Self::Basic,
        }
    }

    /// The text by these rules.
    pub fn apply(self, text: &str) -> String {
        match self {
            Self::English => english(text),
            Self::Basic => collapse(&basic(text)),
            Self::Unspaced => basic(text).split_whitespace().collect(),
        }
    }
}

fn collapse(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this file")
}

/// Asides in brackets are no speech.
fn without_asides(text: &str) -> String {
    static BRACKETS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[<\[][^>\]]*[>\]]"));
    static PARENTHESES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\([^)]+?\)"));
    PARENTHESES
        .replace_all(&BRACKETS.replace_all(text, ""), "")
        .into_owned()
}

fn basic(text: &str) -> String {
    static MARKS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{M}\p{S}\p{P}]"));
    let text: String = without_asides(&text.to_lowercase()).nfkc().collect();
    MARKS.replace_all(&text, " ").to_lowercase()
}

const CONTRACTIONS: [(&str, &str); 49] = [
    (r"\bwon't\b", "will not"),
    (r"\bcan't\b", "can not"),
    (r"\blet's\b", "let us"),
    (r"\bain't\b", "aint"),
    (r"\by'all\b", "you all"),
    (r"\bwanna\b", "want to"),
    (r"\bgotta\b", "got to"),
    (r"\bgonna\b", "going to"),
    (r"\bi'ma\b", "i am going to"),
    (r"\bimma\b", "i am going to"),
    (r"\bwoulda\b", "would have"),
    (r"\bcoulda\b", "could have"),
    (r"\bshoulda\b", "should have"),
    (r"\bma'am\b", "madam"),
    (r"\bmr\b", "mister "),
    (r"\bmrs\b", "missus "),
    (r"\bst\b", "saint "),
    (r"\bdr\b", "doctor "),
    (r"\bprof\b", "professor "),
    (r"\bcapt\b", "captain "),
    (r"\bgov\b", "governor "),
    (r"\bald\b", "alderman "),
    (r"\bgen\b", "general "),
    (r"\bsen\b", "senator "),
    (r"\brep\b", "representative "),
    (r"\bpres\b", "president "),
    (r"\brev\b", "reverend "),
    (r"\bhon\b", "honorable "),
    (r"\basst\b", "assistant "),
    (r"\bassoc\b", "associate "),
    (r"\blt\b", "lieutenant "),
    (r"\bcol\b", "colonel "),
    (r"\bjr\b", "junior "),
    (r"\bsr\b", "senior "),
    (r"\besq\b", "esquire "),
    (r"'d been\b", " had been"),
    (r"'s been\b", " has been"),
    (r"'d gone\b", " had gone"),
    (r"'s gone\b", " has gone"),
    (r"'d done\b", " had done"),
    (r"'s got\b", " has got"),
    (r"n't\b", " not"),
    (r"'re\b", " are"),
    (r"'s\b", " is"),
    (r"'d\b", " would"),
    (r"'ll\b", " will"),
    (r"'t\b", " not"),
    (r"'ve\b", " have"),
    (r"'m\b", " am"),
];

fn english(text: &str) -> String {
    static FILLER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b(hmm|mm|mhm|mmm|uh|um)\b"));
    static APOSTROPHE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\s+'"));
    static SPOKEN: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        CONTRACTIONS
            .iter()
            .map(|(from, to)| (pattern(from), *to))
            .collect()
    });
    static THOUSANDS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d),(\d)"));
    static FULL_STOP: LazyLock<Regex> = LazyLock::new(|| pattern(r"\.([^0-9]|$)"));
    static LONE_SIGN: LazyLock<Regex> = LazyLock::new(|| pattern(r"[.$¢€£]([^0-9])"));
    static LONE_PERCENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"([^0-9])%"));
    let text = without_asides(&text.to_lowercase());
    let text = FILLER.replace_all(&text, "");
    let mut text = APOSTROPHE.replace_all(&text, "'").into_owned();
    for (from, to) in SPOKEN.iter() {
        if let Cow::Owned(changed) = from.replace_all(&text, *to) {
            text = changed;
        }
    }
    let text = THOUSANDS.replace_all(&text, "$1$2");
    let text = FULL_STOP.replace_all(&text, " $1");
    let text = numbers::digits(&without_marks(&text));
    let american = |w: &str| spellings::american(w).unwrap_or_else(|| w.to_owned());
    let text = text
        .split_whitespace()
        .map(american)
        .collect::<Vec<_>>()
        .join(" ");
    let text = LONE_SIGN.replace_all(&text, " $1");
    collapse(&LONE_PERCENT.replace_all(&text, "$1 "))
}

/// Letters without their marks, symbols as spaces; what belongs to numbers stays.
fn without_marks(text: &str) -> String {
    static ACCENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\p{Mn}"));
    static MARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"[[\p{M}\p{S}\p{P}]--[.%$¢€£]]"));
    let mut spelt = String::with_capacity(text.len());
    for c in text.nfkd() {
        match c {
            'œ' => spelt.push_str("oe"),
            'æ' => spelt.push_str("ae"),
            'ß' => spelt.push_str("ss"),
            'þ' => spelt.push_str("th"),
            'ø' => spelt.push('o'),
            'đ' | 'ð' => spelt.push('d'),
            'ł' => spelt.push('l'),
            c => spelt.push(c),
        }
    }
    let text = ACCENT.replace_all(&spelt, "");
    MARK.replace_all(&text, " ").into_owned()
}
