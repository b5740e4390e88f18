//! The reports of a run, made from its event log when it ends: those that were asked for, and those that the build server shows.
//!
//! Promise: they are made by reading the log, as `cargo tribunal report` does later; a report that cannot be written is told and changes no exit code.
//! Rejected: making them as the run goes on (a run that is stopped would leave each of them broken in its own way).

use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use tribunal_render::{Annotator, Reports};
use tribunal_runner::{Annotations, Options};

/// What is made of a run of these options in this environment, and what is to be said of it.
fn wanted(
    o: &Options,
    env: &dyn Fn(&str) -> Option<OsString>,
    here: &Path,
) -> (Reports, Vec<String>) {
    let asked = &o.reports;
    if o.process_per_test {
        // Each process would replace what the one before has written.
        let said = asked.files().into_iter().map(|(option, path)| {
            let path = path.display();
            format!(
                "under nextest `{option}` is made afterwards, of all tests: cargo tribunal report latest {option} {path}"
            )
        });
        return (Reports::default(), said.collect());
    }
    let yes = |name: &str| env(name).is_some_and(|v| v == "true");
    let annotations = match asked.annotations {
        Annotations::None => None,
        Annotations::Github => Some(Annotator::Github),
        Annotations::Buildkite => Some(Annotator::Buildkite),
        Annotations::Auto if yes("GITHUB_ACTIONS") => Some(Annotator::Github),
        Annotations::Auto if yes("BUILDKITE") => Some(Annotator::Buildkite),
        Annotations::Auto => None,
    };
    let path = |name: &str| env(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    let file = |path: &Option<PathBuf>| path.as_ref().map(|p| here.join(p));
    let reports = Reports {
        junit: file(&asked.junit),
        html: file(&asked.html),
        ctrf: file(&asked.ctrf),
        markdown: file(&asked.markdown),
        trace: file(&asked.trace),
        step_summary: match annotations {
            Some(Annotator::Github) => path("GITHUB_STEP_SUMMARY"),
            _ => None,
        },
        annotations,
        repository: path("GITHUB_WORKSPACE"),
    };
    (reports, Vec::new())
}

/// Makes the reports of the run whose log is `file`. What is to be said goes to `screen`, which libtest's JSON does not use.
pub(crate) fn make(
    o: &Options,
    file: impl Fn() -> Result<PathBuf, String>,
    screen: Option<&mut File>,
) {
    let env = |name: &str| std::env::var_os(name);
    let (reports, mut said) = wanted(o, &env, &tribunal_runner::base());
    let mut printed = String::new();
    if reports.any() {
        match file().and_then(|file| tribunal_render::read(&[file])) {
            Ok(log) => {
                let written = reports.write(&log);
                printed = written.printed;
                let wrong = written.wrong.into_iter();
                said.extend(wrong.map(|why| format!("a report could not be made: {why}")));
            }
            Err(why) => said.push(format!("no report could be made: {why}")),
        }
    }
    let Some(screen) = screen else { return };
    for line in said {
        printed.push_str(&format!("note: {line}\n"));
    }
    // Nobody may be reading any more; the reports are written all the same.
    let _ = screen.write_all(printed.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> Options {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        Options::parse(&args, &|_| None).unwrap()
    }

    fn of(args: &[&str], variables: &[(&str, &str)]) -> Reports {
        let env = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| OsString::from(value))
        };
        wanted(&options(args), &env, Path::new("/here")).0
    }

    #[test]
    fn files_are_relative_to_where_the_user_stands() {
        let reports = of(&["--junit", "a.xml", "--ctrf", "/b.json"], &[]);
        let expected = Reports {
            junit: Some("/here/a.xml".into()),
            ctrf: Some("/b.json".into()),
            ..Reports::default()
        };
        assert_eq!(reports, expected);
        assert!(!of(&[], &[]).any());
    }

    #[test]
    fn a_build_server_is_served_unless_that_is_not_wanted() {
        let github = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_STEP_SUMMARY", "/s"),
            ("GITHUB_WORKSPACE", "/w"),
        ];
        let expected = Reports {
            step_summary: Some("/s".into()),
            annotations: Some(Annotator::Github),
            repository: Some("/w".into()),
            ..Reports::default()
        };
        assert_eq!(of(&[], &github), expected);
        assert!(!of(&["--annotations", "none"], &github).any());
        let other = of(&["--annotations", "buildkite"], &github);
        assert_eq!(other.annotations, Some(Annotator::Buildkite));
        assert_eq!(other.step_summary, None);
        let auto = of(&[], &[("BUILDKITE", "true")]);
        assert_eq!(auto.annotations, Some(Annotator::Buildkite));
        // Somebody's own variable is no build server.
        assert!(!of(&[], &[("GITHUB_ACTIONS", "1"), ("BUILDKITE", "")]).any());
    }

    #[test]
    fn one_process_of_many_makes_none_and_says_how_they_are_made() {
        let mut o = options(&["--junit", "a.xml"]);
        o.process_per_test = true;
        let env = |_: &str| Some(OsString::from("true"));
        let (reports, said) = wanted(&o, &env, Path::new("/here"));
        assert_eq!(reports, Reports::default());
        assert!(
            said[0].contains("cargo tribunal report latest --junit a.xml"),
            "{said:?}"
        );
    }
}
