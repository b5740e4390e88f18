//! Whether the arguments of a marker are right, and what they are called.
//!
//! Promise: all problems of one marker at once, each with the part of the source that it is about, so that a macro can point at
//! the token. Rejected: typed Rust builders for the arguments (a project's own markers could not have any).

use crate::args::{ArgKind, ArgSpec, Args};
use crate::document::list;
use crate::hardware;
use crate::nearest::nearest;
use crate::value::{Arg, Value};
use crate::vocabulary::Vocabulary;

/// Something that is wrong with a marker as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What it is about.
    pub at: ProblemAt,
    /// What is wrong, and often a second line `help: …`.
    pub message: String,
}

/// What a [`Problem`] is about. Numbers are positions in the list of arguments, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProblemAt {
    /// The name of the marker.
    Name,
    /// The keyword of an argument.
    Key(usize),
    /// The value of an argument, or a part of it.
    Value(usize, Option<Inner>),
}

/// A part of a list or of named values, by its position from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    /// A value of a list.
    Item(usize),
    /// A name among named values.
    Key(usize),
    /// The value behind a name among named values.
    Value(usize),
}

impl Problem {
    pub(crate) fn new(at: ProblemAt, message: String, help: Option<String>) -> Problem {
        let message = match help {
            Some(help) => format!("{message}\nhelp: {help}"),
            None => message,
        };
        Problem { at, message }
    }
}

/// The keyword of an argument if it has one, else its value.
pub(crate) fn head(args: &[Arg], index: usize) -> ProblemAt {
    match args.get(index) {
        Some(arg) if !arg.key.is_empty() => ProblemAt::Key(index),
        _ => ProblemAt::Value(index, None),
    }
}

impl Vocabulary {
    /// Everything that is wrong with a marker and its arguments; empty if all is well.
    pub fn check(&self, name: &str, args: &[Arg]) -> Vec<Problem> {
        let Some(marker) = self.marker(name) else {
            return vec![Problem {
                at: ProblemAt::Name,
                message: self.unknown_marker(name),
            }];
        };
        match &marker.args {
            Args::None if args.is_empty() => Vec::new(),
            Args::None => vec![Problem::new(
                head(args, 0),
                format!("`{name}` takes no arguments"),
                None,
            )],
            Args::Hardware => hardware::check(self, name, args),
            Args::Listed { specs, at_least } => check_listed(name, specs, *at_least, args),
        }
    }

