//! The command lines of the documents that Tribunal's markers come from, translated word for word, select the tests that they selected there.
//!
//! Promise: one row for every pytest command line that the documents print. The selections were recorded with real pytest (`seed_selections.json`,
//! with its maker beside it); the same tests, rendered from that file, stand in scaffolded targets. `pytest -m X` becomes `BIN -m X`; a path becomes
//! the module of that file as a name filter, a `::` id the name of the case. `--tb` and `--dist` are answered with exit 2 and what to use; the row
//! goes on without them.
//!
//! One difference is by design, and every row in which it shows says so: without `-m` and `--run-level` the level in force is the lowest, so that
//! deeper tests are left out, where pytest takes every test of a path. With `--run-level` the same tests are selected.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use libtest_mimic::Trial;
use serde::Deserialize;

use crate::scaffold::binary;

#[derive(Deserialize)]
struct Seeds {
    trees: BTreeMap<String, Vec<Test>>,
    commands: Vec<Command>,
}

#[derive(Deserialize)]
struct Test {
    name: String,
    test: String,
    markers: Vec<String>,
}

#[derive(Deserialize)]
struct Command {
    tree: String,
    document: String,
    line: u32,
    printed: String,
    args: Vec<String>,
    selected: Vec<String>,
}

/// What the level in force (the lowest, as no level and no marker is named) leaves out: document, line, the last segments of the names.
const LEFT_OUT_BY_LEVEL: [(&str, u32, &[&str]); 7] = [
    ("five-level-testing", 267, &["test_voice_and_words"]),
    ("five-level-testing", 297, &["async_chunk"]),
    ("five-level-testing", 302, &["async_chunk"]),
    ("five-level-testing", 401, &["async_chunk"]),
    (
        "five-level-testing",
        808,
        &[
            "test_worker_killed",
            "text",
            "text_and_audio",
            "test_out_of_memory",
        ],
    ),
    // Both command lines of this line: everything is `slow`.
    ("five-level-testing", 814, &["test_steady_traffic"]),
    // A bare `pytest -s` takes every test of Dynamo's tree, none of which has a level.
    ("testing-guidelines-markers-vram", 314, &[]),
];

fn seeds() -> Seeds {
    serde_json::from_str(include_str!(
        "../../../../fixtures/golden/seed_selections.json"
    ))
    .expect("the recorded selections are valid")
}

/// The trees as sources of test targets: name and text.
pub fn sources() -> Vec<(String, String)> {
    seeds()
        .trees
        .into_iter()
        .map(|(name, tests)| (name, source(&tests)))
        .collect()
}

/// Modules by path, each with its tests.
#[derive(Default)]
struct Module<'a> {
    inner: BTreeMap<&'a str, Module<'a>>,
    tests: BTreeMap<&'a str, Vec<&'a Test>>,
}

fn source(tests: &[Test]) -> String {
    let mut root = Module::default();
    for test in tests {
        let mut segments: Vec<&str> = test.test.split("::").collect();
        let function = segments.pop().unwrap_or_default();
        let module = segments.into_iter().fold(&mut root, |module, segment| {
            module.inner.entry(segment).or_default()
        });
        module.tests.entry(function).or_default().push(test);
    }
    let mut out =
        String::from("//! Rendered from the recorded selections.\n\ntribunal::main!();\n");
    render(&root, &mut out);
    out
}

fn render(module: &Module<'_>, out: &mut String) {
    for (function, cases) in &module.tests {
        let attributes = |test: &Test| {
            test.markers
                .iter()
                .map(|m| format!("#[{m}] "))
                .collect::<String>()
        };
        out.push_str("#[tribunal::test]\n");
        match cases.as_slice() {
            [only] if only.name == only.test => {
                let _ = writeln!(out, "{}\nfn {function}() {{}}", attributes(only));
            }
            cases => {
                let list: Vec<String> = cases
                    .iter()
                    .map(|c| {
                        format!(
                            "{}{} = 0",
                            attributes(c),
                            c.name.rsplit("::").next().unwrap_or_default()
                        )
                    })
                    .collect();
                let _ = writeln!(
                    out,
                    "#[cases({})]\nfn {function}(#[case] _n: u8) {{}}",
                    list.join(", ")
                );
            }
        }
    }
    for (name, inner) in &module.inner {
        let _ = writeln!(out, "mod {name} {{");
        render(inner, out);
        out.push_str("}\n");
    }
}

