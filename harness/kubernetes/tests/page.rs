//! docs/kubernetes.md: its manifests are what is rendered; `UPDATE_DOCS=1` writes them anew. Its table of settings has every field.

use std::path::{Path, PathBuf};

use tribunal_kubernetes::{Manifest, RunId, Settings, Subject};
use tribunal_nodes::NodesFile;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn manifest(name: &str) -> String {
    let path = format!("fixtures/nodes/{name}.yaml");
    let text = std::fs::read_to_string(root().join(&path)).unwrap();
    let data = tribunal_workload::DataTable::default();
    let lookups = tribunal_workload::Lookups {
        vocabulary: tribunal_vocabulary::Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let file = NodesFile::parse(&text, Path::new(&path), &lookups).unwrap();
    let settings = Settings::read(&root().join("fixtures/kubernetes/ascend-a3.toml")).unwrap();
    let run = RunId::parse("abc123").unwrap();
    let subject = Subject::Nodes {
        file: &file,
        text: &text,
    };
    let mut manifest = Manifest::render(subject, &settings, &run).unwrap();
    for object in &mut manifest.objects {
        let data = object.get_mut("data").and_then(|data| data.as_object_mut());
        for (name, text) in data.into_iter().flatten() {
            *text = format!("(the text of fixtures/nodes/{name})").into();
        }
    }
    manifest.yaml()
}

#[test]
fn the_page_has_the_manifests_that_are_rendered() {
    let page = root().join("docs/kubernetes.md");
    let mut wanted = std::fs::read_to_string(&page).unwrap();
    for name in ["qwen3-235b-disaggregated", "two-prefillers-one-decoder"] {
        let (before, rest) = wanted
            .split_once(&format!("<!-- manifest: {name} -->\n"))
            .expect("where it begins");
        let (_, after) = rest
            .split_once("<!-- /manifest -->")
            .expect("where it ends");
        let text = manifest(name);
        wanted = format!(
            "{before}<!-- manifest: {name} -->\n```yaml\n{text}```\n<!-- /manifest -->{after}"
        );
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &wanted).unwrap();
    }
    assert!(
        std::fs::read_to_string(&page).unwrap() == wanted,
        "docs/kubernetes.md has other manifests than are rendered; UPDATE_DOCS=1 writes them anew"
    );
}

#[test]
fn the_page_has_every_setting() {
    let page = std::fs::read_to_string(root().join("docs/kubernetes.md")).unwrap();
    let told = Settings::parse("[kubernetes]\nqqqqqqqqqqqqqqqqqqqq = 1\n", "s.toml").unwrap_err();
    let fields = told
        .helps()
        .flatten()
        .find_map(|help| help.strip_prefix("it has "))
        .unwrap()
        .to_owned();
    assert!(fields.split(", ").count() > 15, "{fields}");
    for field in fields.split(", ") {
        assert!(page.contains(&format!("`{field}`")), "{field}");
    }
}
