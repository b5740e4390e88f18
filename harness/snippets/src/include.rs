//! Includes: `--8<-- "path[:section]"` on a line, and the block form, as pymdownx's snippets extension has them.
//!
//! Promise: a file is read only below the root of the pages; a file or a section that is missing, a cycle, a file that is
//! too large and an address are mistakes with a place, and the rest of the page is read all the same.

use std::path::{Component, Path, PathBuf};

use tribunal_vocabulary::nearest;

use crate::lines::{Line, Place, split};
use crate::page::Mistake;

/// Deeper nesting is taken for a mistake.
const DEEPEST: usize = 16;
/// A page with its includes has no more lines.
const MOST_LINES: usize = 200_000;
/// A file that is included is no larger.
pub(crate) const LARGEST: u64 = 8 << 20;

const MARK: &str = "--8<--";

/// Where files are looked for.
pub(crate) struct Includes<'a> {
    /// Nothing outside is read.
    pub root: &'a Path,
    pub mistakes: &'a mut Vec<Mistake>,
}

impl Includes<'_> {
    /// The lines with what they include.
    pub(crate) fn resolve(&mut self, lines: Vec<Line>, open: &[PathBuf]) -> Vec<Line> {
        let mut out = Vec::with_capacity(lines.len());
        let mut block: Option<(usize, Place)> = None;
        for line in lines {
            if out.len() > MOST_LINES {
                self.mistake(&line.place, format!("with its includes the page has more than {MOST_LINES} lines; the rest is not read"));
                break;
            }
            let trimmed = line.text.trim_start();
            let indent = line.text.len() - trimmed.len();
            if let Some((columns, _)) = &block {
                let columns = *columns;
                if trimmed.trim_end() == MARK {
                    block = None;
                } else if !trimmed.is_empty() && !trimmed.starts_with(';') {
                    let path = trimmed.trim_end().trim_matches('"');
                    out.extend(self.included(path, &line.place, columns, open));
                }
                continue;
            }
            if trimmed.starts_with(';') && trimmed[1..].trim_start().starts_with(MARK) {
                // Escaped: the page shows the directive itself.
                let text = line.text.replacen(';', "", 1);
                out.push(Line { text, ..line });
                continue;
            }
            match trimmed.strip_prefix(MARK).map(str::trim) {
                None => out.push(line),
                Some("") => block = Some((indent, line.place)),
                // A mark of a section in a file that is shown whole.
                Some(rest) if rest.starts_with('[') => {}
                Some(rest) => {
                    let quoted = rest
                        .strip_prefix(['"', '\''])
                        .and_then(|r| r.strip_suffix(['"', '\'']));
                    match quoted {
                        Some(path) => out.extend(self.included(path, &line.place, indent, open)),
                        None => out.push(line),
                    }
                }
            }
        }
        if let Some((_, place)) = block {
            self.mistake(
                &place,
                format!("the list of includes that begins here has no closing `{MARK}`"),
            );
        }
        out
    }

    fn mistake(&mut self, place: &Place, text: String) {
        self.mistakes.push(Mistake {
            place: place.clone(),
            text,
        });
    }

    fn included(
        &mut self,
        reference: &str,
        place: &Place,
        columns: usize,
        open: &[PathBuf],
    ) -> Vec<Line> {
        match self.read(reference, place, open) {
            Ok((path, lines)) => {
                let mut within = open.to_vec();
                within.push(path);
                let mut lines = self.resolve(lines, &within);
                for line in &mut lines {
                    if columns > 0 && !line.text.is_empty() {
                        line.text.insert_str(0, &" ".repeat(columns));
                    }
                }
                lines
            }
            Err(text) => {
                self.mistake(place, text);
                Vec::new()
            }
        }
    }

    fn read(
        &self,
        reference: &str,
        place: &Place,
        open: &[PathBuf],
    ) -> Result<(PathBuf, Vec<Line>), String> {
        if reference.contains("://") {
            return Err(format!(
                "`{reference}` is an address; examples are read from files alone"
            ));
        }
        let (path, part) = match reference.split_once(':') {
            Some((path, part)) => (path, Some(part)),
            None => (reference, None),
        };
        let found = find(path, &place.file, self.root)?;
        if open.contains(&found) {
            return Err(format!(
                "`{path}` includes itself, over {} files",
                open.len()
            ));
        }
        if open.len() > DEEPEST {
            return Err(format!(
                "`{path}` would be included {} files deep",
                open.len()
            ));
        }
        let text = crate::page::text_of(&found)?;
        let shown = named(&found, self.root, &place.file);
        let lines = split(&text, &shown);
        let lines = match part {
            None => lines,
            Some(part) => part_of(lines, part, path)?,
        };
        Ok((found, lines))
    }
}

