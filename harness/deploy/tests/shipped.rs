//! The shipped deployments: every level of every file, as it would be started.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use tribunal_deploy::{Catalogue, Context, Recipe};
use tribunal_vocabulary::Vocabulary;

/// The files whose program runs in this project's own checks.
const TRIED: [&str; 2] = ["llama-cpp", "gateway"];

/// The environment of the renderings here: nothing of this machine.
fn env(name: &str) -> Option<OsString> {
    (name == "TRIBUNAL_GGUF").then(|| "/models/tiny.gguf".into())
}

fn context(level: Option<&str>) -> Context<'_> {
    let mut context = Context::default();
    context.level = level;
    context.env = Some(&env);
    context.program = Some(PathBuf::from("{self}"));
    context.workspace = Some(PathBuf::from("/workspace"));
    context.exists = Some(&|_| false);
    context
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
        if matches!(&*listed.name, "embedded" | "url") || recipe.known_model.is_some() {
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
