//! A question about pictures, as `mm_request` says it, and what its answer must be, as `expected_response` does.
//!
//! Promise: pictures are read from this machine and bounded; where the file names one that is not here, the phase is not made and says so. Where it names none, a
//! picture is drawn. Rejected: the data set that the files' own program downloads.

use std::path::Path;

use serde_json::{Map, Value, json};
use tribunal_client::MediaPart;
use tribunal_media::PictureKind;
use tribunal_media::synthetic::{Colour, Scene, Shape};

use super::list::Ruling;

/// The largest picture that is read.
const LARGEST: u64 = 64 << 20;
const QUESTION: &str = "What is the content of this image?";

/// The body of the request; or why there is none.
pub(super) fn request(model: &str, asked: Option<&Value>) -> Result<Value, Ruling> {
    let usual = Value::Null;
    let asked = asked.unwrap_or(&usual);
    let default = asked["image_path"].as_str();
    let named = asked["images"].as_array().map_or(&[][..], Vec::as_slice);
    let pictures = match named.is_empty() {
        true => vec![picture(default)?],
        false => named
            .iter()
            .map(|name| picture(name.as_str().or(default)))
            .collect::<Result<_, _>>()?,
    };
    let mut body = Map::new();
    for (key, value) in [("top_k", json!(64)), ("top_p", json!(0.95))] {
        body.insert(key.to_owned(), value);
    }
    body.insert("max_tokens".to_owned(), 8192.into());
    body.insert("stream".to_owned(), false.into());
    if let Some(more) = asked["api_args"].as_object() {
        body.extend(more.clone());
    }
    body.insert("model".to_owned(), model.into());
    body.insert("messages".to_owned(), messages(asked, &pictures)?);
    Ok(body.into())
}

/// A picture as an address that holds it: of a file, or drawn.
fn picture(path: Option<&str>) -> Result<String, Ruling> {
    let failed = |why: String| Ruling::Failed(why);
    let Some(path) = path.map(str::trim).filter(|path| !path.is_empty()) else {
        let scene = Scene::new(224, 224, 1).with(2, Colour::Red, Shape::Square);
        let drawn = scene.jpeg(90).map_err(|e| failed(e.to_string()))?;
        return Ok(drawn.data_url());
    };
    let file = Path::new(path.strip_prefix("file://").unwrap_or(path));
    let gone = |why: &dyn std::fmt::Display| {
        Ruling::NotMade(format!(
            "the picture {} cannot be read: {why}",
            file.display()
        ))
    };
    let size = std::fs::metadata(file).map_err(|e| gone(&e))?.len();
    if size > LARGEST {
        return Err(gone(&format!("{size} bytes are more than {LARGEST}")));
    }
    let bytes = std::fs::read(file).map_err(|e| gone(&e))?;
    let kind = PictureKind::of(&bytes).ok_or_else(|| gone(&"it is no picture"))?;
    Ok(MediaPart::new(kind.content_type(), bytes).data_url())
}

/// The messages of the file with the pictures in their places; or one with all of them.
fn messages(asked: &Value, pictures: &[String]) -> Result<Value, Ruling> {
    let Some(written) = asked["messages"].as_array().filter(|m| !m.is_empty()) else {
        let text = asked["text_prompt"].as_str().unwrap_or(QUESTION);
        let mut parts = vec![json!({ "type": "text", "text": text })];
        for url in pictures {
            parts.push(json!({ "type": "image_url", "image_url": { "url": url } }));
        }
        return Ok(json!([{ "role": "user", "content": parts }]));
    };
    let mut next = pictures.iter();
    let mut messages = written.clone();
    for message in &mut messages {
        let parts = message["content"].as_array_mut();
        for part in parts.into_iter().flatten() {
            if part["type"] != "image_url" {
                continue;
            }
            let url = part["image_url"]["url"].as_str().unwrap_or("").trim();
            let there = placed(url, pictures);
            let url = match (url.is_empty(), there) {
                (true, _) => next.next().cloned().unwrap_or_default(),
                (false, Some(url)) => url,
                (false, None) if url.starts_with("http://") || url.starts_with("https://") => {
                    url.to_owned()
                }
                (false, None) if url.starts_with("data:") => url.to_owned(),
                (false, None) => picture(Some(url))?,
            };
            part["image_url"] = json!({ "url": url });
        }
        if message["role"].is_null() {
            message["role"] = "user".into();
        }
    }
    Ok(messages.into())
}