/// The file that a reference means: beside the page, or below one of the folders above it, up to the root.
pub(crate) fn find(reference: &str, from: &Path, root: &Path) -> Result<PathBuf, String> {
    let relative = Path::new(reference);
    if relative.is_absolute() {
        return Err(format!(
            "`{reference}` is an absolute path; it would mean another file on every machine"
        ));
    }
    let page = if from.is_absolute() {
        from.to_path_buf()
    } else {
        root.join(from)
    };
    let root = root
        .canonicalize()
        .map_err(|e| format!("{}: {e}", root.display()))?;
    let mut folder = page.parent();
    let mut outside = false;
    while let Some(at) = folder {
        if let Ok(found) = at.join(relative).canonicalize() {
            if found.is_file() && found.starts_with(&root) {
                return Ok(found);
            }
            outside |= !found.starts_with(&root);
        }
        if at.canonicalize().is_ok_and(|at| at == root) {
            break;
        }
        folder = at
            .parent()
            .filter(|_| !matches!(at.components().next_back(), None | Some(Component::RootDir)));
    }
    Err(match outside {
        true => format!("`{reference}` lies outside of the pages' folder and is not read"),
        false => format!(
            "`{reference}` is not there: looked beside the page and in the folders above it"
        ),
    })
}

/// The name of a file below the root, as its pages are named.
fn named(found: &Path, root: &Path, page: &Path) -> PathBuf {
    let base = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let relative = found.strip_prefix(&base).unwrap_or(found);
    if page.is_absolute() {
        found.to_path_buf()
    } else {
        relative.to_path_buf()
    }
}

/// A section between its marks, or lines by number (`3:7`, from 1, both included).
pub(crate) fn part_of(lines: Vec<Line>, part: &str, path: &str) -> Result<Vec<Line>, String> {
    let numbers: Vec<&str> = part.split(':').collect();
    if numbers
        .iter()
        .all(|n| n.is_empty() || n.parse::<usize>().is_ok())
    {
        let number = |at: usize| numbers.get(at).and_then(|n| n.parse::<usize>().ok());
        let (first, last) = (
            number(0).unwrap_or(1).max(1),
            number(1).unwrap_or(usize::MAX),
        );
        return Ok(lines
            .into_iter()
            .filter(|l| (first..=last).contains(&l.place.line))
            .collect());
    }
    let mark = |line: &Line, what: &str| {
        let text = &line.text;
        let at = text.find(MARK)?;
        let inside = text[at + MARK.len()..]
            .trim_start()
            .strip_prefix('[')?
            .split(']')
            .next()?
            .trim()
            .to_owned();
        inside
            .strip_prefix(what)?
            .trim_start()
            .strip_prefix(':')
            .map(|name| name.trim().to_owned())
    };
    let begins = lines
        .iter()
        .position(|l| mark(l, "start").as_deref() == Some(part));
    let Some(begins) = begins else {
        let known: Vec<String> = lines.iter().filter_map(|l| mark(l, "start")).collect();
        let hint = nearest(part, known.iter().map(String::as_str));
        let hint = hint.map_or(String::new(), |n| format!("; did you mean `{n}`?"));
        return Err(format!("`{path}` has no section `{part}`{hint}"));
    };
    let rest = lines.into_iter().skip(begins + 1);
    let section: Vec<Line> = rest
        .take_while(|l| mark(l, "end").as_deref() != Some(part))
        .collect();
    // Marks of sections within it are no text.
    Ok(section
        .into_iter()
        .filter(|l| mark(l, "start").is_none() && mark(l, "end").is_none())
        .collect())
}
