//! Pipelines that are made: valid by the published schemas, and filtered by five diffs.

use std::collections::{BTreeMap, BTreeSet};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Value, json};
use tribunal_stages::pipeline::{Ask, Plan, buildkite, github, plan};
use tribunal_stages::{Narrowing, Suite};
use tribunal_vocabulary::Vocabulary;

use crate::{line, project, shipped, suite};

/// YAML as JSON, as a reader of YAML 1.2 has it.
pub(crate) fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Value(Scalar::Integer(n)) => json!(n),
        Yaml::Value(Scalar::Boolean(b)) => json!(b),
        Yaml::Value(Scalar::FloatingPoint(n)) => json!(n.into_inner()),
        Yaml::Sequence(list) => list.iter().map(value).collect(),
        Yaml::Mapping(map) => Value::Object(
            map.iter()
                .map(|(k, v)| (k.as_str().unwrap().to_owned(), value(v)))
                .collect(),
        ),
        _ => Value::Null,
    }
}

pub(crate) fn read(text: &str) -> Value {
    value(&Yaml::load_from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))[0])
}

/// Everything that is wrong with a pipeline by its published schema.
pub(crate) fn wrong(schema: &str, pipeline: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(schema).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    validator
        .iter_errors(pipeline)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

pub(crate) const BUILDKITE: &str = include_str!("../schemas/buildkite.json");
const GITHUB: &str = include_str!("../schemas/github-workflow.json");

/// Both, checked by their schemas.
fn both(plan: &Plan) -> (Value, Value) {
    let (one, two) = (buildkite(plan).unwrap(), github(plan).unwrap());
    let (one_read, two_read) = (read(&one), read(&two));
    assert_eq!(wrong(BUILDKITE, &one_read), Vec::<String>::new(), "{one}");
    assert_eq!(wrong(GITHUB, &two_read), Vec::<String>::new(), "{two}");
    (one_read, two_read)
}

const PROJECT: &str = "[queues.big]\ndevice = \"H100\"\ncount = 2\ngithub = [\"self-hosted\", \"h100\"]\nbuildkite = { queue = \"h100\", zone = \"a\" }\n\
    image = \"example/{deployment}:{version}\"\nconcurrency = 3\n[queues.bare]\n\
    [stages.smoke]\ndoc = \"a smoke\"\nlevel = \"core_model\"\nselect = \"e2e\"\nlimit = \"90s\"\n\
    triggers = { pull_request = true, labels = [\"ready: e2e\"], branches = [\"main\", \"release/*\"], cron = [\"0 8 * * *\"], variable = \"SMOKE\" }\n\
    [stages.smoke.steps.gpu]\nselect = \"gpu\"\nqueue = \"big\"\ndeployments = [\"vllm\", \"sglang\"]\nshards = 2\nlimit = \"1h\"\n\
    [stages.smoke.steps.cpu]\nselect = \"gpu_0\"\nqueue = \"bare\"\n";

#[test]
fn the_shipped_stages_as_pipelines_of_both_systems() {
    let (v, suite) = (Vocabulary::shipped(), shipped());
    let plan = plan(
        v,
        &Ask {
            suite: Some(&suite),
            ..Ask::default()
        },
    )
    .unwrap();
    let (one, two) = both(&plan);
    let groups = one["steps"].as_array().unwrap();
    assert_eq!(groups.len(), 5);
    // The same commands in both, and each the local equivalent of its step.
    let steps = groups
        .iter()
        .flat_map(|group| group["steps"].as_array().unwrap());
    let commands: BTreeSet<&str> = steps
        .map(|step| step["command"].as_str().unwrap())
        .collect();
    let jobs = two["jobs"].as_object().unwrap();
    let runs: BTreeSet<&str> = jobs
        .values()
        .map(|job| job["steps"][1]["run"].as_str().unwrap())
        .collect();
    assert_eq!(commands, runs);
    assert!(
        commands.contains("cargo test -- --stage pre_merge.sequential"),
        "{commands:?}"
    );
    // What has no test is left out, with the reason, and in the pipeline's own text.
    let engines = plan
        .omitted
        .iter()
        .find(|one| one.what == "pre_merge.engines")
        .expect("no shipped test names an engine");
    assert_eq!(engines.why, "it selects no test");
    assert!(
        buildkite(&plan)
            .unwrap()
            .contains("# left out: pre_merge.engines: it selects no test")
    );
    // Without a catalog nothing is known to be empty.
    let unknown = tribunal_stages::pipeline::plan(v, &Ask::default()).unwrap();
    assert!(unknown.omitted.is_empty() && unknown.notes[0].contains("were not listed"));
    both(&unknown);
}

#[test]
fn queues_deployments_shards_triggers_and_pins() {
    let v = project(PROJECT);
    let ask = Ask {
        stages: vec!["smoke".into()],
        versions: BTreeMap::from([("vllm".to_owned(), "0.11.0".to_owned())]),
        cargo: ["--package", "suites"].map(str::to_owned).into(),
        ..Ask::default()
    };
    let plan = plan(&v, &ask).unwrap();
    assert_eq!(
        plan.stages[0].jobs.len(),
        5,
        "two deployments in two parts each, and one"
    );
    let (one, two) = both(&plan);
    let group = &one["steps"][0];
    let condition = group["if"].as_str().unwrap();
    for part in [
        "build.pull_request.id != null",
        "build.pull_request.labels includes \"ready: e2e\"",
        "build.branch == \"main\"",
        "build.branch =~ /^release\\//",
        "build.env(\"SMOKE\") == \"1\"",
        "build.env(\"RUN_STAGE\") == \"smoke\"",
    ] {
        assert!(condition.contains(part), "{part}: {condition}");
    }
    let step = &group["steps"][1];
    assert_eq!(
        step["command"],
        "cargo test --package suites -- --stage smoke.gpu --deploy vllm --shard 2/2"
    );
    assert_eq!(step["agents"], json!({"queue": "h100", "zone": "a"}));
    assert_eq!(step["image"], "example/vllm:0.11.0");
    assert_eq!(step["env"]["DEPLOYMENT_VERSION"], "0.11.0");
    assert_eq!(
        (&step["timeout_in_minutes"], &step["concurrency"]),
        (&json!(60), &json!(3))
    );
    assert_eq!(
        step["retry"]["automatic"],
        json!([{"exit_status": -1, "limit": 1}]),
        "a lost agent, never a failed test"
    );
    // Not pinned: no image can be named.
    assert_eq!(group["steps"][2]["image"], Value::Null);
    let last = &group["steps"][4];
    assert_eq!(
        (&last["agents"], &last["timeout_in_minutes"]),
        (&json!({"queue": "bare"}), &json!(2))
    );
    let job = &two["jobs"]["smoke-gpu-vllm-2-of-2"];
    assert_eq!(job["runs-on"], json!(["self-hosted", "h100"]));
    assert_eq!(job["container"], "example/vllm:0.11.0");
    assert_eq!(
        two["jobs"]["smoke-cpu"]["runs-on"],
        json!(["self-hosted", "bare"])
    );
    assert_eq!(two["on"]["push"]["branches"], json!(["main", "release/*"]));
    assert_eq!(two["on"]["schedule"], json!([{"cron": "0 8 * * *"}]));
    let condition = job["if"].as_str().unwrap();
    for part in [
        "startsWith(github.ref, 'refs/heads/release/')",
        "labels.*.name, 'ready: e2e')",
        "schedule == '0 8 * * *'",
        "vars.SMOKE == '1'",
        "inputs.stage == 'smoke'",
    ] {
        assert!(condition.contains(part), "{part}: {condition}");
    }
}

#[test]
fn five_diffs_leave_what_they_concern() {
    let v = project(PROJECT);
    let depends = |path: &str| json!({"arguments": {"depends_on": [{"paths": path}]}});
    let tests: Suite = suite(
        &[
            line(
                "gpu",
                &["e2e", "gpu", "gpu_1", "depends_on", "local_only"],
                &[],
                &depends("src/kernels/"),
            ),
            line(
                "cpu",
                &["e2e", "gpu_0", "depends_on", "local_only"],
                &[],
                &depends("src/api/"),
            ),
        ],
        &v,
    );
    for (changed, stay, left_out) in [
        (
            Ok(vec!["src/kernels/a.cu"]),
            &["smoke.gpu"][..],
            &["smoke.cpu"][..],
        ),
        (Ok(vec!["src/api/mod.rs"]), &["smoke.cpu"], &["smoke.gpu"]),
        (
            Ok(vec!["README.md"]),
            &[],
            &["smoke.gpu", "smoke.cpu", "smoke"],
        ),
        (
            Ok(vec!["markers.toml", "README.md"]),
            &["smoke.cpu", "smoke.gpu"],
            &[],
        ),
        (
            Err("is the clone shallow?"),
            &["smoke.cpu", "smoke.gpu"],
            &[],
        ),
    ] {
        let files = changed
            .map(|files| files.into_iter().map(str::to_owned).collect())
            .map_err(str::to_owned);
        let narrowing = Narrowing::new(&v, files);
        let ask = Ask {
            stages: vec!["smoke".into()],
            suite: Some(&tests),
            narrowing: Some((&narrowing, "origin/main")),
            ..Ask::default()
        };
        let plan = plan(&v, &ask).unwrap();
        let jobs = plan.stages.iter().flat_map(|stage| &stage.jobs);
        let kept: BTreeSet<&str> = jobs.clone().map(|job| job.command[4].as_str()).collect();
        assert_eq!(
            kept,
            stay.iter().copied().collect(),
            "{}",
            narrowing.summary()
        );
        assert!(
            jobs.clone()
                .all(|job| job.line().ends_with("--changed-since origin/main"))
        );
        let omitted = plan
            .omitted
            .iter()
            .filter(|one| one.why != "another stage was asked for");
        assert_eq!(
            omitted.map(|one| one.what.as_str()).collect::<Vec<_>>(),
            left_out
        );
        if !stay.is_empty() {
            let (_, two) = both(&plan);
            let job = two["jobs"]
                .as_object()
                .unwrap()
                .values()
                .next()
                .unwrap()
                .clone();
            assert_eq!(
                job["steps"][0]["with"]["fetch-depth"], 0,
                "a diff needs the history"
            );
        }
    }
}

#[test]
fn names_that_say_more_than_a_name_are_refused() {
    let smoke = |more: &str| format!("[stages.smoke]\nselect = \"e2e\"\n{more}\n");
    for (text, said) in [
        (
            smoke(
                "[stages.smoke.steps.a]\nselect = \"unit\"\nqueue = \"cpu\"\ndeployments = [\"x; rm -rf /\"]",
            ),
            "cannot stand in a pipeline",
        ),
        (
            smoke(
                "[stages.smoke.steps.a]\nselect = \"unit\"\nqueue = \"cpu\"\ndeployments = [\"${{ secrets.X }}\"]",
            ),
            "cannot stand in a pipeline",
        ),
        (
            smoke("[stages.smoke.steps.a]\nselect = \"unit\"\nqueue = \"cpv\""),
            "did you mean `cpu`?",
        ),
        (
            smoke("[stages.smoke.steps.a]\nselect = \"unit\""),
            "names no queue",
        ),
        (
            smoke(
                "triggers = { labels = [\"a' || 'b\"] }\n[stages.smoke.steps.a]\nselect = \"unit\"\nqueue = \"cpu\"",
            ),
            "no quotes",
        ),
        (
            smoke(
                "triggers = { branches = [\"*\"] }\n[stages.smoke.steps.a]\nselect = \"unit\"\nqueue = \"cpu\"",
            ),
            "a branch is a name",
        ),
        (
            smoke(
                "triggers = { cron = [\"0 8 * * ')\"] }\n[stages.smoke.steps.a]\nselect = \"unit\"\nqueue = \"cpu\"",
            ),
            "five fields",
        ),
    ] {
        let v = project(&text);
        let error = plan(
            &v,
            &Ask {
                stages: vec!["smoke".into()],
                ..Ask::default()
            },
        )
        .unwrap_err();
        assert!(error.contains(said), "{text}\n{error}");
    }
    let v = Vocabulary::shipped();
    let unknown = Ask {
        stages: vec!["nightli".into()],
        ..Ask::default()
    };
    assert!(
        plan(v, &unknown)
            .unwrap_err()
            .contains("did you mean `nightly`?")
    );
    let suite = shipped();
    let narrowing = Narrowing::new(v, Ok(vec![]));
    let ask = Ask {
        suite: Some(&suite),
        narrowing: Some((&narrowing, "main$(x)")),
        ..Ask::default()
    };
    assert!(plan(v, &ask).unwrap_err().contains("a reference of git"));
}
