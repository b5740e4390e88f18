//! Holes that a reader fills in: `<your_model>`, `/path/to/model`, `YOUR_KEY`, `…`. An example with one cannot be run as it stands.

use std::sync::OnceLock;

use regex::Regex;

/// Words that make `<…>` a hole; other words may as well be HTML or a redirection.
const WORDS: &str = r"your|my|path|insert|token|key|name|model|here|id|url|host|port|dir|folder|file|image|audio|video|prompt|user|ip|address|version|tag";

/// The first hole in a code; `shell`: an ellipsis that stands alone is one too (in Python it is an expression).
pub(crate) fn hole(code: &str, shell: bool) -> Option<String> {
    // A comment is for the reader alone.
    let lines = code.lines().filter(|l| !l.trim_start().starts_with('#'));
    lines
        .filter_map(|line| {
            let yours = || name_of_yours(line);
            let dots = || shell.then(|| ellipsis(line)).flatten();
            angled(line, shell)
                .or_else(|| path(line))
                .or_else(yours)
                .or_else(dots)
        })
        .next()
}

// Each pattern is made when a line first may have what it looks for: pages are read at every start of the tests, and making
// them takes longer than reading a page.

fn angled(line: &str, shell: bool) -> Option<String> {
    static PATTERN: OnceLock<Regex> = OnceLock::new();
    if !(line.contains('<') && line.contains('>')) {
        return None;
    }
    let pattern = PATTERN.get_or_init(|| {
        let text = format!(
            r"(?-u)<(?i:[\w ./-]*(?:\b|_|-)(?:{WORDS})(?:\b|_|-)[\w ./-]*)>|<[A-Z][A-Z0-9_ -]+>"
        );
        Regex::new(&text).expect("a constant")
    });
    let found = pattern.find(line)?;
    let redirected =
        shell && line[found.end()..].starts_with(|c: char| c.is_alphanumeric() || c == '/');
    (!redirected).then(|| found.as_str().to_owned())
}

fn path(line: &str) -> Option<String> {
    let at = line.find("path/to/")?;
    let before = line[..at].strip_suffix('/').unwrap_or(&line[..at]);
    let alone = before
        .chars()
        .next_back()
        .is_none_or(|c| c.is_whitespace() || "=\"'`:".contains(c));
    let ends = |c: char| !(c.is_ascii_alphanumeric() || "_./-".contains(c));
    let rest = &line[before.len()..];
    alone.then(|| rest[..rest.find(ends).unwrap_or(rest.len())].to_owned())
}

fn name_of_yours(line: &str) -> Option<String> {
    static PATTERN: OnceLock<Regex> = OnceLock::new();
    if !(line.contains("YOUR_") || line.contains("your-")) {
        return None;
    }
    let pattern = PATTERN.get_or_init(|| {
        Regex::new(r"(?-u)\bYOUR_[A-Z0-9_]+\b|\byour-[a-z0-9-]+-here\b").expect("a constant")
    });
    let found = pattern.find(line)?;
    // A variable of that name that is read or set is none.
    let before = line[..found.start()].chars().next_back();
    let after = line[found.end()..].chars().next();
    (!matches!(before, Some('$' | '{')) && after != Some('=')).then(|| found.as_str().to_owned())
}

fn ellipsis(line: &str) -> Option<String> {
    let word = line
        .split_whitespace()
        .find(|w| matches!(*w, "..." | "…" | "[OPTIONS]"));
    word.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_found() {
        for (code, found) in [
            ("vllm serve <your_model>", "<your_model>"),
            ("export K=<API KEY>", "<API KEY>"),
            ("cp /path/to/model x", "/path/to/model"),
            ("curl -H \"X: YOUR_API_KEY\"", "YOUR_API_KEY"),
            ("vllm serve m ...", "..."),
            ("tool [OPTIONS] x", "[OPTIONS]"),
            ("x --model <model-name>", "<model-name>"),
        ] {
            assert_eq!(hole(code, true).as_deref(), Some(found), "{code}");
        }
        for code in [
            "cat <<EOF\nx\nEOF",
            "sort <in>out",
            "sort <file>out",
            "# <your_model>",
            "YOUR_X=1; echo $YOUR_X",
            "a < b > c",
            "cd ..",
            "echo '<b>x</b>'",
        ] {
            assert_eq!(hole(code, true), None, "{code}");
        }
        assert_eq!(hole("def f():\n    ...\n", false), None);
        assert_eq!(hole("x = '<div>'", false), None);
    }
}
