//! The healthy requests of the gauntlet: one for each thing that a defect can spoil. What is not the defect is right in all of them.
//!
//! Rejected: one request per route with everything in it. What a rule caught on it would not say on what the rule needs.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use serde_json::{Value, json};
use tribunal::client::{ChatAnswer, ChatRequest, Judged};
use tribunal::prelude::*;
use tribunal::verdict::{Depth, MetricsExpectations, Thresholds, judge_metrics, rule, same};
use tribunal_media::synthetic::{Colour, Film, Scene, Shape, Sound, Wave};

use super::stage::Stage;

/// A request under way.
pub type Sent = Pin<Box<dyn Future<Output = TestResult> + Send>>;

/// One healthy request.
pub struct Ask {
    /// Its name in the table.
    pub name: &'static str,
    /// What it asks, in a few words.
    pub says: &'static str,
    /// Sends it.
    pub send: fn(Stage) -> Sent,
}

impl Ask {
    /// Whether it passes depends on how fast the machine is.
    pub fn is_about_time(&self) -> bool {
        ["first_token", "no_pause", "in_time"].contains(&self.name)
    }
}

macro_rules! asks {
    ($($name:ident $says:literal |$stage:ident| $body:expr;)*) => {
        $(fn $name($stage: Stage) -> Sent {
            Box::pin(async move {
                $body;
                Ok(())
            })
        })*
        /// Every healthy request.
        pub const ASKS: &[Ask] = &[$(Ask { name: stringify!($name), says: $says, send: $name },)*];
    };
}

/// A defect that is late is three seconds late.
const LATE: Duration = Duration::from_millis(2900);
const QUESTION: &str = "What does the river bring in spring?";
const SENTENCE: &str = "The river runs past the old mill, and the miller listens.";

