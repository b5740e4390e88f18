//! Questions about a village that the embedded engine has read about, and texts that it should go on with.

use std::path::{Path, PathBuf};

use tribunal::accuracy::{
    Baseline, DataSet, Exam, Extract, Gate, Normaliser, Provenance, Results, Row, Scorer, State,
};
use tribunal::prelude::*;

tribunal::markers!(full_model);

fn fixture(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/accuracy");
    folder.join(name)
}

/// The client, where the model is the one that has read the prose.
#[tribunal::fixture]
fn reader(server: &Server, chat: ChatClient) -> Result<ChatClient, Error> {
    match server.model() {
        Some("embedded") => Ok(chat),
        model => skip!(
            "the answers of `{}` are not known; those of `embedded` are",
            model.unwrap_or("a model without a name")
        ),
    }
}

/// Puts the questions to the model, and leaves the results in a folder of the evidence.
async fn ask(reader: &ChatClient, temperature: f64, folder: &str) -> Result<Results, Error> {
    let set = DataSet::read(fixture("village.jsonl"))?;
    let exam = Exam::new(&set, Scorer::contains(Normaliser::English)).seed(1);
    let ask = async |row: &Row, seed: u64| {
        let request = reader.user(row.question()).max_tokens(60);
        let request = request.temperature(temperature).seed(seed as i64);
        request.send().await.map(|answer| answer.text().to_owned())
    };
    let results = exam.at_once(8).ask(ask).await?;
    results.write(tribunal::evidence()?.join(folder))?;
    tribunal::log!("{}", results.summary());
    Ok(results)
}

/// The engine is as good as it was, and good enough.
#[tribunal::test]
#[timeout("120s")]
#[requires(capability = "seed")]
async fn answers_questions(reader: ChatClient) -> TestResult {
    let results = ask(&reader, 0.0, "greedy").await?;
    let gate = Gate::new()
        .floor(0.7)
        .baseline(fixture("village.embedded.json"));
    let ruling = gate.judge(&results)?;
    tribunal::log!("{ruling}");
    // To be looked at, and put in the place of the baseline, where answers have changed for the better.
    let made = Provenance::of("embedded").model("embedded");
    Baseline::of(&results, made)?.write(tribunal::evidence()?.join("baseline.json"))?;
    ruling.check()?;
    Ok(())
}

/// The same engine, drawing from all that it could say instead of the likeliest, is found to be worse.
#[tribunal::test]
#[timeout("120s")]
#[requires(capability = "seed")]
async fn a_worse_model_is_found(reader: ChatClient) -> TestResult {
    let folder = tribunal::evidence()?;
    let baseline = folder.join("baseline.json");
    let greedy = ask(&reader, 0.0, "greedy").await?;
    Baseline::of(&greedy, Provenance::of("the same server"))?.write(&baseline)?;
    let drawn = ask(&reader, 2.0, "drawn").await?;
    let gate = Gate::new().baseline(&baseline);
    let ruling = gate.judge(&drawn)?;
    assert_eq!(ruling.state, State::Regressed, "{ruling}");
    // And the same answers again are none the worse.
    let again = gate.judge(&ask(&reader, 0.0, "again").await?)?;
    assert_eq!(again.state, State::Pass, "{again}");
    Ok(())
}

/// A text whose beginning the engine has read goes on as it was read: by the rate of wrong words.
#[tribunal::test]
#[timeout("120s")]
#[requires(capability = "completions")]
async fn goes_on_as_it_was_read(reader: ChatClient) -> TestResult {
    let set = DataSet::read(fixture("continuations.jsonl"))?;
    let scorer = Scorer::word_errors(Normaliser::Basic, 0.1)?;
    let exam = Exam::new(&set, scorer.extract(Extract::regex(r"\A[^.]*")?));
    let ask = async |row: &Row, _| {
        let request = reader.completion(row.prompt.as_str()).max_tokens(60);
        let answer = request.temperature(0.0).send().await;
        answer.map(|answer| answer.text().to_owned())
    };
    let results = exam.ask(ask).await?;
    results.write(tribunal::evidence()?)?;
    tribunal::log!("{}", results.summary());
    let ruling = Gate::new().floor(0.9).margin(0.2).judge(&results)?;
    tribunal::log!("{ruling}");
    ruling.check()?;
    Ok(())
}
