//! The phases of `test_content`: requests whose answers must not be empty, and one look at processes.
//!
//! Promise: each asks what the files' own program asks, of every prompt and not of the first alone; what an answer must be is a pure function of it. Rejected:
//! our judges here (a phase that passes there must pass here; the suites of this project ask more, of the same deployment).

use serde_json::{Map, Value, json};
use tribunal_client::{Client, RawAnswer, Timeouts};
use tribunal_nodes::{Content, Layout, Phase};
use tribunal_serving::Server;

use super::list::Ruling;
use super::picture;
use crate::performance::Bench;

/// As long as the files' own program waits for an answer.
const LIMIT: std::time::Duration = std::time::Duration::from_secs(600);
/// So much of an answer is shown.
const SHOWN: usize = 300;

/// Does a phase.
pub(super) async fn run(
    phase: Phase,
    layout: &Layout,
    content: &Content,
    bench: &Bench,
    rehearsed: bool,
) -> Ruling {
    let client = bench.api().client().clone().with_timeouts(Timeouts {
        idle: LIMIT,
        total: LIMIT,
        ..Timeouts::default()
    });
    let client = match client {
        Ok(client) => client,
        Err(error) => return Ruling::Failed(error.to_string()),
    };
    let model = layout.model.as_str();
    let ended = match phase {
        Phase::Completion => completion(&client, model, content).await,
        Phase::ChatCompletion => chats(&client, model, content).await,
        Phase::Image => match picture::request(model, content.media_request.as_ref()) {
            Err(why) => return why,
            Ok(body) => picture_answer(&client, &body, content.expected.as_ref()).await,
        },
        Phase::Messages => match messages(&client, model, content).await {
            Err(404) if rehearsed => {
                return Ruling::NotMade(
                    "the engine that rehearses has no route /v1/messages".to_owned(),
                );
            }
            Err(status) => Err(format!("/v1/messages: HTTP {status}")),
            Ok(ended) => ended,
        },
        Phase::CheckRank0ProcessCount => return process_count(bench.server()),
        // Made of the benchmarks' figures, when they are there.
        Phase::BenchmarkComparisons => Ok(()),
    };
    match ended {
        Ok(()) => Ruling::Passed,
        Err(why) => Ruling::Failed(why),
    }
}

async fn post(client: &Client, path: &str, body: &Value) -> Result<RawAnswer, String> {
    client
        .post_json(path, body)
        .await
        .map_err(|error| error.to_string())
}

/// The body of an answer that is a success.
fn read(answer: &RawAnswer) -> Result<Value, String> {
    let text = || {
        let text = String::from_utf8_lossy(&answer.body);
        text.chars().take(SHOWN).collect::<String>()
    };
    match answer.is_success() {
        false => Err(format!("HTTP {}: {}", answer.status, text())),
        true => serde_json::from_slice(&answer.body)
            .map_err(|e| format!("the answer is no JSON ({e}): {}", text())),
    }
}

/// All prompts in one request, as the files' own program sends them.
async fn completion(client: &Client, model: &str, content: &Content) -> Result<(), String> {
    let mut body = content.request.clone();
    body.insert("model".to_owned(), model.into());
    body.insert("prompt".to_owned(), content.prompts.clone().into());
    let answer = post(client, "/v1/completions", &body.into()).await?;
    completed(&read(&answer)?, &content.prompts)
}

/// Whether each prompt has a text.
fn completed(answer: &Value, prompts: &[String]) -> Result<(), String> {
    let choices = answer["choices"].as_array().map_or(&[][..], Vec::as_slice);
    if choices.len() < prompts.len() {
        return Err(format!(
            "{} prompts have {} completions",
            prompts.len(),
            choices.len()
        ));
    }
    let empty = |choice: &&Value| choice["text"].as_str().is_none_or(str::is_empty);
    match choices.iter().find(empty) {
        None => Ok(()),
        Some(choice) => {
            let index = choice["index"].as_u64().unwrap_or(0) as usize;
            let each = (choices.len() / prompts.len().max(1)).max(1);
            let prompt = prompts.get(index / each).map_or("", String::as_str);
            Err(format!("the completion of `{prompt}` is empty"))
        }
    }
}

async fn chats(client: &Client, model: &str, content: &Content) -> Result<(), String> {
    for (index, prompt) in content.prompts.iter().enumerate() {
        let expected = expected_of(content.expected.as_ref(), index);
        let body = chat_body(model, prompt, &content.request, &expected);
        let answer = post(client, "/v1/chat/completions", &body).await;
        let ended = answer
            .and_then(|answer| read(&answer))
            .and_then(|answer| chatted(&answer, &expected));
        ended.map_err(|why| format!("`{prompt}`: {why}"))?;
    }
    Ok(())
}

