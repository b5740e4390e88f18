//! Copies: a block that says `copy-of` must still equal what it was copied from.

use std::path::{Component, Path, PathBuf};

use tribunal_vocabulary::nearest;

use crate::include::find;
use crate::likeness::difference;
use crate::page::{Page, text_of};

/// Compares every copy on the page.
pub(crate) fn compare(page: &mut Page) {
    for at in 0..page.snippets.len() {
        let Some(reference) = page.snippets[at].annotation.copy_of.clone() else {
            continue;
        };
        let own = match original(page, &reference) {
            Err(why) => why,
            Ok(original) => {
                let copied = page.snippets[at].code.trim_end();
                match difference(original.trim_end(), copied, false) {
                    None => continue,
                    Some(shown) => {
                        format!("it has drifted from `{reference}` (`-` there, `+` here):\n{shown}")
                    }
                }
            }
        };
        page.snippets[at].mistakes.push(own);
    }
}

/// The text that was copied: `page.md#name`, `file` or `file:section`.
fn original(page: &Page, reference: &str) -> Result<String, String> {
    let (path, id) = match reference.split_once('#') {
        Some((path, id)) => (path, Some(id)),
        None => (reference, None),
    };
    let in_page = |page: &Page, id: &str| {
        let found = page
            .snippets
            .iter()
            .find(|s| s.id == id)
            .map(|s| s.code.clone());
        found.ok_or_else(|| {
            let near = nearest(id, page.snippets.iter().map(|s| s.id.as_str()));
            let hint = near.map_or(String::new(), |n| format!("; did you mean `{n}`?"));
            format!(
                "`{reference}`: {} has no block `{id}`{hint}",
                page.name.display()
            )
        })
    };
    if let (true, Some(id)) = (path.is_empty(), id) {
        return in_page(page, id);
    }
    let (path, section) = match path.split_once(':') {
        Some((path, section)) => (path, Some(section)),
        None => (path, None),
    };
    let found = find(path, &page.name, &page.root).map_err(|why| format!("copy-of: {why}"))?;
    match (id, section) {
        (Some(id), _) => {
            let root = page
                .root
                .canonicalize()
                .unwrap_or_else(|_| page.root.clone());
            let name = found.strip_prefix(&root).unwrap_or(&found).to_path_buf();
            in_page(&Page::read_alone(&root, &plain(&name))?, id)
        }
        (None, None) => Ok(text_of(&found)?.replace("\r\n", "\n")),
        (None, Some(section)) => {
            let lines = crate::lines::split(&text_of(&found)?, &found);
            let lines = crate::include::part_of(lines, section, path)?;
            Ok(lines.into_iter().map(|l| l.text + "\n").collect())
        }
    }
}

fn plain(path: &Path) -> PathBuf {
    path.components()
        .filter(|c| !matches!(c, Component::CurDir))
        .collect()
}
