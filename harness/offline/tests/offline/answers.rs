//! Commands that answer.

use libtest_mimic::Trial;
use serde_json::{Value, json};
use tribunal_client::Client;
use tribunal_serving::{Deployment, Server};

use crate::support::{Folder, ask, chat, refused, trial, value};

pub fn trials() -> Vec<Trial> {
    vec![
        trial("answers::text_on_standard_output", text_on_standard_output),
        trial(
            "answers::a_file_with_counts_and_files_beside_it",
            a_file_with_counts_and_files_beside_it,
        ),
        trial(
            "answers::the_whole_request_and_the_prompt_as_files",
            the_whole_request_and_the_prompt_as_files,
        ),
        trial(
            "answers::one_test_online_and_offline",
            one_test_online_and_offline,
        ),
        trial(
            "answers::a_stream_is_one_chunk_where_it_is_declared",
            a_stream_is_one_chunk_where_it_is_declared,
        ),
        trial(
            "answers::environment_and_folder_are_those_of_the_job",
            environment_and_folder_are_those_of_the_job,
        ),
        trial(
            "answers::routes_that_a_server_has",
            routes_that_a_server_has,
        ),
        trial(
            "answers::a_probe_runs_the_command_once",
            a_probe_runs_the_command_once,
        ),
    ]
}

async fn text_on_standard_output() {
    let folder = Folder::new();
    let server = folder
        .start(&folder.job(["echo", "{prompt}", "--seed", "{seed}", "{model}"]))
        .await;
    let prompt = "a; $(rm -rf /) `x` \"q\" {seed}\n-é";
    let answer = value(&ask(&server, &chat(prompt)).await);
    let choice = &answer["choices"][0];
    assert_eq!(
        choice["message"]["content"],
        format!("{prompt}|offline"),
        "no shell, and --seed is gone without a seed"
    );
    assert_eq!(
        (&choice["message"]["role"], &choice["finish_reason"]),
        (&json!("assistant"), &json!("stop"))
    );
    assert!(answer.get("usage").is_none(), "nobody counted");
    assert_eq!(
        (&answer["object"], &answer["files"]),
        (&json!("chat.completion"), &json!([]))
    );
    let run = std::path::Path::new(answer["folder"].as_str().unwrap());
    assert!(run.starts_with(folder.at("offline")));
    for name in [
        "request.json",
        "prompt.txt",
        "run.json",
        "stdout",
        "stderr",
        "result.json",
    ] {
        assert!(run.join(name).is_file(), "{name}");
    }
    let mut seeded = chat("x");
    seeded["seed"] = json!(-3);
    assert_eq!(
        value(&ask(&server, &seeded).await)["choices"][0]["message"]["content"],
        "x|--seed|-3|offline"
    );
    let report = server.stop().await.unwrap();
    assert!(
        report.killed.is_empty() && report.outlived.is_empty(),
        "{report:?}"
    );
}

