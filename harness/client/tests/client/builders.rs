//! What the builders send, and several requests at once.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tribunal_client::{Client, Failure, Progress, Prompt, Watcher, send_all, text};

use crate::scripted::{Scripted, Step, chat_answer, delta, json, plain, stream_head};

#[tokio::test]
async fn every_parameter_reaches_the_body() {
    let server = Scripted::always(vec![json(200, chat_answer("x"))]).await;
    let request = server
        .chat()
        .with_default("temperature", 0)
        .with_default("top_k", 5)
        .system("be brief")
        .user(text("look").image_url("data:,x"))
        .assistant("ok")
        .message("tool", "42")
        .max_tokens(7)
        .temperature(0.5)
        .top_p(0.9)
        .seed(-3)
        .stop(["\n", "END"])
        .n(2)
        .logprobs(4)
        .include_usage()
        .extra("guided_json", json!({ "type": "object" }))
        .model("lora");
    let shown = request.body();
    request.send().await.expect("an answer");
    let want = json!({
        "model": "lora", "temperature": 0.5, "top_k": 5, "max_tokens": 7, "top_p": 0.9, "seed": -3, "stop": ["\n", "END"], "n": 2,
        "logprobs": true, "top_logprobs": 4, "stream_options": { "include_usage": true }, "guided_json": { "type": "object" },
        "messages": [
            { "role": "system", "content": "be brief" },
            { "role": "user", "content": [{ "type": "text", "text": "look" }, { "type": "image_url", "image_url": { "url": "data:,x" } }] },
            { "role": "assistant", "content": "ok" },
            { "role": "tool", "content": "42" },
        ],
    });
    assert_eq!(server.body(), want);
    assert_eq!(shown, want);
    let head = &server.requests()[0];
    assert!(
        head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n")
            && head.contains("accept: application/json")
            && head.contains("user-agent: tribunal/"),
        "{head}"
    );
}

#[tokio::test]
async fn prompts_of_every_form_are_sent_as_they_are() {
    let server = Scripted::always(vec![json(200, json!({ "choices": [] }))]).await;
    let chat = server.chat();
    let prompts: [(Prompt, _); 6] = [
        ("one".into(), json!("one")),
        (["a", "b"].into(), json!(["a", "b"])),
        (vec![String::from("a")].into(), json!(["a"])),
        ([1u32, 2].into(), json!([1, 2])),
        (vec![vec![1u32], vec![2, 3]].into(), json!([[1], [2, 3]])),
        (
            Prompt::raw(json!({ "no": "prompt" })),
            json!({ "no": "prompt" }),
        ),
    ];
    for (prompt, want) in prompts {
        let request = chat.completion(prompt).echo().logprobs(3);
        assert_eq!(
            (
                &request.body()["prompt"],
                &request.body()["echo"],
                &request.body()["logprobs"]
            ),
            (&want, &json!(true), &json!(3))
        );
        request.send().await.expect("an answer");
    }
    assert!(server.requests()[0].starts_with("POST /v1/completions "));
}

#[test]
fn wrong_bodies_can_be_written() {
    let chat = Client::new("http://127.0.0.1:9")
        .expect("a client")
        .chat("m");
    let body = chat
        .user("hi")
        .without("model")
        .without("messages")
        .extra("temperature", "hot")
        .body();
    assert_eq!(body, json!({ "temperature": "hot" }));
    let body = chat
        .request()
        .extra("messages", "none")
        .user("after all")
        .body();
    assert_eq!(
        body["messages"],
        json!([{ "role": "user", "content": "after all" }])
    );
}

#[tokio::test]
async fn several_at_once_are_all_sent_and_keep_their_order() {
    let server = Scripted::always(vec![json(200, chat_answer("x"))]).await;
    let chat = server.chat();
    let answers = chat
        .user("hi")
        .send_many(8)
        .await
        .all()
        .expect("all answers");
    assert_eq!((answers.len(), server.requests().len()), (8, 8));
    let many = send_all((0..6).map(|seed| chat.user("hi").seed(seed).send())).await;
    let seeds: Vec<_> = many
        .into_iter()
        .map(|result| result.expect("an answer").raw.request["seed"].as_i64())
        .collect();
    assert_eq!(seeds, (0..6).map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn one_failure_among_several_is_counted_and_the_rest_kept() {
    let good = vec![json(200, chat_answer("x"))];
    let server = Scripted::start(vec![
        good.clone(),
        vec![plain(500, "text/plain", "no")],
        good,
    ])
    .await;
    let chat = server.chat();
    let many = chat.user("hi").send_many(3).await;
    assert_eq!(
        (many.succeeded(), many.failed(), many.results().len()),
        (2, 1, 3)
    );
    let error = many.all().expect_err("one failed");
    assert!(
        error.to_string().contains("1 of 3 sent at once failed"),
        "{error}"
    );
    assert!(matches!(error.failure(), Failure::Status(_)));
}

#[test]
fn addresses_are_checked_when_the_client_is_made() {
    for good in [
        "http://127.0.0.1:8000",
        "http://127.0.0.1:8000/",
        "http://127.0.0.1:8000/v1",
        "http://127.0.0.1:8000/v1/",
    ] {
        assert_eq!(
            Client::new(good).expect(good).base_url(),
            "http://127.0.0.1:8000"
        );
    }
    assert_eq!(
        Client::new("http://h/prefix/v1")
            .expect("a client")
            .base_url(),
        "http://h/prefix"
    );
    for (bad, want) in [
        ("https://h", "TLS"),
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("ftp://h", "`ftp`"),
        ("", "no address"),
        ("http://h?x=1", "?query"),
    ] {
        let error = Client::new(bad).expect_err(bad);
        assert!(error.to_string().contains(want), "{bad}: {error}");
        assert_eq!(*error.failure(), Failure::Unusable);
    }
    let client = Client::new("http://h").expect("a client");
    assert!(
        client.clone().with_header("a b", "x").is_err() && client.with_header("a", "x\ny").is_err()
    );
}

#[tokio::test]
async fn a_watcher_is_told_while_the_answer_comes() {
    let first = delta("{\"content\":\"Hel\"}", None);
    let begun = vec![stream_head(), crate::scripted::chunk(first)];
    let held = Scripted::always([begun.clone(), vec![Step::Hold]].concat()).await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let (list, seen) = (told.clone(), Arc::new(tokio::sync::Notify::new()));
    let event = seen.clone();
    let watcher = Watcher::new(move |at, progress| {
        let word = match progress {
            Progress::Headers(status) => format!("headers {status}"),
            Progress::Event(data) => {
                event.notify_one();
                format!("event {}", data.contains("Hel"))
            }
            _ => return,
        };
        list.lock().expect("no panic").push((at, word));
    });
    let request = held.chat().user("x").stream().attach(watcher).send_raw();
    tokio::select! {
        answer = request => panic!("it never ends: {answer:?}"),
        () = seen.notified() => {}
    }
    let told = told.lock().expect("no panic").clone();
    let words: Vec<&str> = told.iter().map(|(_, word)| word.as_str()).collect();
    assert_eq!(words, ["headers 200", "event true"]);
    assert!(told[0].0 <= told[1].0);
    // Without a watcher nothing is different; and a reset is told from an end.
    for (last, reset) in [(vec![Step::Reset], true), (vec![], false)] {
        let server = Scripted::always([begun.clone(), last].concat()).await;
        let answer = server.chat().user("x").stream().send_raw().await;
        let answer = answer.expect("what came");
        assert_eq!(answer.was_reset(), reset, "{answer:?}");
        assert!(answer.complete().is_err());
    }
}
