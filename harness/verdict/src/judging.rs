//! Judging an answer of any kind: how deep, against which thresholds, with whom to listen.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, PoisonError};

use tribunal_client::{Judge, JudgeFuture, Judged};
use tribunal_transcription::Transcriber;

use crate::bench::Bench;
use crate::depth::Depth;
use crate::expectations::{Expectations, Similarity};
use crate::heard::Listeners;
use crate::thresholds::Thresholds;
use crate::verdict::Verdict;
use crate::voice::Voices;
use crate::{embeddings, errors, images, ranking, responses, sounded, texts, transcription, video};

/// How answers are judged. It is a [`Judge`], so that a client judges what it receives; [`Judging::verdict`] gives the verdict itself.
#[derive(Clone)]
pub struct Judging {
    depth: Depth,
    thresholds: Thresholds,
    voices: Voices,
    similarity: Similarity,
    listeners: Listeners,
    sounds: Sounds,
}

/// The audio that came so far, and for which text: the same samples for another text are somebody else's.
#[derive(Clone, Default)]
pub(crate) struct Sounds(Arc<Mutex<HashMap<u64, String>>>);

impl Sounds {
    /// The text for which the same bytes came first.
    pub fn first(&self, bytes: &[u8], text: &str) -> String {
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .entry(hasher.finish())
            .or_insert_with(|| text.to_owned())
            .clone()
    }
}

impl Judging {
    /// By the default thresholds, with nobody to listen.
    pub fn new(depth: Depth) -> Self {
        Self {
            depth,
            thresholds: Thresholds::default(),
            voices: Voices::default(),
            similarity: Similarity::default(),
            listeners: Listeners::default(),
            sounds: Sounds::default(),
        }
    }

    /// How hard it judges.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// Against these thresholds.
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// With what is known of these voices.
    pub fn voices(mut self, voices: Voices) -> Self {
        self.voices = voices;
        self
    }

    /// How the likeness of what was heard is measured where a test does not say.
    pub fn similarity(mut self, similarity: Similarity) -> Self {
        self.similarity = similarity;
        self
    }

    /// Who listens.
    pub fn transcriber(mut self, transcriber: Arc<dyn Transcriber>) -> Self {
        self.listeners.first = Some(transcriber);
        self
    }

    /// Who listens, if anybody does.
    pub fn listener(&self) -> Option<&Arc<dyn Transcriber>> {
        self.listeners.first.as_ref()
    }

    /// Who is asked before a transcript fails.
    pub fn stronger_transcriber(mut self, transcriber: Arc<dyn Transcriber>) -> Self {
        self.listeners.stronger = Some(transcriber);
        self
    }

    /// The verdict on an answer. What the test expects comes with it.
    pub async fn verdict(&self, answer: Judged<'_>) -> Verdict {
        let none = Expectations::default();
        let expect = answer.raw().attached.get::<Expectations>().unwrap_or(&none);
        let bench = Bench::new(self.depth, &self.thresholds, expect);
        let mode = expect.similarity.unwrap_or(self.similarity);
        match answer {
            Judged::Chat(answer) => {
                texts::chat(&bench, answer, mode, &self.listeners, &self.voices).await
            }
            Judged::Completion(answer) => texts::completion(&bench, answer),
            Judged::Responses(answer) => responses::judge(&bench, answer),
            Judged::Embeddings(answer) => embeddings::judge(&bench, answer),
            Judged::Rerank(answer) => ranking::rerank(&bench, answer),
            Judged::Score(answer) => ranking::score(&bench, answer),
            Judged::Classify(answer) => ranking::classify(&bench, answer),
            Judged::Speech(answer) => {
                sounded::speech(
                    &bench,
                    answer,
                    mode,
                    &self.listeners,
                    &self.voices,
                    &self.sounds,
                )
                .await
            }
            Judged::Transcription(answer) => transcription::judge(&bench, answer, mode),
            Judged::Images(answer) => {
                let answer = answer.clone();
                aside(move || images::judge(&bench, &answer)).await
            }
            Judged::Video(answer) => {
                let answer = answer.clone();
                aside(move || video::judge(&bench, &answer)).await
            }
            Judged::Error(answer, expected) => errors::judge(&bench, answer, expected),
        }
    }
}

/// Long work, away from the thread that notes when the pieces of other answers come.
pub(crate) async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::runtime::Handle::try_current() {
        Err(_) => work(),
        Ok(runtime) => match runtime.spawn_blocking(work).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down: nobody waits for this any more.
                Err(_) => std::future::pending().await,
            },
        },
    }
}

impl Judge for Judging {
    fn judge<'a>(&'a self, answer: Judged<'a>) -> JudgeFuture<'a> {
        Box::pin(async move { Ok(self.verdict(answer).await.check()?) })
    }
}

impl std::fmt::Debug for Judging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |who: &Option<Arc<dyn Transcriber>>| who.as_ref().map(|who| who.name());
        f.debug_struct("Judging")
            .field("depth", &self.depth)
            .field("thresholds", &self.thresholds)
            .field("voices", &self.voices)
            .field("similarity", &self.similarity)
            .field("transcriber", &name(&self.listeners.first))
            .field("stronger_transcriber", &name(&self.listeners.stronger))
            .finish_non_exhaustive()
    }
}
