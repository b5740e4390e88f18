//! A workload file.

use std::path::{Path, PathBuf};

use tribunal_deploy::Problems;
use tribunal_deploy::tree::{self, Found};

use crate::case::WorkCase;
use crate::json;
use crate::lookups::Lookups;
use crate::reader::Reader;
use crate::step::Step;

/// In which form a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The JSON of vLLM-Omni.
    Omni,
    /// The YAML of vLLM-Ascend.
    Ascend,
    /// The TOML of this project.
    Native,
}

impl Form {
    /// The form of a file, by the end of its name.
    ///
    /// # Errors
    /// In words: it ends in none that is known.
    pub fn of(path: &Path) -> Result<Form, String> {
        match path.extension().and_then(|end| end.to_str()) {
            Some("json" | "jsonc") => Ok(Form::Omni),
            Some("yaml" | "yml") => Ok(Form::Ascend),
            Some("toml") => Ok(Form::Native),
            _ => Err(format!(
                "`{}` ends in none of .json, .yaml, .yml and .toml",
                path.display()
            )),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Form::Omni => "vllm-omni",
            Form::Ascend => "vllm-ascend",
            Form::Native => "native",
        }
    }
}

/// Something that is no mistake, and that whoever runs the file should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The line that it is about.
    pub line: usize,
    /// What.
    pub text: String,
}

/// A workload file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Workload {
    /// Where it lies.
    pub path: PathBuf,
    /// How it is written.
    pub form: Form,
    /// Its cases, in its order.
    pub cases: Vec<WorkCase>,
    /// What should be known of it.
    pub notes: Vec<Note>,
}

impl Workload {
    /// Reads a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(path: &Path, lookups: &Lookups<'_>) -> Result<Workload, Problems> {
        let text = tree::text_of(path).map_err(|why| {
            Problems::plain(format!("`{}` cannot be read: {why}", path.display()), None)
        })?;
        Workload::parse(&text, path, lookups)
    }

    /// Reads a text as the file that it is said to be.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(text: &str, path: &Path, lookups: &Lookups<'_>) -> Result<Workload, Problems> {
        let form = Form::of(path).map_err(|why| {
            Problems::plain(
                why,
                Some("the end of the name says how it is read".to_owned()),
            )
        })?;
        let mut reader = Reader::new(lookups);
        let folder = path.parent().map(Path::to_path_buf);
        let source = reader.sources.add(path.display().to_string(), text, folder);
        let mut found: Vec<Found> = Vec::new();
        let root = match form {
            Form::Omni => json::read(&reader.sources, source, &mut found),
            Form::Ascend => match tree::yaml(&reader.sources, source) {
                Ok(node) => Some(node),
                Err(problem) => {
                    found.push(problem);
                    None
                }
            },
            Form::Native => {
                tree::toml(&reader.sources, source, true, &mut found).map(|table| tree::Node {
                    at: reader.sources.whole(source),
                    value: tree::Value::Table(table),
                })
            }
        };
        reader.found = found;
        let mut cases = match (&root, form) {
            (None, _) => Vec::new(),
            (Some(root), Form::Omni) => reader.omni(root, path),
            (Some(root), Form::Ascend) => reader.ascend(root, path),
            (Some(root), Form::Native) => reader.native(root, path),
        };
        unique(&mut cases);
        let (cases, notes) = reader.done(cases)?;
        Ok(Workload {
            path: path.to_path_buf(),
            form,
            cases,
            notes,
        })
    }

    /// All steps with their cases.
    pub fn steps(&self) -> impl Iterator<Item = (&WorkCase, &Step)> {
        self.cases
            .iter()
            .flat_map(|case| case.steps.iter().map(move |step| (case, step)))
    }
}

/// Gives every case and step a name of its own that is an identifier.
pub(crate) fn unique(cases: &mut [WorkCase]) {
    let mut taken = std::collections::BTreeSet::new();
    for case in &mut *cases {
        case.name = own(&case.name, &mut taken);
    }
    let mut taken = std::collections::BTreeSet::new();
    for step in cases.iter_mut().flat_map(|case| &mut case.steps) {
        step.name = own(&step.name, &mut taken);
    }
}

fn own(name: &str, taken: &mut std::collections::BTreeSet<String>) -> String {
    // A digit cannot begin an identifier, and a word of the language cannot be one.
    let begins = name
        .chars()
        .next()
        .is_some_and(|c| c.is_alphabetic() || c == '_');
    let plain = if begins {
        name.to_owned()
    } else {
        format!("w_{name}")
    };
    let plain = plain.trim_end_matches('_').to_owned();
    let free = (0..).map(|n| {
        if n == 0 {
            plain.clone()
        } else {
            format!("{plain}_{n}")
        }
    });
    for name in free {
        if !KEYWORDS.contains(&&*name) && taken.insert(name.clone()) {
            return name;
        }
    }
    plain
}

/// Words that cannot be names.
const KEYWORDS: [&str; 40] = [
    "as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern",
    "false", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut",
    "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true", "try", "type",
    "union", "unsafe", "use", "where", "while",
];
