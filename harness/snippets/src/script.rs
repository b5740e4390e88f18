//! The script that runs the commands of a block one by one, and what it tells of each.
//!
//! Every command is preceded and followed by a mark in the output, made of a word that nobody can guess, so that output,
//! exit code and time belong to one command each. The script stops at the first command that fails, as a reader would:
//! also one that fails within a pipe or a list. A command of a pipe that is ended because its reader had enough (141) is no failure.

use crate::commands::Command;

/// What became of one command.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Said {
    /// It was begun.
    pub begun: bool,
    /// Its exit code, if it ended and the script went on to say so.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
    /// Since 1970, as bash tells it.
    pub began: Option<f64>,
    pub ended: Option<f64>,
}

/// The script; `from`: the state that it goes on from, `to`: where it leaves its own.
pub(crate) fn script(
    commands: &[Command],
    word: &str,
    from: Option<&str>,
    to: Option<&str>,
) -> String {
    let mut text = String::from("# Made from a documentation page; the commands are its own.\n");
    if let Some(from) = from {
        text.push_str(&format!(". {}\n", quoted(from)));
    }
    text.push_str(&PROLOGUE.replace("WORD", word));
    for (at, command) in commands.iter().enumerate() {
        text.push_str(&format!(
            "__tribunal_begin {at}\n{}\n__tribunal_end {at} $?\n",
            command.text
        ));
    }
    if let Some(to) = to {
        text.push_str(&EPILOGUE.replace("STATE", &quoted(to)));
    }
    text
}

const PROLOGUE: &str = r#"exec {__tribunal_out}>&1 {__tribunal_err}>&2
__tribunal_begin() {
  exec >&"$__tribunal_out" 2>&"$__tribunal_err"
  printf '\036WORD begin %s %s\n' "$1" "${EPOCHREALTIME:-}"
  printf '\036WORD begin %s\n' "$1" >&2
}
__tribunal_end() {
  { printf '\036WORD end %s %s %s\n' "$1" "$2" "${EPOCHREALTIME:-}"; } >&"$__tribunal_out"
  case $2 in 0 | 141) ;; *) exit "$2" ;; esac
}
set -Euo pipefail
trap '__tribunal_status=$?; [ "$__tribunal_status" -eq 141 ] || exit "$__tribunal_status"' ERR
"#;

const EPILOGUE: &str = r#"trap - ERR
set +Euo pipefail
{
  for __tribunal_name in $(compgen -v); do
    case $__tribunal_name in
      BASH* | __tribunal* | COMP_* | DIRSTACK | EPOCH* | EUID | FUNCNAME | GROUPS | HISTCMD | IFS | LINENO | OPT* | PIPESTATUS | PPID | RANDOM | SECONDS | SHELLOPTS | SRANDOM | UID | OUTPUT_DIR | _) ;;
      *) declare -p "$__tribunal_name" ;;
    esac
  done
  declare -f
  printf 'cd %q\n' "$PWD"
} >STATE 2>/dev/null
"#;

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Parts what was printed by the marks.
pub(crate) fn read(count: usize, word: &str, out: &str, err: &str) -> Vec<Said> {
    let mut said = vec![Said::default(); count];
    let mark = format!("\u{1e}{word} ");
    let mut current: Option<usize> = None;
    for piece in marked(out, &mark) {
        let Piece { told, text } = piece;
        let mut words = told.split_whitespace();
        let what = words.next();
        let at = words
            .next()
            .and_then(|n| n.parse::<usize>().ok())
            .filter(|at| *at < count);
        match (what, at) {
            (Some("begin"), Some(at)) => {
                said[at].begun = true;
                said[at].began = words.next().and_then(|t| t.parse().ok());
                current = Some(at);
            }
            (Some("end"), Some(at)) => {
                said[at].code = words.next().and_then(|c| c.parse().ok());
                said[at].ended = words.next().and_then(|t| t.parse().ok());
            }
            _ => {}
        }
        if let Some(at) = current {
            said[at].out.push_str(text);
        }
    }
    for Piece { told, text } in marked(err, &mark) {
        let at = told
            .split_whitespace()
            .nth(1)
            .and_then(|n| n.parse::<usize>().ok());
        if let Some(said) = at.and_then(|at| said.get_mut(at)) {
            said.err.push_str(text);
        } else if let Some(first) = said.first_mut() {
            first.err.push_str(text);
        }
    }
    said
}

struct Piece<'a> {
    told: &'a str,
    text: &'a str,
}

/// The pieces between marks; what stands before the first has an empty mark.
fn marked<'a>(text: &'a str, mark: &str) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    for (at, piece) in text.split(mark).enumerate() {
        let (told, text) = match at {
            0 => ("", piece),
            _ => piece.split_once('\n').unwrap_or((piece, "")),
        };
        if at > 0 || !text.is_empty() {
            pieces.push(Piece { told, text });
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_part_the_output() {
        let out =
            "\u{1e}w begin 0 1.5\na\nno end of line\u{1e}w end 0 0 2.0\n\u{1e}w begin 1 2.0\nb\n";
        let err = "early\n\u{1e}w begin 0\nE0\n\u{1e}w begin 1\nE1\n";
        let said = read(3, "w", out, err);
        assert_eq!(said[0].out, "a\nno end of line");
        assert_eq!(said[0].err, "early\nE0\n");
        assert_eq!(
            (said[0].code, said[0].began, said[0].ended),
            (Some(0), Some(1.5), Some(2.0))
        );
        assert_eq!(
            (said[1].begun, said[1].code, said[1].out.as_str()),
            (true, None, "b\n")
        );
        assert!(!said[2].begun);
        // Marks of a number that nobody gave are text of nobody.
        assert_eq!(read(1, "w", "\u{1e}w begin 7 x\nz", "")[0], Said::default());
    }

    #[test]
    fn quotes_hold() {
        assert_eq!(quoted("a'b"), r"'a'\''b'");
    }
}
