//! Transcription of what the server itself has said: text to sound to text.

use tribunal::client::TranscriptionRequest;
use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, tts, parallel);

const SENTENCE: &str = "The river runs past the old mill, and the miller listens.";

async fn recording(api: &ModelClient, server: &Server) -> Result<TranscriptionRequest, Error> {
    let request = api.speech(SENTENCE);
    let request = match tribunal::voices_of(server).first() {
        Some(voice) => request.voice(voice),
        None => request,
    };
    let said = request.send().await?;
    Ok(api
        .transcription(("audio/wav", said.audio))
        .temperature(0.0))
}

/// The text that was said, in each format, with the times of its words where there are some.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = ["speech", "transcription"])]
#[cases(
    json = "json",
    verbose = "verbose_json",
    text = "text",
    srt = "srt",
    vtt = "vtt"
)]
async fn says_what_was_said(#[case] format: &str, api: ModelClient, server: &Server) -> TestResult {
    let request = recording(&api, server).await?.format(format);
    let request = match format {
        "verbose_json" => request.words(),
        _ => request,
    };
    request.expect_transcript(SENTENCE).send().await?;
    Ok(())
}

/// A stream says the same.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = ["speech", "transcription", "streaming"])]
async fn streamed(api: ModelClient, server: &Server) -> TestResult {
    let request = recording(&api, server).await?.stream();
    request.expect_transcript(SENTENCE).send().await?;
    Ok(())
}
