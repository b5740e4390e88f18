//! Whisper on weights in a folder: the tiny models of `fixtures/golden/whisper`, whose weights are random; and what is said where there is none.

use std::fs;
use std::path::{Path, PathBuf};

use tribunal_transcription::{Audio, Settings, Transcriber, TranscriberError, Transcript};

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/golden")
        .join(name)
}

fn listener(folder: &Path) -> std::sync::Arc<dyn Transcriber> {
    let settings = Settings::Whisper {
        folder: folder.to_owned(),
        limit: None,
    };
    settings.build().expect("a transcriber")
}

async fn asked(
    folder: &Path,
    audio: &Audio,
    language: Option<&str>,
) -> Result<Transcript, TranscriberError> {
    listener(folder).transcribe(audio, language).await
}

#[cfg(not(feature = "whisper"))]
#[tokio::test]
async fn a_build_without_it_says_how_to_have_it() {
    let audio = Audio::mono(16_000, vec![0.0; 16]).expect("audio");
    let error = asked(&place("whisper/english"), &audio, None).await;
    let error = error.expect_err("it was not built");
    assert!(error.is_missing(), "{error}");
    assert!(
        error.help().contains("feature `whisper` of tribunal"),
        "{error}"
    );
}

#[cfg(feature = "whisper")]
mod built {
    use std::time::Duration;

    use super::*;
    use tribunal_media::decode_audio;
    use tribunal_transcription::Whisper;

    fn clip(name: &str) -> Audio {
        let bytes = fs::read(place(&format!("media_speech/{name}.wav"))).expect("a clip");
        decode_audio(&bytes).expect("audio").audio
    }

    /// A copy of the small model with one file changed; `None` takes it away.
    fn changed(name: &str, change: &dyn Fn(Vec<u8>) -> Option<Vec<u8>>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in fs::read_dir(place("whisper/english")).expect("the model") {
            let file = file.expect("a file");
            let bytes = fs::read(file.path()).expect("bytes");
            let bytes = match file.file_name() == name {
                true => change(bytes),
                false => Some(bytes),
            };
            if let Some(bytes) = bytes {
                fs::write(folder.path().join(file.file_name()), bytes).expect("a copy");
            }
        }
        folder
    }

    fn replaced(from: &'static str, to: &'static str) -> impl Fn(Vec<u8>) -> Option<Vec<u8>> {
        move |bytes| {
            let text = String::from_utf8(bytes).expect("text");
            assert!(text.contains(from), "{text}");
            Some(text.replacen(from, to, 1).into_bytes())
        }
    }

    #[tokio::test]
    async fn the_same_sound_gives_the_same_text_in_the_pinned_language() {
        let folder = place("whisper/many-languages");
        let clip = clip("espeak-ng-fr-f2");
        let german = asked(&folder, &clip, Some("de-AT")).await.expect("a text");
        let english = asked(&folder, &clip, Some("en")).await.expect("a text");
        assert_eq!(german.language.as_deref(), Some("de"));
        assert!(!german.text.is_empty() && german.text != english.text);
        let again = asked(&folder, &clip, Some("de")).await.expect("a text");
        assert_eq!(german, again);
        // Without one the model decides, by the sound alone.
        let heard = asked(&folder, &clip, None).await.expect("a text");
        assert_eq!(heard, english);
        let error = asked(&folder, &clip, Some("tlh"))
            .await
            .expect_err("Klingon");
        assert!(error.help().contains("de, en, fr, zh"), "{error}");
        let error = asked(&place("whisper/english"), &clip, Some("fr")).await;
        assert!(
            error
                .expect_err("English only")
                .problem()
                .contains("English only")
        );
    }

    #[tokio::test]
    async fn what_is_longer_than_a_window_is_heard_to_its_end() {
        let (first, second) = (clip("espeak-ng-en-us"), clip("espeak-ng-de"));
        assert_eq!(first.rate(), second.rate());
        let silence = |seconds: usize| vec![0.0; seconds * first.rate() as usize];
        let both = [first.samples(), &silence(29), second.samples()].concat();
        let both = Audio::mono(first.rate(), both).expect("audio");
        let folder = place("whisper/many-languages");
        let one = asked(&folder, &first, Some("en")).await.expect("a text");
        let all = asked(&folder, &both, Some("en")).await.expect("a text");
        assert!(all.text.starts_with(&one.text), "{all:?} after {one:?}");
        assert!(all.text.len() > one.text.len(), "{all:?}");
    }

