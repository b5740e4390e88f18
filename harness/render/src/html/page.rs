//! The page itself: its parts put together.
//!
//! Promise: its policy lets the browser run the one script and use the one style that stand in it, by their hashes, and show media that stand in it; nothing else, from
//! nowhere. Rejected: `unsafe-inline`, which would run what a server said if it ever came to be markup.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::text::escaped;

const FRAME: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
/// In this order; together they are one function.
const SCRIPT: [&str; 7] = [
    include_str!("page.js"),
    include_str!("chart.js"),
    include_str!("timeline.js"),
    include_str!("case.js"),
    include_str!("evidence.js"),
    include_str!("sections.js"),
    include_str!("start.js"),
];

/// What a page has beside its data, and something more.
pub(crate) const FRAME_LENGTH: usize = {
    let mut length = FRAME.len() + STYLE.len() + 4000;
    let mut part = 0;
    while part < SCRIPT.len() {
        length += SCRIPT[part].len() + 1;
        part += 1;
    }
    length
};

/// The page with this data, and with a block for each of these cases.
pub(crate) fn page(title: &str, data: &str, blocks: &[(usize, String)]) -> String {
    let script = format!("\"use strict\";(()=>{{\n{}\n}})();", SCRIPT.join("\n"));
    let policy = format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; media-src data:; base-uri 'none'; form-action 'none'",
        hash(&script),
        hash(STYLE)
    );
    let length: usize = blocks.iter().map(|(_, block)| block.len() + 70).sum();
    let mut out =
        String::with_capacity(FRAME.len() + STYLE.len() + script.len() + data.len() + length);
    let mut rest = FRAME;
    while let Some((before, after)) = rest.split_once("{{") {
        out += before;
        let Some((name, after)) = after.split_once("}}") else {
            break;
        };
        match name {
            "policy" => out += &policy,
            "title" => out += &escaped(title),
            "style" => out += STYLE,
            "script" => out += &script,
            "data" => block(&mut out, "data", data),
            "blocks" => {
                for (case, text) in blocks {
                    block(&mut out, &format!("case-data-{case}"), text);
                }
            }
            _ => {}
        }
        rest = after;
    }
    out += rest;
    out
}

fn block(out: &mut String, id: &str, data: &str) {
    *out += "<script type=\"application/json\" id=\"";
    *out += id;
    *out += "\">";
    *out += data;
    *out += "</script>\n";
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_filled_and_data_is_no_template() {
        let text = page("a <b>", "{\"x\":\"{{script}}\"}", &[(7, "{}".into())]);
        assert!(text.contains("<title>a &lt;b&gt;</title>"));
        assert!(text.contains("id=\"data\">{\"x\":\"{{script}}\"}</script>"));
        assert!(text.contains("id=\"case-data-7\">{}</script>"));
        assert_eq!(
            text.matches("{{").count(),
            1,
            "only that of the data is left"
        );
    }

    #[test]
    fn nothing_of_the_page_is_from_elsewhere() {
        for part in SCRIPT.iter().chain([&FRAME, &STYLE]) {
            for word in [
                "http:",
                "https:",
                "//cdn",
                "@import",
                "url(",
                "innerHTML",
                "eval(",
                "document.write",
                "insertAdjacent",
                "outerHTML",
            ] {
                // The name of the namespace of SVG is no address.
                let text = part.replace("http://www.w3.org/2000/svg", "");
                assert!(!text.contains(word), "{word}");
            }
        }
    }
}
