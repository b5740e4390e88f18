//! A page that is run: its examples in order, in one working folder, with the servers that they start.
//!
//! ```text
//! OUTPUT/page/work/            where the examples of the page run; the files beside the page are copied here
//! OUTPUT/page/EXAMPLE/         script, what it printed, result.json
//! OUTPUT/page/EXAMPLE/output/  the files that it made, also as $OUTPUT_DIR
//! ```
//!
//! Promise: an example runs once, after those before it on its page; when [`PageRun::finish`] returns, or this is dropped, nothing
//! that an example started is left.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tribunal_offline::{Supervised, Work};

use crate::commands::Command;
use crate::environment;
use crate::execution::{commands_of, fresh, place_of, printed, reports, word, written};
use crate::files::{look, made};
use crate::page::{Page, slug};
use crate::server::{NotReady, Running};
use crate::settings::Settings;
use crate::snippet::{Kind, Snippet};
use crate::verdict::{CommandEnd, CommandReport, Happened, Report, Verdict, judge, tail};

/// Files beside the page that are larger are not copied.
const BESIDE: u64 = 4 << 20;
/// Nor are more than these.
const MOST_BESIDE: usize = 500;
/// A server lives as long as its page is run.
const FOR_EVER: Duration = Duration::from_secs(30 * 86_400);

/// A page under way.
pub struct PageRun {
    page: Page,
    settings: Settings,
    folder: PathBuf,
    reports: BTreeMap<usize, Report>,
    servers: Vec<Running>,
    /// The example whose state is kept, if the last one that ran has left one.
    state: Option<usize>,
}

impl PageRun {
    /// Makes the folders of a page. An earlier run's are left alone.
    ///
    /// # Errors
    /// The folders cannot be made.
    pub fn new(page: Page, settings: Settings) -> io::Result<Self> {
        let name = slug(&page.name.with_extension("").to_string_lossy());
        fs::create_dir_all(&settings.output)?;
        let output = settings.output.canonicalize()?;
        let folder = fresh(&output, &name)?;
        fs::create_dir(folder.join("work"))?;
        let run = Self {
            page,
            settings,
            folder,
            reports: BTreeMap::new(),
            servers: Vec::new(),
            state: None,
        };
        run.copy_what_lies_beside()?;
        Ok(run)
    }

    /// The page.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The report on the block with this number; what stands before it on the page runs first, each example once.
    pub fn report(&mut self, index: usize) -> Option<&Report> {
        let last = index.min(self.page.snippets.len().checked_sub(1)?);
        for at in 0..=last {
            if !self.reports.contains_key(&at) {
                let report = self.one(at);
                self.reports.insert(at, report);
            }
        }
        self.reports.get(&index)
    }

    /// Stops the servers; gives what is worth a note.
    pub fn finish(mut self) -> Vec<String> {
        let servers = std::mem::take(&mut self.servers);
        servers.into_iter().filter_map(stopped).collect()
    }

    fn copy_what_lies_beside(&self) -> io::Result<()> {
        let page = self.page.root.join(&self.page.name);
        let Some(beside) = page.parent() else {
            return Ok(());
        };
        for entry in fs::read_dir(beside)?.take(MOST_BESIDE).flatten() {
            let markdown = entry
                .path()
                .extension()
                .is_some_and(|e| e == "md" || e == "markdown");
            if entry
                .metadata()
                .is_ok_and(|facts| facts.is_file() && facts.len() <= BESIDE)
                && !markdown
            {
                fs::copy(
                    entry.path(),
                    self.folder.join("work").join(entry.file_name()),
                )?;
            }
        }
        Ok(())
    }