async fn a_file_with_counts_and_files_beside_it() {
    let folder = Folder::new();
    let content = r#"{"text": "a video", "prompt_tokens": 4, "completion_tokens": 2}"#;
    let mut job = folder.job(["write", "{output}", "deep/answer.json", content, "{prompt}"]);
    (job.output, job.json) = (Some("deep/answer.json".into()), true);
    job.ignore = vec!["max_tokens".into()];
    let server = folder.start(&job).await;
    let mut body = json!({"model": "offline", "prompt": "p", "max_tokens": 2});
    let client = Client::new(server.base_url()).unwrap();
    let answer = value(&client.post_json("/v1/completions", &body).await.unwrap());
    assert_eq!(
        (&answer["choices"][0]["text"], &answer["object"]),
        (&json!("a video"), &json!("text_completion"))
    );
    assert_eq!(
        answer["choices"][0]["finish_reason"], "length",
        "as many as were allowed"
    );
    assert_eq!(
        answer["usage"],
        json!({"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6})
    );
    assert_eq!(
        answer["files"],
        json!([{"path": "frames/0.png", "bytes": 3}])
    );
    body["max_tokens"] = json!(9);
    let answer = value(&client.post_json("/v1/completions", &body).await.unwrap());
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    server.stop().await.unwrap();
}

async fn the_whole_request_and_the_prompt_as_files() {
    let folder = Folder::new();
    let server = folder.start(&folder.job(["cat", "{prompt_file}"])).await;
    let long = "word ".repeat(60_000);
    assert_eq!(
        value(&ask(&server, &chat(&long)).await)["choices"][0]["message"]["content"],
        long.as_str()
    );
    server.stop().await.unwrap();
    let server = folder.start(&folder.job(["cat", "{request}"])).await;
    let mut body = chat("p");
    body["top_p"] = json!(0.5);
    let text = value(&ask(&server, &body).await)["choices"][0]["message"]["content"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), body);
    server.stop().await.unwrap();
}

/// The one test function: it knows nothing of how the server came to be.
async fn the_same_test(server: &Server) -> String {
    let chat = Client::new(server.base_url())
        .unwrap()
        .chat(server.model().unwrap());
    let answer = chat
        .system("You tell of the sea.")
        .user("Tell me of the river.")
        .max_tokens(24)
        .temperature(0.8)
        .seed(7)
        .send()
        .await
        .unwrap();
    assert!(answer.usage().unwrap().completion_tokens > 0);
    answer.text().to_owned()
}

async fn one_test_online_and_offline() {
    let folder = Folder::new();
    let program = std::env::current_exe().unwrap();
    let online = Deployment::command(&program).model("engine").args([
        tribunal_engine::VERB,
        "--host",
        "{host}",
        "--port",
        "{port}",
        "--model",
        "{model}",
    ]);
    let server = Server::start(&online, &folder.options()).await.unwrap();
    let expected = the_same_test(&server).await;
    server.stop().await.unwrap();

    let mut job = folder.job([""; 0]);
    job.command.truncate(1);
    job.command.extend(
        [
            tribunal_engine::VERB,
            "offline",
            "--request",
            "{request}",
            "--model",
            "{model}",
            "--output",
            "{output}",
        ]
        .map(str::to_owned),
    );
    (job.model, job.output, job.json) = (Some("engine".into()), Some("answer.json".into()), true);
    let server = folder.start(&job).await;
    assert_eq!(the_same_test(&server).await, expected);
    let report = server.stop().await.unwrap();
    assert!(
        report.killed.is_empty() && report.outlived.is_empty(),
        "{report:?}"
    );
}

async fn a_stream_is_one_chunk_where_it_is_declared() {
    let folder = Folder::new();
    let mut job = folder.job([
        "raw",
        "{{\"text\": \"{prompt}\", \"completion_tokens\": 1}}",
    ]);
    job.command[3] =
        "{ \"text\": \"{prompt}\", \"completion_tokens\": 1, \"prompt_tokens\": 1 }".into();
    (job.json, job.streaming) = (true, true);
    let server = folder.start(&job).await;
    let chat = Client::new(server.base_url()).unwrap().chat("offline");
    let answer = chat
        .user("hello")
        .stream()
        .include_usage()
        .send()
        .await
        .unwrap();
    assert_eq!(
        (answer.text(), answer.finish_reason()),
        ("hello", Some("stop"))
    );
    assert_eq!(answer.usage().unwrap().completion_tokens, 1);
    let client = Client::new(server.base_url()).unwrap();
    let completion = json!({"model": "offline", "prompt": "p", "stream": true});
    let raw = client
        .post_json("/v1/completions", &completion)
        .await
        .unwrap();
    assert_eq!(raw.completion().unwrap().text(), "p");
    server.stop().await.unwrap();

    let server = folder.start(&folder.job(["echo", "{prompt}"])).await;
    let mut body = crate::support::chat("p");
    body["stream"] = json!(true);
    let error = refused(&server, &body, 400, "unsupported_parameter").await;
    assert_eq!(error["param"], "stream");
    server.stop().await.unwrap();
}

async fn environment_and_folder_are_those_of_the_job() {
    let folder = Folder::new();
    let mut job = folder.job(["environment", "TRIBUNAL_OFFLINE_TEST", "{prompt}"]);
    job.env
        .insert("TRIBUNAL_OFFLINE_TEST".into(), Some("set here".into()));
    let server = folder.start(&job).await;
    assert_eq!(
        value(&ask(&server, &chat("p")).await)["choices"][0]["message"]["content"],
        "set here"
    );
    server.stop().await.unwrap();
    let mut job = folder.job(["cat", "below", "{prompt}"]);
    job.command = vec!["/bin/cat".into(), "below".into(), "{prompt_file}".into()];
    job.cwd = Some(folder.at("cwd"));
    std::fs::create_dir(folder.at("cwd")).unwrap();
    std::fs::write(folder.at("cwd/below"), "relative ").unwrap();
    let server = folder.start(&job).await;
    assert_eq!(
        value(&ask(&server, &chat("p")).await)["choices"][0]["message"]["content"],
        "relative p"
    );
    server.stop().await.unwrap();
}

async fn routes_that_a_server_has() {
    let folder = Folder::new();
    let mut job = folder.job(["echo", "{prompt}"]);
    job.model = Some("org/name".into());
    let server = folder.start(&job).await;
    let client = Client::new(server.base_url()).unwrap();
    assert_eq!(
        client.models().await.unwrap().ids().collect::<Vec<_>>(),
        ["org/name"]
    );
    let error = refused(&server, &chat("p"), 404, "model_not_found").await;
    assert_eq!(error["param"], "model");
    assert_eq!(client.get("/v1/embeddings").await.unwrap().status, 404);
    let get = client.get("/v1/chat/completions").await.unwrap();
    assert_eq!((get.status, get.headers.get("allow")), (405, Some("POST")));
    assert_eq!(client.get("/v1/models/").await.unwrap().status, 200);
    let nonsense = client
        .post_bytes("/v1/completions", "application/json", &b"{"[..])
        .await
        .unwrap();
    assert_eq!(
        (nonsense.status, value(&nonsense)["error"]["code"].as_str()),
        (400, Some("invalid_json"))
    );
    assert!(
        !folder.at("offline/0001").exists(),
        "nothing ran for any of it"
    );
    server.stop().await.unwrap();
}

async fn a_probe_runs_the_command_once() {
    let folder = Folder::new();
    let mut job = folder.job(["echo", "{prompt}", "{max_tokens}"]);
    job.probe = true;
    job.ignore = vec!["temperature".into()];
    let server = folder.start(&job).await;
    assert!(folder.at("offline/0001/result.json").exists());
    assert!(!folder.at("offline/0002").exists());
    server.stop().await.unwrap();

    let mut job = folder.job(["fail", "3", "{prompt}", "{max_tokens}"]);
    job.probe = true;
    // On a machine that is too busy it may run out of time before it gets that far; then it has more.
    let mut said = String::new();
    for seconds in [2, 15, 60] {
        let limit = std::time::Duration::from_secs(seconds);
        let deployment = tribunal_offline::deployment(&job).unwrap();
        let started = Server::start(&deployment.ready_within(limit), &folder.options()).await;
        said = started.unwrap_err().to_string();
        if said.contains("502") {
            return;
        }
    }
    panic!("{said}");
}
