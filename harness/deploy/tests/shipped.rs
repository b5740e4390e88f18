//! The shipped deployments: every level of every file, as it would be started.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use tribunal_deploy::{Catalogue, Context, Recipe, Way};
use tribunal_vocabulary::Vocabulary;

/// The files whose program runs in this project's own checks.
const TRIED: [&str; 2] = ["llama-cpp", "gateway"];

/// The environment of the renderings here: nothing of this machine.
fn env(name: &str) -> Option<OsString> {
    (name == "TRIBUNAL_GGUF").then(|| "/models/tiny.gguf".into())
}

fn context(level: Option<&str>) -> Context<'_> {
    Context {
        level,
        env: Some(&env),
        program: Some(PathBuf::from("{self}")),
        workspace: Some(PathBuf::from("/workspace")),
        exists: Some(&|_| false),
        ..Context::default()
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/deploy")
}

fn names() -> Vec<String> {
    let listed = Catalogue::new(&[]).list();
    listed.into_iter().map(|listed| listed.name).collect()
}

fn recipe(name: &str, level: Option<&str>) -> Recipe {
    let spec = Catalogue::new(&[])
        .resolve(name)
        .unwrap_or_else(|problems| panic!("{problems}"));
    spec.recipe(&context(level))
        .unwrap_or_else(|problems| panic!("{problems}"))
}

/// Argv, environment, ports and readiness of every file at every level; a level that changes nothing is named only.
#[test]
fn every_file_at_every_level() {
    for name in names() {
        let mut out = recipe(&name, None).to_string();
        let mut last = out.clone();
        for level in Vocabulary::shipped().levels() {
            let shown = recipe(&name, Some(&level.name)).to_string();
            let differs = |a: &str| {
                a.lines()
                    .filter(|line| !line.starts_with("level "))
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            if differs(&shown) == differs(&last) {
                writeln!(out, "\n== {}: as above ==", level.name).expect("text grows");
            } else {
                write!(out, "\n== {} ==\n{shown}", level.name).expect("text grows");
            }
            last = shown;
        }
        insta::assert_snapshot!(format!("deploy__{}", name.replace('/', "__")), out);
    }
}

/// A level's golden is only worth something if the overlay of one is not that of another.
#[test]
fn the_lowest_level_is_cheaper_than_the_others() {
    for name in ["vllm", "sglang", "dynamo", "vllm-ascend"] {
        let core = recipe(name, Some("core_model")).to_string();
        let full = recipe(name, Some("full_model")).to_string();
        assert!(core.contains("--load-format dummy"), "{core}");
        assert!(!full.contains("dummy"), "{full}");
        let served = |level| recipe(name, Some(level)).served_name;
        assert_eq!(served("core_model"), served("full_model"), "{name}");
    }
}

#[test]
fn the_list_is_the_folder() {
    let mut files = BTreeSet::new();
    let mut folders = vec![folder()];
    while let Some(here) = folders.pop() {
        for entry in std::fs::read_dir(&here).expect("the folder of the repository") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let relative = path
                    .strip_prefix(folder())
                    .expect("below it")
                    .with_extension("");
                files.insert(relative.display().to_string());
            }
        }
    }
    let listed: BTreeSet<String> = names().into_iter().collect();
    assert_eq!(
        files, listed,
        "every file is in the list of shipped ones, and has a link in harness/deploy/shipped"
    );
}

#[test]
fn every_file_says_what_it_is_and_where_its_options_were_looked_up() {
    for listed in Catalogue::new(&[]).list() {
        let doc = listed.doc.unwrap_or_default();
        assert!(!doc.trim().is_empty(), "{} has no doc", listed.name);
        let recipe = recipe(&listed.name, None);
        if matches!(
            &*listed.name,
            "embedded" | "embedded-offline" | "embedded-speech" | "url"
        ) || recipe.offers.known_model.is_some()
        {
            continue;
        }
        let version = recipe
            .version
            .unwrap_or_else(|| panic!("{} has no [version]", listed.name));
        assert!(
            version
                .links
                .iter()
                .all(|link| link.starts_with("https://")),
            "{}",
            listed.name
        );
        assert!(
            !version.links.is_empty(),
            "{} links to no reference",
            listed.name
        );
        let said: Vec<&str> = doc.split_whitespace().collect();
        let said = said.join(" ").to_lowercase();
        if !TRIED.contains(&&*listed.name) {
            assert!(
                said.contains("not run against the real"),
                "{}: {doc}",
                listed.name
            );
        }
    }
}

