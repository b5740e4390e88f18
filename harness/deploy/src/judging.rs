//! Reads how answers of a deployment are judged: `thresholds`, `voices`, `similarity`, `transcriber`.
//!
//! The names of thresholds are not known here: whoever judges knows them, and says so.

use std::path::PathBuf;
use std::time::Duration;

use crate::node::{Node, Table, Value};
use crate::process;
use crate::reader::Reader;
use crate::scope::Holes;
use crate::text::Part;

/// How answers are judged.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct JudgingFacts {
    /// Numbers that figures are held against, by name.
    pub thresholds: Vec<(String, f64)>,
    /// What is known of voices, by name.
    pub voices: Vec<(String, VoiceFact)>,
    /// How the likeness of texts is measured, where it is not by wrong words: `vllm-omni`.
    pub similarity: Option<String>,
    /// Who listens.
    pub transcriber: Option<TranscriberFact>,
    /// Who is asked before a transcript fails.
    pub stronger_transcriber: Option<TranscriberFact>,
}

/// What is known of a voice.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum VoiceFact {
    /// Its median pitch, in hertz.
    Pitch(f64),
    /// A voice as most men have.
    Male,
    /// A voice as most women have.
    Female,
}

/// Who listens.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TranscriberFact {
    /// A server with the transcriptions route.
    Http {
        /// Where.
        url: String,
        /// Its model.
        model: String,
    },
    /// A program, with `{wav}` among its arguments.
    Command {
        /// The program and its arguments.
        command: Vec<String>,
        /// How long it may take.
        timeout: Option<Duration>,
    },
    /// A Whisper model on this machine.
    Whisper {
        /// The folder of its files.
        folder: PathBuf,
        /// How long it may take.
        timeout: Option<Duration>,
    },
}

/// The transcriber is the deployment's own server.
const OWN_ADDRESS: &str = "http://{host}:{port}";

const SIMILARITIES: [&str; 2] = ["error-rates", "vllm-omni"];

pub(crate) fn read(reader: &mut Reader<'_>, table: &Table) -> JudgingFacts {
    let (transcriber, stronger_transcriber) = transcribers(reader, table);
    JudgingFacts {
        thresholds: thresholds(reader, table),
        voices: voices(reader, table),
        similarity: similarity(reader, table),
        transcriber,
        stronger_transcriber,
    }
}

fn number(node: &Node) -> Option<f64> {
    match node.value {
        Value::Int(number) => Some(number as f64),
        Value::Float(number) => Some(number),
        _ => None,
    }
}

fn thresholds(reader: &mut Reader<'_>, table: &Table) -> Vec<(String, f64)> {
    let Some(node) = reader.set(table, "thresholds") else {
        return Vec::new();
    };
    let Some(table) = reader
        .table("thresholds", &node, "a table of numbers")
        .cloned()
    else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for entry in &table.0 {
        let Some(value) = reader.value(&entry.node).filter(|node| !node.is_false()) else {
            continue;
        };
        match number(&value).filter(|number| number.is_finite()) {
            Some(number) => out.push((entry.key.clone(), number)),
            None => reader.mistake(
                entry.node.at,
                format!(
                    "the threshold `{}` must be a number, not {}",
                    entry.key,
                    value.sort()
                ),
                None,
            ),
        }
    }
    out
}

fn voices(reader: &mut Reader<'_>, table: &Table) -> Vec<(String, VoiceFact)> {
    const WANTED: &str = "write { pitch_hz = 120 } or { gender = \"male\" }";
    let Some(node) = reader.set(table, "voices") else {
        return Vec::new();
    };
    let Some(table) = reader.table("voices", &node, "a table of voices").cloned() else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for entry in &table.0 {
        if entry.node.is_false() {
            continue;
        }
        let Some(voice) = entry.node.table().cloned() else {
            let message = format!(
                "the voice `{}` must be a table, not {}",
                entry.key,
                entry.node.sort()
            );
            reader.mistake(entry.node.at, message, Some(WANTED.to_owned()));
            continue;
        };
        reader.known(&voice, "a voice", &["pitch_hz", "gender"]);
        let pitch = reader.set(&voice, "pitch_hz");
        let gender = reader.text_of(&voice, "gender");
        let fact = match (pitch, gender.as_deref()) {
            (Some(node), None) => match number(&node)
                .filter(|pitch| (20.0..=2000.0).contains(pitch))
            {
                Some(pitch) => VoiceFact::Pitch(pitch),
                None => {
                    reader.mistake(node.at, "`pitch_hz` must be a number from 20 to 2000", None);
                    continue;
                }
            },
            (None, Some("male")) => VoiceFact::Male,
            (None, Some("female")) => VoiceFact::Female,
            (None, Some(other)) if reader.open(other) => continue,
            (None, Some(other)) => {
                let message = format!("`gender` must be \"male\" or \"female\", not `{other}`");
                reader.mistake(entry.node.at, message, None);
                continue;
            }
            _ => {
                let message = format!(
                    "the voice `{}` needs one of `pitch_hz` and `gender`",
                    entry.key
                );
                reader.mistake(entry.node.at, message, Some(WANTED.to_owned()));
                continue;
            }
        };
        out.push((entry.key.clone(), fact));
    }
    out
}

