//! Whether what was heard is what was to be said: wrong words and characters after both texts were made comparable, and vLLM-Omni's
//! cosine beside them.
//!
//! Rejected: one figure for all lengths. One misheard word of two is half of a short text, and says nothing.

use tribunal_media::{Errors, Normaliser, vllm_omni};

use crate::bench::Bench;
use crate::expectations::Similarity;
use crate::verdict::{RuleResult, quoted};

/// Texts of fewer words are held to the rule for short ones.
const SHORT_WORDS: usize = 4;
/// The same for languages without spaces, in characters.
const SHORT_CHARACTERS: usize = 8;
/// Where vLLM-Omni begins to call a text short, in characters.
const SHORT_VLLM_OMNI: usize = 15;

/// Two texts, compared.
pub(crate) struct Agreement {
    normaliser: Normaliser,
    expected: String,
    heard: String,
    words: Errors,
    characters: Errors,
    similarity: f64,
    /// The two texts as vLLM-Omni makes them comparable.
    theirs: (String, String),
}

/// The rules by which a language's texts are made comparable. Where nobody named it, the writing decides between the languages that
/// have no spaces and English, in which nearly all prompts of tests are.
pub(crate) fn normaliser(language: Option<&str>, text: &str) -> Normaliser {
    match language {
        Some(code) => Normaliser::for_language(code),
        None if text.chars().any(|c| matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{E00}'..='\u{E7F}')) => Normaliser::Unspaced,
        None if text.is_ascii() => Normaliser::English,
        None => Normaliser::Basic,
    }
}

impl Agreement {
    pub fn of(expected: &str, heard: &str, language: Option<&str>) -> Result<Self, String> {
        let normaliser = normaliser(language, expected);
        let (reference, hypothesis) = (normaliser.apply(expected), normaliser.apply(heard));
        let fails = |error: tribunal_media::MediaError| error.to_string();
        Ok(Self {
            normaliser,
            words: Errors::of_words(&reference, &hypothesis).map_err(fails)?,
            characters: Errors::of_characters(&reference, &hypothesis).map_err(fails)?,
            expected: reference,
            heard: hypothesis,
            similarity: vllm_omni::similarity(expected, heard),
            theirs: (
                vllm_omni::preprocess(expected),
                vllm_omni::preprocess(heard),
            ),
        })
    }

    fn spaced(&self) -> bool {
        self.normaliser != Normaliser::Unspaced
    }

    fn short(&self) -> bool {
        match self.spaced() {
            true => self.expected.split_whitespace().count() < SHORT_WORDS,
            false => self.expected.chars().count() < SHORT_CHARACTERS,
        }
    }

    /// The expected words are there, in one piece, with at most this many more around them.
    fn contained(&self, extra: usize) -> bool {
        if !self.spaced() {
            let (expected, heard) = (self.expected.chars().count(), self.heard.chars().count());
            return expected > 0
                && heard <= expected + extra
                && self.heard.contains(&self.expected);
        }
        let (expected, heard) = (words(&self.expected), words(&self.heard));
        !expected.is_empty()
            && heard.len() <= expected.len() + extra
            && heard
                .windows(expected.len())
                .any(|window| window == expected)
    }

    /// Passes by wrong words and characters; the threshold in words.
    fn by_rates(&self, bench: &Bench) -> (bool, String) {
        let rate = |errors: &Errors| errors.rate().unwrap_or(f64::INFINITY);
        if self.short() {
            let cer = bench.limit("short_cer");
            let passes = rate(&self.characters) <= cer.value || self.contained(2);
            return (
                passes,
                format!("CER at most {cer}, or the text with at most 2 words more"),
            );
        }
        let (wer, cer) = (bench.limit("wer"), bench.limit("cer"));
        let by_words = self.spaced() && rate(&self.words) <= wer.value;
        let passes = by_words
            || rate(&self.characters) <= cer.value
            || self.spaced() && tail(&words(&self.expected), &words(&self.heard));
        let words = if self.spaced() {
            format!("WER at most {wer} or ")
        } else {
            String::new()
        };
        (passes, format!("{words}CER at most {cer}"))
    }

    /// As vLLM-Omni gates: by its own way to make texts comparable throughout.
    fn by_similarity(&self, bench: &Bench, limit: &'static str) -> (bool, String) {
        let limit = bench.limit(limit);
        let (expected, heard) = &self.theirs;
        let (left, right) = (words(expected), words(heard));
        let short = expected.chars().count().min(heard.chars().count()) <= SHORT_VLLM_OMNI
            && right.len() <= left.len() + 2
            && !expected.is_empty()
            && heard.contains(expected.as_str());
        let passes = self.similarity > limit.value || short || tail(&left, &right);
        (passes, format!("similarity above {limit}"))
    }

    fn figure(&self) -> String {
        let rate = |errors: &Errors| {
            errors
                .rate()
                .map_or_else(|| "unknown".to_owned(), |rate| format!("{rate:.3}"))
        };
        let words = if self.spaced() {
            format!("WER {}, ", rate(&self.words))
        } else {
            String::new()
        };
        format!(
            "{words}CER {}, similarity {:.3}",
            rate(&self.characters),
            self.similarity
        )
    }

    fn alignment(&self) -> String {
        match self.spaced() {
            true => self.words.shown(" "),
            false => self.characters.shown(""),
        }
    }
}

/// Everything expected came, and then a little more, as generators that do not find their end say.
fn tail(expected: &[&str], heard: &[&str]) -> bool {
    let extra = 2.max(expected.len().div_ceil(5));
    !expected.is_empty() && heard.starts_with(expected) && heard.len() <= expected.len() + extra
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// The rule: `heard` says what `expected` says. `limit` is the threshold of the similarity, where that gates.
pub(crate) fn agrees(
    bench: &Bench,
    rule: &'static str,
    limit: &'static str,
    mode: Similarity,
    expected: &str,
    heard: &str,
) -> RuleResult {
    let language = bench.expect.language.as_deref();
    let agreement = match Agreement::of(expected, heard, language) {
        Ok(agreement) => agreement,
        Err(why) => return RuleResult::not_made(rule, why, "compare shorter texts"),
    };
    if !agreement.expected.contains(char::is_alphanumeric) {
        return RuleResult::not_applicable(
            rule,
            format!("{} has nothing to say aloud", quoted(expected)),
        );
    }
    let (passes, threshold) = match mode {
        Similarity::ErrorRates => agreement.by_rates(bench),
        Similarity::VllmOmni => agreement.by_similarity(bench, limit),
    };
    let result = RuleResult::holds(rule, passes)
        .figure(agreement.figure())
        .threshold(threshold);
    match passes {
        true if agreement.words.count() == 0 => result,
        _ => result.because(format!(
            "expected {}, heard {}: {}",
            quoted(expected),
            quoted(heard),
            cut(&agreement.alignment())
        )),
    }
}

/// An alignment as long as a message may be.
fn cut(text: &str) -> String {
    const LONGEST: usize = 300;
    let cut: String = text
        .chars()
        .take(LONGEST)
        .filter(|c| !c.is_control())
        .collect();
    if cut.len() < text.len() {
        format!("{cut} ...")
    } else {
        cut
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::depth::Depth;
    use crate::expectations::Expectations;
    use crate::thresholds::Thresholds;
    use crate::verdict::Ending;

    fn ending(mode: Similarity, expected: &str, heard: &str) -> Ending {
        let expect = Expectations::default();
        let bench = Bench::new(Depth::Deep, &Thresholds::default(), &expect);
        agrees(&bench, "transcript", "similarity", mode, expected, heard).ending
    }

    #[test]
    fn words_gate_unless_the_similarity_is_asked_for() {
        use Ending::{Fail, NotApplicable, Pass};
        let cases = [
            ("Hello, world!", "hello world", Pass, Pass),
            (
                "I have two cats and a dog.",
                "I have 2 cats and a dog",
                Pass,
                Pass,
            ),
            (
                "the quick brown fox jumps over the lazy dog",
                "the quick brown fox jumps over a lazy dog",
                Pass,
                Fail,
            ),
            (
                "the old dog bit the man near here today",
                "the old man bit the dog near here today",
                Fail,
                Pass,
            ),
            (
                "twenty-one apples and $3.50",
                "21 apples and three dollars fifty cents",
                Pass,
                Fail,
            ),
            ("London", "London, Teotia.", Pass, Pass),
            ("London", "Paris", Fail, Fail),
            ("black", "blacks", Pass, Pass),
            (
                "do not press the red button now",
                "do press the red button now",
                Pass,
                Fail,
            ),
            (
                "please say these five words",
                "please say these five words and then",
                Pass,
                Pass,
            ),
            (
                "please say these five words",
                "please say these five words and then a whole lot more",
                Fail,
                Fail,
            ),
            (
                "今天天气很好我们去公园",
                "今天 天气很好，我们去公园",
                Pass,
                Pass,
            ),
            ("今天天气很好我们去公园", "明天下雨在家看书吧", Fail, Fail),
            ("a long enough sentence to be judged", "", Fail, Fail),
            ("...", "anything", NotApplicable, NotApplicable),
        ];
        for (expected, heard, rates, similarity) in cases {
            assert_eq!(
                ending(Similarity::ErrorRates, expected, heard),
                rates,
                "{expected:?} heard as {heard:?}"
            );
            if !expected.contains("do not press") && !expected.contains("quick brown") {
                assert_eq!(
                    ending(Similarity::VllmOmni, expected, heard),
                    similarity,
                    "{expected:?} heard as {heard:?}, by similarity"
                );
            }
        }
    }

    #[test]
    fn both_figures_are_shown_and_the_wrong_words() {
        let expect = Expectations::default();
        let bench = Bench::new(Depth::Deep, &Thresholds::default(), &expect);
        let result = agrees(
            &bench,
            "transcript",
            "similarity",
            Similarity::ErrorRates,
            "the cat sat on the mat",
            "the dog sat in a hat",
        );
        let shown = result.to_string();
        assert!(
            shown.contains("WER 0.667") && shown.contains("similarity 0."),
            "{shown}"
        );
        assert!(shown.contains("[cat→dog]"), "{shown}");
    }

    proptest! {
        #[test]
        fn a_text_agrees_with_itself(text in "[a-z]{2,8}( [a-z]{2,8}){0,12}") {
            let same = ending(Similarity::ErrorRates, &text, &text);
            prop_assert!(matches!(same, Ending::Pass | Ending::NotApplicable));
        }

        #[test]
        fn no_two_texts_make_it_panic(a in ".{0,60}", b in ".{0,60}") {
            for mode in [Similarity::ErrorRates, Similarity::VllmOmni] {
                let _ = ending(mode, &a, &b);
            }
        }
    }
}
