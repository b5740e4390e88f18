//! Spoken numbers as digits, after the rules of Whisper's normaliser for English: `twenty one` is `21`, `two point five
//! million dollars` is `$2500000`, `double o seven` is `007`.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::text::number_words::{Word, word};

/// What has been gathered of a number: its value, or digits in the order in which they were said.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Number(i128),
    Digits(String),
}

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Number(n) => n.to_string(),
            Self::Digits(d) => d.clone(),
        }
    }
}

/// Spoken numbers in lower-case text as digits.
pub(crate) fn digits(text: &str) -> String {
    let text = prepare(text);
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut teller = Teller {
        out: Vec::new(),
        prefix: None,
        value: None,
    };
    let mut i = 0;
    while i < words.len() {
        let previous = if i > 0 { word(words[i - 1]) } else { None };
        let skip = teller.take(previous, words[i], words.get(i + 1).copied());
        i += 1 + usize::from(skip);
    }
    teller.flush();
    finish(&teller.out.join(" "))
}

struct Teller {
    out: Vec<String>,
    prefix: Option<char>,
    value: Option<Value>,
}

impl Teller {
    fn say(&mut self, text: impl Into<String>) {
        let mut said = text.into();
        if let Some(prefix) = self.prefix.take() {
            said.insert(0, prefix);
        }
        self.value = None;
        self.out.push(said);
    }

    fn flush(&mut self) {
        if let Some(value) = self.value.take() {
            self.say(value.text());
        }
    }

    /// Digits after what there is.
    fn append(&mut self, digits: &str) {
        let before = self.value.take().map(|v| v.text()).unwrap_or_default();
        self.value = Some(Value::Digits(before + digits));
    }

    /// One word; whether the next one was used as well.
    fn take(&mut self, previous: Option<Word>, current: &str, next: Option<&str>) -> bool {
        let next_word = next.and_then(word);
        let next_counts = next_word.is_some() || next.is_some_and(is_number);
        let signed = current.starts_with(['-', '+', '£', '€', '$', '¢']);
        let bare = if signed {
            current
                .chars()
                .as_str()
                .split_at(current.chars().next().map_or(0, char::len_utf8))
                .1
        } else {
            current
        };
        if is_number(bare) {
            if let Some(Value::Digits(d)) = &self.value
                && d.ends_with('.')
            {
                self.append(current);
                return false;
            }
            self.flush();
            if signed {
                self.prefix = current.chars().next();
            }
            self.value =
                Some(whole(bare).map_or_else(|| Value::Digits(bare.to_owned()), Value::Number));
            return false;
        }
        let Some(kind) = word(current) else {
            self.flush();
            self.say(current);
            return false;
        };
        match kind {
            Word::Zero => {
                // A zero that was gathered already counts as nothing here.
                if self.value == Some(Value::Number(0)) {
                    self.value = None;
                }
                self.append("0");
            }
            Word::One(n) => self.value = Some(self.with_ones(previous, n)),
            Word::OneWith(n, suffix) => {
                let said = self.with_ones(previous, n).text() + suffix;
                self.say(said);
            }
            Word::Ten(n) => self.value = Some(self.with_tens(n)),
            Word::TenWith(n, suffix) => {
                let said = self.with_tens(n).text() + suffix;
                self.say(said);
            }
            Word::Power(n) => match self.times(n) {
                Some(product) => self.value = Some(product),
                None => {
                    self.flush();
                    self.value = Some(Value::Number(n));
                }
            },
            Word::PowerWith(n, suffix) => match self.times(n) {
                Some(product) => self.say(product.text() + suffix),
                None => {
                    self.flush();
                    self.say(n.to_string() + suffix);
                }
            },
            Word::SignBefore(sign) => {
                self.flush();
                if next_counts {
                    self.prefix = Some(sign);
                } else {
                    self.say(current);
                }
            }
            Word::UnitAfter(unit) => match self.value.take() {
                Some(value) => {
                    self.prefix = Some(unit);
                    self.say(value.text());
                }
                None => self.say(current),
            },
            Word::Percent => match self.value.take() {
                Some(value) => self.say(value.text() + "%"),
                None => self.say(current),
            },
            Word::Per => match self.value.take() {
                Some(value) if next == Some("cent") => {
                    self.say(value.text() + "%");
                    return true;
                }
                Some(value) => {
                    self.say(value.text());
                    self.say(current);
                }
                None => self.say(current),
            },
            Word::And | Word::Times(_) | Word::Point if !next_counts => {
                self.flush();
                self.say(current);
            }
            // `one hundred and two`: the word belongs to the number.
            Word::And if matches!(previous, Some(Word::Power(_))) => {}
            Word::Times(times) if matches!(next_word, Some(Word::One(_) | Word::Zero)) => {
                let digit = if let Some(Word::One(n)) = next_word {
                    n.to_string()
                } else {
                    "0".to_owned()
                };
                self.append(&digit.repeat(times));
                return true;
            }
            Word::And | Word::Times(_) => {
                self.flush();
                self.say(current);
            }
            Word::Point => {
                let decimal = matches!(next_word, Some(Word::One(_) | Word::Ten(_) | Word::Zero));
                if decimal || next.is_some_and(is_number) {
                    self.append(".");
                }
            }
        }
        false
    }

