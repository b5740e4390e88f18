//! What MkDocs adds to Markdown: admonitions (`!!!`), folded ones (`???`, `???+`), tabs (`=== "x"`), and HTML with `markdown`.
//!
//! CommonMark turns a fence under `!!! note` into the text of a paragraph, and one under a tab into indented code that still has
//! its backticks. The body of each is therefore taken out, moved to the left, and read as a text of its own; the lines stay where
//! they are in number, so that lists around it keep together.

use std::sync::OnceLock;

use regex::Regex;

use crate::lines::{Fence, Line, dedent, indent};

/// Deeper nesting is taken for text.
const DEEPEST: usize = 32;

/// A text that is read alone: the page without the bodies, or one body.
pub(crate) type Part = Vec<Line>;

/// The page, and after it every body, however deep.
pub(crate) fn parts(lines: Vec<Line>) -> Vec<Part> {
    let mut parts = Vec::new();
    collect(lines, 0, &mut parts);
    parts
}

fn head() -> &'static Regex {
    static HEAD: OnceLock<Regex> = OnceLock::new();
    HEAD.get_or_init(|| {
        Regex::new(r#"^[ \t]*(?:(?:!!!|\?\?\?\+?)[ \t]+\S|===[!+]*[ \t]+["'])"#)
            .expect("a constant")
    })
}

/// Whether a line begins such a block.
fn is_head(text: &str) -> bool {
    let marks = ["!!!", "???", "==="];
    // The pattern takes longer to make than most pages to read.
    marks.iter().any(|mark| text.trim_start().starts_with(mark)) && head().is_match(text)
}

fn collect(lines: Vec<Line>, depth: usize, parts: &mut Vec<Part>) {
    let mut outer = Vec::with_capacity(lines.len());
    let mut bodies: Vec<Part> = Vec::new();
    let mut fence: Option<Fence> = None;
    let mut at = 0;
    while at < lines.len() {
        let line = &lines[at];
        at += 1;
        if let Some(open) = fence {
            if open.is_closed_by(&line.text) {
                fence = None;
            }
            outer.push(line.clone());
            continue;
        }
        fence = Fence::opened_by(&line.text);
        if fence.is_some() || depth >= DEEPEST || !is_head(&line.text) {
            outer.push(line.clone());
            continue;
        }
        let columns = indent(&line.text).unwrap_or(0) + 4;
        let length = lines[at..]
            .iter()
            .take_while(|l| indent(&l.text).is_none_or(|own| own >= columns))
            .count();
        let body = &lines[at..at + length];
        let blank = |line: &Line| Line {
            text: String::new(),
            ..line.clone()
        };
        outer.push(blank(line));
        outer.extend(body.iter().map(blank));
        bodies.push(
            body.iter()
                .map(|l| Line {
                    text: dedent(&l.text, columns),
                    ..l.clone()
                })
                .collect(),
        );
        at += length;
    }
    transparent(&mut outer);
    parts.push(outer);
    for body in bodies {
        collect(body, depth + 1, parts);
    }
}

/// Empties the lines of HTML blocks whose content MkDocs reads as Markdown (`<details markdown="1">`).
fn transparent(lines: &mut [Line]) {
    static OPENS: OnceLock<Regex> = OnceLock::new();
    let opens = || {
        OPENS.get_or_init(|| {
        Regex::new(r#"^\s*<([a-zA-Z][a-zA-Z0-9_-]*)(?-u:\b)[^<>]*(?-u:\b)markdown(?:\s*=\s*["']?(?:1|block|span|on)["']?)?[^<>]*>"#).expect("a constant")
    })
    };
    let mut open: Vec<String> = Vec::new();
    let mut fence: Option<Fence> = None;
    for line in lines {
        if let Some(within) = fence {
            if within.is_closed_by(&line.text) {
                fence = None;
            }
            continue;
        }
        let trimmed = line.text.trim();
        if let Some(found) = line
            .text
            .contains("markdown")
            .then(|| opens().captures(&line.text))
            .flatten()
        {
            open.push(found[1].to_ascii_lowercase());
            line.text.clear();
        } else if let Some(tag) = open.last() {
            if trimmed.eq_ignore_ascii_case(&format!("</{tag}>")) {
                open.pop();
                line.text.clear();
            } else if trimmed.starts_with("<summary") && trimmed.ends_with("</summary>") {
                line.text.clear();
            }
        }
        fence = Fence::opened_by(&line.text);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn texts(page: &str) -> Vec<String> {
        let parts = parts(crate::lines::split(page, Path::new("p.md")));
        parts
            .iter()
            .map(|p| {
                p.iter()
                    .map(|l| l.text.as_str())
                    .collect::<Vec<_>>()
                    .join("\n")
            })
            .collect()
    }

    #[test]
    fn bodies_are_read_alone() {
        let found = texts("a\n\n!!! note\n    b\n    === \"Tab\"\n\n        c\nd\n");
        assert_eq!(found, ["a\n\n\n\n\n\n\nd", "b\n\n\n", "\nc"]);
        assert_eq!(
            texts("Title\n===\nx"),
            ["Title\n===\nx"],
            "an underline is no tab"
        );
        assert_eq!(
            texts("```\n!!! note\n    x\n```"),
            ["```\n!!! note\n    x\n```"],
            "not within a fence"
        );
    }

    #[test]
    fn html_with_markdown_is_transparent() {
        let found = texts(
            "<details markdown=\"1\">\n<summary>More</summary>\n```sh\nls\n```\n</details>\nx",
        );
        assert_eq!(found, ["\n\n```sh\nls\n```\n\nx"]);
        assert_eq!(
            texts("<details>\nx\n</details>"),
            ["<details>\nx\n</details>"]
        );
    }
}
