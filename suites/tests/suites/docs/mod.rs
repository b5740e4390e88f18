//! L4: the examples of documentation do what their pages say: those of this project, and those of `--docs PATH`.
//!
//! Pages run one after another, since examples use fixed ports and devices as they please. What an example needs of those
//! before it on its page it gets: they run first, once, whichever case asks.

mod running;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tribunal::prelude::*;
use tribunal_snippets::{Kind, Page, Source, Verdict, pages};

use self::running::{Pages, under_way};

tribunal::markers!(
    full_model,
    cpu,
    e2e,
    example,
    serial("documentation"),
    depends_on(".")
);

/// One case: a page, or an example of it.
#[derive(Debug)]
struct Example {
    source: Source,
    page: Arc<Page>,
    /// `None`: the page itself.
    index: Option<usize>,
}

/// The project's own pages; none where only the program was taken elsewhere.
fn own() -> Vec<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.parent().unwrap_or(package);
    let own = ["README.md", "docs"].map(|name| root.join(name));
    own.into_iter().filter(|path| path.exists()).collect()
}

/// A case for every page, and one for every example on it.
fn examples() -> Result<Vec<Case<Example>>, String> {
    let mut cases = Vec::new();
    let mut names: HashMap<String, usize> = HashMap::new();
    for path in own()
        .iter()
        .map(PathBuf::as_path)
        .chain(tribunal::docs().iter().map(PathBuf::as_path))
    {
        for source in pages(path)? {
            let page = Arc::new(Page::read(&source.root, &source.name)?);
            let slug = tribunal::vocabulary::slug;
            let title = slug(&source.name.with_extension("").display().to_string());
            let mut add = |name: String, index: Option<usize>| {
                let count = names.entry(tribunal::vocabulary::slug(&name)).or_default();
                *count += 1;
                let name = match count {
                    1 => name,
                    n => format!("{name}__{n}"),
                };
                let page = page.clone();
                cases.push(Case::new(
                    name,
                    Example {
                        source: source.clone(),
                        page,
                        index,
                    },
                ));
            };
            add(format!("{title}__page"), None);
            for (index, snippet) in page.snippets.iter().enumerate() {
                if snippet.is_example() {
                    add(format!("{title}__{}", slug(&snippet.id)), Some(index));
                }
            }
        }
    }
    Ok(cases)
}

/// An example ends as its page says, prints what it states, makes files that are what they claim, and leaves nothing behind. The
/// page itself is right where its includes are there and no comment goes astray.
#[tribunal::test]
#[timeout("30m", teardown = "2m")]
#[cases(from = examples)]
fn page(#[case] example: &Example, under_way: &Pages) -> TestResult {
    let Some(index) = example.index else {
        return whole(&example.page);
    };
    let report = under_way.report(&example.source, &example.page, index)?;
    for command in &report.commands {
        tribunal::log!("{} {:?}: {}", command.place, command.end, command.text);
    }
    match report.verdict {
        Verdict::Passed => Ok(()),
        Verdict::Skipped(why) | Verdict::Listed(why) => skip!("{why}"),
        Verdict::Failed(reasons) => {
            fail!(
                "{}: {}\neverything of it is in {}",
                report.place,
                reasons.join("\n"),
                report.folder.display()
            )
        }
    }
}

/// What is wrong with a page beyond its examples; what of it is not run is told in a table.
fn whole(page: &Page) -> TestResult {
    let blocks = page.snippets.iter().filter(|s| !s.is_example());
    for snippet in blocks {
        if let Kind::Listed(why) = &snippet.kind {
            tribunal::Row::new("blocks of the documentation that are not run", 0, why)
                .cell("block", snippet.place.to_string())
                .cell("name", &snippet.id)
                .add();
        }
    }
    let mistakes: Vec<String> = page.mistakes.iter().map(ToString::to_string).collect();
    if !mistakes.is_empty() {
        fail!("{}", mistakes.join("\n"));
    }
    Ok(())
}
