//! The pages that a path means: a file is one, a folder all Markdown files below it.

use std::fs;
use std::path::{Path, PathBuf};

/// More pages are a mistake in the path.
const MOST: usize = 10_000;
const DEEPEST: usize = 16;

/// Where a page lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The folder of the project that it belongs to; nothing outside of it is read.
    pub root: PathBuf,
    /// Its path from there.
    pub name: PathBuf,
}

/// The pages of a path, sorted. Hidden folders, `target` and `node_modules` are left out.
///
/// # Errors
/// There is nothing there, or no page in it.
pub fn pages(path: &Path) -> Result<Vec<Source>, String> {
    let shown = path.display();
    let full = path.canonicalize().map_err(|e| format!("{shown}: {e}"))?;
    let root = root_of(&full);
    let mut found = Vec::new();
    if full.is_dir() {
        walk(&full, 0, &mut found)?;
    } else if is_page(&full) {
        found.push(full);
    }
    if found.is_empty() {
        return Err(format!("{shown}: no page in Markdown (*.md, *.markdown)"));
    }
    found.sort();
    let named = found.into_iter().map(|page| Source {
        name: page.strip_prefix(&root).unwrap_or(&page).to_path_buf(),
        root: root.clone(),
    });
    Ok(named.collect())
}

/// The nearest folder above that is a repository or has a MkDocs configuration; else the folder itself.
fn root_of(path: &Path) -> PathBuf {
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    let is_root = |folder: &&Path| {
        [".git", "mkdocs.yml", "mkdocs.yaml"]
            .iter()
            .any(|name| folder.join(name).exists())
    };
    folder
        .ancestors()
        .find(is_root)
        .unwrap_or(folder)
        .to_path_buf()
}

fn is_page(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e == "md" || e == "markdown")
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries = fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if kind.is_dir()
            && depth < DEEPEST
            && !name.starts_with('.')
            && !matches!(&*name, "target" | "node_modules")
        {
            walk(&entry.path(), depth + 1, found)?;
        } else if kind.is_file() && is_page(&entry.path()) {
            found.push(entry.path());
        }
        if found.len() > MOST {
            return Err(format!(
                "more than {MOST} pages below {}; name the folder of the documentation",
                folder.display()
            ));
        }
    }
    Ok(())
}