fn similarity(reader: &mut Reader<'_>, table: &Table) -> Option<String> {
    let node = reader.set(table, "similarity")?;
    let word = reader.text("similarity", &node)?;
    if reader.open(&word) || SIMILARITIES.contains(&&*word) {
        return Some(word);
    }
    let near = tribunal_vocabulary::nearest(&word, SIMILARITIES);
    let help = near.map_or_else(
        || "\"error-rates\" or \"vllm-omni\"".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    reader.mistake(node.at, format!("`{word}` is no similarity"), Some(help));
    None
}

fn transcribers(
    reader: &mut Reader<'_>,
    table: &Table,
) -> (Option<TranscriberFact>, Option<TranscriberFact>) {
    let Some(node) = reader.set(table, "transcriber") else {
        return (None, None);
    };
    let wanted = "a table with `url` and `model`, with `command`, or with `whisper`";
    let Some(table) = reader.table("transcriber", &node, wanted).cloned() else {
        return (None, None);
    };
    reader.known(
        &table,
        "`transcriber`",
        &["url", "model", "command", "whisper", "timeout", "stronger"],
    );
    let first = transcriber(reader, &node, &table, "`transcriber`");
    let stronger = reader.set(&table, "stronger").and_then(|node| {
        let inner = reader.table("stronger", &node, wanted).cloned()?;
        reader.known(
            &inner,
            "`stronger`",
            &["url", "model", "command", "whisper", "timeout"],
        );
        transcriber(reader, &node, &inner, "`stronger`")
    });
    (first, stronger)
}

fn transcriber(
    reader: &mut Reader<'_>,
    node: &Node,
    table: &Table,
    of: &str,
) -> Option<TranscriberFact> {
    // The address of the server itself is not known before it runs; whoever starts it fills it in.
    let own = match table.get("url").map(|node| &node.value) {
        Some(Value::Text(text)) if text == OWN_ADDRESS => Some(text.clone()),
        _ => None,
    };
    let url = own.or_else(|| reader.text_of(table, "url"));
    let model = reader.text_of(table, "model");
    let command = command(reader, table);
    let whisper = process::folder(reader, table, "whisper");
    let timeout = reader.duration_of(table, "timeout");
    match (url, model, command, whisper) {
        (None, None, None, Some(folder)) => Some(TranscriberFact::Whisper { folder, timeout }),
        (Some(url), Some(model), None, None) => Some(TranscriberFact::Http { url, model }),
        (None, None, Some(command), None) => {
            if !command.iter().any(|word| word.contains("{wav}")) {
                let help = "put \"{wav}\" where the path of the file belongs".to_owned();
                reader.mistake(
                    node.at,
                    format!("the command of {of} has no `{{wav}}`"),
                    Some(help),
                );
                return None;
            }
            Some(TranscriberFact::Command { command, timeout })
        }
        _ => {
            reader.mistake(
                node.at,
                format!("{of} needs one of these: `url` and `model`, `command`, `whisper`"),
                None,
            );
            None
        }
    }
}

/// The words; `{wav}` and `{language}` are filled in for each piece of audio.
fn command(reader: &mut Reader<'_>, table: &Table) -> Option<Vec<String>> {
    let node = reader.set(table, "command")?;
    let words = reader.elements("command", &node, "a list of texts");
    let words: Vec<String> = words
        .iter()
        .filter_map(|word| {
            let filled = reader.filled("command", word, Holes::Listening)?;
            Some(filled.0.iter().map(written).collect())
        })
        .collect();
    (!words.is_empty()).then_some(words)
}

/// A part as the transcriber reads it: it replaces `{wav}` and `{language}`, and knows no other brace.
fn written(part: &Part) -> String {
    match part {
        Part::Text(text) => text.clone(),
        Part::Hole(name) => format!("{{{name}}}"),
    }
}
