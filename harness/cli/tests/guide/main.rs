//! The pages of the documentation agree with each other and with the program: links lead somewhere, the book has every page, and what the
//! guide names exists.
//!
//! What the pages' examples do is the documentation suite's to run; here nothing is started but this package's program, for its help.

mod page;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use tribunal_events::{Classes, Failure, Outcome, PhaseName};
use tribunal_vocabulary::{Vocabulary, nearest};

use self::page::{Cell, pages, plain, root};

/// The pages that people read from beginning to end. Each name in them is checked.
const GUIDE: [&str; 6] = [
    "first-test.md",
    "levels.md",
    "ci.md",
    "ci-failures.md",
    "migrating-from-pytest.md",
    "reviewing.md",
];

#[test]
fn links_lead_to_files_and_headings() {
    let (root, pages) = (root(), pages());
    let mut broken = Vec::new();
    for (name, page) in &pages {
        for link in &page.links {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => name.clone(),
                path => plain(&name.parent().unwrap_or(Path::new("")).join(path)),
            };
            if !root.join(&target).exists() {
                broken.push(format!("{}: `{link}`: no such file", name.display()));
            } else if let (Some(page), false) = (pages.get(&target), heading.is_empty())
                && !page.anchors.contains(heading)
            {
                let near = nearest(heading, page.anchors.iter().map(String::as_str));
                let hint = near.map_or(String::new(), |near| format!("; did you mean `#{near}`?"));
                broken.push(format!(
                    "{}: `{link}`: no such heading{hint}",
                    name.display()
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_book_has_every_page_once() {
    let pages = pages();
    let book = &pages[Path::new("docs/SUMMARY.md")];
    let listed: Vec<PathBuf> = book
        .links
        .iter()
        .map(|link| Path::new("docs").join(link))
        .collect();
    let once: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(once.len(), listed.len(), "a page stands twice in the book");
    let there: BTreeSet<_> = pages
        .keys()
        .filter(|name| name.starts_with("docs") && !name.ends_with("SUMMARY.md"))
        .cloned()
        .collect();
    let (missing, gone): (Vec<_>, Vec<_>) = (
        there.difference(&once).collect(),
        once.difference(&there).collect(),
    );
    assert!(
        missing.is_empty() && gone.is_empty(),
        "docs/SUMMARY.md lacks {missing:?}, and lists {gone:?}, which are not there"
    );
    let settings = std::fs::read_to_string(root().join("docs/book.toml")).unwrap();
    assert!(settings.contains("src = \".\""), "{settings}");
}

/// Every run of `[a-z0-9-]` that stands behind `--`.
fn options(code: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for part in code.split([' ', '`', '(', ')', ',', '"', '|', ';']) {
        if let Some(option) = part.strip_prefix("--") {
            let end = option
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-'))
                .unwrap_or(option.len());
            found.extend((end > 0).then(|| &option[..end]));
        }
    }
    found
}

/// What a flag of another program says, where the guide shows one whole command of it.
fn of_another_program(code: &str) -> bool {
    ["docker ", "git ", "mdbook ", "pytest "]
        .iter()
        .any(|program| code.starts_with(program))
}

/// The help of a verb of `cargo tribunal`; `None` where there is no such verb.
fn help(verb: &str) -> Option<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_cargo-tribunal"))
        .args(["help", verb])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

fn verb(code: &str) -> Option<(&str, &str)> {
    // With its heavy parts it is built for the occasion.
    let whole = "cargo run -p cargo-tribunal --features kubernetes -- ";
    let (_, rest) = code
        .split_once("cargo tribunal ")
        .or_else(|| code.split_once(whole))?;
    Some(rest.split_once(' ').unwrap_or((rest, "")))
}

#[test]
fn options_of_the_guide_exist() {
    let pages = pages();
    let known: BTreeSet<&str> = tribunal_runner::TABLE.iter().map(|row| row.long).collect();
    // Of cargo itself, before the `--`.
    let cargo = ["package", "test", "workspace", "locked"];
    // How the guide says "any option".
    let any = "foo-bar";
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for name in GUIDE {
        for code in &pages[&Path::new("docs").join(name)].code {
            if of_another_program(code) {
                continue;
            }
            if let Some((verb, flags)) = verb(code) {
                match help(verb) {
                    None => wrong.push(format!("{name}: `{code}`: there is no verb `{verb}`")),
                    Some(help) => {
                        let lacks = |option: &&str| !help.contains(&format!("--{option}"));
                        let lacking = options(flags).into_iter().filter(lacks);
                        wrong.extend(lacking.map(|option| {
                            format!("{name}: `{code}`: {verb} knows no `--{option}`")
                        }));
                    }
                }
                continue;
            }
            for option in options(code) {
                seen.insert(option.to_owned());
                if option != any && !known.contains(option) && !cargo.contains(&option) {
                    let near = nearest(option, known.iter().copied());
                    wrong.push(format!("{name}: `--{option}` is no option; near: {near:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.contains("retries") && seen.len() > 25, "{seen:?}");
}

#[test]
fn variables_of_the_guide_have_options() {
    let pages = pages();
    let table = tribunal_runner::TABLE;
    let twins: BTreeSet<String> = table
        .iter()
        .filter(|row| row.twin)
        .map(|row| row.long.to_uppercase().replace('-', "_"))
        .collect();
    // Where a build server says nothing that `--shard auto` knows.
    let shards = ["SHARD_INDEX", "SHARD_COUNT"];
    let mut wrong = Vec::new();
    for name in GUIDE {
        for code in &pages[&Path::new("docs").join(name)].code {
            for rest in code.split("TRIBUNAL_").skip(1) {
                let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c == '_'));
                let twin = &rest[..end.unwrap_or(rest.len())];
                if !twins.contains(twin) && twin != "FOO_BAR" && !shards.contains(&twin) {
                    wrong.push(format!("{name}: TRIBUNAL_{twin} is no option's variable"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn attributes_of_the_guide_exist() {
    let vocabulary = Vocabulary::shipped();
    // Those that are no markers.
    let others = ["case", "cases", "values"];
    let (mut wrong, mut seen) = (Vec::new(), 0);
    let pages = pages();
    for name in GUIDE {
        for code in &pages[&Path::new("docs").join(name)].code {
            for rest in code.split("#[").skip(1) {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || "_:".contains(c)));
                let attribute = &rest[..end.unwrap_or(rest.len())];
                seen += 1;
                let known = vocabulary.marker(attribute).is_some()
                    || others.contains(&attribute)
                    || attribute.starts_with("tribunal::");
                if !known {
                    let names = vocabulary.markers().map(|(_, marker)| marker.name());
                    let near = nearest(attribute, names.chain(others));
                    wrong.push(format!(
                        "{name}: #[{attribute}] is declared nowhere; near: {near:?}"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 25, "{seen}");
}

#[test]
fn levels_of_the_guide_are_those_of_the_vocabulary() {
    let page = &pages()[Path::new("docs/levels.md")];
    let told: Vec<&str> = page
        .rows
        .iter()
        .filter_map(|row| row[0].code.first().map(String::as_str))
        .collect();
    let levels = Vocabulary::shipped().levels().iter();
    let known: Vec<&str> = levels.map(|level| level.name.as_str()).collect();
    assert_eq!(told, known);
}

/// Each row of the table is what the shipped rules say, and each class has a row.
#[test]
fn patterns_are_sorted_into_the_class_that_the_guide_names() {
    let classes = Classes::shipped();
    let page = &pages()[Path::new("docs/ci-failures.md")];
    let head = |row: &Vec<Cell>| row.get(1).is_some_and(|cell| cell.text == "class");
    let from = page
        .rows
        .iter()
        .position(head)
        .expect("the table of patterns");
    let mut told = BTreeSet::new();
    let mut wrong = Vec::new();
    for row in &page.rows[from + 1..] {
        let (pattern, class) = (&row[0].code[0], &row[1].code[0]);
        told.insert(class.replace('_', " "));
        let mut found = BTreeSet::new();
        for phase in [PhaseName::SetUp, PhaseName::Body] {
            let outcome = match phase {
                PhaseName::SetUp => Outcome::SetUpFailed,
                _ => Outcome::Failed,
            };
            for (text, log) in [(pattern.as_str(), ""), ("", pattern.as_str())] {
                let sorted = classes.of(&Failure {
                    outcome,
                    phase: Some(phase),
                    text,
                    log,
                    asserted: false,
                });
                found.extend(sorted.map(|sorted| sorted.class.replace('_', " ")));
            }
        }
        if found != BTreeSet::from([class.replace('_', " ")]) {
            wrong.push(format!(
                "`{pattern}` is sorted into {found:?}, not `{class}`"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let known: BTreeSet<String> = classes.iter().map(|c| c.name.replace('_', " ")).collect();
    assert_eq!(
        told, known,
        "classes in the table, and those that there are"
    );
}

#[test]
fn every_outcome_stands_in_the_guide() {
    let page = &pages()[Path::new("docs/ci-failures.md")];
    let told: BTreeSet<&str> = page
        .rows
        .iter()
        .flat_map(|row| &row[0].code)
        .map(String::as_str)
        .collect();
    for word in outcomes() {
        assert!(
            told.contains(word.as_str()),
            "`{word}` has no row: {told:?}"
        );
    }
}

/// The words of the event log, as its own reader names them when it meets one that it does not know.
fn outcomes() -> Vec<String> {
    let error = serde_json::from_str::<Outcome>("\"no such outcome\"")
        .expect_err("no outcome is called that")
        .to_string();
    let words: Vec<String> = error
        .split('`')
        .skip(3)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    assert!(words.len() > 10, "{error}");
    words
}

#[test]
fn the_guide_says_what_every_run_says_of_its_exit_codes() {
    let pages = pages();
    for name in ["docs/ci.md", "docs/ci-failures.md"] {
        let page = &pages[Path::new(name)];
        for code in ["2", "4", "5", "6", "101"] {
            let told = page.rows.iter().any(|row| row[0].text == code);
            assert!(told, "{name} has no row for exit code {code}");
        }
    }
}