asks! {
    chat "a short answer" |s| question(&s.api, s.seed).max_tokens(12).send().await?;
    streamed "a streamed answer of 24 tokens" |s| streamed_question(&s.api, s.seed).send().await?;
    long_stream "a streamed answer of 96 tokens" |s| streamed_question(&s.api, s.seed).max_tokens(96).send().await?;
    several "three choices" |s| question(&s.api, s.seed).n(3).max_tokens(8).send().await?;
    choice "one of two words, which ends by itself" |s| question(&s.api, s.seed).structured("choice", json!(["red", "green"])).max_tokens(64).send().await?;
    logprobs "three log-probabilities for each token" |s| question(&s.api, s.seed).logprobs(3).max_tokens(8).send().await?;
    logprobs_in_a_stream "a stream with log-probabilities" |s| streamed_question(&s.api, s.seed).logprobs(3).send().await?;
    prompt_again "a long prompt for the second time" |s| {
        let prompt = format!("Number {}. {SENTENCE} {SENTENCE} {SENTENCE}", s.seed);
        s.plain.user(prompt.as_str()).max_tokens(4).send().await?;
        s.api.user(prompt.as_str()).max_tokens(4).expect_cached_tokens(16).send().await?
    };
    first_token "a stream whose first token may take 2.9 seconds" |s| streamed_question(&s.api, s.seed).first_token_within(LATE).send().await?;
    no_pause "a stream without a pause of 2.9 seconds" |s| streamed_question(&s.api, s.seed).gap_below(LATE).send().await?;
    in_time "a stream that may take 2.9 seconds" |s| streamed_question(&s.api, s.seed).within(LATE).send().await?;
    known_text "a question whose answer is known" |s| {
        let known = question(&s.plain, s.seed).ignore_eos().max_tokens(24).send().await?;
        streamed_question(&s.api, s.seed).expect_text(known.text()).send().await?
    };
    twice "one question twice, the answers compared" |s| {
        let ask = |model: &ModelClient| question(model, s.seed).ignore_eos().logprobs(3).max_tokens(24);
        let (one, other) = (ask(&s.plain).send().await?, ask(&s.api).send().await?);
        compare(&s, &one, &other)
    };
    tool_call "a call of a tool that is required" |s| with_tool(&s.api).expect_tool("look_up").expect_tool_arguments(["title"]).send().await?;
    guided "JSON of a schema" |s| question(&s.api, s.seed).json_schema("answer", schema("animal")).max_tokens(64).expect_json_keys(["animal"]).send().await?;
    thoughts "an answer with thoughts" |s| question(&s.api, s.seed).reasoning_effort("low").max_tokens(96).expect_reasoning(true).send().await?;
    seen "what is on a picture" |s| {
        let (colour, word) = COLOURS[s.seed as usize % COLOURS.len()];
        let picture = Scene::new(160, 128, s.seed as u64).with(2, colour, Shape::Circle).png()?;
        let parts = text("What do you see?").image(("image/png", picture.into_bytes()));
        s.api.user(parts).max_tokens(64).expect_keywords(Modality::Image, [format!("two {word} circles")]).send().await?
    };
    watched "what moves in a video" |s| {
        let film = Film::new(128, 96, 12, 12, s.seed as u64).with(1, Colour::Green, Shape::Triangle).mp4()?;
        let parts = text("What moves?").video(("video/mp4", film.into_bytes()));
        s.api.user(parts).max_tokens(64).expect_keywords(Modality::Video, ["triangle"]).send().await?
    };
    heard "which tone it is" |s| {
        let hertz = 300 + 20 * (s.seed as u32 % 20);
        let tone = Sound::new(16_000, s.seed as u64).part(Wave::Tone { hz: f64::from(hertz) }, 0.7).wav()?;
        let parts = text("What do you hear?").audio(("audio/wav", tone.into_bytes()));
        s.api.user(parts).max_tokens(64).expect_keywords(Modality::Audio, [format!("{hertz} hertz")]).send().await?
    };
    spoken "a spoken answer" |s| {
        let request = question(&s.api, s.seed).max_tokens(16).ignore_eos();
        request.modalities(["text", "audio"]).spoken("alto", "wav").send().await?
    };
    completion "a completion with log-probabilities" |s| s.api.completion("The river ").seed(s.seed).min_tokens(2).max_tokens(12).logprobs(2).send().await?;
    streamed_completion "a streamed completion" |s| s.api.completion("The river ").seed(s.seed).ignore_eos().max_tokens(24).stream().include_usage().send().await?;
    response "a response" |s| s.api.responses(QUESTION).max_output_tokens(24).extra("seed", s.seed).send().await?;
    streamed_response "a streamed response" |s| s.api.responses(QUESTION).max_output_tokens(24).extra("seed", s.seed).stream().send().await?;
    vectors "embeddings of three texts" |s| {
        let texts = ["a river".to_owned(), "a ship".to_owned(), format!("the keeper of number {}", s.seed)];
        s.api.embeddings(texts.to_vec()).expect_normalised().send().await?
    };
    dimensions "embeddings of 64 numbers" |s| s.api.embeddings(vec!["a river", "a ship"]).dimensions(64).expect_dimensions(64).send().await?;
    vectors_again "the same embeddings as base64" |s| {
        let texts = vec!["a river", "the keeper writes"];
        let known = s.plain.embeddings(texts.clone()).send().await?.vectors()?;
        s.api.embeddings(texts).base64().expect_same_vectors(known).send().await?
    };
    ranked "documents by their likeness to a question" |s| s.api.rerank("the river in spring", ["a ship", "the river in early spring", "the keeper"]).expect_first(1).send().await?;
    scored "the likeness of two texts" |s| s.api.score("the river", ["the river", "a ship"]).expect_scores_within(-1.0, 1.0).send().await?;
    classified "labels of two texts" |s| s.api.classify(vec!["a good and happy day", "a sad and bad night"]).expect_labels(["positive", "negative"]).send().await?;
    said "a sentence" |s| s.api.speech(SENTENCE).voice(VOICES[s.seed as usize % VOICES.len()]).send().await?;
    said_in_pieces "a sentence as events" |s| s.api.speech(SENTENCE).voice(VOICES[s.seed as usize % VOICES.len()]).format("pcm").stream_events().expect_rate(24_000).send().await?;
    said_at_a_rate "a sentence at 16,000 samples a second" |s| s.api.speech(SENTENCE).voice("tenor").sample_rate(16_000).expect_rate(16_000).send().await?;
    tone "a tone of one second" |s| {
        let request = s.api.speech("").without("input").path("/v1/audio/generate").extra("prompt", "a tone of 440 Hz");
        request.extra("duration", 1.0).not_speech().expect_seconds(1.0).send().await?
    };
    transcribed "what a recording says" |s| {
        let voice = VOICES[s.seed as usize % VOICES.len()];
        let said = s.plain.speech(SENTENCE).voice(voice).send().await?;
        let request = s.api.transcription(("audio/wav", said.audio)).format("verbose_json").words();
        request.expect_transcript(SENTENCE).send().await?
    };
    painted "two pictures of 160 by 128 pixels" |s| s.api.images("three red circles on black").size(160, 128).n(2).seed(s.seed).expect_size(160, 128).send().await?;
    painted_again "a picture that is known" |s| {
        let known = s.plain.images("three red circles on black").size(128, 128).seed(s.seed).send().await?;
        let known = known.images.first().and_then(|image| image.bytes.clone());
        let known = known.ok_or_else(|| Error::msg("no picture"))?;
        s.api.images("three red circles on black").size(128, 128).seed(s.seed).expect_alike(known.to_vec()).send().await?
    };
    edited "a picture with something more on it" |s| {
        let picture = Scene::new(128, 96, s.seed as u64).with(2, Colour::Green, Shape::Square).png()?;
        s.api.image_edits("one blue circle", [("image/png", picture.into_bytes())]).size(128, 96).expect_size(128, 96).send().await?
    };
    filmed "a video of one second with sound" |s| {
        let request = s.api.videos("two blue squares").size(160, 96).num_frames(12).fps(12).seed(s.seed).extra("audio", true);
        let request = request.poll_every(Duration::from_millis(20)).delete_afterwards();
        request.expect_size(160, 96).expect_frames(12, FrameRule::Exact).expect_fps(12.0).expect_seconds(1.0).expect_audio_track(None, None).send().await?
    };
    counted "the metrics before a question and after it" |s| {
        let before = s.plain.client().metrics().await?;
        question(&s.plain, s.seed).max_tokens(4).send().await?;
        let now = s.api.client().metrics().await?;
        let expect = MetricsExpectations::new().family("engine_worker_up").at_least(12, "engine_");
        let expect = expect.risen("engine_generation_tokens_total").range("engine_kv_cache_usage", 0.0..=1.0);
        let judged = |depth| judge_metrics(Some(&before), &now, &expect, depth);
        s.verdicts.keep(judged(Depth::Basic), judged(Depth::Deep))
    };
    refused "no choice at all, which cannot be" |s| question(&s.api, s.seed).extra("n", 0).expect_status(400).expect_error_field("n").expect_error_says(["n"]).send().await?;
}

