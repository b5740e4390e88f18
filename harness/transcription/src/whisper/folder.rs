//! A model in a folder, in the form in which Whisper's weights are published: its sizes, its words, its rules, its weights.
//!
//! Promise: a folder that is none says which file is missing or wrong, what was expected there, and what to do.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::mel::COLUMNS;
use super::network::{Network, Sizes};
use super::search::Rules;
use super::vocabulary::Vocabulary;
use crate::TranscriberError;

/// The most bytes of a file that is no weights.
const MOST_TEXT: u64 = 64 << 20;
/// The most bytes of weights: more than the largest model has.
const MOST_WEIGHTS: u64 = 16 << 30;

/// A model that was read.
pub(crate) struct Model {
    pub sizes: Sizes,
    pub words: Vocabulary,
    pub network: Network,
    /// Whether it knows several languages; one that does not is not told which.
    pub languages: bool,
    never: Vec<u32>,
    never_first: Vec<u32>,
    start: u32,
    end: u32,
    transcribe: Option<u32>,
    no_times: u32,
}

impl Model {
    pub fn read(folder: &Path) -> Result<Self, TranscriberError> {
        if !folder.is_dir() {
            return Err(TranscriberError::missing(
                format!("there is no folder {}", folder.display()),
                "name the folder of a Whisper model: with config.json, model.safetensors, and tokenizer.json or vocab.json",
            ));
        }
        let config = table(folder, "config.json")?
            .ok_or_else(|| absent(folder, "config.json", "the sizes of the model"))?;
        let sizes = sizes(&config).map_err(|e| wrong(folder, "config.json", &e))?;
        let rules = table(folder, "generation_config.json")?.unwrap_or_default();
        let rule = |name: &str| rules.get(name).or_else(|| config.get(name));
        let words = words(folder)?;
        let mark = |name: &str| {
            words
                .mark(name)
                .filter(|id| (*id as usize) < sizes.vocabulary)
                .ok_or_else(|| {
                    let (file, error) = (
                        "tokenizer.json",
                        format!(
                            "the mark {name} is not in its vocabulary of {} words",
                            sizes.vocabulary
                        ),
                    );
                    wrong(folder, file, &error)
                })
        };
        let weights = weights(folder)?;
        let network = Network::load(weights, &sizes)
            .map_err(|e| wrong(folder, "model.safetensors", &first_line(&e)))?;
        Ok(Self {
            // The vocabulary of the models of one language is a word smaller.
            languages: rule("is_multilingual")
                .and_then(Value::as_bool)
                .unwrap_or(sizes.vocabulary >= 51_865),
            never: ids(rule("suppress_tokens")),
            never_first: ids(rule("begin_suppress_tokens")),
            start: mark("<|startoftranscript|>")?,
            end: mark("<|endoftext|>")?,
            no_times: mark("<|notimestamps|>")?,
            transcribe: words.mark("<|transcribe|>"),
            sizes,
            words,
            network,
        })
    }

    /// The mark with which a text begins.
    pub fn start(&self) -> u32 {
        self.start
    }

    /// The rules of a text in this language (its mark), where there is a choice.
    pub fn rules(&self, language: Option<u32>) -> Rules {
        let mut prompt = vec![self.start];
        if let Some(language) = language.filter(|_| self.languages) {
            prompt.push(language);
            prompt.extend(self.transcribe);
        }
        prompt.push(self.no_times);
        Rules {
            prompt,
            end: self.end,
            never: self.never.clone(),
            never_first: self.never_first.clone(),
            silence: (self.words.mark("<|nospeech|>"))
                .or_else(|| self.words.mark("<|nocaptions|>")),
        }
    }
}

/// The numbers of a list. Lists of old files begin with a -1 that means nothing here.
fn ids(list: Option<&Value>) -> Vec<u32> {
    let list = list.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|id| u32::try_from(id.as_u64()?).ok())
        .collect()
}

