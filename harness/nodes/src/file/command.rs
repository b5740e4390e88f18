//! What a command line asks for, as far as the harness has to know it: where the server answers, whether it has an API at all, how many accelerators it takes.
//!
//! Promise: of options that are looked at, both spellings (`--port 8080`, `--port=8080`, underscores for hyphens) are understood; the others are handed on as
//! they are. Rejected: knowing all options of an engine (they change with every version, and the engine refuses what it does not know).

use serde_json::Value as Json;
use tribunal_deploy::tree::{Entry, Node, Place, Value};

use super::environment::{Environment, tell};
use super::locate::Locator;
use super::reader::Reader;
use super::shell::{self, Slip, Word};
use super::text::{Piece, Text};

/// One argument and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Argument {
    pub text: Text,
    pub at: Place,
}

/// A command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command {
    pub arguments: Vec<Argument>,
    /// Something in it could not be read, and was told: what follows from it is not told too.
    pub wrong: bool,
}

impl Command {
    /// A command line in one text.
    pub fn of_line(reader: &mut Reader, node: &Node, environment: &Environment) -> Command {
        let line = node.text().unwrap_or_default();
        let mut slips = Vec::new();
        let words = shell::split(
            line,
            &mut |name, spelt| environment.lookup(name, spelt),
            &mut slips,
        );
        if slips.is_empty() {
            slips.extend(words.iter().filter_map(|word| no_json(line, word)));
        }
        let locator = Locator::of(&reader.sources, node);
        let arguments = words
            .into_iter()
            .map(|word| Argument {
                at: locator.place(&word.range),
                text: word.text,
            })
            .collect();
        let wrong = !slips.is_empty();
        tell(reader, node, slips);
        Command { arguments, wrong }
    }

    /// Arguments in a list; each is one, whatever is in it.
    pub fn of_list(
        reader: &mut Reader,
        key: &str,
        list: &[Node],
        environment: &Environment,
    ) -> Command {
        let mut arguments = Vec::new();
        let mut wrong = false;
        for node in list {
            let Some(raw) = reader.spelling(node) else {
                reader.wrong_node(
                    key,
                    node,
                    "a list of texts",
                    "an argument each; null is none",
                );
                continue;
            };
            let mut slips = Vec::new();
            let text = shell::fill(
                &raw,
                &mut |name, spelt| environment.lookup(name, spelt),
                &mut slips,
            );
            if slips.is_empty() {
                let word = Word {
                    text: text.clone(),
                    range: 0..raw.len(),
                };
                slips.extend(no_json(&raw, &word));
            }
            wrong |= !slips.is_empty();
            tell(reader, node, slips);
            arguments.push(Argument { text, at: node.at });
        }
        Command { arguments, wrong }
    }

    /// `server_cmd` in either form. A list goes behind `vllm serve MODEL`, as the program that reads these files does it.
    pub fn of(
        reader: &mut Reader,
        entry: &Entry,
        model: &str,
        environment: &Environment,
    ) -> Command {
        match &entry.node.value {
            Value::Text(text) if text.trim().is_empty() => {
                reader.mistake(
                    entry.node.at,
                    format!("`{}` is empty", entry.key),
                    "it is the command that starts the server",
                );
                Command::default()
            }
            Value::Text(_) => Command::of_line(reader, &entry.node, environment),
            Value::List(list) => {
                let mut command = Command::serve(model, entry.key_at);
                let rest = Command::of_list(reader, &entry.key, list, environment);
                command.extend(rest);
                command
            }
            _ => {
                reader.wrong(entry, "a command line or a list of arguments", "");
                Command::default()
            }
        }
    }

    /// `vllm serve MODEL`.
    pub fn serve(model: &str, at: Place) -> Command {
        let words = ["vllm", "serve", model];
        let argument = |word: &&str| Argument {
            text: Text::literal(*word),
            at,
        };
        Command {
            wrong: false,
            arguments: words
                .iter()
                .filter(|word| !word.is_empty())
                .map(argument)
                .collect(),
        }
    }

    /// Adds the arguments of another.
    pub fn extend(&mut self, more: Command) {
        self.arguments.extend(more.arguments);
        self.wrong |= more.wrong;
    }

    /// Says that there is no port, and where it was probably meant to be.
    pub fn no_port(&self, reader: &mut Reader, at: Place, message: &str, help: &str) {
        if self.wrong {
            return;
        }
        let near = self.arguments.iter().find(|argument| {
            let text = argument.text.plain().unwrap_or_default();
            text.starts_with("--")
                && text != "--host"
                && tribunal_vocabulary::nearest(&text, ["--port"]).is_some()
        });
        match near {
            Some(near) => reader.mistake(near.at, message, "did you mean `--port`?"),
            None => reader.mistake(at, message, help),
        }
    }

    pub fn texts(&self) -> Vec<Text> {
        self.arguments
            .iter()
            .map(|argument| argument.text.clone())
            .collect()
    }

    fn word(&self, index: usize) -> Option<String> {
        self.arguments.get(index)?.text.plain()
    }

    /// Whether it starts vLLM.
    pub fn is_vllm(&self) -> bool {
        let program = self.word(0).unwrap_or_default();
        let program = program.rsplit('/').next().unwrap_or_default();
        match program {
            "vllm" => self.word(1).as_deref() == Some("serve"),
            _ => {
                program.starts_with("python")
                    && self
                        .word(2)
                        .is_some_and(|module| module.starts_with("vllm."))
            }
        }
    }

