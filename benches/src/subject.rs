//! The projects that are measured: each a package with one harness target, generated as a user would have written it.
//!
//! Promise: the same text every time, so that cargo builds a subject once. They form a workspace of their own.
//!
//! Rejected: `macro_rules!` that repeat a test (no user writes that, and the compile time would be another).

use std::fmt::Write as _;

/// The environment variable that names the file into which a body writes when it started.
pub const STAMP: &str = "FIGURES_STAMP";

/// Tests in the subjects of which the start is measured.
pub const THOUSAND: usize = 1_000;
/// Empty tests to run.
pub const EMPTIES: usize = 10_000;
/// Single tests to list.
pub const SINGLES: usize = 20_000;
/// Tests whose matrices make [`MATRIX_CASES`].
pub const MATRIX_TESTS: usize = 10;
/// Cases to list.
pub const MATRIX_CASES: usize = 100_000;

/// One generated package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// 1,000 tests with markers and without fixtures.
    Plain,
    /// 1,000 async tests with two fixtures each.
    Fixtures,
    /// 100,000 cases of 10 tests.
    Matrix,
    /// 20,000 tests.
    Singles,
    /// 10,000 empty tests.
    Empties,
    /// 10,000 empty trials of libtest-mimic, without anything of ours.
    Mimic,
}

impl Subject {
    /// All of them.
    pub const ALL: [Subject; 6] = [
        Subject::Plain,
        Subject::Fixtures,
        Subject::Matrix,
        Subject::Singles,
        Subject::Empties,
        Subject::Mimic,
    ];

    /// The name of its package.
    pub fn package(self) -> &'static str {
        match self {
            Subject::Plain => "subject-plain",
            Subject::Fixtures => "subject-fixtures",
            Subject::Matrix => "subject-matrix",
            Subject::Singles => "subject-singles",
            Subject::Empties => "subject-empties",
            Subject::Mimic => "subject-mimic",
        }
    }

    /// Its `Cargo.toml`. `tribunal` is the path of the crate of that name.
    pub fn manifest(self, tribunal: &str) -> String {
        let dependencies = match self {
            Subject::Mimic => "libtest-mimic = \"0.8\"\n".to_owned(),
            _ => format!(
                "tribunal = {{ path = {} }}\nrustix = {{ version = \"1\", features = [\"time\"] }}\n",
                quoted(tribunal)
            ),
        };
        format!(
            "[package]\nname = \"{}\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[dev-dependencies]\n{dependencies}\n[[test]]\nname = \"subject\"\nharness = false\n",
            self.package()
        )
    }

    /// The text of its test target.
    pub fn source(self) -> String {
        match self {
            Subject::Plain => {
                let tests = modules(THOUSAND, |out, i| {
                    let marker = if i % 2 == 0 { "cpu" } else { "parallel" };
                    let _ = write!(
                        out,
                        "/// Plain {i}.\n#[tribunal::test]\n#[core_model]\n#[{marker}]\n#[timeout(\"30s\")]\nfn t{i:05}() {{\n    crate::stamp();\n}}\n"
                    );
                });
                format!("{HEAD}{STAMPS}{tests}")
            }
            Subject::Fixtures => fixtures(0),
            Subject::Matrix => {
                let axis = |n: usize| (0..n).map(|v| v.to_string()).collect::<Vec<_>>().join(", ");
                let mut out = HEAD.to_owned();
                let (a, b) = (axis(MATRIX_CASES / MATRIX_TESTS / 100), axis(100));
                for i in 0..MATRIX_TESTS {
                    let _ = write!(
                        out,
                        "\n#[tribunal::test]\n#[core_model]\nfn t{i:05}(#[values({a})] left: u32, #[values({b})] right: u32) {{\n    assert!(left < 100 && right < 100);\n}}\n"
                    );
                }
                out
            }
            Subject::Singles => format!("{HEAD}{}", modules(SINGLES, empty)),
            Subject::Empties => format!("{HEAD}{}", modules(EMPTIES, empty)),
            Subject::Mimic => format!(
                "//! Generated.\n\nuse libtest_mimic::{{Arguments, Trial}};\n\nfn main() {{\n    let args = Arguments::from_args();\n    let trials = (0..{EMPTIES})\n        .map(|i| Trial::test(format!(\"m{{:03}}::t{{i:05}}\", i / {PER_MODULE}), || Ok(())))\n        .collect();\n    libtest_mimic::run(&args, trials).exit();\n}}\n"
            ),
        }
    }
}

