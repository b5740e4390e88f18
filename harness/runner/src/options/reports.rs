//! `--junit`, `--html` and what else is made of the run's event log when it ends.
//!
//! Promise: this is what was asked for, as written; where the files lie and who shows annotations is decided by who makes them. Rejected: a format and
//! a file in one option (`--report junit=FILE` can be misspelt in one more place).

use std::path::PathBuf;

use super::{UsageError, choice, usage};

/// Which reports are made at the end of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportOptions {
    /// `--junit`.
    pub junit: Option<PathBuf>,
    /// `--html`.
    pub html: Option<PathBuf>,
    /// `--ctrf`.
    pub ctrf: Option<PathBuf>,
    /// `--markdown`.
    pub markdown: Option<PathBuf>,
    /// `--trace`.
    pub trace: Option<PathBuf>,
    /// `--annotations`.
    pub annotations: Annotations,
}

/// `--annotations`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Annotations {
    /// Those of the build server that runs this, if any.
    #[default]
    Auto,
    /// Workflow commands.
    Github,
    /// By `buildkite-agent`.
    Buildkite,
    /// None, and no summary of a step.
    None,
}

impl ReportOptions {
    /// Sets one of them; `shown` is how the user wrote it.
    pub(super) fn set(&mut self, long: &str, value: &str, shown: &str) -> Result<(), UsageError> {
        let place = match long {
            "junit" => &mut self.junit,
            "html" => &mut self.html,
            "ctrf" => &mut self.ctrf,
            "markdown" => &mut self.markdown,
            "trace" => &mut self.trace,
            _ => {
                self.annotations = match value {
                    "auto" => Annotations::Auto,
                    "github" => Annotations::Github,
                    "buildkite" => Annotations::Buildkite,
                    "none" => Annotations::None,
                    v => {
                        let all = ["auto", "github", "buildkite", "none"];
                        return usage(choice(shown, v, &all));
                    }
                };
                return Ok(());
            }
        };
        if value.is_empty() {
            return usage(format!("{shown} needs the path of a file"));
        }
        *place = Some(PathBuf::from(value));
        Ok(())
    }

    /// The files that were asked for, each with its option.
    pub fn files(&self) -> Vec<(&'static str, &PathBuf)> {
        [
            ("--junit", &self.junit),
            ("--html", &self.html),
            ("--ctrf", &self.ctrf),
            ("--markdown", &self.markdown),
            ("--trace", &self.trace),
        ]
        .into_iter()
        .filter_map(|(option, path)| Some((option, path.as_ref()?)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::options::Options;

    fn parsed(args: &[&str], twins: &[(&str, &str)]) -> Result<Options, UsageError> {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        Options::parse(&args, &|name| {
            let twin = twins.iter().find(|(n, _)| *n == name);
            twin.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn reports_are_asked_for_on_the_command_line_and_by_variables() {
        let twins = [("TRIBUNAL_JUNIT", "env.xml"), ("TRIBUNAL_CTRF", "env.json")];
        let reports = parsed(&["--junit", "own.xml", "--annotations", "none"], &twins);
        let reports = reports.unwrap().reports;
        let files: Vec<(&str, &str)> = reports
            .files()
            .into_iter()
            .map(|(option, path)| (option, path.to_str().unwrap()))
            .collect();
        assert_eq!(files, [("--junit", "own.xml"), ("--ctrf", "env.json")]);
        assert_eq!(reports.annotations, Annotations::None);
    }

    #[test]
    fn mistakes_name_what_there_is() {
        for (args, part) in [
            (&["--annotations", "githib"][..], "did you mean `github`?"),
            (&["--junit", ""], "--junit needs the path of a file"),
            (&["--junit-xml", "x"], "did you mean `--junit`?"),
            (&["--format", "junit"], "`--junit FILE`"),
        ] {
            let told = parsed(args, &[]).unwrap_err().0;
            assert!(told.contains(part), "{args:?}: {told}");
        }
    }
}
