//! How a test says what it expects: methods on every request of the client.
//!
//! Rejected: arguments of the sending methods. What is expected differs from request to request, and most expect nothing.

use std::sync::Arc;
use std::time::Duration;

use tribunal_client::Attach;

use crate::expectations::{Expectations, FrameRule, Modality, Similarity};
use crate::voice::Voice;

/// What can be expected of an answer, said at its request. What says nothing about the kind of answer that comes is a failure of the
/// rule `expectations`, and no expectation is judged twice: the later one of the same sort replaces the earlier.
///
/// Keywords, texts and all that needs a model that means something are asked from `advanced_model` on; times, formats and the fields
/// of errors always.
pub trait Expect: Sized {
    /// Changes what is expected.
    fn expecting(self, change: impl FnOnce(&mut Expectations)) -> Self;

    /// At least one of these occurs in the answer, in any case. `modality` says of which input they speak; a list for each is kept.
    fn expect_keywords<S: Into<String>>(
        self,
        modality: Modality,
        words: impl IntoIterator<Item = S>,
    ) -> Self {
        let words = words.into_iter().map(Into::into).collect();
        self.expecting(|e| {
            e.keywords.retain(|(of, _)| *of != modality);
            e.keywords.push((modality, words));
        })
    }

    /// The text is exactly this, but for blanks at its ends.
    fn expect_text(self, text: impl Into<String>) -> Self {
        self.expecting(|e| e.text = Some(text.into()))
    }

    /// What is heard in the audio, or what a transcription answers. Without it, speech is held to its input.
    fn expect_transcript(self, text: impl Into<String>) -> Self {
        self.expecting(|e| e.transcript = Some(text.into()))
    }

    /// The language of speech, by its code: transcribers are told, and texts are made comparable by its rules.
    fn language_is(self, code: impl Into<String>) -> Self {
        self.expecting(|e| e.language = Some(code.into()))
    }

    /// How the likeness of texts that were heard is measured.
    fn similarity(self, similarity: Similarity) -> Self {
        self.expecting(|e| e.similarity = Some(similarity))
    }

    /// The pitch of the voice, where the deployment's table does not know it.
    fn expect_voice(self, voice: Voice) -> Self {
        self.expecting(|e| e.voice = Some(voice))
    }

    /// The audio is music or noise: no rule of speech is asked.
    fn not_speech(self) -> Self {
        self.expecting(|e| e.not_speech = true)
    }

    /// This tool is called.
    fn expect_tool(self, name: impl Into<String>) -> Self {
        self.expecting(|e| e.tool = Some(name.into()))
    }

