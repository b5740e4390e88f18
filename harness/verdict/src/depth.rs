//! How hard an answer is judged, and the judging of text answers.

use tribunal_client::{ChatAnswer, CompletionAnswer, Judge, JudgeFuture, Judged};

use crate::errors::judge_error;
use crate::facts::Facts;
use crate::verdict::Verdict;
use crate::{form, logprobs, stream, substance};

/// How hard an answer is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// Success and form: what also holds for a model with dummy weights (`core_model`).
    Basic,
    /// Meaning as well: text, counts and probabilities that agree (`advanced_model` and above).
    Deep,
}

/// Judge a chat answer, plain or streamed.
pub fn judge_chat(answer: &ChatAnswer, depth: Depth) -> Verdict {
    judge(&Facts::of_chat(answer), depth)
}

/// Judge an answer of the completions route, plain or streamed.
pub fn judge_completion(answer: &CompletionAnswer, depth: Depth) -> Verdict {
    judge(&Facts::of_completion(answer), depth)
}

fn judge(facts: &Facts<'_>, depth: Depth) -> Verdict {
    let mut verdict = Verdict::on(facts.subject());
    verdict.rules.extend(form::rules(facts));
    verdict.rules.extend(stream::rules(facts));
    if depth >= Depth::Deep {
        verdict.rules.extend(substance::rules(facts));
        verdict.rules.extend(logprobs::rules(facts));
    }
    verdict
}

/// A depth judges what a client receives; an answer that fails is an error of `send()`.
impl Judge for Depth {
    fn judge<'a>(&'a self, answer: Judged<'a>) -> JudgeFuture<'a> {
        Box::pin(async move {
            match answer {
                Judged::Chat(answer) => judge_chat(answer, *self).check()?,
                Judged::Completion(answer) => judge_completion(answer, *self).check()?,
                Judged::Error(answer, expected) => judge_error(answer, expected).check()?,
                // No rule speaks of these yet.
                Judged::Responses(_)
                | Judged::Embeddings(_)
                | Judged::Rerank(_)
                | Judged::Score(_)
                | Judged::Classify(_)
                | Judged::Speech(_)
                | Judged::Transcription(_)
                | Judged::Images(_)
                | Judged::Video(_) => {}
            }
            Ok(())
        })
    }
}
