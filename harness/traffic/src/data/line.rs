//! The prompt of one object of a file.
//!
//! Rejected: taking the first field that is a text (a wrong column would be measured for weeks).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use serde_json::{Map, Value};

use super::draw::Draw;
use super::error::DataError;
use super::item::{Item, Medium, Part, Said};
use super::lines::Wish;
use super::words;

/// Tokens of a prompt of which only the length is told.
const LONGEST_TRACED: u32 = 1 << 21;
/// Bytes of a sound.
const LARGEST_SOUND: u64 = 1 << 26;

/// What a line's prompt may be called, in the order in which it is looked for.
const PROMPTS: [&str; 6] = ["prompt", "text", "input", "question", "query", "text_input"];
const ASKED: [&str; 6] = [
    "output_len",
    "output_tokens",
    "max_tokens",
    "max_completion_tokens",
    "completion_tokens",
    "expected_output_len",
];
const PROMPT_TOKENS: [&str; 4] = ["prompt_len", "prompt_tokens", "input_tokens", "input_len"];

/// The prompt of one object; `None` of one that holds no turn of a user.
pub(super) fn item(value: &Value, folder: &Path, wish: &Wish) -> Result<Option<Item>, DataError> {
    let object = value
        .as_object()
        .ok_or_else(|| DataError::new("an object is expected, as {\"prompt\": \"…\"}"))?;
    // A line of a batch file holds the body of a request.
    let object = object
        .get("body")
        .and_then(Value::as_object)
        .unwrap_or(object);
    let asked = || wish.output.or_else(|| number(object, &ASKED));
    let said = |text: &str| Said {
        text: text.to_owned(),
        output: asked(),
        tokens: Some(number(object, &PROMPT_TOKENS).unwrap_or_else(|| words::count(text))),
        ..Said::default()
    };
    if let Some(turns) = ["conversations", "conversation"]
        .iter()
        .find_map(|name| object.get(*name)?.as_array())
    {
        return Ok(shared(turns, wish, asked()));
    }
    if let Some(messages) = object.get("messages").and_then(Value::as_array) {
        return Ok(messages_of(messages, wish, asked()));
    }
    if let Some(turns) = object.get("turns").and_then(Value::as_array) {
        let mut turns: Vec<Said> = turns.iter().filter_map(Value::as_str).map(said).collect();
        turns.truncate(if wish.every_turn { usize::MAX } else { 1 });
        return Ok((!turns.is_empty()).then_some(Item {
            system: None,
            turns,
        }));
    }
    let parts = parts(object, folder)?;
    let text = PROMPTS.iter().find_map(|name| match object.get(*name)? {
        Value::String(text) => Some(text.clone()),
        // A prompt may be a list of one.
        Value::Array(list) if list.len() == 1 => list[0].as_str().map(str::to_owned),
        _ => None,
    });
    let text = match (text, object.get("instruction").and_then(Value::as_str)) {
        (Some(input), Some(instruction)) if !input.is_empty() => {
            Some(format!("{instruction}\n\n{input}"))
        }
        (_, Some(instruction)) => Some(instruction.to_owned()),
        (text, None) => text,
    };
    let length = number(object, &["input_length"]).filter(|_| text.is_none());
    if let Some(length) = length {
        return Ok(Some(traced(object, length, wish).into()));
    }
    let text = text.or_else(|| (!parts.is_empty()).then(String::new)).ok_or_else(|| {
        let names = object.keys().take(8).map(|name| name.chars().take(40).collect::<String>()).collect::<Vec<_>>().join(", ");
        DataError::new(format!("no prompt is found among its fields ({names}); expected are conversations, messages, turns, instruction or one of {}", PROMPTS.join(", ")))
    })?;
    Ok(Some(
        Said {
            parts,
            ..said(&text)
        }
        .into(),
    ))
}

fn number(object: &Map<String, Value>, names: &[&str]) -> Option<u32> {
    names
        .iter()
        .find_map(|name| object.get(*name)?.as_u64())
        .map(|number| u32::try_from(number).unwrap_or(u32::MAX))
}

/// ShareGPT's form: who says it in `from` or `role`, what in `value` or `content`. The answers there say how long one should be.
fn shared(turns: &[Value], wish: &Wish, asked: Option<u32>) -> Option<Item> {
    let field = |turn: &Value, names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| turn[*name].as_str().map(str::to_owned))
    };
    let mut item = Item::default();
    for turn in turns {
        let (Some(who), Some(text)) = (
            field(turn, ["from", "role"]),
            field(turn, ["value", "content"]),
        ) else {
            continue;
        };
        match who.as_str() {
            "human" | "user" | "chatgpt_user" => {
                let tokens = Some(words::count(&text));
                item.turns.push(Said {
                    text,
                    tokens,
                    output: asked,
                    ..Said::default()
                });
            }
            "system" if item.turns.is_empty() => item.system = Some(text),
            _ => {
                if let Some(said) = item.turns.last_mut() {
                    said.output = said.output.or_else(|| Some(words::count(&text).max(1)));
                }
            }
        }
    }
    item.turns
        .truncate(if wish.every_turn { usize::MAX } else { 1 });
    (!item.turns.is_empty()).then_some(item)
}

