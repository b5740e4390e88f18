//! Holes that a reader fills in: `<your_model>`, `/path/to/model`, `YOUR_KEY`, `…`. An example with one cannot be run as it stands.

use std::sync::OnceLock;

use regex::Regex;

/// Words that make `<…>` a hole; other words may as well be HTML or a redirection.
const WORDS: &str = r"your|my|path|insert|token|key|name|model|here|id|url|host|port|dir|folder|file|image|audio|video|prompt|user|ip|address|version|tag";

/// The first hole in a code; `shell`: an ellipsis that stands alone is one too (in Python it is an expression).
pub(crate) fn hole(code: &str, shell: bool) -> Option<String> {
    static HOLES: OnceLock<[Regex; 4]> = OnceLock::new();
    let [angled, path, yours, dots] = HOLES.get_or_init(|| {
        [
            format!(
                r"<(?i:[\w ./-]*(?:\b|_|-)(?:{WORDS})(?:\b|_|-)[\w ./-]*)>|<[A-Z][A-Z0-9_ -]+>"
            ),
            r#"(?:^|[\s="'`:])(/?path/to/[\w./-]*)"#.to_owned(),
            r"\bYOUR_[A-Z0-9_]+\b|\byour-[a-z0-9-]+-here\b".to_owned(),
            r"(?:^|\s)(?:\.\.\.|…|\[OPTIONS\])(?:\s|$)".to_owned(),
        ]
        .map(|text| Regex::new(&text).expect("a constant"))
    });
    for line in code.lines() {
        let spoken = line.trim_start();
        // A comment is for the reader alone.
        if spoken.starts_with('#') {
            continue;
        }
        if let Some(found) = angled.find(line) {
            let redirected =
                shell && line[found.end()..].starts_with(|c: char| c.is_alphanumeric() || c == '/');
            if !redirected {
                return Some(found.as_str().to_owned());
            }
        }
        if let Some(found) = path.captures(line) {
            return Some(found[1].to_owned());
        }
        if let Some(found) = yours.find(line) {
            // A variable of that name that is read or set is none.
            let before = line[..found.start()].chars().next_back();
            let after = line[found.end()..].chars().next();
            if !matches!(before, Some('$' | '{')) && after != Some('=') {
                return Some(found.as_str().to_owned());
            }
        }
        if shell && let Some(found) = dots.find(line) {
            return Some(found.as_str().trim().to_owned());
        }
    }
    None
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
