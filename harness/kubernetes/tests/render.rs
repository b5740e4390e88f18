//! Manifests: checked against the published schemas, and for what they must say.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tribunal_kubernetes::{Like, Manifest, RunId, Settings, Shape, Subject, laid_over};
use tribunal_nodes::NodesFile;
use tribunal_vocabulary::Vocabulary;
use tribunal_workload::{DataTable, Lookups};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|why| panic!("{path}: {why}"))
}

fn nodes(path: &str, text: &str) -> NodesFile {
    let data = DataTable::default();
    let lookups = Lookups {
        vocabulary: Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    NodesFile::parse(text, Path::new(path), &lookups).unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn run() -> RunId {
    RunId::parse("abc123").unwrap()
}

fn settings(text: &str) -> Settings {
    Settings::parse(text, "settings.toml").unwrap_or_else(|wrong| panic!("{wrong}"))
}

const PLAIN: &str = "[kubernetes]\nimage = \"x/y:1\"\nmemory = \"8Gi\"\n";

fn rendered(path: &str, settings: &Settings) -> Manifest {
    let text = read(path);
    let file = nodes(path, &text);
    let subject = Subject::Nodes {
        file: &file,
        text: &text,
    };
    Manifest::render(subject, settings, &run()).unwrap()
}

fn shipped(path: &str) -> Manifest {
    rendered(path, &settings(&read("fixtures/kubernetes/ascend-a3.toml")))
}

const REFERENCE: &str = "fixtures/nodes/qwen3-235b-disaggregated.yaml";
const PAIR: &str = "fixtures/nodes/two-prefillers-one-decoder.yaml";

/// The kinds that Tribunal writes, as their publishers describe them.
struct Schemas(Value);

impl Schemas {
    fn read() -> Schemas {
        Schemas(serde_json::from_str(&read("fixtures/golden/kubernetes/schemas.json")).unwrap())
    }

    fn check(&self, object: &Value) -> Result<(), String> {
        let kind = format!(
            "{}/{}",
            object["apiVersion"].as_str().unwrap(),
            object["kind"].as_str().unwrap()
        );
        let start = self.0["kinds"][&kind].as_str().ok_or(kind)?;
        let schema = serde_json::json!({ "$schema": "http://json-schema.org/draft-07/schema#", "$ref": start, "definitions": self.0["definitions"] });
        let validator = jsonschema::validator_for(&schema).map_err(|why| why.to_string())?;
        let wrong: Vec<_> = validator
            .iter_errors(object)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(wrong.join("\n"))
        }
    }
}

/// The documents of a file of YAML, by a reader that is not the one that wrote them.
fn documents(text: &str) -> Vec<Value> {
    let documents = text.split("---\n").filter(|text| text.contains("kind"));
    documents
        .map(|text| {
            let mut sources = tribunal_deploy::tree::Sources::default();
            let source = sources.add("manifest", text, None);
            let node = tribunal_deploy::tree::yaml(&sources, source).unwrap();
            serde_json::from_str(&tribunal_deploy::tree::json(&node)).unwrap()
        })
        .collect()
}

fn object<'a>(manifest: &'a Manifest, kind: &str) -> &'a Value {
    let mut all = manifest.objects.iter();
    all.find(|object| object["kind"] == kind).unwrap()
}

#[test]
fn every_shipped_file_is_a_manifest_that_a_cluster_takes() {
    let schemas = Schemas::read();
    for path in [
        REFERENCE,
        PAIR,
        "fixtures/nodes/external-data-parallel.yaml",
        "fixtures/nodes/one-node.yaml",
    ] {
        let manifest = shipped(path);
        for object in &manifest.objects {
            schemas
                .check(object)
                .unwrap_or_else(|wrong| panic!("{path}: {wrong}"));
        }
        // What is written is what was made.
        assert_eq!(documents(&manifest.yaml()), manifest.objects, "{path}");
    }
}

