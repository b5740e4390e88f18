//! What one offline answer takes: a command with holes, and where its answer lies.
//!
//! Plain data. [`OfflineJob::check`] finds every mistake that can be found without running anything.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::template;

/// A command that is run once for each request.
///
/// ```
/// use std::time::Duration;
/// use tribunal_offline::OfflineJob;
///
/// let mut job = OfflineJob::new(["generate.py", "--prompt", "{prompt}", "--seed", "{seed}", "--save", "{output}/answer.txt"]);
/// job.output = Some("answer.txt".into());
/// job.timeout = Duration::from_secs(600);
/// assert_eq!(job.check(), Ok(()));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OfflineJob {
    /// The program and its arguments, with holes: `{prompt}`, `{prompt_file}` (a file with the prompt), `{request}` (a file
    /// with the request as JSON), `{output}` (an empty folder for files), `{model}`, `{max_tokens}`, `{temperature}`,
    /// `{seed}`. `{{prompt}}` is the text `{prompt}`. An argument whose hole the request does not fill is left out, together
    /// with an option that stands alone before it (`--seed {seed}`).
    pub command: Vec<String>,
    /// Variables that are set, or with `None` removed.
    #[serde(skip)]
    pub env: BTreeMap<String, Option<String>>,
    /// The folder in which it runs; without it, that of the harness.
    #[serde(skip)]
    pub cwd: Option<PathBuf>,
    /// The name of the model that requests give (default `offline`).
    pub model: Option<String>,
    /// What `{model}` stands for, where that is not the name: a path.
    pub model_argument: Option<String>,
    /// The file below `{output}` that has the answer; `None`: standard output has it.
    pub output: Option<String>,
    /// Whether the answer is JSON (of a chat or a completion, or `{"text", "prompt_tokens", "completion_tokens",
    /// "finish_reason"}`) and not plain text.
    pub json: bool,
    /// How long one run may take.
    pub timeout: Duration,
    /// How many may run at once; others wait.
    pub at_once: u32,
    /// Whether streamed requests are answered: as one chunk, since the answer is there all at once.
    pub streaming: bool,
    /// Parameters of requests that the command cannot be told, and that are dropped without refusing the request.
    pub ignore: Vec<String>,
    /// Whether one real run must succeed before the server counts as ready.
    pub probe: bool,
    /// Where the folders of the runs go; without it, `offline` in the evidence of the server.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
}

impl OfflineJob {
    /// A job that prints its answer as plain text, alone, within ten minutes.
    pub fn new<S: Into<String>>(command: impl IntoIterator<Item = S>) -> Self {
        Self {
            command: command.into_iter().map(Into::into).collect(),
            env: BTreeMap::new(),
            cwd: None,
            model: None,
            model_argument: None,
            output: None,
            json: false,
            timeout: Duration::from_secs(600),
            at_once: 1,
            streaming: false,
            ignore: Vec::new(),
            probe: false,
            folder: None,
        }
    }

    /// The name of the model.
    pub(crate) fn model_name(&self) -> &str {
        self.model.as_deref().unwrap_or("offline")
    }

    /// Whether the command can be told the hole.
    pub(crate) fn tells(&self, hole: &str) -> bool {
        self.command
            .iter()
            .any(|text| template::holes(text).contains(&hole))
    }

    /// The mistakes that can be seen without running anything.
    ///
    /// # Errors
    /// The first mistake.
    pub fn check(&self) -> Result<(), JobError> {
        let mistake = |text: String| Err(JobError(text));
        let Some(program) = self.command.first() else {
            return mistake(
                "the command of an offline job is empty; its first word is the program".to_owned(),
            );
        };
        if program.is_empty() || !template::holes(program).is_empty() {
            return mistake(format!(
                "the program of an offline job is `{program}`; it must be a fixed name or path"
            ));
        }
        for text in &self.command {
            template::check(text).map_err(JobError)?;
        }
        if !["prompt", "prompt_file", "request"]
            .iter()
            .any(|hole| self.tells(hole))
        {
            return mistake("the command of an offline job never learns the prompt; give it {prompt}, {prompt_file} or {request}".to_owned());
        }
        if self.timeout.is_zero() {
            return mistake(
                "the time-out of an offline job is zero; every run would fail".to_owned(),
            );
        }
        if self.at_once == 0 {
            return mistake("`at_once` of an offline job is 0; nothing would ever run".to_owned());
        }
        if self.model_name().is_empty() {
            return mistake("the model of an offline job has an empty name".to_owned());
        }
        if let Some(output) = &self.output {
            let plain = output
                .split('/')
                .all(|part| !matches!(part, "" | "." | ".."))
                && !output.contains('\0');
            if !plain {
                return mistake(format!(
                    "the output of an offline job is `{output}`; it must be a path below {{output}}, such as `answer.json`"
                ));
            }
            if !self.tells("output") {
                return mistake(format!(
                    "the answer of an offline job is the file `{output}`, but its command never learns the folder {{output}}"
                ));
            }
        }
        Ok(())
    }
}

/// What is wrong with a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobError(pub(crate) String);

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JobError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_found_before_anything_runs() {
        let job = |command: &[&str]| OfflineJob::new(command.iter().copied());
        let good = job(&["x", "{prompt}", "{output}"]);
        assert_eq!(good.check(), Ok(()));
        let with = |change: fn(&mut OfflineJob)| {
            let mut job = good.clone();
            change(&mut job);
            job
        };
        for (job, expected) in [
            (job(&[]), "is empty"),
            (job(&["", "{prompt}"]), "fixed name or path"),
            (job(&["{model}", "{prompt}"]), "fixed name or path"),
            (job(&["x"]), "never learns the prompt"),
            (job(&["x", "{{prompt}}"]), "never learns the prompt"),
            (
                job(&["x", "{promt}"]),
                "unknown hole {promt}; did you mean {prompt}?",
            ),
            (
                job(&["x", "{prompt}", "{port}"]),
                "unknown hole {port}; known are",
            ),
            (with(|j| j.timeout = Duration::ZERO), "zero"),
            (with(|j| j.at_once = 0), "`at_once`"),
            (with(|j| j.model = Some(String::new())), "empty name"),
            (with(|j| j.output = Some("../x".into())), "below {output}"),
            (with(|j| j.output = Some("/x".into())), "below {output}"),
        ] {
            let error = job.check().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let mut blind = job(&["x", "{prompt}"]);
        blind.output = Some("a.txt".into());
        assert!(
            blind
                .check()
                .unwrap_err()
                .to_string()
                .contains("never learns the folder")
        );
    }
}