/// A path or an id of pytest as a name filter; `None` for the folder of all tests.
fn filter(word: &str) -> Option<String> {
    let path = word.trim_start_matches('/');
    let path = path
        .strip_prefix("tests/")
        .or_else(|| path.strip_prefix("test/"))
        .unwrap_or(path);
    let (file, id) = match path.split_once("::") {
        Some((file, id)) => (file, Some(id)),
        None => (path, None),
    };
    let module = file
        .trim_end_matches(".py")
        .trim_end_matches('/')
        .replace('/', "::");
    match id {
        Some(id) => Some(format!(
            "{module}::{}",
            id.replace('[', "::").replace(']', "").replace('-', "_")
        )),
        None if module.is_empty() => None,
        // With the colons it is the module and not also one whose name goes on.
        None => Some(format!("{module}::")),
    }
}

fn is_path(word: &str) -> bool {
    ["tests/", "/tests/", "test/"]
        .iter()
        .any(|p| word.starts_with(p))
}

/// One row for every command line.
pub fn trials() -> Vec<Trial> {
    seeds()
        .commands
        .into_iter()
        .enumerate()
        .map(|(n, command)| {
            // The number keeps two commands of one line apart.
            let name = format!(
                "seed_commands::{}_line_{}_n{n:02}",
                command.document.replace('-', "_"),
                command.line
            );
            Trial::test(name, move || {
                check(&command);
                Ok(())
            })
        })
        .collect()
}

fn check(command: &Command) {
    let mut args: Vec<String> = command
        .args
        .iter()
        .filter_map(|w| {
            if is_path(w) {
                filter(w)
            } else {
                Some(w.clone())
            }
        })
        .collect();
    for (option, instead) in [
        ("--tb", "RUST_BACKTRACE=1"),
        ("--dist", "--sequential-unless parallel"),
    ] {
        let Some(at) = args.iter().position(|a| a.starts_with(option)) else {
            continue;
        };
        // Alone with what stood before it, so that the other one does not answer first.
        let mut only = args.clone();
        only.retain(|a| {
            a.starts_with(option) || !(a.starts_with("--tb") || a.starts_with("--dist"))
        });
        binary(&command.tree, &only)
            .run()
            .exits(2)
            .warns([option, instead]);
        args.remove(at);
    }
    let list = |extra: &[&str]| {
        let mut all = args.clone();
        all.extend(
            ["--list", "--format", "terse"]
                .iter()
                .chain(extra)
                .map(|a| (*a).to_owned()),
        );
        binary(&command.tree, all).run().exits(0).listed()
    };
    let left_out = LEFT_OUT_BY_LEVEL
        .iter()
        .find(|(document, line, _)| *document == command.document && *line == command.line);
    let level_decides = left_out.is_some() && !command.args.iter().any(|a| a == "-m");
    let short = |name: &String| name.rsplit("::").next().unwrap_or_default().to_owned();
    let expected: Vec<String> = match left_out {
        Some((.., names)) if level_decides => command
            .selected
            .iter()
            .filter(|n| !names.contains(&short(n).as_str()))
            .cloned()
            .collect(),
        _ => command.selected.clone(),
    };
    assert_eq!(list(&[]), expected, "{}", command.printed);
    if level_decides {
        // By design only the level stands between the two: with the deepest one the selection is pytest's.
        assert_eq!(
            list(&["--run-level", "slow"]),
            command.selected,
            "{} with --run-level slow",
            command.printed
        );
    }
}
