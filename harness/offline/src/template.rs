//! Holes of a command: `{prompt}` and the like, filled in as parts of one argument.
//!
//! A hole is a pair of braces around one identifier; `{{name}}` is the text `{name}`, and other braces (JSON) stay as they
//! are. There is no shell: whatever a prompt contains, it stays inside its argument.

use std::collections::BTreeMap;

/// The holes that exist.
pub(crate) const KNOWN: [&str; 8] = [
    "prompt",
    "prompt_file",
    "request",
    "output",
    "model",
    "max_tokens",
    "temperature",
    "seed",
];

/// One piece of an argument.
#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    Hole(&'a str),
}

fn pieces(mut text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    while let Some(brace) = text.find('{') {
        let (before, rest) = text.split_at(brace);
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        text = if let Some(name) = between(rest, "{{", "}}") {
            pieces.push(Piece::Text(&rest[1..name.len() + 3]));
            &rest[name.len() + 4..]
        } else if let Some(name) = between(rest, "{", "}") {
            pieces.push(Piece::Hole(name));
            &rest[name.len() + 2..]
        } else {
            pieces.push(Piece::Text("{"));
            &rest[1..]
        };
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(open)?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(rest.len());
    let name = &rest[..end];
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (starts && rest[end..].starts_with(close)).then_some(name)
}

/// The holes in a text.
pub(crate) fn holes(text: &str) -> Vec<&str> {
    let holes = pieces(text).into_iter();
    holes
        .filter_map(|piece| {
            if let Piece::Hole(name) = piece {
                Some(name)
            } else {
                None
            }
        })
        .collect()
}

/// Whether every hole of a text exists.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let Some(name) = holes(text).into_iter().find(|name| !KNOWN.contains(name)) else {
        return Ok(());
    };
    let near = KNOWN
        .iter()
        .map(|known| (strsim::osa_distance(name, known), known))
        .filter(|(distance, _)| *distance <= 2)
        .min();
    let hint = match near {
        Some((_, near)) => format!("did you mean {{{near}}}?"),
        None => format!("known are {}", KNOWN.map(|k| format!("{{{k}}}")).join(", ")),
    };
    Err(format!("`{text}` has the unknown hole {{{name}}}; {hint}"))
}

/// The command with its holes filled from `values`. An argument with a hole that has no value is left out, and so is an
/// option that stands alone before it.
pub(crate) fn fill(command: &[String], values: &BTreeMap<&str, String>) -> Vec<String> {
    let mut filled: Vec<String> = Vec::with_capacity(command.len());
    for (at, text) in command.iter().enumerate() {
        let pieces = pieces(text);
        let value = |piece: &Piece<'_>| match *piece {
            Piece::Text(text) => Some(text.to_owned()),
            Piece::Hole(name) => values.get(name).cloned(),
        };
        match pieces.iter().map(value).collect::<Option<String>>() {
            Some(argument) => filled.push(argument),
            None => {
                let whole = matches!(pieces[..], [Piece::Hole(_)]);
                let option = at > 1
                    && command[at - 1].starts_with('-')
                    && !command[at - 1].contains('=')
                    && holes(&command[at - 1]).is_empty();
                if whole && option {
                    filled.pop();
                }
            }
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(command: &[&str], values: &[(&'static str, &str)]) -> Vec<String> {
        let command: Vec<String> = command.iter().map(|&s| s.to_owned()).collect();
        fill(
            &command,
            &values.iter().map(|&(k, v)| (k, v.to_owned())).collect(),
        )
    }

    #[test]
    fn holes_are_filled_and_nothing_else_changes() {
        let values = [("prompt", "a; rm -rf {seed} $(x)"), ("seed", "7")];
        assert_eq!(
            filled(
                &[
                    "x",
                    "--p={prompt}",
                    "{seed}{seed}",
                    "{{seed}}",
                    "{\"a\":{seed}}",
                    "{} {1} {"
                ],
                &values
            ),
            [
                "x",
                "--p=a; rm -rf {seed} $(x)",
                "77",
                "{seed}",
                "{\"a\":7}",
                "{} {1} {"
            ]
        );
    }

    #[test]
    fn what_has_no_value_is_left_out_with_its_option() {
        let command = [
            "x",
            "--seed",
            "{seed}",
            "--max={max_tokens}",
            "-v",
            "{prompt}",
            "{temperature}",
        ];
        assert_eq!(filled(&command, &[("prompt", "p")]), ["x", "-v", "p"]);
        assert_eq!(
            filled(&command, &[("prompt", "p"), ("seed", "1")]),
            ["x", "--seed", "1", "-v", "p"]
        );
        assert_eq!(filled(&["-x", "{seed}"], &[]), ["-x"], "the program stays");
        assert_eq!(filled(&["x", "--a=1", "{seed}"], &[]), ["x", "--a=1"]);
    }
}