    /// The arguments of the call have these keys.
    fn expect_tool_arguments<S: Into<String>>(self, keys: impl IntoIterator<Item = S>) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        self.expecting(|e| e.tool_keys = keys)
    }

    /// The text is a JSON object with these keys.
    fn expect_json_keys<S: Into<String>>(self, keys: impl IntoIterator<Item = S>) -> Self {
        let keys = keys.into_iter().map(Into::into).collect();
        self.expecting(|e| e.json_keys = keys)
    }

    /// At least so many tokens of the prompt came from the cache.
    fn expect_cached_tokens(self, at_least: u64) -> Self {
        self.expecting(|e| e.cached_at_least = Some(at_least))
    }

    /// No token of the prompt came from the cache: it was cleared.
    fn expect_nothing_cached(self) -> Self {
        self.expecting(|e| e.nothing_cached = true)
    }

    /// Whether there is reasoning beside the text.
    fn expect_reasoning(self, there: bool) -> Self {
        self.expecting(|e| e.reasoning = Some(there))
    }

    /// The model refuses.
    fn expect_refusal(self) -> Self {
        self.expecting(|e| e.refusal = true)
    }

    /// Prefill and decode were done by different workers, and the answer says by which.
    fn expect_disaggregated(self) -> Self {
        self.expecting(|e| e.disaggregated = true)
    }

    /// With speculation, each step of the large model accepts more tokens than this, on average.
    fn expect_accepted_per_step(self, above: f64) -> Self {
        self.expecting(|e| e.accepted = Some(above))
    }

    /// Vectors of so many numbers.
    fn expect_dimensions(self, dimensions: usize) -> Self {
        self.expecting(|e| e.dimensions = Some(dimensions))
    }

    /// Vectors of the length 1.
    fn expect_normalised(self) -> Self {
        self.expecting(|e| e.normalised = true)
    }

    /// The same vectors as these, which came in another format.
    fn expect_same_vectors(self, vectors: impl IntoIterator<Item = Vec<f64>>) -> Self {
        let vectors = Arc::new(vectors.into_iter().collect());
        self.expecting(|e| e.same_as = Some(vectors))
    }

    /// This document comes first.
    fn expect_first(self, index: u64) -> Self {
        self.expecting(|e| e.first = Some(index))
    }

    /// Every score lies between these, both included.
    fn expect_scores_within(self, low: f64, high: f64) -> Self {
        self.expecting(|e| e.scores = Some((low, high)))
    }

    /// The labels, one for each input.
    fn expect_labels<S: Into<String>>(self, labels: impl IntoIterator<Item = S>) -> Self {
        let labels = labels.into_iter().map(Into::into).collect();
        self.expecting(|e| e.labels = labels)
    }

    /// More than so many bytes of audio.
    fn min_audio_bytes(self, bytes: u64) -> Self {
        self.expecting(|e| e.min_bytes = Some(bytes))
    }

    /// How long the audio or the video is, in seconds.
    fn expect_seconds(self, seconds: f64) -> Self {
        self.expecting(|e| e.seconds = Some(seconds))
    }

    /// Samples per second; of raw PCM, which has no header, also how it is read.
    fn expect_rate(self, hertz: u32) -> Self {
        self.expecting(|e| e.rate = Some(hertz))
    }

    /// Channels of audio.
    fn expect_channels(self, channels: u16) -> Self {
        self.expecting(|e| e.channels = Some(channels))
    }

    /// The size of every picture, or of the video.
    fn expect_size(self, width: u32, height: u32) -> Self {
        self.expecting(|e| e.sizes = vec![(width, height)])
    }

    /// The size of each picture, in order.
    fn expect_sizes(self, sizes: impl IntoIterator<Item = (u32, u32)>) -> Self {
        let sizes = sizes.into_iter().collect();
        self.expecting(|e| e.sizes = sizes)
    }

    /// So many pictures.
    fn expect_count(self, pictures: u64) -> Self {
        self.expecting(|e| e.count = Some(pictures))
    }

    /// The first picture is like this one (PNG, JPEG or WebP).
    fn expect_alike(self, reference: impl Into<Arc<[u8]>>) -> Self {
        let reference = reference.into();
        self.expecting(|e| e.alike = Some(reference))
    }

    /// So many frames were asked for, and the model makes that of them.
    fn expect_frames(self, asked: u64, rule: FrameRule) -> Self {
        self.expecting(|e| e.frames = Some((asked, rule)))
    }

    /// Frames per second.
    fn expect_fps(self, fps: f64) -> Self {
        self.expecting(|e| e.fps = Some(fps))
    }

    /// The video has sound; of this rate and so many channels, where that is said.
    fn expect_audio_track(self, rate: Option<u32>, channels: Option<u16>) -> Self {
        self.expecting(|e| e.audio_track = Some((rate, channels)))
    }

    /// The error names this field of the request.
    fn expect_error_field(self, field: impl Into<String>) -> Self {
        self.expecting(|e| e.field = Some(field.into()))
    }

    /// The error says all of these, in any case.
    fn expect_error_says<S: Into<String>>(self, all: impl IntoIterator<Item = S>) -> Self {
        let all = all.into_iter().map(Into::into).collect();
        self.expecting(|e| e.message_all = all)
    }

    /// The error says at least one of these, in any case.
    fn expect_error_says_any<S: Into<String>>(self, any: impl IntoIterator<Item = S>) -> Self {
        let any = any.into_iter().map(Into::into).collect();
        self.expecting(|e| e.message_any = any)
    }

    /// A threshold for this answer. Only the command line overrides it.
    fn threshold(self, name: &str, value: f64) -> Self {
        let name = name.to_owned();
        self.expecting(|e| e.thresholds.push((name, value)))
    }

    /// The first content of the stream arrives within this time.
    fn first_token_within(self, limit: Duration) -> Self {
        self.expecting(|e| e.first_token_within = Some(limit))
    }

    /// The whole answer arrives within this time.
    fn within(self, limit: Duration) -> Self {
        self.expecting(|e| e.within = Some(limit))
    }

    /// No pause between two pieces of the stream is longer.
    fn gap_below(self, limit: Duration) -> Self {
        self.expecting(|e| e.gap_below = Some(limit))
    }
}

impl<R: Attach> Expect for R {
    fn expecting(mut self, change: impl FnOnce(&mut Expectations)) -> Self {
        change(self.attached().get_or_insert_default::<Expectations>());
        self
    }
}

impl Expect for Expectations {
    fn expecting(mut self, change: impl FnOnce(&mut Expectations)) -> Self {
        change(&mut self);
        self
    }
}
