//! Pictures, sounds and videos in a message, in any mix, and answers that are spoken. The media are made here, so that the right answer is known.
//!
//! A name says what goes in and what comes out.

use serde_json::json;
use tribunal::client::{ChatRequest, Content};
use tribunal::prelude::*;
use tribunal_media::synthetic::{Colour, Film, Scene, Shape, Sound, Wave};

tribunal::markers!(core_model, advanced_model, omni, parallel);

fn picture() -> Result<Media, Error> {
    let scene = Scene::new(224, 224, 7).with(1, Colour::Red, Shape::Square);
    Ok(("image/png", scene.png()?.into_bytes()).into())
}

fn sound() -> Result<Media, Error> {
    let tone = Sound::new(16_000, 1).part(Wave::Tone { hz: 440.0 }, 1.0);
    Ok(("audio/wav", tone.wav()?.into_bytes()).into())
}

fn video() -> Result<Media, Error> {
    let film = Film::new(128, 96, 12, 12, 7).with(1, Colour::Green, Shape::Triangle);
    Ok(("video/mp4", film.mp4()?.into_bytes()).into())
}

/// Shapes have several names, and all are right.
fn sees_a_square(request: ChatRequest) -> ChatRequest {
    request.expect_keywords(Modality::Image, ["square", "quadrate", "rectangle"])
}

fn hears_a_tone(request: ChatRequest) -> ChatRequest {
    request.expect_keywords(Modality::Audio, ["tone", "beep", "440"])
}

fn sees_a_triangle(request: ChatRequest) -> ChatRequest {
    request.expect_keywords(Modality::Video, ["triangle"])
}

fn ask(chat: &ChatClient, parts: impl Into<Content>) -> ChatRequest {
    chat.user(parts).max_tokens(96).temperature(0.0)
}

#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "image_input")]
async fn image_to_text(chat: ChatClient) -> TestResult {
    let parts = text("What is in the picture?").image(picture()?);
    sees_a_square(ask(&chat, parts)).send().await?;
    Ok(())
}

#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "audio_input")]
async fn audio_to_text(chat: ChatClient) -> TestResult {
    let parts = text("What do you hear?").audio(sound()?);
    hears_a_tone(ask(&chat, parts)).send().await?;
    Ok(())
}

#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "video_input")]
async fn video_to_text(chat: ChatClient) -> TestResult {
    let parts = text("What moves?").video(video()?);
    sees_a_triangle(ask(&chat, parts)).send().await?;
    Ok(())
}

/// Of each kind of input at least one keyword, also as a stream.
#[tribunal::test]
#[timeout("3m")]
#[requires(capability = ["image_input", "audio_input", "video_input"])]
#[cases(plain = false, #[requires(capability = "streaming")] streamed = true)]
async fn mix_to_text(#[case] streamed: bool, chat: ChatClient) -> TestResult {
    let parts = text("What do you see and hear?").image(picture()?);
    let parts = parts.audio(sound()?).video(video()?);
    let request = sees_a_triangle(hears_a_tone(sees_a_square(ask(&chat, parts))));
    let request = if streamed { request.stream() } else { request };
    request.send().await?;
    Ok(())
}

/// Said by the first voice that the deployment knows, or by whichever voice the server takes.
fn spoken(request: ChatRequest, server: &Server) -> ChatRequest {
    match tribunal::voices_of(server).first() {
        Some(voice) => request.spoken(voice, "wav"),
        None => request.extra("audio", json!({ "format": "wav" })),
    }
}

/// The spoken answer says what the written one says.
#[tribunal::test]
#[timeout("3m")]
#[requires(capability = ["image_input", "audio_input", "video_input", "audio_output"])]
async fn mix_to_text_audio(chat: ChatClient, server: &Server) -> TestResult {
    let parts = text("What do you see and hear?").image(picture()?);
    let request = ask(&chat, parts.audio(sound()?).video(video()?)).modalities(["text", "audio"]);
    let answer = spoken(request, server).send().await?;
    assert!(!answer.audio.is_empty(), "nothing was spoken");
    Ok(())
}

#[tribunal::test]
#[timeout("3m")]
#[requires(capability = "audio_output")]
async fn text_to_text_audio(chat: ChatClient, server: &Server) -> TestResult {
    let request = ask(&chat, "What does the river bring?").max_tokens(16);
    let request = request.modalities(["text", "audio"]);
    let answer = spoken(request, server).send().await?;
    assert!(!answer.audio.is_empty(), "nothing was spoken");
    Ok(())
}

/// Many with the same picture at once.
#[tribunal::test]
#[timeout("3m")]
#[requires(capability = "image_input")]
async fn images_at_once(chat: ChatClient) -> TestResult {
    let parts = text("What is in the picture?").image(picture()?);
    sees_a_square(ask(&chat, parts)).send_gated(5, 5).await?;
    Ok(())
}
