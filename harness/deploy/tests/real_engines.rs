//! The deployments that CI runs for real: that they render, what they start, and what they say where nothing is installed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use tribunal_deploy::{
    CAPABILITIES, Catalogue, Context, OfflineJob, Recipe, Rendered, TranscriberFact, Way,
};
use tribunal_serving::{Deployment, KnownModel, Truth};

fn rendered(name: &str, installed: bool, settings: &[&str]) -> Rendered {
    let mut spec = Catalogue::new(&[]).resolve(name).unwrap();
    for setting in settings {
        spec.set(setting).unwrap();
    }
    let exists = |_: &Path| installed;
    let nothing = |_: &str| -> Option<OsString> { None };
    let offline = |_: &OfflineJob| Ok(Deployment::command("bridge"));
    let context = Context {
        offline: Some(&offline),
        workspace: Some(PathBuf::from("/w")),
        exists: Some(&exists),
        env: Some(&nothing),
        ..Context::default()
    };
    spec.render(&context).unwrap()
}

/// The command line of the process whose port answers.
fn command(recipe: &Recipe) -> String {
    match &recipe.way {
        Way::Command(process) => format!("{} {}", process.program, process.args.join(" ")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn llama_cpp_serves_the_known_model() {
    let rendered = rendered("llama-cpp", true, &["slots=2"]);
    let recipe = &rendered.recipe;
    assert_eq!(
        command(recipe),
        "/w/target/real/llama-cpp/bin/python /w/fixtures/real/llama_cpp_server.py --model /w/target/real/models/bigram.gguf --alias bigram \
         --host {host} --port {port} --ctx 8192 --parallel 2 --threads 1 --embedding"
    );
    assert_eq!(recipe.served_name.as_deref(), Some("bigram"));
    let truth = Truth::File("/w/target/real/models/bigram.truth.json".into());
    let name = "bigram".to_owned();
    assert_eq!(recipe.offers.known_model, Some(KnownModel { name, truth }));
    assert!(rendered.missing.is_empty(), "{:?}", rendered.missing);
}

/// What is served beside a deployment's own model has a name of its own.
#[test]
fn embedded_serves_the_known_model_beside_its_own() {
    let recipe = &rendered("embedded", true, &[]).recipe;
    let (name, truth) = ("bigram".to_owned(), Truth::Bigram { seed: 1 });
    assert_eq!(recipe.offers.known_model, Some(KnownModel { name, truth }));
    assert_eq!(recipe.model.as_deref(), Some("embedded"));
    assert!(recipe.offers.capabilities.contains("known_model"));
    let offline = &rendered("embedded-offline", true, &[]).recipe;
    assert_eq!(offline.offers.known_model, None);
    let speaks = |name: &str| {
        rendered(name, true, &[])
            .recipe
            .offers
            .capabilities
            .contains("http")
    };
    assert!(speaks("embedded") && speaks("gateway") && !speaks("embedded-offline"));
}

#[test]
fn the_gateway_waits_for_a_real_request_and_has_its_workers_before_it() {
    let rendered = rendered("gateway", true, &["workers=3"]);
    let recipe = &rendered.recipe;
    let command = command(recipe);
    assert!(
        command.contains("--worker-urls {worker-0.url} {worker-1.url} {worker-2.url} --policy"),
        "{command}"
    );
    assert!(
        command.contains("--prometheus-port {ports[1]}"),
        "{command}"
    );
    // It lists its workers' model under another name, and is healthy without any.
    assert_eq!(
        (recipe.ready.models.as_deref(), recipe.ready.one_token),
        (None, true)
    );
    let names: Vec<&str> = recipe.parts.iter().map(|part| &*part.name).collect();
    assert_eq!(names, ["worker-0", "worker-1", "worker-2"]);
    assert!(recipe.parts.iter().all(|part| part.ready.health.is_some()));
}

#[test]
fn what_is_not_installed_is_a_reason_with_its_remedy() {
    for (name, script) in [
        ("llama-cpp", "fixtures/real/install llama-cpp"),
        ("gateway", "fixtures/real/install gateway"),
        ("embedded-speech", "fixtures/real/install speech"),
    ] {
        let missing = rendered(name, false, &[]).missing.join("\n");
        assert!(missing.contains(script), "{missing}");
    }
}

#[test]
fn they_offer_only_what_can_be_asked_for() {
    for name in ["llama-cpp", "gateway", "embedded", "embedded-speech"] {
        for offered in &rendered(name, true, &[]).offers().capabilities {
            let known = CAPABILITIES.iter().any(|(there, _)| there == offered);
            assert!(known, "{name}: {offered}");
        }
    }
}

/// The audio and its language are filled in when there is audio; where the program lies is known before.
#[test]
fn real_words_are_said_and_listened_to() {
    let installed = rendered("embedded-speech", true, &[]);
    let recipe = &installed.recipe;
    assert!(command(recipe).contains("--speech flite"), "{recipe:?}");
    let Some(TranscriberFact::Command { command, .. }) = &recipe.judging.transcriber else {
        panic!("{:?}", recipe.judging);
    };
    assert_eq!(
        command.join(" "),
        "/w/target/real/speech/bin/python /w/fixtures/real/pocketsphinx_transcribe.py --language {language} {wav}"
    );
}