    fn one(&mut self, at: usize) -> Report {
        let snippet = self.page.snippets[at].clone();
        let folder = self.folder.join(&snippet.id);
        let report = |verdict| Report {
            id: snippet.id.clone(),
            place: snippet.place.clone(),
            verdict,
            commands: Vec::new(),
            files: Vec::new(),
            folder: folder.clone(),
        };
        let wrong = |reasons: Vec<String>| report(Verdict::Failed(reasons));
        match &snippet.kind {
            _ if !snippet.mistakes.is_empty()
                && (!snippet.kind.runs() || snippet.skip.is_some()) =>
            {
                return wrong(snippet.mistakes.clone());
            }
            _ if snippet.skip.is_some() => {
                return report(Verdict::Skipped(snippet.skip.clone().unwrap_or_default()));
            }
            Kind::Output => {
                return report(Verdict::Listed("what another example prints".to_owned()));
            }
            // It equals what it was copied from: that was looked at when the page was read.
            Kind::Listed(_) if snippet.annotation.copy_of.is_some() => {
                return report(Verdict::Passed);
            }
            Kind::Listed(why) => return report(Verdict::Listed(format!("not run: {why}"))),
            Kind::File(name) => {
                let to = self.folder.join("work").join(name);
                let written = to
                    .parent()
                    .map_or(Ok(()), fs::create_dir_all)
                    .and_then(|()| fs::write(&to, &snippet.code));
                return match written {
                    Ok(()) => report(Verdict::Passed),
                    Err(e) => wrong(vec![format!("the file {name} cannot be written: {e}")]),
                };
            }
            _ => {}
        }
        // A page that is wrong is not run by halves: what the author meant is not known.
        if !snippet.mistakes.is_empty() && snippet.annotation.copy_of.is_none() {
            return wrong(snippet.mistakes.clone());
        }
        for need in &snippet.annotation.needs {
            if let Err(why) = (self.settings.has)(need) {
                return report(Verdict::Skipped(why));
            }
        }
        let from = match self.goes_on_from(at, &snippet) {
            Ok(from) => from,
            Err(why) => return report(Verdict::Skipped(why)),
        };
        match self.run(at, &snippet, &folder, from) {
            Ok(done) => done,
            Err(e) => wrong(vec![format!("it could not be run: {e}")]),
        }
    }

    /// The state that an example goes on from.
    fn goes_on_from(&self, at: usize, snippet: &Snippet) -> Result<Option<PathBuf>, String> {
        if !snippet.annotation.goes_on {
            return Ok(None);
        }
        let before = (0..at).rev().find(|i| self.page.snippets[*i].kind.runs());
        let Some(before) = before else {
            return Err("there is no example before it to go on from".to_owned());
        };
        let id = &self.page.snippets[before].id;
        match self.state {
            Some(kept) if kept == before => Ok(Some(self.folder.join(id).join("state"))),
            _ => Err(format!("it goes on from `{id}`, which did not pass")),
        }
    }

    fn run(
        &mut self,
        at: usize,
        snippet: &Snippet,
        folder: &Path,
        from: Option<PathBuf>,
    ) -> io::Result<Report> {
        let output = folder.join("output");
        fs::create_dir_all(&output)?;
        let work = self.folder.join("work");
        let limit = snippet.annotation.timeout.unwrap_or(self.settings.timeout);
        let word = format!("tribunal-{:016x}", word(&snippet.code, folder));
        let commands = commands_of(snippet)?;
        if commands.is_empty() {
            let verdict = Verdict::Listed("not run: nothing but comments".to_owned());
            return Ok(Report {
                id: snippet.id.clone(),
                place: snippet.place.clone(),
                verdict,
                commands: Vec::new(),
                files: Vec::new(),
                folder: folder.to_path_buf(),
            });
        }
        let state = folder.join("state");
        let (program, args) = written(snippet, &commands, folder, &word, from.as_deref(), &state)?;
        let cwd = if snippet.annotation.at_root {
            self.page.root.canonicalize()?
        } else {
            work.clone()
        };
        let order = Work {
            program,
            args,
            env: environment::of(std::env::vars_os(), output.as_os_str()),
            cwd,
            timeout: limit,
        };
        let (before_work, before_output) = (look(&work), look(&output));
        let ending = match &snippet.server {
            Some(url) => match self.serve(snippet, url, order, folder) {
                Ok(()) => None,
                Err(NotReady::Ended(ending)) => Some(*ending),
                Err(why) => return Ok(self.not_served(snippet, folder, &commands, why)),
            },
            None => Some(Supervised::start(&order, folder)?.wait()?),
        };
        let commands = reports(snippet, commands, folder, &word, ending.as_ref())?;
        let mut files = made(&work, &before_work, Some(&output));
        let copied: Vec<PathBuf> = files.iter().map(|f| f.path.clone()).collect();
        files.extend(
            made(&output, &before_output, None)
                .into_iter()
                .filter(|f| !copied.contains(&f.path)),
        );
        let verdict = match &ending {
            None => match snippet.mistakes.is_empty() {
                true => Verdict::Passed,
                false => Verdict::Failed(snippet.mistakes.clone()),
            },
            Some(ending) if snippet.server.is_some() => {
                let said = commands
                    .iter()
                    .rev()
                    .find_map(|c| tail(&c.err).or_else(|| tail(&c.out)));
                let said = said.map_or(String::new(), |s| format!("; it said:\n{s}"));
                Verdict::Failed(vec![format!(
                    "the server {ending} before it was ready{said}"
                )])
            }
            Some(ending) => {
                let lost: Vec<String> = self
                    .servers
                    .iter_mut()
                    .filter_map(|s| s.is_lost().then(|| s.id.clone()))
                    .collect();
                judge(
                    snippet,
                    &Happened {
                        ending,
                        commands: &commands,
                        files: &files,
                        limit,
                        lost: &lost,
                    },
                )
            }
        };
        self.state = (verdict == Verdict::Passed && state.is_file()).then_some(at);
        let report = Report {
            id: snippet.id.clone(),
            place: snippet.place.clone(),
            verdict,
            commands,
            files,
            folder: folder.to_path_buf(),
        };
        let text = serde_json::to_vec_pretty(&report).map_err(io::Error::other)?;
        fs::write(folder.join("report.json"), text)?;
        Ok(report)
    }

