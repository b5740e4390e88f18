//! Commands that fail, each told apart.

use std::time::Duration;

use libtest_mimic::Trial;
use serde_json::json;
use tribunal_offline::OfflineJob;
use tribunal_serving::Server;

use crate::stub::{lockable, wait_until};
use crate::support::{Folder, ask, chat, refused, trial, value};

pub fn trials() -> Vec<Trial> {
    vec![
        trial(
            "failures::time_is_up_and_the_whole_tree_is_gone",
            time_is_up_and_the_whole_tree_is_gone,
        ),
        trial(
            "failures::a_command_that_ignores_the_question_is_killed",
            a_command_that_ignores_the_question_is_killed,
        ),
        trial("failures::exit_code_and_signal", exit_code_and_signal),
        trial(
            "failures::output_that_is_missing_half_or_empty",
            output_that_is_missing_half_or_empty,
        ),
        trial(
            "failures::the_engine_fails_as_it_is_asked_to",
            the_engine_fails_as_it_is_asked_to,
        ),
        trial(
            "failures::a_program_that_is_not_there_ends_the_start",
            a_program_that_is_not_there_ends_the_start,
        ),
        trial(
            "failures::a_program_that_goes_away_later",
            a_program_that_goes_away_later,
        ),
    ]
}

async fn time_is_up_and_the_whole_tree_is_gone() {
    let folder = Folder::new();
    let mut job = folder.job(["tree", &folder.arg("alive"), "{prompt}"]);
    job.timeout = Duration::from_millis(1500);
    let server = folder.start(&job).await;
    let error = refused(&server, &chat("p"), 504, "timed_out").await;
    assert!(
        error["message"].as_str().unwrap().contains("within 1.5s"),
        "{error:#}"
    );
    assert_eq!(error["type"], "offline_error");
    assert!(
        lockable(&folder.arg("alive")),
        "something of the run still lives"
    );
    let report = server.stop().await.unwrap();
    assert!(
        report.killed.is_empty() && report.outlived.is_empty(),
        "{report:?}"
    );
}

async fn a_command_that_ignores_the_question_is_killed() {
    let folder = Folder::new();
    let mut job = folder.job(["stubborn", &folder.arg("alive"), "{prompt}"]);
    job.timeout = Duration::from_millis(1500);
    let server = folder.start(&job).await;
    refused(&server, &chat("p"), 504, "timed_out").await;
    assert!(lockable(&folder.arg("alive")));
    server.stop().await.unwrap();
}

async fn exit_code_and_signal() {
    let folder = Folder::new();
    let server = folder.start(&folder.job(["fail", "3", "{prompt}"])).await;
    let error = refused(&server, &chat("p"), 502, "exit_code").await;
    assert_eq!(error["details"]["exit_code"], 3);
    assert_eq!(
        error["details"]["stderr_tail"],
        "first line\nCUDA error: out of memory\n"
    );
    assert!(
        std::path::Path::new(error["details"]["folder"].as_str().unwrap())
            .join("result.json")
            .exists()
    );
    server.stop().await.unwrap();
    let server = folder.start(&folder.job(["abort", "{prompt}"])).await;
    let error = refused(&server, &chat("p"), 502, "signal").await;
    assert_eq!(error["details"]["signal"], "SIGABRT");
    server.stop().await.unwrap();
}

async fn output_that_is_missing_half_or_empty() {
    let folder = Folder::new();
    let write = |name: &str, content: &str, json: bool| {
        let mut job = folder.job(["write", "{output}", name, content, "{prompt}"]);
        (job.output, job.json) = (Some("answer".into()), json);
        job
    };
    let print = |text: &str, json: bool| {
        let mut job = folder.job(["raw", text]);
        job.command.push("{prompt}".into());
        job.command[2] = "echo".into();
        job.json = json;
        job
    };
    for (job, code, says) in [
        (
            write("other", "x", false),
            "output_missing",
            "it made `frames/0.png`, `other`",
        ),
        (
            write("answer/folder", "x", false),
            "output_missing",
            "is no file",
        ),
        (
            write("answer", "", false),
            "output_empty",
            "the file `answer` is empty",
        ),
        (
            write("answer", "{\"text\": \"half", true),
            "output_incomplete",
            "line 1, column 14",
        ),
        (
            write("answer", "Loading model", true),
            "output_unparsable",
            "line 1, column 1",
        ),
        (
            write("answer", "{\"txt\": \"x\"}", true),
            "output_unparsable",
            "neither `choices` nor `text`",
        ),
        (print("x", true), "output_unparsable", "standard output"),
    ] {
        let server = folder.start(&job).await;
        let error = refused(&server, &chat("p"), 502, code).await;
        assert!(
            error["message"].as_str().unwrap().contains(says),
            "{says}: {error:#}"
        );
        server.stop().await.unwrap();
    }
}

async fn the_engine_fails_as_it_is_asked_to() {
    let folder = Folder::new();
    for (fail, status, code) in [
        ("exit=7", 502, "exit_code"),
        ("abort", 502, "signal"),
        ("hang", 504, "timed_out"),
        ("half", 502, "output_incomplete"),
        ("empty", 502, "output_empty"),
    ] {
        let program = std::env::current_exe().unwrap();
        let words = [
            program.to_str().unwrap(),
            tribunal_engine::VERB,
            "offline",
            "--prompt={prompt}",
            "--output",
            "{output}",
            "--fail",
            fail,
        ];
        let mut job = OfflineJob::new(words);
        (job.output, job.json, job.folder) =
            (Some("answer.json".into()), true, Some(folder.at("offline")));
        job.timeout = Duration::from_secs(if fail == "hang" { 1 } else { 60 });
        let server = folder.start(&job).await;
        refused(&server, &chat("Tell me of the river."), status, code).await;
        server.stop().await.unwrap();
    }
}

async fn a_program_that_is_not_there_ends_the_start() {
    let folder = Folder::new();
    for program in ["no-such-program-of-tribunal", "./no/such/program"] {
        let mut job = OfflineJob::new([program, "{prompt}"]);
        job.folder = Some(folder.at("offline"));
        let deployment = tribunal_offline::deployment(&job).unwrap();
        let error = Server::start(&deployment, &folder.options())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(program), "{error}");
    }
}

async fn a_program_that_goes_away_later() {
    let folder = Folder::new();
    // Copied by a process of its own: one that tests beside this one start would inherit a descriptor of ours, and what is open for
    // writing cannot be executed.
    let copied = std::process::Command::new("cp")
        .arg("/bin/cat")
        .arg(folder.at("cat"))
        .status()
        .unwrap();
    assert!(copied.success());
    let mut job = OfflineJob::new([&folder.arg("cat"), "{prompt_file}"]);
    job.folder = Some(folder.at("offline"));
    let server = folder.start(&job).await;
    let answer = value(&ask(&server, &chat("p")).await);
    assert_eq!(answer["choices"][0]["message"]["content"], json!("p"));
    std::fs::remove_file(folder.at("cat")).unwrap();
    let error = refused(&server, &chat("p"), 502, "start_failed").await;
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("could not be started"),
        "{error:#}"
    );
    wait_until(|| server.is_alive());
    server.stop().await.unwrap();
}
