//! The environment of a process, as a file writes it: common variables, those of a node over them, and variables within values.
//!
//! Promise: a bool is `true` or `false`, a number is spelt as in the file, and what refers to another variable of the same table has its value, in whatever order
//! they stand. Rejected: Python's spelling of bools (`True`), which is what the files' own program hands on: no engine asks for it, and `true` is what the file says.

use tribunal_deploy::tree::{Entry, Node, Place, Table, Value};
use tribunal_vocabulary::nearest;

use super::locate::Locator;
use super::reader::Reader;
use super::shell::{self, Slip, Spelt};
use super::text::{Piece, Text};

/// The value that asks for a free port.
const FREE_PORT: &str = "DEFAULT_PORT";

/// What a run gives to each process, over whatever the file says: name, and the variable that it is made of.
pub(crate) const INJECTED: [(&str, &str); 7] = [
    ("HCCL_IF_IP", "LOCAL_IP"),
    ("HCCL_SOCKET_IFNAME", "NIC_NAME"),
    ("GLOO_SOCKET_IFNAME", "NIC_NAME"),
    ("TP_SOCKET_IFNAME", "NIC_NAME"),
    ("LOCAL_IP", "LOCAL_IP"),
    ("NIC_NAME", "NIC_NAME"),
    ("MASTER_IP", "MASTER_IP"),
];

/// One variable.
#[derive(Clone, Debug)]
struct Setting {
    name: String,
    raw: String,
    node: Node,
    text: Option<Text>,
}

/// The environment of a process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    settings: Vec<Setting>,
    /// What the run or the rank gives; it wins.
    known: Vec<(String, Text)>,
    /// The variables that ask for a free port.
    pub free: Vec<String>,
}

impl Environment {
    /// `known`: what the run or the rank gives.
    pub fn new(known: Vec<(String, Text)>) -> Environment {
        Environment {
            known,
            ..Environment::default()
        }
    }

    /// What a run over several nodes gives.
    pub fn of_nodes(nodes: usize, index: usize) -> Vec<(String, Text)> {
        let mut known: Vec<(String, Text)> = INJECTED
            .iter()
            .map(|(name, variable)| ((*name).to_owned(), Text::variable(*variable)))
            .collect();
        known.push(("PROXY_PORT".to_owned(), Text::variable("PROXY_PORT")));
        known.push((
            "LWS_WORKER_INDEX".to_owned(),
            Text::literal(index.to_string()),
        ));
        known.push(("NODE_INDEX".to_owned(), Text::literal(index.to_string())));
        for node in 0..nodes {
            let name = format!("NODE_{node}_IP");
            known.push((name.clone(), Text::variable(name)));
        }
        known
    }

    /// Lays a table of variables over what is there. Null is an empty table.
    pub fn lay(&mut self, reader: &mut Reader, entry: &Entry) {
        match &entry.node.value {
            Value::Null => {}
            Value::Table(table) => {
                for variable in &table.0 {
                    self.lay_one(reader, variable);
                }
            }
            _ => reader.wrong(
                entry,
                "a table of variables",
                "write NAME: value, a line each",
            ),
        }
    }