    /// Starts the server of an example; one of an earlier example on the same port makes room.
    fn serve(
        &mut self,
        snippet: &Snippet,
        url: &str,
        order: Work,
        folder: &Path,
    ) -> Result<(), NotReady> {
        let port = crate::ready::parts(url).map(|(_, port, _)| port).ok();
        while let Some(at) = self.servers.iter().position(|s| Some(s.port) == port) {
            let _ = self.servers.remove(at).stop();
        }
        let patience = snippet
            .annotation
            .timeout
            .unwrap_or(self.settings.server_timeout);
        let order = Work {
            timeout: FOR_EVER,
            ..order
        };
        self.servers
            .push(Running::start(&snippet.id, url, order, folder, patience)?);
        Ok(())
    }

    fn not_served(
        &self,
        snippet: &Snippet,
        folder: &Path,
        commands: &[Command],
        why: NotReady,
    ) -> Report {
        let printed = printed(folder).unwrap_or_default();
        let said = tail(&printed.1)
            .or_else(|| tail(&printed.0))
            .map_or(String::new(), |s| format!("; it said:\n{s}"));
        let url = snippet.server.as_deref().unwrap_or_default();
        let reason = match why {
            NotReady::Taken(port) => format!(
                "port {port} is taken by somebody else, so that the server was not started; its examples would have talked to the other one"
            ),
            NotReady::TimedOut => {
                format!("the server did not answer at {url} in time, and was stopped{said}")
            }
            NotReady::Failed(why) => format!("the server could not be started: {why}"),
            NotReady::Ended(ending) => format!("the server {ending} before it was ready{said}"),
        };
        let commands = commands.iter().map(|c| CommandReport {
            place: place_of(snippet, c.line),
            text: c.text.clone(),
            end: CommandEnd::Unknown,
            out: String::new(),
            err: String::new(),
            seconds: None,
            prints: None,
        });
        Report {
            id: snippet.id.clone(),
            place: snippet.place.clone(),
            verdict: Verdict::Failed(vec![reason]),
            commands: commands.collect(),
            files: Vec::new(),
            folder: folder.to_path_buf(),
        }
    }
}

impl Drop for PageRun {
    fn drop(&mut self) {
        for server in self.servers.drain(..) {
            let _ = server.stop();
        }
    }
}

fn stopped(mut server: Running) -> Option<String> {
    let (id, lost) = (server.id.clone(), server.is_lost());
    match server.stop() {
        Err(e) => Some(format!("how the server of `{id}` ended is not known: {e}")),
        Ok(ending) if !ending.stuck.is_empty() => Some(format!(
            "the server of `{id}` could not be stopped whole: {} processes are left",
            ending.stuck.len()
        )),
        Ok(ending) if lost => Some(format!("the server of `{id}` {ending} by itself")),
        Ok(_) => None,
    }
}
