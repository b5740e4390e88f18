//! The reports that somebody asked for, written.
//!
//! Promise: one that cannot be written does not keep the others from being written, and is told; a file is whole or not there. Rejected: reports that
//! are written straight into their files (a reader of a build server would find half of one).

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tribunal_events::RunLog;

use crate::{
    HtmlOptions, annotations_buildkite, annotations_github, ctrf, html, junit, markdown,
    memory_samples, trace,
};

/// What GitHub takes of a step's summary, less what a note may need.
const SUMMARY: u64 = 1024 * 1024 - 4096;

/// Who shows annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Annotator {
    /// GitHub: workflow commands among what is printed.
    Github,
    /// Buildkite: `buildkite-agent annotate`.
    Buildkite,
}

/// Which reports are wanted, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reports {
    /// JUnit's XML.
    pub junit: Option<PathBuf>,
    /// The Common Test Report Format.
    pub ctrf: Option<PathBuf>,
    /// The page.
    pub html: Option<PathBuf>,
    /// The summary in Markdown.
    pub markdown: Option<PathBuf>,
    /// The trace for Perfetto.
    pub trace: Option<PathBuf>,
    /// A summary that is appended to a file that others append to, too: `$GITHUB_STEP_SUMMARY`.
    pub step_summary: Option<PathBuf>,
    /// Annotations.
    pub annotations: Option<Annotator>,
    /// The checkout: annotations of GitHub name files relative to it.
    pub repository: Option<PathBuf>,
}

/// What became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// What is to be printed as it is: workflow commands.
    pub printed: String,
    /// The files that were written.
    pub files: Vec<PathBuf>,
    /// What could not be done, in lines for people.
    pub wrong: Vec<String>,
}

impl Reports {
    /// Whether any is wanted.
    pub fn any(&self) -> bool {
        *self
            != Reports {
                repository: self.repository.clone(),
                ..Reports::default()
            }
    }

    /// Makes those that are wanted.
    pub fn write(&self, run: &RunLog) -> Written {
        let mut written = Written::default();
        let mut file = |path: &Option<PathBuf>, made: &dyn Fn() -> String| {
            let Some(path) = path else { return };
            match whole(path, made().as_bytes()) {
                Ok(()) => written.files.push(path.clone()),
                Err(e) => written.wrong.push(format!("{}: {e}", path.display())),
            }
        };
        file(&self.junit, &|| junit(run));
        file(&self.ctrf, &|| ctrf(run));
        file(&self.html, &|| {
            let options = HtmlOptions {
                beside: self.html.as_deref().map(folder_of),
                ..HtmlOptions::default()
            };
            // Links start at a folder that is there; that it cannot be made is told when the file is written.
            options.beside.iter().for_each(|folder| {
                let _ = fs::create_dir_all(folder);
            });
            html(run, &options).text
        });
        file(&self.markdown, &|| markdown(run, crate::GOOD_LIMIT));
        file(&self.trace, &|| trace(run, &memory_samples(run)));
        if let Some(path) = &self.step_summary
            && let Err(e) = append(path, run)
        {
            let path = path.display();
            written
                .wrong
                .push(format!("the summary of the step, {path}: {e}"));
        }
        match self.annotations {
            None => {}
            Some(Annotator::Github) => {
                written.printed = annotations_github(run, self.repository.as_deref());
            }
            Some(Annotator::Buildkite) => written.wrong.extend(annotate(run)),
        }
        written
    }
}

/// The folder in which a file lies.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Writes a file beside its place and moves it there.
fn whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(&folder)?;
    // A device or a pipe (`/dev/stdout`) is written to, not replaced.
    if path.metadata().is_ok_and(|about| !about.is_file()) {
        return fs::OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(bytes);
    }
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or("report".as_ref()));
    name.push(format!(".{}", std::process::id()));
    let beside = folder.join(name);
    let moved = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if moved.is_err() {
        // What is left of it is of no use to anybody.
        let _ = fs::remove_file(&beside);
    }
    moved
}

/// Appends the summary of a run, as long as there is room for it.
fn append(path: &Path, run: &RunLog) -> std::io::Result<()> {
    let there = path.metadata().map_or(0, |about| about.len());
    let room = SUMMARY.saturating_sub(there);
    let mut file = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    match usize::try_from(room) {
        Ok(room) if room >= 2048 => {
            let text = markdown(run, room.min(crate::GOOD_LIMIT));
            file.write_all(format!("\n{text}").as_bytes())
        }
        _ => Err(std::io::Error::other("it is full; nothing was added")),
    }
}

/// Hands annotations to Buildkite's agent; what went wrong.
fn annotate(run: &RunLog) -> Vec<String> {
    let mut wrong = Vec::new();
    for annotation in annotations_buildkite(run) {
        let started = Command::new("buildkite-agent")
            .args(annotation.arguments())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let ended = started.and_then(|mut agent| {
            let told = agent.stdin.take().map_or(Ok(()), |mut input| {
                input.write_all(annotation.body.as_bytes())
            });
            let ended = agent.wait_with_output()?;
            // An agent that refuses stops reading: what it says is worth more than the broken pipe.
            if ended.status.success() {
                told.map(|()| ended)
            } else {
                Ok(ended)
            }
        });
        match ended {
            Ok(ended) if ended.status.success() => {}
            Ok(ended) => {
                let said = String::from_utf8_lossy(&ended.stderr);
                let said = crate::text::plain(crate::text::first_line(&said)).into_owned();
                wrong.push(format!("buildkite-agent annotate: {}: {said}", ended.status));
            }
            Err(e) => wrong.push(format!(
                "buildkite-agent could not be run: {e}\nhelp: annotations for Buildkite are handed to its agent, which must be in PATH; `--annotations none` does without"
            )),
        }
    }
    wrong
}