    fn lay_one(&mut self, reader: &mut Reader, variable: &Entry) {
        let name = &variable.key;
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !begins || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            reader.mistake(
                variable.key_at,
                format!("`{name}` is no name of a variable"),
                "it has letters, digits and underscores, and begins with no digit",
            );
            return;
        }
        let Some(raw) = reader.spelling(&variable.node) else {
            let help = if variable.node.value == Value::Null {
                "write '' where it is meant to be empty, and drop it where it is not set"
            } else {
                "put it into quotes"
            };
            reader.wrong_node(name, &variable.node, "text, a number or a bool", help);
            return;
        };
        if raw.contains('\0') {
            reader.mistake(
                variable.node.at,
                format!("`{name}` has a zero byte"),
                "no variable can hold one",
            );
            return;
        }
        if INJECTED.iter().any(|(injected, _)| injected == name) {
            reader.note(
                variable.key_at,
                format!("`{name}` is set by the run, whatever stands here"),
            );
        }
        let setting = Setting {
            name: name.clone(),
            raw,
            node: variable.node.clone(),
            text: None,
        };
        match self.settings.iter_mut().find(|there| there.name == *name) {
            Some(there) => *there = setting,
            None => self.settings.push(setting),
        }
    }

    /// Sets a variable where the file does not.
    pub fn unless_set(&mut self, name: &str, value: &str, at: Place) {
        if !self.settings.iter().any(|there| there.name == name) {
            self.settings.push(Setting {
                name: name.to_owned(),
                raw: value.to_owned(),
                node: Node {
                    value: Value::Text(value.to_owned()),
                    at,
                },
                text: None,
            });
        }
    }

    /// Fills in what values refer to.
    pub fn resolve(&mut self, reader: &mut Reader) {
        for index in 0..self.settings.len() {
            self.resolve_one(reader, index, &mut Vec::new());
        }
    }

    fn resolve_one(
        &mut self,
        reader: &mut Reader,
        index: usize,
        under_way: &mut Vec<usize>,
    ) -> Text {
        if let Some(text) = &self.settings[index].text {
            return text.clone();
        }
        let Setting {
            name, raw, node, ..
        } = self.settings[index].clone();
        if raw == FREE_PORT {
            let text = Text::variable(&name);
            self.settings[index].text = Some(text.clone());
            self.free.push(name);
            return text;
        }
        under_way.push(index);
        let mut slips = Vec::new();
        let text = shell::fill(
            &raw,
            &mut |wanted, spelt| {
                if wanted == name {
                    return Ok(Text(vec![Piece::Inherited(name.clone())]));
                }
                match self.place_of(wanted, spelt) {
                    Leads::Known(text) => Ok(text),
                    Leads::Setting(other) if under_way.contains(&other) => Err((
                        format!("`{name}` and `{wanted}` refer to each other"),
                        "one of them must be a value".to_owned(),
                    )),
                    Leads::Setting(other) => Ok(self.resolve_one(reader, other, under_way)),
                    Leads::Nowhere => Err(self.unknown(wanted)),
                }
            },
            &mut slips,
        );
        under_way.pop();
        tell(reader, &node, slips);
        self.settings[index].text = Some(text.clone());
        text
    }

    fn place_of(&self, name: &str, spelt: Spelt) -> Leads {
        let known = self.known.iter().find(|(there, _)| there == name);
        let setting = self.settings.iter().position(|there| there.name == name);
        let injected = INJECTED.iter().any(|(there, _)| *there == name);
        match (known, setting) {
            // `${NAME}` is what the rank has; `$NAME` is what its environment has, which a run may have set over the file.
            (Some((_, text)), None) => Leads::Known(text.clone()),
            (Some((_, text)), Some(_)) if spelt == Spelt::Braced || injected => {
                Leads::Known(text.clone())
            }
            (_, Some(setting)) => Leads::Setting(setting),
            (None, None) => Leads::Nowhere,
        }
    }

    fn unknown(&self, name: &str) -> (String, String) {
        let known = self.known.iter().map(|(name, _)| name.as_str());
        let set = self.settings.iter().map(|setting| setting.name.as_str());
        let help = match nearest(name, set.chain(known)) {
            Some(near) => format!("did you mean `${near}`?"),
            None => "set it in the environment of the node, or write it in single quotes (a $ in a value: $ alone) where no variable is meant".to_owned(),
        };
        (
            format!("`${name}` is no variable that this file or a run sets"),
            help,
        )
    }

    /// What a variable means in a command. To be asked when all is resolved.
    pub fn lookup(&self, name: &str, spelt: Spelt) -> Result<Text, (String, String)> {
        match self.place_of(name, spelt) {
            Leads::Known(text) => Ok(text),
            Leads::Setting(index) => Ok(self.settings[index].text.clone().unwrap_or_default()),
            Leads::Nowhere => Err(self.unknown(name)),
        }
    }

    /// The value of a variable that the file sets, and where.
    pub fn get(&self, name: &str) -> Option<(&Text, Place)> {
        let setting = self.settings.iter().find(|there| there.name == name)?;
        Some((setting.text.as_ref()?, setting.node.at))
    }

    /// All of them; `injected`: with what a run injects.
    pub fn finished(&self, injected: bool) -> Vec<(String, Text)> {
        let is_injected = |name: &str| injected && INJECTED.iter().any(|(there, _)| *there == name);
        let mut env: Vec<(String, Text)> = self
            .settings
            .iter()
            .filter(|setting| !is_injected(&setting.name))
            .map(|setting| {
                (
                    setting.name.clone(),
                    setting.text.clone().unwrap_or_default(),
                )
            })
            .collect();
        if injected {
            env.extend(
                INJECTED
                    .iter()
                    .map(|(name, variable)| ((*name).to_owned(), Text::variable(*variable))),
            );
        }
        env
    }
}

/// Where a name leads.
enum Leads {
    Known(Text),
    Setting(usize),
    Nowhere,
}

/// Reports what is wrong within a value, where it stands.
pub(crate) fn tell(reader: &mut Reader, node: &Node, slips: Vec<Slip>) {
    if slips.is_empty() {
        return;
    }
    let locator = Locator::of(&reader.sources, node);
    for slip in slips {
        reader.mistake(locator.place(&slip.range), slip.message, &slip.help);
    }
}

/// A table that may be absent or null.
pub(crate) fn table_of<'n>(reader: &mut Reader, entry: Option<&'n Entry>) -> Option<&'n Table> {
    let entry = entry.filter(|entry| entry.node.value != Value::Null)?;
    match &entry.node.value {
        Value::Table(table) => Some(table),
        _ => {
            reader.wrong(entry, "a table", "");
            None
        }
    }
}
