//! From conversations to requests of a route.
//!
//! Promise: what a route's request looks like is said here and nowhere else; what the caller adds (`extra_body`) has the last word.

use serde_json::{Map, Value, json};

use super::answers::Answers;
use super::error::DataError;
use super::form::form;
use super::item::{Item, Items, Medium, Part, Said};
use super::options::{RequestOptions, Route, UsageOption};
use crate::{Body, Request, Source};

/// Conversations that are passed over one after the other.
const MOST_PASSED: u32 = 1 << 20;
/// Requests of a data set for a route.
pub(super) struct Rendered {
    items: Box<dyn Items>,
    route: Route,
    model: String,
    options: RequestOptions,
    conversations: u64,
    answers: Answers,
}

impl Rendered {
    /// # Errors
    /// The options do not fit the route.
    pub fn new(
        items: Box<dyn Items>,
        route: Route,
        model: &str,
        seed: u64,
        options: &RequestOptions,
    ) -> Result<Self, DataError> {
        if options
            .path
            .as_ref()
            .is_some_and(|path| !path.starts_with('/'))
        {
            return Err(DataError::new(
                "the path of requests begins with `/`, as /v1/chat/completions",
            ));
        }
        let (model, options) = (model.to_owned(), options.clone());
        Ok(Self {
            items,
            route,
            model,
            options,
            conversations: 0,
            answers: Answers::new(seed),
        })
    }

    fn request(&self, item: &Item, turn: usize) -> Option<Request> {
        let said = &item.turns[turn];
        let body = match self.route {
            Route::Chat => json_body(self.fields(said, self.chat(item, turn))),
            Route::Completions => json_body(self.fields(said, self.completion(item, turn))),
            Route::Speech => json_body(self.fields(said, self.speech(said))),
            Route::Images => json_body(self.fields(
                said,
                Map::from_iter([
                    field("prompt", &said.text),
                    field("response_format", "b64_json"),
                ]),
            )),
            Route::Embeddings => json_body(self.fields(
                said,
                Map::from_iter([field("input", self.salted(item, &said.text))]),
            )),
            Route::ImageEdits => {
                let pictures: Vec<&Part> = said
                    .parts
                    .iter()
                    .filter(|part| part.medium == Medium::Image && !part.bytes.is_empty())
                    .collect();
                let name = if pictures.len() == 1 {
                    "image"
                } else {
                    "image[]"
                };
                let files: Vec<(&str, &Part)> =
                    pictures.into_iter().map(|part| (name, part)).collect();
                form(
                    &self.fields(
                        said,
                        Map::from_iter([
                            field("prompt", &said.text),
                            field("response_format", "b64_json"),
                        ]),
                    ),
                    &files,
                )
            }
            Route::Videos => {
                let picture = said
                    .parts
                    .iter()
                    .find(|part| part.medium == Medium::Image && !part.bytes.is_empty());
                let files: Vec<(&str, &Part)> = picture
                    .into_iter()
                    .map(|part| ("input_reference", part))
                    .collect();
                form(
                    &self.fields(said, Map::from_iter([field("prompt", &said.text)])),
                    &files,
                )
            }
            Route::Transcriptions => {
                let sound = said
                    .parts
                    .iter()
                    .find(|part| part.medium == Medium::Audio && !part.bytes.is_empty())?;
                form(&self.fields(said, Map::new()), &[("file", sound)])
            }
        };
        let seconds: f64 = said.parts.iter().filter_map(|part| part.seconds).sum();
        Some(Request {
            path: self
                .options
                .path
                .clone()
                .unwrap_or_else(|| self.route.path().to_owned()),
            body,
            headers: self.options.headers.clone(),
            reading: self.route.reading(&self.options),
            // Later turns hold answers that nobody has counted.
            prompt_tokens: said.tokens.filter(|_| turn == 0),
            asked_tokens: said.output,
            input_audio_seconds: (seconds > 0.0).then_some(seconds),
        })
    }

    /// The fields that a route gives, with those of the request, of the options, and of the caller.
    fn fields(&self, said: &Said, given: Map<String, Value>) -> Map<String, Value> {
        let mut fields = Map::from_iter([field("model", &self.model)]);
        fields.extend(given);
        let talks = matches!(self.route, Route::Chat | Route::Completions);
        if talks {
            if let Some(tokens) = said.output {
                fields.insert("max_tokens".to_owned(), tokens.into());
            }
            if self.options.ignore_eos {
                fields.insert("ignore_eos".to_owned(), true.into());
            }
            if self.options.stream {
                fields.insert("stream".to_owned(), true.into());
                let usage = match self.options.usage {
                    UsageOption::None => None,
                    UsageOption::Final => Some(json!({"include_usage": true})),
                    UsageOption::Each => {
                        Some(json!({"include_usage": true, "continuous_usage_stats": true}))
                    }
                };
                fields.extend(usage.map(|usage| ("stream_options".to_owned(), usage)));
            }
        }
        if let Some(temperature) = self
            .options
            .temperature
            .filter(|_| talks || self.route == Route::Transcriptions)
        {
            fields.insert("temperature".to_owned(), temperature.into());
        }
        for (name, value) in said.fields.iter().chain(&self.options.extra_body) {
            if value.is_null() {
                fields.remove(name);
            } else {
                fields.insert(name.clone(), value.clone());
            }
        }
        fields
    }

