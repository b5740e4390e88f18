//! The arguments that a marker takes, as its declaration says.
//!
//! Promise: a declaration is enough to check what a test writes; there is no check that knows a marker by its name. Rejected: a
//! schema language with nesting (no marker needs it; what devices a test needs has a form of its own, [`Args::Hardware`]).

use toml::de::DeValue;

use crate::document::{Document, Item, list};
use crate::marker::{NAME_RULE, is_name};
use crate::nearest::nearest;

/// The arguments that a marker takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Args {
    /// None at all.
    None,
    /// One per platform, its value a device or a list of devices, and `num_cards` (default 1): a count, or a count per platform.
    Hardware,
    /// Those that are listed.
    Listed {
        /// In the order of the declaration; positional arguments get the positional ones of them in that order.
        specs: Vec<ArgSpec>,
        /// How many must be there at least.
        at_least: usize,
    },
}

/// One declared argument.
#[derive(Clone, Debug, PartialEq)]
pub struct ArgSpec {
    /// The keyword.
    pub name: String,
    /// What values it takes.
    pub kind: ArgKind,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it may stand without its keyword.
    pub positional: bool,
    /// A number must be above this.
    pub above: Option<f64>,
    /// The only values that a text may have; any, if empty.
    pub choices: Vec<String>,
}

/// What values an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgKind {
    /// An integer.
    Int,
    /// An integer or a number with a fraction.
    Number,
    /// Text that is not empty.
    Text,
    /// `true` or `false`.
    Bool,
    /// A duration above zero: text as [`crate::parse_duration`] reads it, or a number of seconds.
    Duration,
    /// A text, or a list of texts.
    Texts,
    /// A day, as [`crate::Date`] reads it.
    Date,
}

impl ArgKind {
    const ALL: [(&'static str, ArgKind); 7] = [
        ("int", ArgKind::Int),
        ("number", ArgKind::Number),
        ("text", ArgKind::Text),
        ("bool", ArgKind::Bool),
        ("duration", ArgKind::Duration),
        ("texts", ArgKind::Texts),
        ("date", ArgKind::Date),
    ];

    /// The word that a message uses, with its article.
    pub(crate) fn wanted(self) -> &'static str {
        match self {
            ArgKind::Int => "an integer",
            ArgKind::Number => "a number",
            ArgKind::Text => "text",
            ArgKind::Bool => "true or false",
            ArgKind::Duration => "a duration (\"5m\", or a number of seconds)",
            ArgKind::Texts => "a text or a list of texts",
            ArgKind::Date => "a day (\"2026-12-31\")",
        }
    }
}

/// Reads `args = …` and `min_args = …` of a marker.
pub(crate) fn read_args(
    document: &mut Document<'_>,
    args: Option<&Item<'_>>,
    min_args: Option<&Item<'_>>,
) -> Option<Args> {
    let Some(args) = args else {
        if let Some(item) = min_args {
            document.mistake(
                item.key_span,
                "`min_args` without `args`",
                Some("declare the arguments, or drop it".to_owned()),
            );
        }
        return None;
    };
    if let DeValue::String(word) = args.value {
        if &**word == "hardware" {
            return Some(Args::Hardware);
        }
        document.mistake(
            args.span,
            format!("`{word}` is no set of arguments"),
            Some("`args` is a table of arguments, or \"hardware\" (one per platform, and `num_cards`)".to_owned()),
        );
        return None;
    }
    let mut specs: Vec<ArgSpec> = Vec::new();
    for item in document.table(args, "a table of arguments or \"hardware\"")? {
        if !is_name(item.key) {
            document.mistake(
                item.key_span,
                format!("`{}` is no name of an argument", item.key),
                Some(NAME_RULE.to_owned()),
            );
        }
        let Some(spec) = read_spec(document, &item) else {
            continue;
        };
        let optional = specs
            .iter()
            .find(|before| before.positional && !before.required);
        if let Some(optional) = optional.filter(|_| spec.positional && spec.required) {
            let message = format!(
                "`{}` is required and stands behind `{}`, which is not",
                spec.name, optional.name
            );
            document.mistake(
                item.key_span,
                message,
                Some("put the required ones first, or make it `positional = false`".to_owned()),
            );
        }
        specs.push(spec);
    }
    let mut at_least = 0;
    if let Some(item) = min_args
        && let Some(count) = document.integer(item)
    {
        match usize::try_from(count) {
            Ok(count) if count <= specs.len() => at_least = count,
            _ => document.mistake(
                item.span,
                format!(
                    "`min_args` must be between 0 and {}, the number of arguments",
                    specs.len()
                ),
                None,
            ),
        }
    }
    Some(Args::Listed { specs, at_least })
}

fn read_spec(document: &mut Document<'_>, item: &Item<'_>) -> Option<ArgSpec> {
    let mut spec = ArgSpec {
        name: item.key.to_owned(),
        kind: ArgKind::Text,
        required: false,
        positional: true,
        above: None,
        choices: Vec::new(),
    };
    if let DeValue::String(_) = item.value {
        spec.kind = read_kind(document, item)?;
        return Some(spec);
    }
    let (mut kind, mut above, mut choices) = (None, None, None);
    for field in document.table(item, "the name of a type or a table")? {
        match field.key {
            "type" => kind = Some(read_kind(document, &field)),
            "required" => spec.required = document.boolean(&field).unwrap_or(false),
            "positional" => spec.positional = document.boolean(&field).unwrap_or(true),
            "above" => above = Some((field, document.number(&field))),
            "choices" => choices = Some((field, document.texts(&field))),
            _ => document.unknown_key(
                &field,
                "an argument",
                &["type", "required", "positional", "above", "choices"],
            ),
        }
    }
    let Some(kind) = kind else {
        document.mistake(
            item.key_span,
            format!("argument `{}` has no `type`", item.key),
            Some(kinds()),
        );
        return None;
    };
    spec.kind = kind?;
    if let Some((field, value)) = above {
        if !matches!(spec.kind, ArgKind::Int | ArgKind::Number) {
            document.mistake(
                field.key_span,
                "`above` is for numbers",
                Some("the type here is another; drop it".to_owned()),
            );
        }
        spec.above = value;
    }
    if let Some((field, values)) = choices {
        if !matches!(spec.kind, ArgKind::Text | ArgKind::Texts) {
            document.mistake(
                field.key_span,
                "`choices` are for texts",
                Some("the type here is another; drop them".to_owned()),
            );
        }
        spec.choices = values
            .unwrap_or_default()
            .into_iter()
            .map(|choice| choice.text)
            .collect();
    }
    Some(spec)
}

fn read_kind(document: &mut Document<'_>, item: &Item<'_>) -> Option<ArgKind> {
    let word = document.text(item)?;
    let kind = ArgKind::ALL
        .into_iter()
        .find(|(name, _)| *name == word)
        .map(|(_, kind)| kind);
    if kind.is_none() {
        let help = match nearest(&word, ArgKind::ALL.map(|(name, _)| name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => kinds(),
        };
        document.mistake(
            item.span,
            format!("`{word}` is no type of an argument"),
            Some(help),
        );
    }
    kind
}

fn kinds() -> String {
    format!("known types: {}", list(ArgKind::ALL.map(|(name, _)| name)))
}
