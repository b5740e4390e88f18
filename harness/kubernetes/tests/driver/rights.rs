//! The role that is shipped: what the driver calls, and nothing beyond.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::script::{Script, Step};
use super::{converse, pair, shards};

fn shipped() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kubernetes/rbac.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let documents = text.split("\n---\n").filter(|text| text.contains("kind:"));
    documents
        .map(|text| {
            let mut sources = tribunal_deploy::tree::Sources::default();
            let source = sources.add("rbac.yaml", text, None);
            let node = tribunal_deploy::tree::yaml(&sources, source).unwrap();
            serde_json::from_str(&tribunal_deploy::tree::json(&node)).unwrap()
        })
        .collect()
}

type Right = (String, String, String);

fn granted(role: &Value) -> BTreeSet<Right> {
    let words = |value: &Value| -> Vec<String> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect()
    };
    let mut out = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                for verb in words(&rule["verbs"]) {
                    out.insert((group.clone(), resource.clone(), verb));
                }
            }
        }
    }
    out
}

#[tokio::test]
async fn the_role_is_what_the_driver_calls_and_nothing_beyond() {
    let mut called: BTreeSet<Right> = BTreeSet::new();
    let job = Script {
        pods: vec![vec![Step::Ready, Step::Ended(0)]],
        ..Script::good(0)
    };
    for (manifest, script) in [(pair(), Script::good(0)), (shards(), job)] {
        let over = converse(&manifest, script).await;
        over.clean();
        for call in over.world.with(|state| state.calls.clone()) {
            // Every account may look at what kinds there are, and ask for its own rights.
            if call.resource.is_empty() || call.resource == "selfsubjectaccessreviews" {
                continue;
            }
            called.insert((call.group.clone(), call.resource.clone(), call.verb.clone()));
            if call.resource == "pods/exec" {
                // Which of both it is depends on the version of the cluster.
                called.insert((call.group, call.resource, "create".to_owned()));
            }
        }
    }
    let all = shipped();
    let role = all.iter().find(|object| object["kind"] == "Role").unwrap();
    assert_eq!(granted(role), called);
}

#[test]
fn the_shipped_file_binds_the_role_to_its_account_and_is_what_a_cluster_takes() {
    let all = shipped();
    let of = |kind: &str| all.iter().find(|object| object["kind"] == kind).unwrap();
    let binding = of("RoleBinding");
    assert_eq!(binding["roleRef"]["name"], of("Role")["metadata"]["name"]);
    assert_eq!(
        binding["subjects"][0]["name"],
        of("ServiceAccount")["metadata"]["name"]
    );
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/golden/kubernetes/schemas.json");
    let schemas: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for object in &all {
        let kind = format!(
            "{}/{}",
            object["apiVersion"].as_str().unwrap(),
            object["kind"].as_str().unwrap()
        );
        let schema = serde_json::json!({ "$ref": schemas["kinds"][&kind], "definitions": schemas["definitions"] });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let wrong: Vec<_> = validator
            .iter_errors(object)
            .map(|error| error.to_string())
            .collect();
        assert!(wrong.is_empty(), "{kind}: {wrong:?}");
    }
}
