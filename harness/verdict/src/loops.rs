//! Runaway recognisers: the same words again and again, or more words than anybody can say in the time.

use tribunal_media::Normaliser;

use crate::bench::Bench;
use crate::verdict::{Ending, RuleResult};

/// The same words again and again, or more words than can be said in the time.
pub(crate) fn loops(bench: &Bench, text: &str, seconds: Option<f64>) -> RuleResult {
    const RULE: &str = "transcription_loops";
    /// More words in a second are said by nobody.
    const WORDS_PER_SECOND: f64 = 8.0;
    let limit = bench.limit(RULE);
    let normal = Normaliser::Basic.apply(text);
    let words: Vec<&str> = normal.split_whitespace().collect();
    let most = (1..=6)
        .map(|length| (repeats(&words, length), length))
        .max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
    let (times, length) = most.unwrap_or((0, 1));
    let result = RuleResult::new(RULE, Ending::Pass)
        .figure(format!(
            "{length} word{} {times} times in a row",
            if length == 1 { "" } else { "s" }
        ))
        .threshold(format!("at most {limit} times"));
    if times as f64 > limit.value {
        return RuleResult {
            ending: Ending::Fail,
            ..result
        };
    }
    match seconds {
        Some(seconds)
            if seconds > 0.0 && words.len() as f64 > (WORDS_PER_SECOND * seconds).max(2.0) =>
        {
            RuleResult::new(RULE, Ending::Fail)
                .figure(format!("{} words in {seconds:.2} s", words.len()))
                .threshold(format!("at most {WORDS_PER_SECOND} words in a second"))
        }
        _ => result,
    }
}

/// How often in a row the same `length` words stand somewhere.
fn repeats(words: &[&str], length: usize) -> usize {
    let mut most = usize::from(words.len() >= length);
    for phase in 0..length.min(words.len()) {
        let mut run = 1;
        let pieces: Vec<_> = words[phase..].chunks_exact(length).collect();
        for pair in pieces.windows(2) {
            run = if pair[0] == pair[1] { run + 1 } else { 1 };
            most = most.max(run);
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::Depth;
    use crate::expectations::Expectations;
    use crate::thresholds::Thresholds;

    #[test]
    fn loops_are_counted_whatever_their_length() {
        let expect = Expectations::default();
        let bench = Bench::new(Depth::Deep, &Thresholds::default(), &expect);
        let ending = |text: &str, seconds| loops(&bench, text, seconds).ending;
        assert_eq!(ending("it is very very good", Some(2.0)), Ending::Pass);
        assert_eq!(ending("so so so so so", None), Ending::Fail);
        assert_eq!(
            ending(
                "and thank you thank you thank you thank you thank you",
                None
            ),
            Ending::Fail
        );
        assert_eq!(
            ending("a word in every tenth of a second is too much", Some(1.0)),
            Ending::Fail
        );
        assert_eq!(ending("", Some(1.0)), Ending::Pass);
    }
}