#[test]
fn the_schemas_refuse_what_a_cluster_would() {
    let schemas = Schemas::read();
    let manifest = shipped(REFERENCE);
    let set = object(&manifest, "LeaderWorkerSet");
    let pod = "/spec/leaderWorkerTemplate/leaderTemplate/spec";
    for (at, key, value) in [
        ("/spec/leaderWorkerTemplate", "restartPolicy", "Never"),
        ("/spec/leaderWorkerTemplate", "sise", "2"),
        (pod, "volumes", "none"),
        (&format!("{pod}/containers/0"), "comand", "sh"),
    ] {
        let mut wrong = set.clone();
        wrong.pointer_mut(at).unwrap()[key] = Value::from(value);
        assert!(schemas.check(&wrong).is_err(), "{at} {key}");
    }
}

#[test]
fn the_reference_file_has_the_pods_of_the_reference_manifest() {
    let manifest = shipped(REFERENCE);
    assert_eq!(manifest.name, "qwen3-235b-disaggregated-abc123");
    assert_eq!(manifest.shape, Shape::Nodes(2));
    let set = object(&manifest, "LeaderWorkerSet");
    let group = &set["spec"]["leaderWorkerTemplate"];
    assert_eq!(group["size"], 2);
    assert_eq!(group["restartPolicy"], "None");
    let pod = &group["workerTemplate"]["spec"];
    let harness = &pod["containers"][0];
    let resources = &harness["resources"];
    assert_eq!(resources["limits"]["huawei.com/ascend-1980"], "16");
    assert_eq!(resources["limits"]["memory"], "512Gi");
    assert_eq!(resources["requests"]["cpu"], "125");
    assert_eq!(resources["requests"]["ephemeral-storage"], "100Gi");
    assert_eq!(pod["volumes"][0]["emptyDir"]["sizeLimit"], "512Gi");
    assert_eq!(pod["automountServiceAccountToken"], false);
    // The pods of a StatefulSet cannot say another.
    assert!(pod["restartPolicy"].is_null());
    let args: Vec<_> = harness["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arg| arg.as_str().unwrap())
        .collect();
    assert_eq!(
        args,
        [
            "/root/.cache/tribunal/suites",
            "--deploy",
            "/tribunal/file/qwen3-235b-disaggregated.yaml",
            "--node",
            "$(LWS_WORKER_INDEX)/$(LWS_GROUP_SIZE)",
            "--leader",
            "$(LWS_LEADER_ADDRESS)",
            "--evidence-dir",
            "/tribunal/evidence",
            "--run-level",
            "slow",
            "nodes"
        ]
    );
    // The file goes along as it is.
    let map = object(&manifest, "ConfigMap");
    assert_eq!(
        map["data"]["qwen3-235b-disaggregated.yaml"],
        read(REFERENCE)
    );
    let service = object(&manifest, "Service");
    assert_eq!(service["spec"]["ports"][0]["port"], 8080);
    let labels = &group["leaderTemplate"]["metadata"]["labels"];
    assert_eq!(labels["role"], service["spec"]["selector"]["role"]);
    assert_eq!(labels["tribunal/run"], "abc123");
    assert_eq!(
        group["workerTemplate"]["metadata"]["labels"]["role"],
        "worker"
    );
}

#[test]
fn four_nodes_of_the_other_file() {
    let manifest = shipped(PAIR);
    assert_eq!(manifest.shape.pods(), 4);
    let set = object(&manifest, "LeaderWorkerSet");
    assert_eq!(set["spec"]["leaderWorkerTemplate"]["size"], 4);
}

#[test]
fn the_token_is_a_reference_and_stands_in_no_file() {
    let manifest = shipped(REFERENCE);
    assert!(
        manifest
            .objects
            .iter()
            .all(|object| object["kind"] != "Secret")
    );
    assert_eq!(
        manifest.token_secret.as_deref(),
        Some("qwen3-235b-disaggregated-abc123-token")
    );
    let text = manifest.yaml();
    assert!(text.contains("secretKeyRef"));
    assert!(text.contains("# `cargo tribunal k8s run` makes the Secret"));
}

#[test]
fn a_secret_in_a_file_of_nodes_goes_to_no_cluster() {
    let with = |env: &str, option: &str| {
        let text = format!(
            "model: m\nnum_nodes: 1\nnpu_per_node: 8\nenv_common: {{ {env} }}\ndeployment:\n  - server_cmd: vllm serve m --port 8000 {option}\n"
        );
        let file = nodes("f.yaml", &text);
        let subject = Subject::Nodes {
            file: &file,
            text: &text,
        };
        Manifest::render(subject, &settings(PLAIN), &run())
    };
    let wrong = with("HF_TOKEN: hf_abcdef", "").unwrap_err();
    assert!(
        wrong.contains("`HF_TOKEN`") && !wrong.contains("hf_abcdef"),
        "{wrong}"
    );
    let wrong = with("A: 1", "--api-key sk-abc").unwrap_err();
    assert!(
        wrong.contains("`--api-key`") && !wrong.contains("sk-abc"),
        "{wrong}"
    );
    assert!(with("A: 1", "--api-key=sk-abc").is_err());
    with("MAX_TOKEN: 5, B: x", "--max-model-len 5 --tokenizer x").unwrap();
}

#[test]
fn the_reference_manifest_is_taken_over_and_what_is_not_is_said() {
    let like = Like::parse(&read("fixtures/kubernetes/reference-lws.yaml"), "lws.yaml").unwrap();
    let own = settings("[kubernetes]\nargs = [\"nodes\"]\n");
    let (settings, mut notes) = laid_over(own, Some(like));
    let manifest = rendered(REFERENCE, &settings);
    notes.extend(manifest.notes.clone());
    let set = object(&manifest, "LeaderWorkerSet");
    assert_eq!(set["metadata"]["namespace"], "vllm-project");
    let before: Value = documents(&read("fixtures/kubernetes/reference-lws.yaml")).remove(0);
    let (now, before) = (
        &set["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"],
        &before["spec"]["leaderWorkerTemplate"]["workerTemplate"]["spec"],
    );
    let (harness, server) = (&now["containers"][0], &before["containers"][0]);
    assert_eq!(harness["image"], server["image"]);
    assert_eq!(
        harness["resources"]["limits"],
        server["resources"]["limits"]
    );
    assert_eq!(harness["resources"]["requests"]["cpu"], "125");
    for mount in server["volumeMounts"].as_array().unwrap() {
        assert!(
            harness["volumeMounts"].as_array().unwrap().contains(mount),
            "{mount}"
        );
    }
    for volume in before["volumes"].as_array().unwrap() {
        assert!(
            now["volumes"].as_array().unwrap().contains(volume),
            "{volume}"
        );
    }
    for variable in server["env"].as_array().unwrap() {
        assert!(
            harness["env"].as_array().unwrap().contains(variable),
            "{variable}"
        );
    }
    assert_eq!(set["spec"]["leaderWorkerTemplate"]["restartPolicy"], "None");
    let told = notes.join("\n");
    assert!(
        told.contains("the restart policy RecreateGroupOnPodRestart is not followed"),
        "{told}"
    );
    assert!(
        told.contains("its command is replaced by the harness"),
        "{told}"
    );
    assert!(!told.contains("leader and workers differ"), "{told}");
}

#[test]
fn settings_win_over_a_manifest_and_the_file_over_its_accelerators() {
    let text = read("fixtures/kubernetes/reference-lws.yaml")
        .replace("ascend-1980: \"16\"", "ascend-1980: \"8\"")
        .replace(
            "            ports:",
            "            securityContext: {privileged: true}\n            ports:",
        )
        .replacen("memory: 512Gi", "memory: 256Gi", 1);
    let like = Like::parse(&text, "lws.yaml").unwrap();
    let own = settings(
        "[kubernetes]\nimage = \"own:1\"\nshared_memory = \"1Gi\"\n[kubernetes.env]\nVLLM_VERSION = \"v9\"\n",
    );
    let (settings, notes) = laid_over(own, Some(like));
    let manifest = rendered(REFERENCE, &settings);
    let pod = &object(&manifest, "LeaderWorkerSet")["spec"]["leaderWorkerTemplate"]["leaderTemplate"]
        ["spec"];
    assert_eq!(pod["containers"][0]["image"], "own:1");
    assert_eq!(
        pod["containers"][0]["resources"]["limits"]["huawei.com/ascend-1980"],
        "16"
    );
    assert_eq!(pod["volumes"][0]["emptyDir"]["sizeLimit"], "1Gi");
    assert!(
        pod["containers"][0]["env"]
            .as_array()
            .unwrap()
            .iter()
            .any(|variable| variable["name"] == "VLLM_VERSION" && variable["value"] == "v9")
    );
    let told = format!("{}\n{}", notes.join("\n"), manifest.notes.join("\n"));
    assert!(
        told.contains(
            "16 accelerators of a node are asked for, as the file says; the manifest asked for 8"
        ),
        "{told}"
    );
    assert!(
        told.contains("`securityContext` of the container is not taken over"),
        "{told}"
    );
    assert!(told.contains("leader and workers differ"), "{told}");
}

#[test]
fn shards_are_an_indexed_job_whose_parts_end_by_themselves() {
    let own = settings(
        "[kubernetes]\nimage = \"x:1\"\naccelerators = 1\nresource = \"nvidia.com/gpu\"\nargs = [\"--run-level\", \"core_model\"]\n",
    );
    let subject = Subject::Shards {
        name: "Nightly Suite",
        count: 3,
    };
    let manifest = Manifest::render(subject, &own, &run()).unwrap();
    let job = object(&manifest, "Job");
    Schemas::read().check(job).unwrap();
    assert_eq!(job["metadata"]["name"], "nightly-suite-abc123");
    let spec = &job["spec"];
    assert_eq!(
        (&spec["completions"], &spec["completionMode"]),
        (&3.into(), &"Indexed".into())
    );
    assert_eq!(
        (&spec["backoffLimitPerIndex"], &spec["maxFailedIndexes"]),
        (&0.into(), &3.into())
    );
    let pod = &spec["template"]["spec"];
    assert_eq!(pod["restartPolicy"], "Never");
    assert_eq!(
        pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"],
        "1"
    );
    for count in [0, 1001] {
        assert!(Manifest::render(Subject::Shards { name: "x", count }, &own, &run()).is_err());
    }
}

#[test]
fn evidence_goes_to_a_claim_where_one_is_named() {
    let own = settings("[kubernetes]\nimage = \"x:1\"\nevidence_claim = \"results\"\n");
    let manifest = rendered(REFERENCE, &own);
    let set = object(&manifest, "LeaderWorkerSet");
    Schemas::read().check(set).unwrap();
    let pod = &set["spec"]["leaderWorkerTemplate"]["leaderTemplate"]["spec"];
    for container in pod["containers"].as_array().unwrap() {
        let mounts = container["volumeMounts"].as_array().unwrap();
        let mount = mounts
            .iter()
            .find(|mount| mount["name"] == "tribunal-evidence")
            .unwrap();
        assert_eq!(
            mount["subPathExpr"],
            "qwen3-235b-disaggregated-abc123/$(TRIBUNAL_POD)"
        );
        let env = container["env"].as_array().unwrap();
        assert!(
            env.iter()
                .any(|variable| variable["name"] == "TRIBUNAL_POD")
        );
    }
}

#[test]
fn a_cluster_replaces_nothing_in_the_values_of_settings() {
    let own = settings("[kubernetes]\nimage = \"x:1\"\n[kubernetes.env]\nA = \"$(HOSTNAME)/x\"\n");
    let manifest = rendered(REFERENCE, &own);
    let text = manifest.yaml();
    assert!(text.contains("$$(HOSTNAME)/x"));
}

/// What is wrong, the line it is told on, and a part of the message with its help.
const MISTAKES: [(&str, usize, &str); 22] = [
    ("image = 5", 2, "`image` must be text, not an integer"),
    ("imge = \"x\"", 2, "did you mean `image`?"),
    ("image = \"a b\"", 2, "without blanks"),
    ("namespace = \"A\"", 2, "`namespace` is `A`"),
    ("memory = \"512GiB\"", 2, "`memory` is no amount"),
    ("cpu = -1", 2, "`cpu` is no amount"),
    ("resource = \"gpu\"", 2, "as in huawei.com/ascend-1980"),
    ("accelerators = 5000", 2, "from 0 to 1024"),
    ("volumes = [{ name = \"a\" }]", 2, "a volume has no `path`"),
    (
        "volumes = [{ name = \"a\", path = \"/a\" }]",
        2,
        "one of `claim`, `host_path`, `secret`",
    ),
    (
        "volumes = [{ name = \"a\", path = \"/a\", claim = \"c\", secret = \"s\" }]",
        2,
        "one of `claim`, `host_path`, `secret`",
    ),
    (
        "volumes = [{ name = \"dshm\", path = \"/a\", claim = \"c\" }]",
        2,
        "is taken",
    ),
    (
        "volumes = [{ name = \"a\", path = \"/dev/shm\", claim = \"c\" }]",
        2,
        "a volume of its own",
    ),
    (
        "volumes = [{ name = \"a\", path = \"a\", claim = \"c\" }]",
        2,
        "it begins with /",
    ),
    ("env = { HF_TOKEN = \"hf_x\" }", 2, "manifests hold none"),
    ("env = { \"A-B\" = \"x\" }", 2, "no name of a variable"),
    (
        "secret_env = { HF_TOKEN = \"hf_x\" }",
        2,
        "is not `SECRET/KEY`",
    ),
    (
        "tolerations = [{ key = \"a\", efect = \"b\" }]",
        2,
        "did you mean `effect`?",
    ),
    ("node_selector = [1]", 2, "must be a table"),
    ("hold_seconds = 100000", 2, "from 0 to 86400"),
    ("command = \"x\"", 2, "must be a list"),
    ("service_account = \"A_b\"", 2, "`service_account` is"),
];

#[test]
fn a_mistake_in_the_settings_is_told_on_its_line() {
    for (line, at, want) in MISTAKES {
        let text = format!("[kubernetes]\n{line}\n");
        let wrong = Settings::parse(&text, "s.toml").expect_err(line);
        let places: Vec<_> = wrong.places().flatten().map(|(_, line, _)| line).collect();
        assert!(places.contains(&at), "{line}: {places:?}");
        let told = wrong.to_string();
        assert!(told.contains(want), "{line}: {told}");
        // The value of a secret is not repeated beside what is quoted of the file.
        assert!(
            !wrong.messages().any(|message| message.contains("hf_x")),
            "{told}"
        );
    }
    assert!(
        Settings::parse("", "s.toml")
            .unwrap_err()
            .to_string()
            .contains("no table [kubernetes]")
    );
    assert!(Settings::parse("a = [", "s.toml").is_err());
}

#[test]
fn without_an_image_nothing_is_rendered() {
    let text = read(REFERENCE);
    let file = nodes(REFERENCE, &text);
    let subject = Subject::Nodes {
        file: &file,
        text: &text,
    };
    let why = Manifest::render(subject, &Settings::default(), &run()).unwrap_err();
    assert!(why.contains("there is no image"), "{why}");
}

#[test]
fn the_same_inputs_are_the_same_bytes() {
    assert_eq!(shipped(PAIR).yaml(), shipped(PAIR).yaml());
}
