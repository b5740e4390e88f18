//! Whisper on weights in a folder of this machine, on its processor.
//!
//! Promise: greedy, at temperature 0, without times, each window of 30 seconds for itself: the same sound gives the same text. It
//! is loaded at the first question, once for all tests of a process, and asked one question at a time. What nobody waits for any more
//! stops. Rejected: whisper.cpp by its bindings, which need CMake and a C++ compiler on every machine that builds the feature.

mod folder;
#[cfg(test)]
mod golden;
mod mel;
mod network;
mod search;
mod vocabulary;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use tribunal_media::{Audio, resample};

use self::folder::Model;
use self::mel::{RATE, log_mel, windows};
use self::search::{Found, greedy, language};
use crate::{Transcriber, TranscriberError, Transcribing, Transcript};

/// How long it may take unless somebody says otherwise: large models need minutes on a processor.
const USUAL_LIMIT: Duration = Duration::from_secs(600);

/// A model, once somebody asked for it; whoever holds it has the turn.
type Slot = Arc<Turn<Option<Model>>>;

/// The models of this process, by their folders.
static MODELS: Mutex<BTreeMap<PathBuf, Slot>> = Mutex::new(BTreeMap::new());

/// A Whisper model in a folder.
#[derive(Clone)]
pub struct Whisper {
    folder: PathBuf,
    limit: Duration,
    model: Slot,
}

impl Whisper {
    /// The model in this folder: `config.json`, `model.safetensors`, and `tokenizer.json` or `vocab.json`, as Hugging Face has
    /// them. The folder is read when the first audio comes.
    pub fn new(folder: impl AsRef<Path>) -> Self {
        let folder = folder.as_ref().to_owned();
        let mut models = MODELS.lock().unwrap_or_else(PoisonError::into_inner);
        let model = models.entry(folder.clone()).or_default().clone();
        drop(models);
        Self {
            folder,
            limit: USUAL_LIMIT,
            model,
        }
    }

    /// How long it may take for one piece of audio; it does not count how long it waits for its turn.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    async fn run(
        &self,
        audio: &Audio,
        language: Option<&str>,
    ) -> Result<Transcript, TranscriberError> {
        let samples = samples(audio)?;
        let asked = language.map(str::to_owned);
        let folder = self.folder.clone();
        let unwanted = Arc::new(AtomicBool::new(false));
        // Whoever awaits this may go away at any time; the thread cannot be stopped, so it is told.
        let told = Tell(unwanted.clone());
        let mut model = self.model.clone().lock_owned().await;
        let work = tokio::task::spawn_blocking(move || {
            let unwanted = || unwanted.load(Ordering::Relaxed);
            let model = match &mut *model {
                Some(model) => model,
                empty => empty.insert(Model::read(&folder)?),
            };
            heard(model, &samples, asked.as_deref(), &unwanted)
        });
        let done = tokio::time::timeout(self.limit, work).await;
        drop(told);
        match done {
            Ok(Ok(result)) => result,
            Ok(Err(error)) => Err(TranscriberError::failed(
                format!("{} broke down: {error}", self.name()),
                "see whether the files in its folder are whole",
            )),
            Err(_) => Err(TranscriberError::failed(
                format!(
                    "{} has not ended after {:?} and was stopped",
                    self.name(),
                    self.limit
                ),
                "give it a longer limit or a smaller model, and build with optimisation (see the documentation)",
            )),
        }
    }
}

impl Transcriber for Whisper {
    fn name(&self) -> String {
        format!("whisper in {}", self.folder.display())
    }

    fn transcribe<'a>(&'a self, audio: &'a Audio, language: Option<&'a str>) -> Transcribing<'a> {
        Box::pin(self.run(audio, language))
    }
}

impl fmt::Debug for Whisper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Whisper")
            .field("folder", &self.folder)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Says that nobody waits any more.
struct Tell(Arc<AtomicBool>);