    /// The arguments with their names: positional ones get the declared names in order. What is wrong with them is left out;
    /// [`Vocabulary::check`] tells.
    pub fn named_args(&self, name: &str, args: &[Arg]) -> Vec<(String, Value)> {
        match self.marker(name).map(|marker| &marker.args) {
            Some(Args::Listed { specs, .. }) => assign(specs, args)
                .into_iter()
                .zip(args)
                .filter_map(|(spec, arg)| {
                    spec.map(|spec| (specs[spec].name.clone(), arg.value.clone()))
                })
                .collect(),
            Some(Args::Hardware) => args
                .iter()
                .filter(|arg| !arg.key.is_empty())
                .map(|arg| (arg.key.clone(), arg.value.clone()))
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// For every argument the position of its declaration, if it has one.
fn assign(specs: &[ArgSpec], args: &[Arg]) -> Vec<Option<usize>> {
    let mut positional = specs
        .iter()
        .enumerate()
        .filter(|(_, spec)| spec.positional)
        .map(|(index, _)| index);
    args.iter()
        .map(|arg| match &*arg.key {
            "" => positional.next(),
            key => specs.iter().position(|spec| spec.name == key),
        })
        .collect()
}

fn check_listed(name: &str, specs: &[ArgSpec], at_least: usize, args: &[Arg]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut given = vec![false; specs.len()];
    let names = || specs.iter().map(|spec| &*spec.name);
    let keyword = args.iter().position(|arg| !arg.key.is_empty());
    for (index, (arg, spec)) in args.iter().zip(assign(specs, args)).enumerate() {
        if arg.key.is_empty() && keyword.is_some_and(|first| first < index) {
            let help = "arguments without a keyword stand first".to_owned();
            problems.push(Problem::new(
                ProblemAt::Value(index, None),
                "an argument without keyword behind one with".to_owned(),
                Some(help),
            ));
            continue;
        }
        let Some(spec) = spec else {
            problems.push(unknown_argument(
                name,
                arg,
                index,
                specs.iter().filter(|spec| spec.positional).count(),
                names(),
            ));
            continue;
        };
        if std::mem::replace(&mut given[spec], true) {
            let message = format!("`{}` of `{name}` is given twice", specs[spec].name);
            problems.push(Problem::new(head(args, index), message, None));
        }
        check_value(name, &specs[spec], &arg.value, index, &mut problems);
    }
    // An argument that is misspelt is not missing as well.
    if problems.is_empty() {
        let missing: Vec<&str> = specs
            .iter()
            .zip(&given)
            .filter(|(spec, given)| spec.required && !**given)
            .map(|(spec, _)| &*spec.name)
            .collect();
        if let [first, ..] = &*missing {
            let help = specs
                .iter()
                .find(|spec| spec.name == *first)
                .map(|spec| format!("write {}", example(name, spec)));
            let message = format!("`{name}` needs {}", list(missing.iter().copied()));
            problems.push(Problem::new(ProblemAt::Name, message, help));
        } else if given.iter().filter(|given| **given).count() < at_least {
            let message = format!("`{name}` needs at least {at_least} of {}", list(names()));
            let help = specs
                .first()
                .map(|spec| format!("write {}", example(name, spec)));
            problems.push(Problem::new(ProblemAt::Name, message, help));
        }
    }
    problems
}

/// How a marker with one argument is written.
fn example(name: &str, spec: &ArgSpec) -> String {
    let value = match (spec.choices.first(), spec.kind) {
        (Some(choice), _) => format!("\"{choice}\""),
        (None, ArgKind::Int | ArgKind::Number) => "1".to_owned(),
        (None, ArgKind::Bool) => "true".to_owned(),
        (None, ArgKind::Duration) => "\"5m\"".to_owned(),
        (None, ArgKind::Date) => "\"2026-12-31\"".to_owned(),
        (None, ArgKind::Text | ArgKind::Texts) => "\"…\"".to_owned(),
    };
    match spec.positional {
        true => format!("`{name}({value})`"),
        false => format!("`{name}({} = {value})`", spec.name),
    }
}

fn unknown_argument<'a>(
    name: &str,
    arg: &Arg,
    index: usize,
    positional: usize,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Problem {
    if arg.key.is_empty() {
        let message = match positional {
            0 => format!("every argument of `{name}` has a keyword"),
            1 => format!("`{name}` takes one argument without keyword"),
            n => format!("`{name}` takes {n} arguments without keyword"),
        };
        return Problem::new(
            ProblemAt::Value(index, None),
            message,
            Some(format!("its arguments are {}", list(names))),
        );
    }
    let help = match nearest(&arg.key, names.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("its arguments are {}", list(names)),
    };
    Problem::new(
        ProblemAt::Key(index),
        format!("`{name}` has no argument `{}`", arg.key),
        Some(help),
    )
}

fn check_value(
    name: &str,
    spec: &ArgSpec,
    value: &Value,
    index: usize,
    problems: &mut Vec<Problem>,
) {
    let at = ProblemAt::Value(index, None);
    let mut problem = |at, message, help| problems.push(Problem::new(at, message, help));
    let wrong_sort = || {
        format!(
            "`{}` of `{name}` must be {}, not {}",
            spec.name,
            spec.kind.wanted(),
            value.sort()
        )
    };
    match (spec.kind, value) {
        (ArgKind::Int | ArgKind::Number, Value::Int(_)) | (ArgKind::Number, Value::Float(_)) => {
            let number = value.as_number().unwrap_or(f64::NAN);
            if !number.is_finite() {
                problem(
                    at,
                    format!("`{}` of `{name}` must be a finite number", spec.name),
                    None,
                );
            } else if let Some(above) = spec.above.filter(|above| number <= *above) {
                problem(
                    at,
                    format!("`{}` of `{name}` must be more than {above}", spec.name),
                    None,
                );
            }
        }
        (ArgKind::Bool, Value::Bool(_)) => {}
        (ArgKind::Text | ArgKind::Texts, Value::Str(text)) => {
            check_text(name, spec, text, at, &mut problem)
        }
        (ArgKind::Date, Value::Str(text)) => {
            if let Err(message) = crate::Date::parse(text) {
                problem(at, message, None);
            }
        }
        (ArgKind::Texts, Value::List(values)) => {
            if values.is_empty() {
                problem(
                    at,
                    format!("`{}` of `{name}` is an empty list", spec.name),
                    None,
                );
            }
            for (item, value) in values.iter().enumerate() {
                let at = ProblemAt::Value(index, Some(Inner::Item(item)));
                match value {
                    Value::Str(text) => check_text(name, spec, text, at, &mut problem),
                    other => problem(
                        at,
                        format!(
                            "`{}` of `{name}` is a list of texts; this is {}",
                            spec.name,
                            other.sort()
                        ),
                        None,
                    ),
                }
            }
        }
        (ArgKind::Duration, Value::Str(_) | Value::Int(_) | Value::Float(_)) => {
            match (value.as_duration(), value) {
                (Some(duration), _) if !duration.is_zero() => {}
                (None, Value::Str(text)) => {
                    problem(
                        at,
                        crate::parse_duration(text).err().unwrap_or_default(),
                        None,
                    );
                }
                (None, number)
                    if number
                        .as_number()
                        .is_none_or(|number| number.is_nan() || number > 0.0) =>
                {
                    problem(at, format!("`{}` of `{name}` is too long", spec.name), None);
                }
                _ => problem(
                    at,
                    format!("`{}` of `{name}` must be more than zero", spec.name),
                    None,
                ),
            }
        }
        _ => problem(at, wrong_sort(), None),
    }
}

fn check_text(
    name: &str,
    spec: &ArgSpec,
    text: &str,
    at: ProblemAt,
    problem: &mut impl FnMut(ProblemAt, String, Option<String>),
) {
    if text.trim().is_empty() {
        problem(at, format!("`{}` of `{name}` is empty", spec.name), None);
    } else if !spec.choices.is_empty() && !spec.choices.iter().any(|choice| choice == text) {
        let choices = spec.choices.iter().map(|choice| &**choice);
        let help = match nearest(text, choices.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: {}", list(choices)),
        };
        problem(
            at,
            format!("`{}` of `{name}` cannot be `{text}`", spec.name),
            Some(help),
        );
    }
}