/// The source of [`Subject::Fixtures`], with bodies of one line, so that compiling it costs what the harness adds; another `edit` is the same file with the body of one test changed.
pub fn fixtures(edit: u32) -> String {
    let tests = modules(THOUSAND, |out, i| {
        let changed = if i == THOUSAND / 2 { edit } else { 0 };
        let _ = write!(
            out,
            "/// With fixtures {i}.\n#[tribunal::test]\n#[core_model]\n#[timeout(\"30s\")]\nasync fn t{i:05}(ledger: &Ledger, judge: &Judge) -> TestResult {{\n    agree(ledger, judge, {changed}).await\n}}\n"
        );
    });
    format!("{HEAD}{STAMPS}{FIXTURES}{tests}")
}

/// The name of a test of the subjects with modules.
pub fn test_name(i: usize) -> String {
    format!("m{:03}::t{i:05}", i / PER_MODULE)
}

/// The `Cargo.toml` of the workspace of all subjects.
pub fn workspace() -> String {
    let members: Vec<String> = Subject::ALL.iter().map(|s| quoted(s.package())).collect();
    format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[profile.dev.package.\"*\"]\ndebug = false\n",
        members.join(", ")
    )
}

/// Tests in one module.
const PER_MODULE: usize = 100;

const HEAD: &str =
    "//! Generated.\n\n#[allow(unused_imports)]\nuse tribunal::prelude::*;\n\ntribunal::main!();\n";

const STAMPS: &str = r#"
/// Writes when this body started, in nanoseconds of the monotonic clock.
fn stamp() {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    if let Some(path) = std::env::var_os("FIGURES_STAMP") {
        let text = (i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)).to_string();
        std::fs::write(path, text).expect("the stamp cannot be written");
    }
}
"#;

const FIXTURES: &str = r#"
struct Ledger {
    entries: u32,
}

struct Judge {
    seats: u32,
}

#[tribunal::fixture(scope = session)]
async fn ledger() -> Result<Ledger, Error> {
    Ok(Ledger { entries: 7 })
}

#[tribunal::fixture]
fn judge(ledger: &Ledger) -> Judge {
    Judge { seats: ledger.entries }
}

async fn agree(ledger: &Ledger, judge: &Judge, more: u32) -> TestResult {
    stamp();
    assert_eq!(ledger.entries + more, judge.seats + more);
    Ok(())
}
"#;

fn empty(out: &mut String, i: usize) {
    let _ = write!(out, "#[tribunal::test]\nfn t{i:05}() {{}}\n");
}

/// `n` tests in modules.
fn modules(n: usize, test: impl Fn(&mut String, usize)) -> String {
    let mut out = String::new();
    for module in 0..n.div_ceil(PER_MODULE) {
        let _ = write!(
            out,
            "\nmod m{module:03} {{\n#[allow(unused_imports)]\nuse super::*;\n"
        );
        for i in module * PER_MODULE..n.min((module + 1) * PER_MODULE) {
            test(&mut out, i);
        }
        out.push_str("}\n");
    }
    out
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tests_in(source: &str) -> usize {
        source.matches("#[tribunal::test]").count()
    }

    #[test]
    fn subjects_have_as_many_tests_as_they_say() {
        for (subject, n) in [
            (Subject::Plain, THOUSAND),
            (Subject::Fixtures, THOUSAND),
            (Subject::Matrix, MATRIX_TESTS),
            (Subject::Singles, SINGLES),
            (Subject::Empties, EMPTIES),
            (Subject::Mimic, 0),
        ] {
            assert_eq!(tests_in(&subject.source()), n, "{subject:?}");
        }
    }

    #[test]
    fn an_edit_changes_one_line() {
        let (before, after) = (fixtures(0), fixtures(3));
        assert_eq!(before, Subject::Fixtures.source());
        let changed = before
            .lines()
            .zip(after.lines())
            .filter(|(a, b)| a != b)
            .count();
        assert_eq!(
            (changed, before.lines().count()),
            (1, after.lines().count())
        );
    }

    #[test]
    fn names_are_those_of_the_source() {
        let source = Subject::Plain.source();
        assert_eq!(test_name(512), "m005::t00512");
        let module = source
            .find("mod m005 {")
            .and_then(|at| source.get(at..))
            .and_then(|rest| rest.split("\nmod ").next());
        assert!(module.is_some_and(|m| m.contains("fn t00512()")));
        assert!(
            source.contains(STAMP),
            "the body looks for the variable that the measurement sets"
        );
    }

    #[test]
    fn paths_are_quoted() {
        let manifest = Subject::Plain.manifest("/a \"b\"\\c");
        assert!(manifest.contains(r#"path = "/a \"b\"\\c""#), "{manifest}");
    }
}
