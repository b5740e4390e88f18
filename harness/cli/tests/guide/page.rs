//! The pages as their readers see them: links, headings, code and tables.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// One page, as its readers see it.
#[derive(Default)]
pub(crate) struct Page {
    /// Where links lead.
    pub(crate) links: Vec<String>,
    /// What can be linked to.
    pub(crate) anchors: BTreeSet<String>,
    /// Code within a line, and the lines of blocks that a shell reads.
    pub(crate) code: Vec<String>,
    /// Rows of tables: code of each cell. The heads of tables are rows too.
    pub(crate) rows: Vec<Vec<Cell>>,
}

#[derive(Default, Clone)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) code: Vec<String>,
}

/// How GitHub and mdBook name a heading.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

/// `first`: whether code in the first cells of tables counts.
fn read(path: &Path, first: bool) -> Page {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut page = Page::default();
    let (mut heading, mut row, mut cell) = (None::<String>, Vec::new(), None::<Cell>);
    let mut in_shell = false;
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES | Options::ENABLE_TASKLISTS) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                page.links.push(dest_url.into_string());
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let name = anchor(&heading.take().unwrap_or_default());
                let again = (1..).map(|n| format!("{name}-{n}"));
                let free = std::iter::once(name.clone())
                    .chain(again)
                    .find(|name| !page.anchors.contains(name));
                page.anchors.extend(free);
            }
            Event::Start(Tag::TableHead | Tag::TableRow) => row = Vec::new(),
            Event::End(TagEnd::TableHead | TagEnd::TableRow) => {
                let cells: &Vec<Cell> = &row;
                let skipped = usize::from(!first);
                let code = cells.iter().skip(skipped).flat_map(|cell| &cell.code);
                page.code.extend(code.cloned());
                page.rows.push(std::mem::take(&mut row));
            }
            Event::Start(Tag::TableCell) => cell = Some(Cell::default()),
            Event::End(TagEnd::TableCell) => row.extend(cell.take()),
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                in_shell = matches!(&*info, "sh" | "yaml");
            }
            Event::End(TagEnd::CodeBlock) => in_shell = false,
            Event::Code(code) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&code);
                }
                match &mut cell {
                    Some(cell) => {
                        cell.text.push_str(&code);
                        cell.code.push(code.into_string());
                    }
                    None => page.code.push(code.into_string()),
                }
            }
            Event::Text(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
                if let Some(cell) = &mut cell {
                    cell.text.push_str(&text);
                }
                if in_shell {
                    let lines = text.lines().map(|line| line.split(" #").next().unwrap());
                    page.code.extend(lines.map(|line| line.trim().to_owned()));
                }
            }
            _ => {}
        }
    }
    page
}

/// Every page, by its path from the root.
pub(crate) fn pages() -> BTreeMap<PathBuf, Page> {
    let root = root();
    let mut names = vec![PathBuf::from("README.md"), PathBuf::from("CHANGELOG.md")];
    for entry in std::fs::read_dir(root.join("docs")).unwrap() {
        let name = entry.unwrap().file_name();
        if Path::new(&name).extension().is_some_and(|e| e == "md") {
            names.push(Path::new("docs").join(name));
        }
    }
    let pages = names.into_iter().map(|name| {
        let first = !name.ends_with("migrating-from-pytest.md");
        let page = read(&root.join(&name), first);
        (name, page)
    });
    pages.collect()
}

/// `docs/../README.md` as `README.md`.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}
