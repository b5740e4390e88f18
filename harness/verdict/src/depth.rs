//! How hard an answer is judged, and the judging of text answers.

use tribunal_client::{ChatAnswer, CompletionAnswer, Judge, JudgeFuture, Judged};

use crate::bench::Bench;
use crate::expectations::Expectations;
use crate::judging::Judging;
use crate::texts;
use crate::thresholds::Thresholds;
use crate::verdict::Verdict;

/// How hard an answer is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// Success and form: what also holds for a model with dummy weights (`core_model`).
    Basic,
    /// Meaning as well: text, counts and probabilities that agree (`advanced_model` and above).
    Deep,
}

/// Judge the text of a chat answer, plain or streamed, by the default thresholds. Audio in it is judged by [`Judging`], since somebody
/// must listen.
pub fn judge_chat(answer: &ChatAnswer, depth: Depth) -> Verdict {
    let expect = answer
        .raw
        .attached
        .get::<Expectations>()
        .cloned()
        .unwrap_or_default();
    texts::chat_text(&Bench::new(depth, &Thresholds::default(), &expect), answer)
}

/// Judge an answer of the completions route, plain or streamed, by the default thresholds.
pub fn judge_completion(answer: &CompletionAnswer, depth: Depth) -> Verdict {
    let expect = answer
        .raw
        .attached
        .get::<Expectations>()
        .cloned()
        .unwrap_or_default();
    texts::completion(&Bench::new(depth, &Thresholds::default(), &expect), answer)
}

/// A depth judges what a client receives by the default thresholds, with nobody to listen; an answer that fails is an error of `send()`.
impl Judge for Depth {
    fn judge<'a>(&'a self, answer: Judged<'a>) -> JudgeFuture<'a> {
        Box::pin(async move { Ok(Judging::new(*self).verdict(answer).await.check()?) })
    }
}
