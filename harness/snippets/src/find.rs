//! Headings, comments and blocks of a text, as CommonMark sees them, each with the line where it stands.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::lines::{Fence, Place};
use crate::mkdocs::Part;

/// Something on a page.
#[derive(Debug, Clone)]
pub(crate) enum Found {
    Heading {
        level: usize,
        text: String,
    },
    Comment(String),
    Block {
        info: Option<String>,
        code: String,
        first: Place,
        closed: bool,
    },
    /// Anything that parts a comment from a block.
    Text,
}

/// It, with the line in the whole page and the place in its file.
pub(crate) type Entry = (usize, Place, Found);

/// What is on a part of a page, in its own order.
pub(crate) fn entries(part: &Part) -> Vec<Entry> {
    let mut text = String::new();
    let mut starts = Vec::with_capacity(part.len());
    for line in part {
        starts.push(text.len());
        text.push_str(&line.text);
        text.push('\n');
    }
    let line_of = |offset: usize| {
        starts
            .partition_point(|start| *start <= offset)
            .saturating_sub(1)
    };
    let options = Options::ENABLE_TABLES
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_HEADING_ATTRIBUTES;
    let mut found: Vec<(Range<usize>, Found)> = Vec::new();
    let mut heading: Option<(Range<usize>, usize, String)> = None;
    let mut block: Option<(Range<usize>, Option<String>, String)> = None;
    let mut html: Option<(Range<usize>, String)> = None;
    for (event, range) in Parser::new_ext(&text, options).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                heading = Some((range, level as usize, String::new()))
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some((range, level, text)) = heading.take() {
                    found.push((
                        range,
                        Found::Heading {
                            level,
                            text: text.trim().to_owned(),
                        },
                    ));
                }
            }
            Event::Start(Tag::CodeBlock(kind)) => {
                let info = match kind {
                    CodeBlockKind::Fenced(info) => Some(info.trim().to_owned()),
                    CodeBlockKind::Indented => None,
                };
                block = Some((range, info, String::new()));
            }
            Event::End(TagEnd::CodeBlock) => {
                if let Some((range, info, code)) = block.take() {
                    let fence = line_of(range.start);
                    let first = if info.is_some() { fence + 1 } else { fence };
                    let first = part.get(first).or(part.last());
                    let Some(first) = first.map(|l| l.place.clone()) else {
                        continue;
                    };
                    let closed = info.is_none() || is_closed(&text[range.clone()]);
                    found.push((
                        range,
                        Found::Block {
                            info,
                            code,
                            first,
                            closed,
                        },
                    ));
                }
            }
            Event::Start(Tag::HtmlBlock) => html = Some((range, String::new())),
            Event::End(TagEnd::HtmlBlock) => {
                if let Some((range, text)) = html.take() {
                    comments(&range, &text, &mut found);
                }
            }
            Event::Html(text) | Event::InlineHtml(text) => match &mut html {
                Some((_, whole)) => whole.push_str(&text),
                None => comments(&range, &text, &mut found),
            },
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, _, code)) = &mut block {
                    code.push_str(&text);
                } else if let Some((_, _, title)) = &mut heading {
                    title.push_str(&text);
                } else if !text.trim().is_empty() {
                    found.push((range, Found::Text));
                }
            }
            _ => {}
        }
    }
    let entries = found.into_iter().filter_map(|(range, found)| {
        let line = part.get(line_of(range.start))?;
        Some((line.at, line.place.clone(), found))
    });
    entries.collect()
}

/// Every comment in a piece of HTML. One that is never closed is none.
fn comments(range: &Range<usize>, text: &str, found: &mut Vec<(Range<usize>, Found)>) {
    let mut at = 0;
    while let Some(begin) = text[at..].find("<!--").map(|b| at + b) {
        let Some(end) = text[begin..].find("-->").map(|e| begin + e + 3) else {
            return;
        };
        let start = range.start + begin;
        found.push((start..start, Found::Comment(text[begin..end].to_owned())));
        at = end;
    }
}

/// Whether the last line of a fenced block is a closing fence.
fn is_closed(source: &str) -> bool {
    let source = source.trim_end();
    let Some((first, rest)) = source.split_once('\n') else {
        return false;
    };
    let last = rest.lines().next_back().unwrap_or(rest);
    let last = last.trim_start_matches(['>', ' ', '\t']);
    Fence::opened_by(first.trim_start_matches(['>', ' ', '\t']))
        .is_some_and(|fence| fence.is_closed_by(last))
}
