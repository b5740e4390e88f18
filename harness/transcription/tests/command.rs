//! Programs as transcribers, with programs that every system has.

use std::time::Duration;

use tribunal_transcription::{Audio, Command, Settings, Transcriber, TranscriberError, Transcript};

fn beep() -> Audio {
    let samples = (0..2400).map(|i| (i as f32 * 0.1).sin() * 0.3).collect();
    Audio::mono(24_000, samples).expect("audio")
}

async fn said(argv: &[&str], limit: Option<Duration>) -> Result<Transcript, TranscriberError> {
    let command = Command::new(argv.iter().copied());
    let command = limit.map_or(command.clone(), |limit| command.limit(limit));
    command.transcribe(&beep(), Some("de")).await
}

#[tokio::test]
async fn what_it_prints_is_the_text() {
    let transcript = said(&["echo", "in {language}:", "{wav}"], None)
        .await
        .expect("a text");
    assert!(
        transcript.text.starts_with("in de: /") && transcript.text.ends_with(".wav"),
        "{}",
        transcript.text
    );
    assert_eq!(transcript.language.as_deref(), Some("de"));
}

#[tokio::test]
async fn it_gets_a_wav_file_of_16_khz_that_is_gone_afterwards() {
    let transcript = said(
        &["od", "-A", "n", "-t", "u4", "-j", "24", "-N", "4", "{wav}"],
        None,
    )
    .await
    .expect("a text");
    assert_eq!(transcript.text, "16000");
    let path = said(&["echo", "{wav}"], None).await.expect("a path").text;
    assert!(!std::path::Path::new(&path).exists(), "{path} is left over");
}

#[tokio::test]
async fn a_program_that_is_not_here_is_missing_and_one_that_fails_is_not() {
    let missing = said(&["tribunal-no-such-program", "{wav}"], None)
        .await
        .expect_err("missing");
    assert!(
        missing.is_missing() && missing.to_string().contains("install"),
        "{missing}"
    );
    let failed = said(&["cat", "{wav}.other"], None)
        .await
        .expect_err("failed");
    assert!(
        !failed.is_missing() && failed.problem().contains("exit status"),
        "{failed}"
    );
    let deaf = said(&["echo", "hello"], None).await.expect_err("deaf");
    assert!(deaf.help().contains("{wav}"), "{deaf}");
}

#[tokio::test]
async fn one_that_does_not_end_is_stopped() {
    let stuck = said(&["tail", "-f", "{wav}"], Some(Duration::from_millis(300)))
        .await
        .expect_err("stuck");
    assert!(
        !stuck.is_missing() && stuck.problem().contains("was stopped"),
        "{stuck}"
    );
}

#[tokio::test]
async fn settings_make_it() {
    let made = Settings::parse("echo heard {wav}")
        .and_then(|settings| settings.build())
        .expect("a transcriber");
    assert_eq!(made.name(), "echo");
    assert!(
        made.transcribe(&beep(), None)
            .await
            .expect("a text")
            .text
            .starts_with("heard /")
    );
}