    /// A text with the salt before it.
    fn opened(&self, text: &str) -> String {
        match &self.options.salt {
            Some(salt) => format!("{salt} {text}"),
            None => text.to_owned(),
        }
    }

    /// The text with the salt before it, unless a message before it has it.
    fn salted(&self, item: &Item, text: &str) -> String {
        let first = self.route.has_prefix() && item.system.is_none();
        if first {
            self.opened(text)
        } else {
            text.to_owned()
        }
    }

    fn place(&self, turn: usize, turns: usize) -> String {
        self.answers.place(self.conversations, turn, turns)
    }

    fn chat(&self, item: &Item, turn: usize) -> Map<String, Value> {
        let mut messages = Vec::new();
        if let Some(system) = &item.system {
            messages.push(json!({"role": "system", "content": self.opened(system)}));
        }
        for (index, said) in item.turns[..=turn].iter().enumerate() {
            match &said.messages {
                Some(given) => messages.extend(given.iter().cloned()),
                None => messages
                    .push(json!({"role": "user", "content": self.content(item, said, index)})),
            }
            if index < turn {
                messages.push(
                    json!({"role": "assistant", "content": self.place(index, item.turns.len())}),
                );
            }
        }
        // Messages of a file get the salt before the first text that they have.
        if let (Some(salt), true) = (
            &self.options.salt,
            item.turns[0].messages.is_some() && item.system.is_none(),
        ) && let Some(Value::String(first)) = messages
            .first_mut()
            .and_then(|message| message.get_mut("content"))
        {
            *first = format!("{salt} {first}");
        }
        Map::from_iter([("messages".to_owned(), Value::Array(messages))])
    }

    fn content(&self, item: &Item, said: &Said, index: usize) -> Value {
        let text = if index == 0 {
            self.salted(item, &said.text)
        } else {
            said.text.clone()
        };
        if said.parts.is_empty() {
            return Value::String(text);
        }
        let parts = said.parts.iter().map(|part| {
            let kind = match part.medium {
                Medium::Image => "image_url",
                Medium::Video => "video_url",
                Medium::Audio => "audio_url",
            };
            json!({"type": kind, kind: {"url": &*part.url}})
        });
        std::iter::once(json!({"type": "text", "text": text}))
            .chain(parts)
            .collect()
    }

    fn completion(&self, item: &Item, turn: usize) -> Map<String, Value> {
        let mut prompt = String::new();
        if let Some(system) = &item.system {
            prompt = format!("{}\n\n", self.opened(system));
        }
        for (index, said) in item.turns[..=turn].iter().enumerate() {
            let text = said
                .messages
                .as_ref()
                .map_or_else(|| said.text.clone(), |messages| texts(messages));
            prompt.push_str(&if index == 0 {
                self.salted(item, &text)
            } else {
                text
            });
            if index < turn {
                prompt.push_str(&format!("\n\n{}\n\n", self.place(index, item.turns.len())));
            }
        }
        Map::from_iter([field("prompt", prompt)])
    }

    fn speech(&self, said: &Said) -> Map<String, Value> {
        let mut fields = Map::from_iter([field("input", &said.text)]);
        if self.options.stream {
            fields.extend([
                ("stream".to_owned(), true.into()),
                field("stream_format", "audio"),
                field("response_format", "pcm"),
            ]);
        }
        fields
    }
}

fn field(name: &str, value: impl Into<String>) -> (String, Value) {
    (name.to_owned(), Value::String(value.into()))
}

fn json_body(fields: Map<String, Value>) -> Body {
    Body::Json(Value::Object(fields).to_string().into_bytes().into())
}

/// The texts of messages, for a route that knows no messages.
fn texts(messages: &[Value]) -> String {
    let texts: Vec<&str> = messages
        .iter()
        .filter_map(|message| message["content"].as_str())
        .collect();
    texts.join("\n\n")
}

impl Source for Rendered {
    fn next(&mut self) -> Option<Vec<Request>> {
        // Lines without what the route needs are passed over; a file of nothing else ends.
        for _ in 0..MOST_PASSED {
            let item = self.items.next()?;
            let turns: Vec<Request> = (0..item.turns.len())
                .filter_map(|turn| self.request(&item, turn))
                .collect();
            self.conversations += 1;
            if !turns.is_empty() {
                return Some(turns);
            }
        }
        None
    }

    fn answered(&mut self, mut next: Request, text: &str) -> Request {
        let Body::Json(body) = &next.body else {
            return next;
        };
        let filled = std::str::from_utf8(body)
            .ok()
            .and_then(|body| self.answers.fill(body, text));
        if let Some(filled) = filled {
            next.body = Body::Json(filled.into_bytes().into());
        }
        next
    }
}