    /// The model that `vllm serve` is told.
    pub fn model(&self) -> Option<(String, Place)> {
        if let Some((text, at)) = self.option(&["--model"]) {
            return Some((text.plain()?, at));
        }
        let third = self.arguments.get(2)?;
        let model = third.text.plain().filter(|model| !model.starts_with('-'))?;
        (self.is_vllm() && self.word(1).as_deref() == Some("serve")).then_some((model, third.at))
    }

    /// The value of an option, the last where it stands several times.
    pub fn option(&self, names: &[&str]) -> Option<(Text, Place)> {
        let mut found = None;
        for (index, argument) in self.arguments.iter().enumerate() {
            let Some(Piece::Literal(first)) = argument.text.0.first() else {
                continue;
            };
            let (name, value) = match first.split_once('=') {
                Some((name, rest)) => {
                    let mut value = Text::default();
                    value.push_str(rest);
                    value.push(&Text(argument.text.0[1..].to_vec()));
                    (name, Some((value, argument.at)))
                }
                None if argument.text.0.len() == 1 => {
                    let next = self.arguments.get(index + 1);
                    (
                        first.as_str(),
                        next.map(|next| (next.text.clone(), next.at)),
                    )
                }
                None => continue,
            };
            if names.contains(&&*hyphens(name)) {
                found = value.or(found);
            }
        }
        found
    }

    /// Where a flag stands, if it does.
    pub fn flag(&self, name: &str) -> Option<Place> {
        self.arguments
            .iter()
            .find(|argument| {
                argument
                    .text
                    .plain()
                    .is_some_and(|text| hyphens(&text) == name)
            })
            .map(|argument| argument.at)
    }

    /// The integer of an option, where it is one that is known now.
    pub fn number(&self, reader: &mut Reader, names: &[&str]) -> Option<(u32, Place)> {
        let (text, at) = self.option(names)?;
        let text = text.plain()?;
        match text.parse::<u32>().ok().filter(|number| *number > 0) {
            Some(number) => Some((number, at)),
            None => {
                let name = names.first().copied().unwrap_or_default();
                reader.mistake(
                    at,
                    format!("`{name}` must be an integer from 1 on, not `{text}`"),
                    "",
                );
                None
            }
        }
    }

    /// The accelerators that it takes of its node, and where that is said; `None` where its ranks may be spread over nodes.
    pub fn devices(&self, reader: &mut Reader) -> Option<(u32, Place)> {
        let tensor = self.number(reader, &["--tensor-parallel-size", "-tp"]);
        let pipeline = self.number(reader, &["--pipeline-parallel-size", "-pp"]);
        let context = self.number(reader, &["--prefill-context-parallel-size", "-pcp"]);
        let data = self.number(reader, &["--data-parallel-size", "-dp"]);
        let local = self.number(reader, &["--data-parallel-size-local", "-dpl"]);
        if self.option(&["--nnodes"]).is_some()
            || self.option(&["--distributed-executor-backend"]).is_some()
        {
            return None;
        }
        if let (Some((all, _)), Some((here, at))) = (data, local)
            && here > all
        {
            reader.mistake(
                at,
                format!(
                    "`--data-parallel-size-local` is {here}, and `--data-parallel-size` is {all}"
                ),
                "a node has at most all ranks",
            );
            return None;
        }
        if data.is_some() && local.is_none() {
            return None;
        }
        let parts = [tensor, pipeline, context, local];
        let at = parts.iter().flatten().next()?.1;
        let count = parts
            .iter()
            .flatten()
            .fold(1u32, |product, (part, _)| product.saturating_mul(*part));
        Some((count, at))
    }

    /// What a key of `--kv-transfer-config` says.
    pub fn kv_role(&self, reader: &Reader) -> Option<(String, Place)> {
        let (text, at) = self.option(&["--kv-transfer-config"])?;
        let json: Json = serde_json::from_str(&stand_in(&text)).ok()?;
        let at = reader.sources.within(at, "\"kv_role\"");
        Some((json.get("kv_role")?.as_str()?.to_owned(), at))
    }
}

/// The name of an option as it is listed.
fn hyphens(name: &str) -> String {
    if name.starts_with("--") {
        name.replace('_', "-")
    } else {
        name.to_owned()
    }
}

/// The text with something in place of what is not known yet.
fn stand_in(text: &Text) -> String {
    text.0
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Variable(_) | Piece::Inherited(_) => "0",
        })
        .collect()
}

/// What is wrong with an argument that begins as JSON does, and is none.
fn no_json(line: &str, word: &Word) -> Option<Slip> {
    let text = stand_in(&word.text);
    let json = match text.split_once('=') {
        Some((name, value)) if name.starts_with("--") => value,
        _ => &text,
    };
    let json = json.trim();
    if !json.starts_with('{') {
        return None;
    }
    let error = serde_json::from_str::<Json>(json).err()?;
    // In one pair of quotes every byte of the argument is one of the line.
    let exact = word.range.len() == text.len() + 2 || word.range.len() == text.len();
    let quote = usize::from(word.range.len() == text.len() + 2);
    let before: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let offset = word.range.start + quote + before + error.column().saturating_sub(1);
    let end = line.len().min(word.range.end);
    let range = if exact && offset < end && line.is_char_boundary(offset) {
        offset..offset + 1
    } else {
        word.range.clone()
    };
    let why = error.to_string();
    let why = why.split(" at line ").next().unwrap_or_default();
    Some(Slip {
        range,
        message: format!("this argument begins as JSON does, and is none: {why}"),
        help: "keep it within one pair of single quotes, names and texts in double quotes"
            .to_owned(),
    })
}