    fn with_ones(&self, previous: Option<Word>, n: i128) -> Value {
        let after_one = matches!(previous, Some(Word::One(_)));
        match &self.value {
            None => Value::Number(n),
            Some(Value::Digits(d)) if matches!(previous, Some(Word::Ten(_))) && n < 10 => {
                Value::Digits(format!("{}{n}", d.strip_suffix('0').unwrap_or(d)))
            }
            Some(Value::Number(v)) if !after_one && v % (if n < 10 { 10 } else { 100 }) == 0 => v
                .checked_add(n)
                .map_or_else(|| Value::Digits(format!("{v}{n}")), Value::Number),
            Some(value) => Value::Digits(value.text() + &n.to_string()),
        }
    }

    fn with_tens(&self, n: i128) -> Value {
        match &self.value {
            None => Value::Number(n),
            Some(Value::Number(v)) if v % 100 == 0 => v
                .checked_add(n)
                .map_or_else(|| Value::Digits(format!("{v}{n}")), Value::Number),
            Some(value) => Value::Digits(value.text() + &n.to_string()),
        }
    }

    /// What has been gathered, times a power of ten; `None` where that makes no whole number.
    fn times(&self, power: i128) -> Option<Value> {
        match &self.value {
            None => Some(Value::Number(power)),
            Some(Value::Number(v)) if *v != 0 => {
                let thousands = v / 1000 * 1000;
                (v % 1000)
                    .checked_mul(power)?
                    .checked_add(thousands)
                    .map(Value::Number)
            }
            Some(value) => {
                let text = value.text();
                let (before, after) = text.split_once('.').unwrap_or((&text, ""));
                let all = format!("{before}{after}");
                if after.contains('.') || all.is_empty() || after.len() > 30 {
                    return None;
                }
                let product = all.parse::<i128>().ok()?.checked_mul(power)?;
                let divisor = 10_i128.checked_pow(after.len() as u32)?;
                (product % divisor == 0).then(|| Value::Number(product / divisor))
            }
        }
    }
}

/// `12` and `1.5`, and nothing else.
fn is_number(text: &str) -> bool {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    [whole, part]
        .iter()
        .all(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()))
}

/// The value of a number that has no fraction worth the name.
fn whole(text: &str) -> Option<i128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.bytes().all(|b| b == b'0') {
        whole.parse().ok()
    } else {
        None
    }
}

fn prepare(text: &str) -> String {
    static HALF: LazyLock<Regex> = LazyLock::new(|| pattern(r"\band\s+a\s+half\b"));
    static LETTER_DIGIT: LazyLock<Regex> = LazyLock::new(|| pattern(r"([a-z])([0-9])"));
    static DIGIT_LETTER: LazyLock<Regex> = LazyLock::new(|| pattern(r"([0-9])([a-z])"));
    static ENDING: LazyLock<Regex> = LazyLock::new(|| pattern(r"([0-9])\s+(st|nd|rd|th|s)\b"));
    let parts: Vec<&str> = HALF.split(text).collect();
    let mut out: Vec<&str> = Vec::new();
    for (i, part) in parts
        .iter()
        .enumerate()
        .filter(|(_, p)| !p.trim().is_empty())
    {
        out.push(part);
        if i + 1 < parts.len() {
            let last = part.split_whitespace().next_back().and_then(word);
            let number = matches!(
                last,
                Some(Word::Zero | Word::One(_) | Word::Ten(_) | Word::Power(_))
            );
            out.push(if number { "point five" } else { "and a half" });
        }
    }
    let text = out.join(" ");
    let text = LETTER_DIGIT.replace_all(&text, "$1 $2");
    let text = DIGIT_LETTER.replace_all(&text, "$1 $2");
    ENDING.replace_all(&text, "$1$2").into_owned()
}

fn finish(text: &str) -> String {
    static CENTS: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"([€£$])([0-9]+) (?:and )?¢([0-9]{1,2})\b"));
    static ONLY_CENTS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[€£$]0.([0-9]{1,2})\b"));
    static ONE: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b1(s?)\b"));
    let number = |c: &Captures<'_>, i: usize| c[i].parse::<u32>().unwrap_or(0);
    let text = CENTS.replace_all(text, |c: &Captures<'_>| {
        format!("{}{}.{:02}", &c[1], &c[2], number(c, 3))
    });
    let text = ONLY_CENTS.replace_all(&text, |c: &Captures<'_>| format!("¢{}", number(c, 1)));
    ONE.replace_all(&text, "one$1").into_owned()
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a pattern of this file")
}
