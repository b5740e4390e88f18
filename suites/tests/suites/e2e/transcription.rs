//! Transcription of what the server itself has said: text to sound to text.

use tribunal::client::TranscriptionRequest;
use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, tts, parallel);

const SENTENCE: &str = "The river runs past the old mill, and the miller listens.";

async fn recording(api: &ModelClient) -> Result<TranscriptionRequest, Error> {
    let said = api.speech(SENTENCE).voice("tenor").send().await?;
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
async fn says_what_was_said(#[case] format: &str, api: ModelClient) -> TestResult {
    let request = recording(&api).await?.format(format);
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
async fn streamed(api: ModelClient) -> TestResult {
    let request = recording(&api).await?.stream();
    request.expect_transcript(SENTENCE).send().await?;
    Ok(())
}