/// What is expected of the answer to a prompt: of all, or by `per_prompt`.
fn expected_of(expected: Option<&Value>, index: usize) -> Value {
    let each = expected.and_then(|e| e["per_prompt"].as_array());
    match each {
        Some(each) => each.get(index).cloned().unwrap_or_default(),
        None => expected.cloned().unwrap_or_default(),
    }
}

fn chat_body(model: &str, prompt: &str, request: &Map<String, Value>, expected: &Value) -> Value {
    let mut body = request.clone();
    body.insert("model".to_owned(), model.into());
    let message = json!([{ "role": "user", "content": prompt }]);
    body.insert("messages".to_owned(), message);
    if let Some(tokens) = expected.get("completion_tokens") {
        body.insert("max_tokens".to_owned(), tokens.clone());
        body.insert("min_tokens".to_owned(), tokens.clone());
    }
    body.into()
}

/// Whether a chat has a text, and as many tokens as are expected.
fn chatted(answer: &Value, expected: &Value) -> Result<(), String> {
    let text = answer["choices"][0]["message"]["content"].as_str();
    if text.is_none_or(str::is_empty) {
        return Err("the answer is empty".to_owned());
    }
    let count = |name: &str| answer["usage"][name].as_u64().unwrap_or(0);
    for name in ["prompt_tokens", "completion_tokens"] {
        if let Some(wanted) = expected[name].as_u64()
            && wanted != count(name)
        {
            return Err(format!(
                "{name} is {}, and {wanted} are expected",
                count(name)
            ));
        }
    }
    let total = count("prompt_tokens") + count("completion_tokens");
    match expected["max_model_len"].as_u64() {
        Some(most) if total > most => {
            Err(format!("{total} tokens are more than max_model_len {most}"))
        }
        _ => Ok(()),
    }
}

/// A question about a picture, and whether the answer is what the file expects.
async fn picture_answer(
    client: &Client,
    body: &Value,
    expected: Option<&Value>,
) -> Result<(), String> {
    let answer = post(client, "/v1/chat/completions", body).await?;
    let wanted = expected.and_then(|e| e["status_code"].as_u64());
    if let Some(wanted) = wanted.filter(|wanted| *wanted != u64::from(answer.status)) {
        return Err(format!("HTTP {} where {wanted} is expected", answer.status));
    }
    let read = match wanted {
        None => read(&answer)?,
        Some(_) => serde_json::from_slice(&answer.body)
            .map_err(|e| format!("the answer is no JSON: {e}"))?,
    };
    picture::judged(&read, expected.unwrap_or(&Value::Null))
}

/// `Err`: a status that is no success.
async fn messages(
    client: &Client,
    model: &str,
    content: &Content,
) -> Result<Result<(), String>, u16> {
    let asked = &content.request;
    let streamed = asked.get("stream").and_then(Value::as_bool) == Some(true);
    let tools = asked.get("tools").filter(|tools| !tools.is_null());
    for prompt in &content.prompts {
        let mut body = json!({
            "model": model,
            "messages": [{ "role": "user", "content": prompt }],
            "max_tokens": asked.get("max_tokens").cloned().unwrap_or(100.into()),
        });
        if let Some(tools) = tools {
            body["tools"] = tools.clone();
        }
        if streamed {
            body["stream"] = true.into();
        }
        let answer = match post(client, "/v1/messages", &body).await {
            Ok(answer) if !answer.is_success() => return Err(answer.status),
            Ok(answer) => answer,
            Err(why) => return Ok(Err(why)),
        };
        let ended = match streamed {
            true => streamed_message(&String::from_utf8_lossy(&answer.body)),
            false => read(&answer).and_then(|answer| message(&answer, tools.is_some())),
        };
        if let Err(why) = ended {
            return Ok(Err(format!("`{prompt}`: {why}")));
        }
    }
    Ok(Ok(()))
}

/// Whether a message of Anthropic's interface says something.
fn message(answer: &Value, may_call: bool) -> Result<(), String> {
    for (field, wanted) in [("type", "message"), ("role", "assistant")] {
        if answer[field] != wanted {
            return Err(format!("`{field}` is {}, not \"{wanted}\"", answer[field]));
        }
    }
    let blocks = answer["content"].as_array();
    let mut blocks = blocks.ok_or("`content` is no list")?.iter();
    let says = |block: &Value| match block["type"].as_str() {
        Some("text") => {
            let text = block["text"].as_str().unwrap_or_default();
            may_call || !text.trim().is_empty()
        }
        Some("tool_use") => may_call,
        _ => false,
    };
    match blocks.any(says) {
        true => Ok(()),
        false => Err("the message is empty".to_owned()),
    }
}

/// Whether a stream of such a message is whole.
fn streamed_message(body: &str) -> Result<(), String> {
    for event in ["message_start", "content_block_delta", "message_stop"] {
        if !body.lines().any(|line| line.contains(event)) {
            return Err(format!("the stream has no {event}"));
        }
    }
    Ok(())
}