const VOICES: [&str; 6] = ["alto", "mezzo", "soprano", "tenor", "baritone", "bass"];
const COLOURS: [(Colour, &str); 3] = [
    (Colour::Red, "red"),
    (Colour::Green, "green"),
    (Colour::Blue, "blue"),
];

fn question(model: &ModelClient, seed: i64) -> ChatRequest {
    // The first token that is drawn may be the end, and an answer without text is nothing that a healthy one is told by.
    model
        .user(QUESTION)
        .temperature(1.0)
        .seed(seed)
        .min_tokens(2)
}

fn streamed_question(model: &ModelClient, seed: i64) -> ChatRequest {
    let request = question(model, seed).ignore_eos().max_tokens(24);
    request.stream().include_usage()
}

fn with_tool(model: &ModelClient) -> ChatRequest {
    let request = model
        .user("Look up the book with the title `Tides`.")
        .max_tokens(64);
    request
        .tool("look_up", "Finds a book.", schema("title"))
        .tool_choice("required")
}

/// An object with this one text.
fn schema(key: &str) -> Value {
    json!({"type": "object", "properties": {key: {"type": "string"}}, "required": [key], "additionalProperties": false})
}

fn compare(s: &Stage, one: &ChatAnswer, other: &ChatAnswer) {
    let verdict = same(
        Judged::Chat(one),
        Judged::Chat(other),
        &Thresholds::default(),
    );
    let mut basic = verdict.clone();
    let is_basic = |name| rule(name).is_some_and(|rule| rule.level == Depth::Basic);
    basic.rules.retain(|result| is_basic(result.rule));
    s.verdicts.keep(basic, verdict);
}