/// The presets of the Neuron plug-in's online tests: model, sequences, length, and what else they set.
#[test]
fn neuron_presets() {
    let llama = "meta-llama/Llama-3.1-8B-Instruct";
    let eagle = "\"model\":\"yuhuili/EAGLE-LLaMA3-Instruct-8B\",\"num_speculative_tokens\":5,\"max_model_len\":256,\"method\":\"eagle\"";
    for (name, model, batch, length, more) in [
        (
            "tinytest",
            "TinyLlama/TinyLlama-1.1B-Chat-v1.0",
            "4",
            "128",
            None,
        ),
        ("llama-bs1", llama, "1", "128", None),
        ("llama-bs4", llama, "4", "128", None),
        (
            "open-llama-7b-bs8",
            "openlm-research/open_llama_7b",
            "8",
            "128",
            None,
        ),
        ("qwen3-8b-bs16", "Qwen/Qwen3-8B", "16", "128", None),
        ("qwen25-7b", "Qwen/Qwen2.5-7B-Instruct", "1", "128", None),
        (
            "llama-8b-eagle-bs1",
            llama,
            "1",
            "256",
            Some(("--speculative-config", format!("{{{eagle}}}"))),
        ),
        (
            "llama-8b-eagle-bs4",
            llama,
            "4",
            "256",
            Some(("--speculative-config", format!("{{{eagle}}}"))),
        ),
        (
            "llama-70b-tool-bs1",
            "meta-llama/Llama-3.1-70B",
            "1",
            "512",
            Some(("--tool-call-parser", "llama3_json".to_owned())),
        ),
    ] {
        let recipe = recipe(&format!("neuron/{name}"), None);
        let Way::Command(process) = &recipe.way else {
            panic!("{name} is started");
        };
        let value = |option: &str| {
            let at = process.args.iter().position(|arg| arg == option)?;
            process.args.get(at + 1).map(String::as_str)
        };
        assert_eq!(value("--model"), Some(model), "{name}");
        assert_eq!(value("--max-num-seqs"), Some(batch), "{name}");
        assert_eq!(value("--max-model-len"), Some(length), "{name}");
        assert_eq!(value("--tensor-parallel-size"), Some("32"), "{name}");
        match more {
            Some((option, want)) => assert_eq!(value(option), Some(&*want), "{name}"),
            None => assert_eq!(
                value("--speculative-config").or(value("--tool-call-parser")),
                None,
                "{name}"
            ),
        }
    }
}

/// Every knob of a preset can be set on a command line as well.
#[test]
fn neuron_by_settings() {
    let mut spec = Catalogue::new(&[])
        .resolve("vllm-neuron")
        .unwrap_or_else(|problems| panic!("{problems}"));
    for setting in [
        "model=meta-llama/Llama-3.1-8B-Instruct",
        "batch_size=1",
        "max_model_len=256",
        "tensor_parallel=8",
        "draft_model=/models/draft",
        "num_speculative_tokens=3",
        "prefix_caching=true",
        "block_size=32",
        "num_gpu_blocks_override=16",
        "chunked_prefill=true",
        "max_num_batched_tokens=256",
        "override_neuron_config={\"a\":1}",
        "lora_modules=a=/x,b=/y",
        "compiled_artifacts=/cache",
        "ready.within=4h",
    ] {
        spec.set(setting)
            .unwrap_or_else(|problems| panic!("{problems}"));
    }
    let recipe = spec
        .recipe(&context(None))
        .unwrap_or_else(|problems| panic!("{problems}"));
    insta::assert_snapshot!(recipe.to_string());
}
