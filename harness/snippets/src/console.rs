//! Sessions: lines with a prompt are commands, the lines after each are what it prints.

use std::sync::OnceLock;

use regex::Regex;
use serde::Serialize;

/// A command of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Its first line within the block, from 0.
    pub line: usize,
    /// Without prompts.
    pub text: String,
    /// What it prints, as the page states it; `None` where it states nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prints: Option<String>,
}

fn prompt() -> &'static Regex {
    static PROMPT: OnceLock<Regex> = OnceLock::new();
    // `(venv) `, `user@host:~/folder` and `~/folder` may stand before the `$`.
    PROMPT.get_or_init(|| {
        Regex::new(r"^(?-u)(?:\([\w.-]+\) ?)?(?:[\w.-]+@[\w.-]+(?::[!-~]*)?|~[!-~]*)? ?\$(?: |$)")
            .expect("a constant")
    })
}

/// The length of the prompt that a line begins with.
fn prompt_of(line: &str) -> Option<usize> {
    if line == "$" || line.starts_with("$ ") {
        return Some(line.len().min(2));
    }
    // The pattern takes longer to make than most pages to read.
    let found = line.contains("$").then(|| prompt().find(line)).flatten()?;
    Some(found.end())
}

/// The commands of a block in which at least one line has a prompt; `None` where none has.
pub(crate) fn session(code: &str) -> Option<Vec<Told>> {
    let mut commands: Vec<Told> = Vec::new();
    let mut printed: Vec<&str> = Vec::new();
    let mut until: Option<String> = None;
    for (line, text) in code.lines().enumerate() {
        if let Some(word) = &until {
            // The text of a here-document has no prompt, or that of a continuation.
            let text = text.strip_prefix("> ").unwrap_or(text);
            if text.trim() == word {
                until = None;
            }
            append(&mut commands, text);
        } else if let Some(found) = prompt_of(text.trim_start()) {
            close(&mut commands, &mut printed);
            let text = text.trim_start()[found..].to_owned();
            until = here_document(&text);
            commands.push(Told {
                line,
                text,
                prints: None,
            });
        } else if let Some(last) = commands.last()
            && printed.is_empty()
            && (continues(&last.text) || text.starts_with("> "))
        {
            append(&mut commands, text.strip_prefix("> ").unwrap_or(text));
            until = here_document(text);
        } else if !commands.is_empty() {
            printed.push(text);
        }
    }
    close(&mut commands, &mut printed);
    (!commands.is_empty()).then_some(commands)
}

fn append(commands: &mut [Told], text: &str) {
    if let Some(last) = commands.last_mut() {
        last.text.push('\n');
        last.text.push_str(text);
    }
}

fn close(commands: &mut [Told], printed: &mut Vec<&str>) {
    let text = printed.join("\n");
    printed.clear();
    if let Some(last) = commands.last_mut()
        && !text.trim().is_empty()
    {
        last.prints = Some(text);
    }
}

/// Whether the line goes on in the next one.
fn continues(text: &str) -> bool {
    let slashes = text.chars().rev().take_while(|c| *c == '\\').count();
    slashes % 2 == 1
}

/// The word that ends the here-document which a line opens.
fn here_document(text: &str) -> Option<String> {
    if !text.contains("<<") {
        return None;
    }
    static OPENS: OnceLock<Regex> = OnceLock::new();
    let opens = OPENS.get_or_init(|| {
        Regex::new(r#"(?:^|[^<])<<-?\s*["'\\]?([A-Za-z_][A-Za-z0-9_]*)["']?"#).expect("a constant")
    });
    opens.captures(text).map(|found| found[1].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(code: &str) -> Vec<(String, Option<String>)> {
        let commands = session(code).unwrap_or_default();
        commands.into_iter().map(|c| (c.text, c.prints)).collect()
    }

    #[test]
    fn prompts_part_commands_from_what_they_print() {
        let own = |a: &str, b: Option<&str>| (a.to_owned(), b.map(str::to_owned));
        assert_eq!(
            told("$ echo a\na\n$ true\n\n(venv) $ ls\nx\n\ny\n"),
            [
                own("echo a", Some("a")),
                own("true", None),
                own("ls", Some("x\n\ny"))
            ]
        );
        assert_eq!(
            told("me@host:~/x$ echo a \\\n> b\na b\n"),
            [own("echo a \\\nb", Some("a b"))]
        );
        assert_eq!(
            told("$ echo a \\\n    b\na b\n"),
            [own("echo a \\\n    b", Some("a b"))]
        );
        assert_eq!(
            told("$ cat <<EOF\n$ x\n> y\nEOF\nout\n"),
            [own("cat <<EOF\n$ x\ny\nEOF", Some("out"))]
        );
        assert_eq!(session("echo $ x\n"), None);
        assert_eq!(session("$HOME/x\n"), None);
    }
}