/// The picture that `{IMAGE_0}` stands for.
fn placed(url: &str, pictures: &[String]) -> Option<String> {
    let index = url.strip_prefix("{IMAGE_")?.strip_suffix('}')?;
    pictures.get(index.parse::<usize>().ok()?).cloned()
}

/// Whether an answer is what the file expects.
pub(super) fn judged(answer: &Value, expected: &Value) -> Result<(), String> {
    let choices = answer["choices"].as_array();
    if choices.is_none_or(Vec::is_empty) {
        return Err("the answer has no choices".to_owned());
    }
    let text = answer["choices"][0]["message"]["content"].as_str();
    let text = text.unwrap_or_default();
    if text.is_empty() && expected["assert_not_empty"] != false {
        return Err("the answer is empty".to_owned());
    }
    let wanted = expected["content_contains"].as_array();
    for word in wanted.into_iter().flatten().filter_map(Value::as_str) {
        if !text.contains(word) {
            return Err(format!("the answer lacks `{word}`"));
        }
    }
    let length = text.chars().count() as u64;
    for (key, kept) in [
        (
            "max_length",
            expected["max_length"]
                .as_u64()
                .is_none_or(|most| length <= most),
        ),
        (
            "min_length",
            expected["min_length"]
                .as_u64()
                .is_none_or(|least| length >= least),
        ),
    ] {
        if !kept {
            return Err(format!(
                "the answer has {length} characters, and {key} is {}",
                expected[key]
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_request_a_picture_is_drawn_and_asked_about() {
        let body = request("m", None).expect("a body");
        let parts = &body["messages"][0]["content"];
        assert_eq!(parts[0]["text"], QUESTION);
        let url = parts[1]["image_url"]["url"].as_str().expect("a picture");
        assert!(url.starts_with("data:image/jpeg;base64,"), "{url:.40}");
        assert_eq!(
            (&body["max_tokens"], &body["model"]),
            (&8192.into(), &"m".into())
        );
    }

    #[test]
    fn pictures_come_to_the_places_that_messages_leave_them() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.png");
        let drawn = Scene::new(96, 96, 2).png().expect("drawn");
        std::fs::write(&path, drawn.bytes()).expect("written");
        let image = |url: &str| json!({ "type": "image_url", "image_url": { "url": url } });
        let asked = json!({
            "images": [path],
            "api_args": { "max_tokens": 5 },
            "messages": [{ "content": [
                { "type": "text", "text": "hm" }, image(""), image("{IMAGE_0}"), image("https://x.example/a.jpg"), image(&format!("file://{}", path.display())),
            ]}],
        });
        let body = request("m", Some(&asked)).expect("a body");
        let message = &body["messages"][0];
        assert_eq!(
            (&message["role"], &body["max_tokens"]),
            (&"user".into(), &5.into())
        );
        let url = |at: usize| {
            message["content"][at]["image_url"]["url"]
                .as_str()
                .expect("one")
        };
        assert_eq!(url(1), drawn.data_url());
        assert_eq!(url(2), drawn.data_url());
        assert_eq!(url(3), "https://x.example/a.jpg");
        assert_eq!(url(4), drawn.data_url());
        let gone = request("m", Some(&json!({ "image_path": "/no/such.png" })));
        assert!(matches!(gone, Err(Ruling::NotMade(why)) if why.contains("/no/such.png")));
    }

    #[test]
    fn an_answer_is_held_against_what_is_expected() {
        let answer = |text: &str| json!({ "choices": [{ "message": { "content": text } }] });
        for (answer, expected, part) in [
            (
                answer("red squares"),
                json!({ "content_contains": ["red"], "max_length": 11, "min_length": 11 }),
                "",
            ),
            (
                answer("red"),
                json!({ "content_contains": ["blue"] }),
                "lacks `blue`",
            ),
            (answer("red"), json!({ "max_length": 2 }), "max_length is 2"),
            (answer("red"), json!({ "min_length": 4 }), "min_length is 4"),
            (answer(""), json!({}), "empty"),
            (answer(""), json!({ "assert_not_empty": false }), ""),
            (json!({}), json!(null), "no choices"),
        ] {
            let said = judged(&answer, &expected).err().unwrap_or_default();
            assert!(
                said.contains(part) && said.is_empty() == part.is_empty(),
                "{said}"
            );
        }
    }
}