/// Messages as a chat has them. All of them are one request, without an answer at their end; or each turn of the user is one.
fn messages_of(messages: &[Value], wish: &Wish, asked: Option<u32>) -> Option<Item> {
    if wish.every_turn {
        return shared(messages, wish, asked);
    }
    let last = messages
        .iter()
        .rposition(|message| message["role"] != "assistant")?;
    let given = messages[..=last].to_vec();
    let tokens = given
        .iter()
        .filter_map(|message| message["content"].as_str())
        .map(words::count)
        .fold(0, u32::saturating_add);
    let expected = messages
        .get(last + 1)
        .and_then(|message| message["content"].as_str())
        .map(|text| words::count(text).max(1));
    Some(
        Said {
            messages: Some(given),
            output: asked.or(expected),
            tokens: Some(tokens),
            ..Said::default()
        }
        .into(),
    )
}

/// A line of a trace that tells lengths, and by its hashes which prompts begin alike (as Mooncake's traces do, in blocks of 512 tokens).
fn traced(object: &Map<String, Value>, length: u32, wish: &Wish) -> Said {
    const BLOCK: u32 = 512;
    let length = length.min(LONGEST_TRACED);
    let hashes = object
        .get("hash_ids")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    let shared = hashes.iter().map_while(Value::as_u64);
    // Blocks without a hash belong to this line alone.
    let line = Value::Object(object.clone()).to_string();
    let own = line.bytes().fold(0, |own: u64, byte| {
        own.rotate_left(7) ^ u64::from(byte).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    });
    let alone = (0..).map(|index| Draw::of(own, index).bits());
    let blocks = length.div_ceil(BLOCK) as usize;
    let mut left = length;
    let texts: Vec<String> = shared
        .chain(alone)
        .take(blocks)
        .map(|hash| {
            let count = left.min(BLOCK);
            left -= count;
            words::text(&mut Draw::of(hash, 2), count)
        })
        .collect();
    let text = texts.join(" ");
    let output = wish.output.or_else(|| number(object, &["output_length"]));
    Said {
        text,
        output,
        tokens: Some(length),
        ..Said::default()
    }
}

/// Media of a line: addresses and `data:` as they are; a path of a sound is read, relative to the file.
fn parts(object: &Map<String, Value>, folder: &Path) -> Result<Vec<Part>, DataError> {
    let mut parts = Vec::new();
    let named = [
        ("image", Medium::Image),
        ("image_url", Medium::Image),
        ("images", Medium::Image),
        ("video", Medium::Video),
        ("video_url", Medium::Video),
        ("audio", Medium::Audio),
        ("audio_url", Medium::Audio),
        ("audio_path", Medium::Audio),
    ];
    for (name, medium) in named {
        let list = match object.get(name) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(list)) => list.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        for one in list {
            let text = one
                .as_str()
                .or_else(|| one["url"].as_str())
                .ok_or_else(|| {
                    DataError::new(format!("`{name}` is expected to be an address or a path"))
                })?;
            parts.push(part(text, medium, folder, object)?);
        }
    }
    Ok(parts)
}

fn part(
    text: &str,
    medium: Medium,
    folder: &Path,
    object: &Map<String, Value>,
) -> Result<Part, DataError> {
    let mime = match medium {
        Medium::Image => "image/png",
        Medium::Video => "video/mp4",
        Medium::Audio => "audio/wav",
    };
    let told = ["duration", "audio_duration", "seconds"]
        .iter()
        .find_map(|name| object.get(*name)?.as_f64())
        .filter(|seconds| seconds.is_finite() && *seconds > 0.0);
    let elsewhere = ["http://", "https://", "data:"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    if elsewhere {
        let bytes = text
            .split_once(";base64,")
            .and_then(|(_, code)| base64::engine::general_purpose::STANDARD.decode(code).ok())
            .unwrap_or_default();
        return Ok(Part {
            medium,
            url: text.into(),
            bytes: bytes.into(),
            mime,
            file_name: "media".to_owned(),
            seconds: told.filter(|_| medium == Medium::Audio),
        });
    }
    let path = folder.join(text);
    let broken = |error: std::io::Error| {
        DataError::new(format!("{} cannot be read: {error}", path.display()))
    };
    let mut bytes = Vec::new();
    File::open(&path)
        .map_err(broken)?
        .take(LARGEST_SOUND + 1)
        .read_to_end(&mut bytes)
        .map_err(broken)?;
    if bytes.len() as u64 > LARGEST_SOUND {
        return Err(DataError::new(format!(
            "{} is larger than {LARGEST_SOUND} bytes",
            path.display()
        )));
    }
    let seconds = told
        .or_else(|| {
            tribunal_media::decode_wav(&bytes)
                .ok()
                .map(|wav| wav.audio.seconds())
        })
        .filter(|_| medium == Medium::Audio);
    let url = format!(
        "data:{mime};base64,{}",
        base64::engine::general_purpose::STANDARD.encode(&bytes)
    );
    let file_name = path.file_name().map_or_else(
        || "media".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    );
    Ok(Part {
        medium,
        url: url.into(),
        bytes: bytes.into(),
        mime,
        file_name,
        seconds,
    })
}
