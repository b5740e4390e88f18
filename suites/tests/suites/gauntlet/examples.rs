//! Three verdicts that fail, as a user meets them: docs/failing-verdicts.md shows what they print and what they leave behind.
//!
//! The tests at the end are written as a user writes them, and fail. They run only where that is asked for (`TRIBUNAL_FAILING_EXAMPLES=1`, and an engine
//! with defects); what they print is held against the page at every level.

use std::path::Path;

use tribunal::prelude::*;
use tribunal::verdict::Ending;

use super::stage::{Found, play, wayward};
use super::{ask, rows::ROWS};

/// The rows that the page shows, by their defects.
const SHOWN: [(&str, &str); 3] = [
    ("speech_wrong_words", "said"),
    ("image_wrong_size", "painted"),
    ("missing_usage", "logprobs_in_a_stream"),
];

/// What the engine says wrong is said on the page in the very words of the verdict.
#[tribunal::test]
#[advanced_model]
#[timeout("2m")]
async fn the_page_says_what_is_printed(wayward: &Server) -> TestResult {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/failing-verdicts.md");
    let page = std::fs::read_to_string(path)?;
    for (defect, request) in SHOWN {
        assert!(ROWS.iter().any(|row| row.defect == defect));
        let Found::Judged(verdicts) = play(wayward, ask(request)?, 1, Some(defect)).await? else {
            fail!("`{defect}` was not judged");
        };
        for rule in verdicts.1.with_ending(Ending::Fail) {
            let line = rule.to_string();
            if !page.contains(&line) {
                fail!("docs/failing-verdicts.md does not have the line\n{line}");
            }
        }
    }
    Ok(())
}

/// The words that are heard are not the ones that were to be said.
#[tribunal::test]
#[advanced_model]
#[timeout("2m")]
#[requires(env = "TRIBUNAL_FAILING_EXAMPLES", capability = "defects")]
async fn wrong_words(api: ModelClient) -> TestResult {
    let sentence = "The river runs past the old mill, and the miller listens.";
    let request = api.speech(sentence).voice("mezzo");
    let answer = request
        .header("x-engine-defect", "speech_wrong_words")
        .send()
        .await?;
    assert!(!answer.audio.is_empty());
    Ok(())
}

/// The picture is larger than asked for.
#[tribunal::test]
#[advanced_model]
#[timeout("2m")]
#[requires(env = "TRIBUNAL_FAILING_EXAMPLES", capability = "defects")]
async fn wrong_size(api: ModelClient) -> TestResult {
    let request = api
        .images("three red circles on black")
        .size(160, 128)
        .n(2)
        .seed(1);
    let request = request.header("x-engine-defect", "image_wrong_size");
    let answer = request.expect_size(160, 128).send().await?;
    assert_eq!(answer.images.len(), 2);
    Ok(())
}

/// A stream that counts no tokens.
#[tribunal::test]
#[advanced_model]
#[timeout("2m")]
#[requires(env = "TRIBUNAL_FAILING_EXAMPLES", capability = "defects")]
async fn no_usage(chat: ChatClient) -> TestResult {
    let request = chat
        .user("What does the river bring in spring?")
        .max_tokens(24);
    let request = request.temperature(1.0).seed(1).ignore_eos().logprobs(3);
    let request = request.stream().include_usage();
    let answer = request
        .header("x-engine-defect", "missing_usage")
        .send()
        .await?;
    assert!(!answer.text().is_empty());
    Ok(())
}