fn sizes(config: &Map<String, Value>) -> Result<Sizes, String> {
    match config.get("model_type").and_then(Value::as_str) {
        Some("whisper") | None => {}
        Some(other) => {
            return Err(format!(
                "it is of a model of the type `{}`; expected `whisper`",
                other.escape_debug()
            ));
        }
    }
    match config.get("activation_function").and_then(Value::as_str) {
        Some("gelu") | None => {}
        Some(other) => {
            return Err(format!(
                "its activation is `{}`; expected `gelu`",
                other.escape_debug()
            ));
        }
    }
    let size = |name: &str, most: usize| {
        let value = config.get(name).unwrap_or(&Value::Null);
        let fits = value
            .as_u64()
            .and_then(|n| usize::try_from(n).ok())
            .filter(|n| (1..=most).contains(n));
        fits.ok_or_else(|| format!("`{name}` is {value}; expected a number from 1 to {most}"))
    };
    let width = size("d_model", 8_192)?;
    let inner = |name: &str| {
        if config.contains_key(name) {
            size(name, 65_536)
        } else {
            Ok(4 * width)
        }
    };
    let sizes = Sizes {
        bins: size("num_mel_bins", 128)?,
        width,
        vocabulary: size("vocab_size", 1 << 20)?,
        encoder_layers: size("encoder_layers", 256)?,
        encoder_heads: size("encoder_attention_heads", 256)?,
        encoder_inner: inner("encoder_ffn_dim")?,
        encoder_positions: size("max_source_positions", 65_536)?,
        decoder_layers: size("decoder_layers", 256)?,
        decoder_heads: size("decoder_attention_heads", 256)?,
        decoder_inner: inner("decoder_ffn_dim")?,
        decoder_positions: size("max_target_positions", 65_536)?,
    };
    if sizes.encoder_positions != COLUMNS / 2 {
        return Err(format!(
            "`max_source_positions` is {}; expected {}, for windows of 30 seconds",
            sizes.encoder_positions,
            COLUMNS / 2
        ));
    }
    if sizes.decoder_positions < 8 {
        return Err(format!(
            "`max_target_positions` is {}; expected at least 8",
            sizes.decoder_positions
        ));
    }
    for (name, heads) in [
        ("encoder_attention_heads", sizes.encoder_heads),
        ("decoder_attention_heads", sizes.decoder_heads),
    ] {
        if width % heads != 0 {
            return Err(format!(
                "`{name}` is {heads}, which does not divide `d_model`, {width}"
            ));
        }
    }
    Ok(sizes)
}

fn words(folder: &Path) -> Result<Vocabulary, TranscriberError> {
    if let Some(file) = table(folder, "tokenizer.json")? {
        return Vocabulary::of_tokenizer(&Value::Object(file))
            .map_err(|e| wrong(folder, "tokenizer.json", &e));
    }
    let Some(words) = table(folder, "vocab.json")? else {
        return Err(absent(
            folder,
            "tokenizer.json or vocab.json",
            "the words of the model",
        ));
    };
    let marks = table(folder, "added_tokens.json")?.unwrap_or_default();
    Vocabulary::of_tables(&words, &marks).map_err(|e| wrong(folder, "vocab.json", &e))
}

fn weights(folder: &Path) -> Result<Vec<u8>, TranscriberError> {
    const NAME: &str = "model.safetensors";
    if let Some(bytes) = bytes(folder, NAME, MOST_WEIGHTS)? {
        return Ok(bytes);
    }
    let has = |name: &str| folder.join(name).exists();
    Err(if has("model.safetensors.index.json") {
        wrong(
            folder,
            "model.safetensors.index.json",
            "the weights are in several files; expected them in one, model.safetensors",
        )
    } else if has("pytorch_model.bin") {
        wrong(
            folder,
            "pytorch_model.bin",
            "it is in a form that can run programs; expected the same weights as model.safetensors",
        )
    } else {
        absent(folder, NAME, "the weights")
    })
}

/// A file that holds a table; nothing where there is no such file.
fn table(folder: &Path, name: &str) -> Result<Option<Map<String, Value>>, TranscriberError> {
    let Some(bytes) = bytes(folder, name, MOST_TEXT)? else {
        return Ok(None);
    };
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(table)) => Ok(Some(table)),
        Ok(_) => Err(wrong(folder, name, "it is JSON, but no table")),
        Err(error) => Err(wrong(folder, name, &format!("it is no JSON: {error}"))),
    }
}

fn bytes(folder: &Path, name: &str, most: u64) -> Result<Option<Vec<u8>>, TranscriberError> {
    let file = match File::open(folder.join(name)) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(folder, name, &format!("it cannot be read: {error}"))),
    };
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| wrong(folder, name, &format!("it cannot be read: {error}")))?;
    match bytes.len() as u64 > most {
        true => Err(wrong(
            folder,
            name,
            &format!("it has more than {most} bytes"),
        )),
        false => Ok(Some(bytes)),
    }
}

fn absent(folder: &Path, name: &str, what: &str) -> TranscriberError {
    TranscriberError::missing(
        format!("{} has no {name} ({what})", folder.display()),
        "take all files of the model as it is published, with config.json, model.safetensors, and tokenizer.json or vocab.json",
    )
}

fn wrong(folder: &Path, name: &str, problem: &str) -> TranscriberError {
    let path: PathBuf = folder.join(name);
    TranscriberError::failed(
        format!("{}: {problem}", path.display()),
        "take the files of one Whisper model as it is published, in the form of Hugging Face's transformers",
    )
}

/// What the library says, without the places in its code.
fn first_line(error: &candle_core::Error) -> String {
    let text = error.to_string();
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(300)
        .collect()
}
