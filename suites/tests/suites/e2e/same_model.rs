//! Two servers of one model answer the same: texts, ends, counts, and log-probabilities that are near.

use tribunal::chosen;
use tribunal::client::{ChatAnswer, CompletionAnswer, Judged};
use tribunal::prelude::*;
use tribunal::serving::{KnownModel, Truth};
use tribunal::verdict::{Thresholds, Verdict, same};

tribunal::markers!(advanced_model, parallel);

const QUESTIONS: [&str; 3] = [
    "What leaves the harbour at seven?",
    "Who keeps the lighthouse?",
    "What does the river bring in spring?",
];
const PROMPTS: [&str; 3] = ["We walked along the", "Once upon a time ", "Who is there?"];

/// The deployment of the run against the reference: a second server of the embedded engine.
#[tribunal::test]
#[timeout("3m")]
#[requires(capability = ["seed", "logprobs"])]
async fn as_the_reference(server: &Server) -> TestResult {
    if server.model() != Some("embedded") {
        skip!(
            "the reference serves another model than `{}`",
            server.model().unwrap_or_default()
        );
    }
    let reference = tribunal::embedded()?.start().await?;
    let mut verdicts = vec![];
    for (seed, question) in QUESTIONS.iter().enumerate() {
        let mut answers = vec![];
        for one in [server, &reference] {
            let model = Client::new(one.base_url())?.model("embedded");
            let request = model.user(*question).max_tokens(32).logprobs(3);
            answers.push(request.temperature(1.0).seed(seed as i64).send().await?);
        }
        let pair = (Judged::Chat(&answers[0]), Judged::Chat(&answers[1]));
        verdicts.push(same(pair.0, pair.1, &Thresholds::default()));
    }
    reference.stop().await?;
    for verdict in verdicts {
        verdict.check()?;
    }
    Ok(())
}

/// What one deployment answers: chats, which have log-probabilities, and then completions.
struct Answers {
    of: String,
    chats: Vec<ChatAnswer>,
    completions: Vec<CompletionAnswer>,
}

/// The chosen deployments that serve one known model are asked the same, one after the other, and must give the same greedy answers as the first of them. One
/// that was chosen alone is compared with the embedded engine.
#[tribunal::test]
#[timeout("15m")]
#[e2e]
async fn as_each_other(chosen: Vec<Deployment>) -> TestResult {
    let mut list = chosen;
    if let [alone] = &list[..] {
        if alone.display_name() == "embedded" {
            skip!(
                "only `embedded` was chosen, and two deployments of one model are compared; type --deploy llama-cpp, or --deploy llama-cpp,gateway"
            );
        }
        list.insert(0, tribunal::embedded()?.args(["--beside", "bigram"]));
    }
    let mut all: Vec<(KnownModel, Deployment)> = vec![];
    for deployment in list {
        match known(&deployment) {
            Some(known) => all.push((known, deployment)),
            None => tribunal::log!(
                "{} names no `known_model`, and is not compared",
                deployment.display_name()
            ),
        }
    }
    let seed = all.first().and_then(|(known, _)| bigram(&known.truth));
    all.retain(|(known, _)| bigram(&known.truth) == seed);
    if all.len() < 2 || seed.is_none() {
        skip!(
            "fewer than two of the chosen deployments declare the same `known_model`; type --deploy llama-cpp,gateway"
        );
    }
    let mut answers = vec![];
    for (known, deployment) in &all {
        answers.push(ask(known, deployment).await?);
    }
    let mut failed = vec![];
    let (first, others) = answers
        .split_first()
        .ok_or_else(|| Error::msg("no answer"))?;
    for other in others {
        for (question, verdict) in compared(first, other) {
            let told = verdict.told();
            let told = format!("{} as {}, asked {question:?}: {told}", other.of, first.of);
            tribunal::log!("{told}");
            if !verdict.passes() {
                failed.push(told);
            }
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Error::msg(failed.join("\n"))),
    }
}

/// The model whose answers are known. The embedded engine that a test starts itself declares nothing.
fn known(deployment: &Deployment) -> Option<KnownModel> {
    let declared = deployment.offered().known_model.clone();
    let own = deployment.display_name() == "embedded engine";
    declared.or(own.then(|| KnownModel {
        name: "bigram".to_owned(),
        truth: Truth::Bigram { seed: 1 },
    }))
}

/// The seed of the bigram model that a truth is of.
fn bigram(truth: &Truth) -> Option<u64> {
    let path = match truth {
        Truth::Bigram { seed } => return Some(*seed),
        Truth::File(path) => path,
    };
    let file: serde_json::Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    file["seed"].as_u64().filter(|_| file["model"] == "bigram")
}

async fn ask(known: &KnownModel, deployment: &Deployment) -> Result<Answers, Error> {
    let server = deployment.clone().start().await?;
    let model = Client::new(server.base_url())?.model(&known.name);
    let mut answers = Answers {
        of: deployment.display_name(),
        chats: vec![],
        completions: vec![],
    };
    for question in QUESTIONS {
        let request = model.user(question).max_tokens(48).temperature(0.0);
        answers.chats.push(request.logprobs(5).send().await?);
    }
    for prompt in PROMPTS {
        let request = model.completion(prompt).max_tokens(12).temperature(0.0);
        answers.completions.push(request.send().await?);
    }
    server.stop().await?;
    Ok(answers)
}

fn compared(one: &Answers, other: &Answers) -> Vec<(&'static str, Verdict)> {
    let limits = Thresholds::default();
    let chats = one
        .chats
        .iter()
        .zip(&other.chats)
        .map(|(a, b)| (Judged::Chat(a), Judged::Chat(b)));
    let completions = one.completions.iter().zip(&other.completions);
    let completions = completions.map(|(a, b)| (Judged::Completion(a), Judged::Completion(b)));
    let asked = QUESTIONS.into_iter().chain(PROMPTS);
    asked
        .zip(chats.chain(completions))
        .map(|(question, (a, b))| (question, same(a, b, &limits)))
        .collect()
}
