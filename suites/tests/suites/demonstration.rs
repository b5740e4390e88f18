//! A bad run on purpose: one test for each way in which a case can end, so that reports can be looked at.
//!
//! They run only where that is asked for: `TRIBUNAL_DEMONSTRATION=1 cargo test -- demonstration --run-level slow --deploy
//! fixtures/demonstration/misbehaving.toml`. docs/reports.md shows what becomes of them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tribunal::prelude::*;

tribunal::markers!(slow, parallel, local_only);

/// What a model may write to break a page that shows it.
const HOSTILE: &str = "</script><script>document.title='broken'</script> <img src=x onerror=alert(1)> [link](javascript:alert(1)) \u{202e}desrever\u{202c} \u{1b}[31mred\u{1b}[0m \u{0} & ]]> ``` | ::error::no";

/// It says something.
#[tribunal::test]
#[timeout("60s")]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
async fn passes(chat: ChatClient) -> TestResult {
    let answer = chat.user("What does the river bring?").max_tokens(24);
    assert!(!answer.send().await?.text().is_empty());
    Ok(())
}

/// The answer is not what was expected of it.
#[tribunal::test]
#[timeout("60s")]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
async fn fails_on_content(chat: ChatClient) -> TestResult {
    let request = chat.user("What does the river bring?").max_tokens(24);
    let answer = request.send().await?;
    assert!(
        answer.text().contains("a word that nobody says"),
        "it said: {}",
        answer.text()
    );
    Ok(())
}

/// The words that are heard are not the ones that were to be said: a verdict, a transcript and a sound.
#[tribunal::test]
#[advanced_model]
#[timeout("2m")]
#[requires(env = "TRIBUNAL_DEMONSTRATION", capability = "defects")]
async fn says_other_words(api: ModelClient) -> TestResult {
    let request = api
        .speech("The river runs past the old mill.")
        .voice("mezzo");
    let request = request.header("x-engine-defect", "speech_wrong_words");
    assert!(!request.send().await?.audio.is_empty());
    Ok(())
}

/// The picture is larger than asked for.
#[tribunal::test]
#[advanced_model]
#[timeout("2m")]
#[requires(env = "TRIBUNAL_DEMONSTRATION", capability = "defects")]
async fn paints_too_wide(api: ModelClient) -> TestResult {
    let request = api.images("three red circles on black").size(160, 128);
    let request = request
        .seed(1)
        .header("x-engine-defect", "image_wrong_size");
    let answer = request.expect_size(160, 128).send().await?;
    assert_eq!(answer.images.len(), 1);
    Ok(())
}

/// A stream that counts no tokens.
#[tribunal::test]
#[advanced_model]
#[timeout("2m")]
#[requires(env = "TRIBUNAL_DEMONSTRATION", capability = "defects")]
async fn counts_nothing(chat: ChatClient) -> TestResult {
    let request = chat.user("What does the river bring?").max_tokens(24);
    let request = request.stream().include_usage();
    let request = request.header("x-engine-defect", "missing_usage");
    assert!(!request.send().await?.text().is_empty());
    Ok(())
}

/// It fails once and then passes.
#[tribunal::test]
#[timeout("60s")]
#[retries(2)]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
fn is_flaky() {
    static ATTEMPTS: AtomicUsize = AtomicUsize::new(0);
    let attempt = ATTEMPTS.fetch_add(1, Ordering::SeqCst) + 1;
    assert!(
        attempt > 1,
        "attempt {attempt} found nothing of what it looks for"
    );
}

/// It fails, and that is known.
#[tribunal::test]
#[timeout("60s")]
#[quarantine(
    reason = "stands here to be seen",
    issue = "docs/reports.md",
    until = "2099-12-31"
)]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
fn is_in_quarantine() {
    panic!("what everybody knows by now");
}

/// It takes longer than it may.
#[tribunal::test]
#[timeout("1s")]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
async fn takes_too_long() {
    std::future::pending::<()>().await;
}

/// Its fixture cannot be made.
#[tribunal::test]
#[timeout("60s")]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
fn has_no_fixture(broken: &Broken) {
    let Broken = broken;
}

/// So does this one, for the same reason.
#[tribunal::test]
#[timeout("60s")]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
fn has_none_either(broken: &Broken) {
    let Broken = broken;
}

/// What no test gets.
#[derive(Debug)]
pub struct Broken;

/// A fixture that fails.
#[tribunal::fixture(scope = session)]
pub fn broken() -> Result<Broken, Error> {
    Err(Error::msg("nothing answered at this address"))
}

/// What it used cannot be taken down.
#[tribunal::test]
#[timeout("60s")]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
fn leaves_something(leaving: &Leaving) {
    let Leaving = leaving;
}

/// What cannot be taken down.
#[derive(Debug)]
pub struct Leaving;

/// A fixture whose teardown fails.
#[tribunal::fixture]
pub fn leaving(cx: &SetUp) -> Leaving {
    cx.on_teardown(|| async { Err(Error::msg("the folder is still in use")) });
    Leaving
}

/// It is expected to fail, and does.
#[tribunal::test]
#[timeout("60s")]
#[xfail("stands here to be seen")]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
fn fails_as_expected() {
    panic!("as expected");
}

/// It finds at run time that it has nothing to do.
#[tribunal::test]
#[timeout("60s")]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
fn finds_nothing_to_do() -> TestResult {
    skip!("there is nothing to look at here");
}

/// It needs what is not there.
#[tribunal::test]
#[timeout("60s")]
#[requires(env = "TRIBUNAL_DEMONSTRATION", program = "a-program-that-nobody-has")]
fn needs_what_is_not_there() {}

/// It is off.
#[tribunal::test]
#[timeout("60s")]
#[ignore = "off by default"]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
fn is_off() {}

/// A failure that quotes a hostile model, and output like it.
#[tribunal::test]
#[timeout("60s")]
#[requires(env = "TRIBUNAL_DEMONSTRATION")]
fn quotes_a_hostile_model() {
    println!("{HOSTILE}");
    tribunal::log!("{HOSTILE}");
    panic!("{HOSTILE}");
}

/// One device, for as long as a server would start.
#[tribunal::test]
#[timeout("60s")]
#[gpu_1]
#[max_vram_gib(3)]
#[requires(env = "TRIBUNAL_DEMONSTRATION", capability = "device_memory")]
#[cases(first = 1, second = 2, third = 3)]
async fn uses_a_device(#[case] tokens: u64, chat: ChatClient) -> TestResult {
    let request = chat.user("What does the river bring?");
    request.max_tokens(tokens * 8).send().await?;
    tokio::time::sleep(Duration::from_millis(200)).await;
    Ok(())
}