/// Whether exactly one `vllm serve` runs below the server.
fn process_count(server: &Server) -> Ruling {
    let processes = server.processes();
    if processes.is_empty() {
        return Ruling::NotMade("the processes of this server are not known here".to_owned());
    }
    let lines = processes.iter().filter_map(|process| {
        // One that ended meanwhile is none.
        std::fs::read(format!("/proc/{}/cmdline", process.pid)).ok()
    });
    let count = lines.filter(|line| serves(line)).count();
    match count {
        1 => Ruling::Passed,
        _ => Ruling::Failed(format!(
            "{count} processes of this server are `vllm serve`, and there is to be one"
        )),
    }
}

/// Whether a command line, as the kernel keeps it, is that of `vllm serve`.
fn serves(line: &[u8]) -> bool {
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    words.windows(2).any(|pair| {
        let program = pair[0].rsplit(|byte| *byte == b'/').next();
        program == Some(b"vllm") && pair[1] == b"serve"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_prompt_is_to_be_completed() {
        let prompts = ["a".to_owned(), "b".to_owned()];
        let choices = |texts: &[&str]| {
            let choice = |(index, text)| json!({ "index": index, "text": text });
            json!({ "choices": texts.iter().enumerate().map(choice).collect::<Vec<_>>() })
        };
        assert_eq!(completed(&choices(&["x", "y"]), &prompts), Ok(()));
        for (answer, part) in [
            (choices(&["x", ""]), "`b` is empty"),
            (choices(&["", "y"]), "`a` is empty"),
            (choices(&["x"]), "2 prompts have 1"),
            (json!({ "error": "no" }), "2 prompts have 0"),
            (choices(&["x", "x", "", "y"]), "`b` is empty"),
        ] {
            let why = completed(&answer, &prompts).expect_err(part);
            assert!(why.contains(part), "{why}");
        }
    }

    #[test]
    fn a_chat_has_a_text_and_the_tokens_that_are_expected() {
        let answer = json!({
            "choices": [{ "message": { "content": "hello" } }],
            "usage": { "prompt_tokens": 3, "completion_tokens": 4 },
        });
        for (expected, part) in [
            (json!(null), ""),
            (
                json!({ "prompt_tokens": 3, "completion_tokens": 4, "max_model_len": 7 }),
                "",
            ),
            (json!({ "prompt_tokens": 5 }), "prompt_tokens is 3, and 5"),
            (json!({ "completion_tokens": 1 }), "completion_tokens is 4"),
            (json!({ "max_model_len": 6 }), "7 tokens are more"),
        ] {
            let said = chatted(&answer, &expected).err().unwrap_or_default();
            assert!(
                said.contains(part) && said.is_empty() == part.is_empty(),
                "{said}"
            );
        }
        let empty = json!({ "choices": [{ "message": { "content": null } }] });
        assert!(chatted(&empty, &Value::Null).is_err());
        let each = json!({ "per_prompt": [{ "prompt_tokens": 1 }] });
        assert_eq!(expected_of(Some(&each), 0), json!({ "prompt_tokens": 1 }));
        assert_eq!(expected_of(Some(&each), 1), Value::Null);
        let body = chat_body("m", "hi", &Map::new(), &json!({ "completion_tokens": 9 }));
        assert_eq!(
            (&body["max_tokens"], &body["min_tokens"]),
            (&9.into(), &9.into())
        );
    }

    #[test]
    fn a_message_says_something_or_calls() {
        let of =
            |content: Value| json!({ "type": "message", "role": "assistant", "content": content });
        let text = of(json!([{ "type": "text", "text": "hi" }]));
        let blank = of(json!([{ "type": "text", "text": " " }]));
        let call = of(json!([{ "type": "tool_use" }]));
        assert_eq!(message(&text, false), Ok(()));
        assert_eq!(message(&call, true), Ok(()));
        for (answer, part) in [
            (blank, "empty"),
            (call, "empty"),
            (of(json!("hi")), "no list"),
            (json!({ "type": "error" }), "`type` is \"error\""),
        ] {
            assert!(message(&answer, false).expect_err(part).contains(part));
        }
        let stream = "event: message_start\n\nevent: content_block_delta\n\nevent: message_stop\n";
        assert_eq!(streamed_message(stream), Ok(()));
        let cut = streamed_message(&stream[..30]).expect_err("cut off");
        assert!(cut.contains("content_block_delta"), "{cut}");
    }

    #[test]
    fn a_process_serves_by_its_words_and_not_by_a_path_that_has_them() {
        for (line, is) in [
            (
                &b"/usr/bin/python3\0/usr/local/bin/vllm\0serve\0m"[..],
                true,
            ),
            (b"vllm\0serve\0m", true),
            (b"python3\0/opt/vllm serve/x.py", false),
            (b"harness\0--file\0vllm/serve.yaml", false),
            (b"VLLM::EngineCore", false),
            (b"", false),
        ] {
            assert_eq!(serves(line), is, "{}", String::from_utf8_lossy(line));
        }
    }
}
