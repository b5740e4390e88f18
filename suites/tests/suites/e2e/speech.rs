//! Speech: every answer is decoded, measured and, where a transcriber is configured, listened to.

use tribunal::client::SpeechRequest;
use tribunal::prelude::*;

tribunal::markers!(core_model, advanced_model, tts, parallel);

const SENTENCE: &str = "The river runs past the old mill, and the miller listens.";

/// A text to be said by the first voice that the deployment knows, or by whichever voice the server takes.
fn say(api: &ModelClient, server: &Server, text: &str) -> SpeechRequest {
    let request = api.speech(text);
    match tribunal::voices_of(server).first() {
        Some(voice) => request.voice(voice),
        None => request,
    }
}

/// A sentence, in each of the formats that every server can write.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "speech")]
#[cases(wav = "wav", pcm = "pcm")]
async fn formats(#[case] format: &str, api: ModelClient, server: &Server) -> TestResult {
    let request = say(&api, server, SENTENCE).format(format);
    let request = match format {
        // Raw samples have no header that says their rate.
        "pcm" => request.expect_rate(24_000),
        _ => request,
    };
    request.send().await?;
    Ok(())
}

/// A stream brings audio before all of it is there, as bytes or as events.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "speech")]
#[cases(bytes = false, events = true)]
async fn streams(#[case] events: bool, api: ModelClient, server: &Server) -> TestResult {
    let request = say(&api, server, SENTENCE)
        .format("pcm")
        .expect_rate(24_000);
    let request = if events {
        request.stream_events()
    } else {
        request.stream()
    };
    let answer = request.send().await?;
    assert!(answer.time_to_first_token().is_some(), "no audio came");
    Ok(())
}

/// Said faster, it is shorter.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "speech")]
async fn speed(api: ModelClient, server: &Server) -> TestResult {
    let ask = |speed| say(&api, server, SENTENCE).speed(speed).send();
    let (slow, fast) = (ask(1.0).await?, ask(1.6).await?);
    assert!(fast.audio.len() < slow.audio.len());
    Ok(())
}

/// Several at once, each its own text.
#[tribunal::test]
#[timeout("3m")]
#[requires(capability = "speech")]
async fn at_once(api: ModelClient, server: &Server) -> TestResult {
    let texts = [
        "Turn left at the mill.",
        "Nobody is at home today.",
        "The ships come back in autumn.",
    ];
    let requests = texts.map(|text| say(&api, server, text).send());
    tribunal::client::send_all(requests).await.all()?;
    Ok(())
}

/// Sound that is no speech is held to other rules.
#[tribunal::test]
#[timeout("2m")]
#[requires(capability = "audio_generation")]
async fn a_tone(api: ModelClient) -> TestResult {
    let request = api.speech("").without("input").path("/v1/audio/generate");
    let request = request
        .extra("prompt", "a tone of 440 Hz")
        .extra("duration", 1.0);
    request.not_speech().expect_seconds(1.0).send().await?;
    Ok(())
}
