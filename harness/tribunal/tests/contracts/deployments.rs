//! `--deploy`, `--set`, and what they make of the cases of a suite.

use crate::call::folder;
use crate::row::rows;
use crate::scaffold::binary;

rows![
    a_file_is_a_deployment_and_its_name_the_segment,
    several_deployments_run_each_case_once_on_each,
    mistakes_are_usage_errors_with_the_nearest,
    what_is_not_installed_skips_with_its_remedy,
    a_server_of_somebody_else_is_not_broken,
    a_capability_that_is_missing_gates,
    the_name_of_a_model_leads_to_its_copy,
    an_isolated_case_uses_the_shared_server,
];

fn a_file_is_a_deployment_and_its_name_the_segment() {
    let place = folder();
    let file = place.path().join("mine.toml");
    std::fs::write(&file, "extends = \"embedded\"\nparams.workers = 1\n").expect("a file");
    let file = file.to_string_lossy().into_owned();
    binary("town", ["--deploy", &file, "alone::n_1"])
        .run()
        .exits(0)
        .says(["test alone::n_1 ... ok"]);
    binary(
        "town",
        ["--deploy", &format!("embedded,{file}"), "alone::n_1"],
    )
    .run()
    .exits(0)
    .says([
        "test alone::n_1::mine     ... ok",
        "test alone::n_1::embedded ... ok",
    ]);
}

fn several_deployments_run_each_case_once_on_each() {
    let place = folder();
    let file = place.path().join("other.toml");
    std::fs::write(&file, "extends = \"embedded\"\nparams.seed = 7\n").expect("a file");
    let both = format!("embedded,{}", file.display());
    let root = folder();
    let said = binary("town", ["--deploy", &both, "--keep-evidence", "all"])
        .env("TRIBUNAL_EVIDENCE_DIR", root.path())
        .run()
        .exits(0)
        .says(["running 27 tests", "23 passed"]);
    // Each of the two shared servers once, and three of its own for each.
    let started = std::fs::read_dir(root.path().join("latest/servers"))
        .expect("the folders of servers")
        .flatten()
        .filter(|f| f.path().join("server.log").exists())
        .count();
    assert_eq!(started, 8, "{}", said.out);
}

fn mistakes_are_usage_errors_with_the_nearest() {
    binary("town", ["--deploy", "embeded"])
        .run()
        .exits(2)
        .warns([
            "there is no deployment `embeded`",
            "did you mean `embedded`?",
        ]);
    binary("town", ["--set", "wokers=1"]).run().exits(2).warns([
        "has no parameter and no key `wokers`",
        "did you mean `workers`?",
    ]);
    binary("town", ["--platform", "cud"])
        .run()
        .exits(2)
        .warns(["no platform `cud` is declared", "did you mean `cuda`?"]);
    binary("town", ["--deploy", "embedded,,url"]).run().exits(2);
    binary("town", ["--deploy", "embedded,embedded"])
        .run()
        .exits(2)
        .warns(["would both be called `embedded`"]);
}

fn what_is_not_installed_skips_with_its_remedy() {
    let place = folder();
    let file = place.path().join("absent.toml");
    let text = "extends = \"embedded\"\n[requires]\nprogram = [\"no-such-engine\"]\nhint = \"pip install no-such-engine\"\n";
    std::fs::write(&file, text).expect("a file");
    let file = file.to_string_lossy().into_owned();
    binary("town", ["--deploy", &file, "--no-tests", "pass"])
        .run()
        .exits(0)
        .says([
            "1 passed; 0 failed; 13 ignored",
            "pip install no-such-engine",
        ]);
    // Green would say that it passed, also when another deployment was executed.
    binary("town", ["--deploy", &format!("embedded,{file}")])
        .run()
        .exits(4)
        .says(["12 passed", "none of its cases was executed"]);
    binary("town", ["--deploy", &file, "--deny-skips"])
        .run()
        .exits(101);
}

fn a_server_of_somebody_else_is_not_broken() {
    // Nothing listens there: the gate must hold before anybody asks the server.
    binary(
        "town",
        [
            "--deploy",
            "http://127.0.0.1:9",
            "alone",
            "--no-tests",
            "pass",
        ],
    )
    .run()
    .exits(0)
    .says(["needs a server of its own; http://127.0.0.1:9 runs already"]);
}

fn a_capability_that_is_missing_gates() {
    binary("town", ["spoken_words", "--no-tests", "pass"])
        .run()
        .exits(0)
        .says(["deployment embedded does not offer `spoken_words`"]);
}

fn the_name_of_a_model_leads_to_its_copy() {
    let place = folder();
    let (shared, fast) = (place.path().join("shared"), place.path().join("fast"));
    std::fs::create_dir_all(shared.join("org/tiny")).expect("a folder");
    std::fs::create_dir(&fast).expect("a folder");
    std::fs::write(shared.join("org/tiny/w.bin"), "weights").expect("a file");
    let file = place.path().join("local.toml");
    // It only starts where the model is a folder.
    let text =
        "extends = \"embedded\"\nmodel = \"org/tiny\"\nserved_name = \"tiny\"\ncwd = \"{model}\"\n";
    std::fs::write(&file, text).expect("a file");
    binary("town", ["--deploy", &file.to_string_lossy(), "talks::n_1"])
        .env("TRIBUNAL_MODEL_SHARED", &shared)
        .env("TRIBUNAL_MODEL_FAST", &fast)
        .env("TRIBUNAL_MODEL_RESERVE", "0")
        .run()
        .exits(0);
    let copied = std::fs::read_dir(&fast).expect("the store").count();
    assert!(copied > 0, "nothing was copied to the fast store");
    binary("town", ["--deploy", &file.to_string_lossy(), "talks::n_1"])
        .run()
        .exits(101)
        .says(["org/tiny"]);
}

/// The case in a process of its own finds the server that the harness started for the others.
fn an_isolated_case_uses_the_shared_server() {
    let root = folder();
    binary(
        "town",
        [
            "talks::n_1",
            "apart",
            "--test-threads",
            "1",
            "--include-ignored",
            "--keep-evidence",
            "all",
        ],
    )
    .env("TRIBUNAL_EVIDENCE_DIR", root.path())
    .run()
    .exits(0)
    .says(["2 passed"]);
    let logs = std::fs::read_dir(root.path().join("latest/servers"))
        .expect("the folders of servers")
        .flatten()
        .filter(|f| f.path().join("server.log").exists())
        .count();
    assert!((1..=2).contains(&logs), "{logs} servers");
}