impl Drop for Tell {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The audio at the rate that Whisper knows, in one channel.
fn samples(audio: &Audio) -> Result<Vec<f32>, TranscriberError> {
    let help = "look at the audio itself";
    if audio.is_empty() {
        return Err(TranscriberError::failed(
            "there is no sample in the audio",
            help,
        ));
    }
    let mixed = audio.mixed();
    if mixed.iter().any(|sample| !sample.is_finite()) {
        return Err(TranscriberError::failed(
            "some samples of the audio are no numbers",
            help,
        ));
    }
    let mono = Audio::mono(audio.rate(), mixed).and_then(|mono| resample(&mono, RATE));
    let mono = mono.map_err(|error| {
        TranscriberError::failed(
            format!("the audio cannot be brought to {RATE} Hz: {error}"),
            help,
        )
    })?;
    Ok(mono.samples().to_vec())
}

/// What the model hears, window by window.
fn heard(
    model: &Model,
    samples: &[f32],
    asked: Option<&str>,
    unwanted: &dyn Fn() -> bool,
) -> Result<Transcript, TranscriberError> {
    let mut spoken = pinned(model, asked)?;
    let mut text = String::new();
    for window in windows(samples) {
        let Some(found) = window_of(model, &samples[window], &mut spoken, unwanted)? else {
            return Err(TranscriberError::failed("it was stopped", "ask again"));
        };
        if !found.is_silence() {
            text.push_str(&model.words.text(&found.tokens));
        }
    }
    let code = |id: u32| model.words.languages().find(|(_, mark)| *mark == id);
    let language = match spoken {
        Some(id) => code(id).map(|(code, _)| code.to_owned()),
        None => Some("en".to_owned()),
    };
    Ok(Transcript {
        text: text.trim().to_owned(),
        language,
    })
}

/// One window. The first decides on the language where nobody pinned it.
fn window_of(
    model: &Model,
    samples: &[f32],
    spoken: &mut Option<u32>,
    unwanted: &dyn Fn() -> bool,
) -> Result<Option<Found>, TranscriberError> {
    let said = |error: candle_core::Error| {
        TranscriberError::failed(
            format!("the model cannot be computed: {error}"),
            "see whether the files in its folder belong together",
        )
    };
    let picture = log_mel(samples, model.sizes.bins);
    let listened = model.network.listen(picture, model.sizes.bins, unwanted);
    let Some(mut making) = listened.map_err(said)? else {
        return Ok(None);
    };
    if model.languages && spoken.is_none() {
        let found = language(
            &model.network,
            &mut making,
            model.start(),
            model.words.languages(),
        );
        *spoken = found.map_err(said)?.map(|(_, id)| id);
        making.again();
    }
    greedy(&model.network, &mut making, &model.rules(*spoken), unwanted).map_err(said)
}

/// The mark of the language that was asked for; nothing where the model decides, or knows only one.
fn pinned(model: &Model, asked: Option<&str>) -> Result<Option<u32>, TranscriberError> {
    let Some(asked) = asked else {
        return Ok(None);
    };
    let lower = asked.to_ascii_lowercase();
    // Models know languages, not where they are spoken; and some under an older name.
    let code = match lower.split(['-', '_']).next().unwrap_or(&lower) {
        "nb" => "no",
        "fil" => "tl",
        "jv" => "jw",
        "iw" => "he",
        code => code,
    };
    if !model.languages {
        return match code {
            "en" => Ok(None),
            _ => Err(TranscriberError::failed(
                format!(
                    "the model knows English only, not `{}`",
                    asked.escape_debug()
                ),
                "take a model of many languages (without `.en` in its name)",
            )),
        };
    }
    let mark = model.words.mark(&format!("<|{code}|>"));
    let known = mark.filter(|id| model.words.languages().any(|(_, known)| known == *id));
    known.map(Some).ok_or_else(|| {
        let all: Vec<&str> = model.words.languages().map(|(code, _)| code).collect();
        TranscriberError::failed(
            format!("the model knows no language `{}`", asked.escape_debug()),
            format!("it knows {}", all.join(", ")),
        )
    })
}