    #[tokio::test]
    async fn a_folder_that_is_no_model_says_which_file_and_what_was_expected() {
        type Change = Box<dyn Fn(Vec<u8>) -> Option<Vec<u8>>>;
        let gone = || -> Change { Box::new(|_| None) };
        let cases: [(&str, Change, bool, &str); 12] = [
            ("config.json", gone(), true, "has no config.json"),
            (
                "model.safetensors",
                gone(),
                true,
                "has no model.safetensors (the weights)",
            ),
            (
                "vocab.json",
                gone(),
                true,
                "has no tokenizer.json or vocab.json",
            ),
            (
                "config.json",
                Box::new(|_| Some(b"{".to_vec())),
                false,
                "config.json: it is no JSON",
            ),
            (
                "config.json",
                Box::new(|_| Some(b"[]".to_vec())),
                false,
                "config.json: it is JSON, but no table",
            ),
            (
                "config.json",
                Box::new(replaced("\"d_model\": 16", "\"d_model\": -16")),
                false,
                "`d_model` is -16; expected a number from 1",
            ),
            (
                "config.json",
                Box::new(replaced("\"d_model\": 16", "\"d_model\": 17")),
                false,
                "does not divide `d_model`",
            ),
            (
                "config.json",
                Box::new(replaced("1500", "1000")),
                false,
                "expected 1500, for windows of 30 seconds",
            ),
            (
                "config.json",
                Box::new(replaced("\"whisper\"", "\"llama\"")),
                false,
                "of the type `llama`; expected `whisper`",
            ),
            (
                "config.json",
                Box::new(replaced("\"num_mel_bins\": 128", "\"num_mel_bins\": 80")),
                false,
                "model.safetensors: ",
            ),
            (
                "added_tokens.json",
                Box::new(replaced("<|notimestamps|>", "<|other|>")),
                false,
                "the mark <|notimestamps|> is not in its vocabulary",
            ),
            (
                "model.safetensors",
                Box::new(|bytes| Some(bytes[..bytes.len() / 2].to_vec())),
                false,
                "model.safetensors: ",
            ),
        ];
        let audio = clip("flite-kal");
        for (file, change, missing, said) in cases {
            let folder = changed(file, &change);
            let error = asked(folder.path(), &audio, None).await.expect_err(said);
            assert_eq!(error.is_missing(), missing, "{error}");
            assert!(error.problem().contains(said), "{error}");
            assert!(
                error
                    .problem()
                    .contains(&folder.path().display().to_string()),
                "{error}"
            );
        }
        let error = asked(Path::new("no/such/folder"), &audio, None).await;
        let error = error.expect_err("no folder");
        assert!(
            error.is_missing() && error.problem().contains("no/such/folder"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn audio_that_is_none_is_an_error_and_not_an_empty_text() {
        let folder = place("whisper/english");
        for (samples, said) in [(vec![], "no sample"), (vec![0.0, f32::NAN], "no numbers")] {
            let audio = Audio::mono(16_000, samples).expect("audio");
            let error = asked(&folder, &audio, None).await.expect_err(said);
            assert!(error.problem().contains(said), "{error}");
        }
    }

    #[tokio::test]
    async fn one_that_takes_too_long_is_stopped() {
        let whisper = Whisper::new(place("whisper/english")).limit(Duration::ZERO);
        let error = whisper.transcribe(&clip("flite-kal"), None).await;
        let error = error.expect_err("no time at all");
        assert!(error.problem().contains("was stopped"), "{error}");
        // The next is not kept waiting for ever, and is not stopped with it.
        asked(&place("whisper/english"), &clip("flite-kal"), None)
            .await
            .expect("a text");
    }
}
