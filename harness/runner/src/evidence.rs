//! Evidence: the folder of an attempt, and what the run keeps of it.
//!
//! Promise: nothing is written for an attempt that passes, unless it is asked for; a folder that cannot be written is said once and fails nothing; no
//! value of a variable that names a secret is written down. Layout: `ROOT/RUN/CASE/ATTEMPT/`, and `ROOT/RUN/servers/NN-NAME/` for what fixtures log.
//!
//! Rejected: writing while a test runs and removing afterwards (10,000 passing tests would make and remove 10,000 folders).

mod environment;
mod logs;
mod mask;
mod repeat;
mod run_folder;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub(crate) use self::environment::{Facts, Start};
pub(crate) use self::logs::{Mark, tail as log_tail};
pub use self::mask::Mask;
pub(crate) use self::mask::names_secret;
use self::run_folder::RunFolder;
pub use self::run_folder::{base, default_root};
use crate::attempt::lock;
use crate::options::KeepEvidence;
use crate::records::Records;
use crate::tables::Table;

/// How many runs' evidence is kept when nobody says otherwise.
const KEEP_RUNS: usize = 20;

/// What is known of evidence before the run.
#[derive(Clone, Debug, Default)]
pub struct EvidenceOptions {
    /// Of which attempts it is kept.
    pub keep: KeepEvidence,
    /// Where it is written, as the user wrote it; `None` means below the target folder.
    pub root: Option<PathBuf>,
    /// How many runs are kept; `None` means 20.
    pub keep_runs: Option<usize>,
    /// The arguments of the harness, for `repeat.sh`.
    pub args: Vec<OsString>,
    /// What else is worth saying in `environment.txt`, each with its name.
    pub about: Vec<(String, String)>,
    /// The folders that the harness above gave to a case in a process of its own.
    pub given: Option<Given>,
}

/// The folders that the harness gives to a case in a process of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// The folder of the run.
    pub run: Option<PathBuf>,
    /// The folder of the attempt.
    pub attempt: Option<PathBuf>,
}

/// Writes something into the evidence folder of an attempt.
pub(crate) type EvidenceWriter = Box<dyn FnOnce(&Path) -> io::Result<()> + Send>;

/// What a fixture has said of its folders and logs.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    pub folders: Vec<PathBuf>,
    pub logs: Vec<PathBuf>,
}

/// The evidence of a run.
pub(crate) struct Evidence {
    options: EvidenceOptions,
    start: Start,
    folder: Mutex<Option<Result<RunFolder, String>>>,
    next: AtomicUsize,
    kept: AtomicBool,
    /// An event log lies in the folder.
    logged: AtomicBool,
    notes: Mutex<Vec<String>>,
}

/// What an attempt leaves behind, at its end.
pub(crate) struct Left<'a> {
    /// The folder that was made for it already.
    pub folder: Option<PathBuf>,
    pub facts: Facts<'a>,
    pub failure: String,
    pub output: String,
    /// The logs of its servers, with their length at its beginning.
    pub logs: Vec<Mark>,
    /// What it gathered.
    pub records: &'a Records,
}

impl Evidence {
    pub fn new(options: EvidenceOptions) -> Arc<Evidence> {
        Arc::new(Evidence {
            options,
            start: Start::now(),
            folder: Mutex::default(),
            next: AtomicUsize::new(0),
            kept: AtomicBool::new(false),
            logged: AtomicBool::new(false),
            notes: Mutex::default(),
        })
    }

    /// Says something about the run, once.
    pub fn note(&self, text: String) {
        let mut notes = lock(&self.notes);
        if !notes.contains(&text) {
            notes.push(text);
        }
    }

    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.notes))
    }

    fn root(&self) -> PathBuf {
        match &self.options.root {
            Some(root) => run_folder::base().join(root),
            None => run_folder::default_root(),
        }
    }

    /// The folder of the run; made when it is first needed.
    pub fn run_folder(&self) -> Result<PathBuf, String> {
        if let Some(given) = self.options.given.as_ref().and_then(|g| g.run.clone()) {
            return Ok(given);
        }
        let mut folder = lock(&self.folder);
        let made = folder.get_or_insert_with(|| {
            let root = self.root();
            RunFolder::open(&root, self.options.keep_runs.unwrap_or(KEEP_RUNS)).or_else(|e| {
                let instead = RunFolder::temporary();
                let where_to = match &instead {
                    Ok(folder) => format!("it lies in {} instead", folder.path.display()),
                    Err(_) => "so none is kept".to_owned(),
                };
                self.note(format!(
                    "evidence cannot be written to {} ({e}); {where_to}\nhelp: --evidence-dir DIR names another folder",
                    root.display()
                ));
                instead.map_err(|e| e.to_string())
            })
        });
        made.as_ref().map(|f| f.path.clone()).map_err(Clone::clone)
    }

    /// A folder for one attempt of a case.
    pub fn attempt_folder(&self, case: &str) -> Result<PathBuf, String> {
        if let Some(given) = self.options.given.as_ref().and_then(|g| g.attempt.clone()) {
            return Ok(given);
        }
        let run = self.run_folder()?;
        let made = run_folder::attempt(&run.join(run_folder::slug(case)));
        made.map_err(|e| {
            self.note(format!("the evidence of {case} cannot be written: {e}"));
            e.to_string()
        })
    }

    /// A folder for a fixture. Where none can be made the path is still one that can be tried; who tries gets the reason.
    pub fn fixture_folder(&self, name: &str) -> PathBuf {
        let name = run_folder::slug(name);
        let Ok(run) = self.run_folder() else {
            return std::env::temp_dir().join(format!("tribunal-{}-{name}", std::process::id()));
        };
        let servers = run.join("servers");
        loop {
            let n = self.next.fetch_add(1, Ordering::SeqCst);
            let folder = servers.join(format!("{n:02}-{name}"));
            let made = fs::create_dir_all(&servers).and_then(|()| fs::create_dir(&folder));
            match made {
                // Another process of the same run may have taken the number.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(e) => self.note(format!("no folder for the logs of {name}: {e}")),
                Ok(()) => {}
            }
            return folder;
        }
    }

    /// The logs that fixtures have written so far, with their lengths.
    pub fn marks(&self, traces: &[Arc<Mutex<Traces>>]) -> Vec<Mark> {
        traces.iter().flat_map(|t| logs::marks(&lock(t))).collect()
    }

    /// Whether the evidence of an attempt that ended so is kept.
    pub fn keeps(&self, executed: bool, failed: bool) -> bool {
        match self.options.keep {
            KeepEvidence::Failed => failed,
            KeepEvidence::All => executed,
            KeepEvidence::None => false,
        }
    }

    /// The end of an attempt whose evidence is not kept.
    pub fn drop_attempt(&self, folder: Option<PathBuf>) {
        if let Some(folder) = folder
            && self.options.given.is_none()
        {
            // What cannot be removed now is removed with the run.
            let _ = fs::remove_dir_all(&folder);
            if let Some(case) = folder.parent() {
                let _ = fs::remove_dir(case);
            }
        }
    }

    /// Writes the evidence of an attempt and returns its folder.
    pub fn keep_attempt(&self, left: Left<'_>) -> Option<PathBuf> {
        let folder = match left.folder {
            Some(folder) => folder,
            None => self.attempt_folder(left.facts.case).ok()?,
        };
        self.kept.store(true, Ordering::SeqCst);
        for wrong in left.records.write(&folder) {
            self.note(format!(
                "the evidence in {} is incomplete: {wrong}",
                self.shown(&folder)
            ));
        }
        let mut files = logs::files(&folder, &left.logs);
        if self.options.given.is_none() {
            let mask = Mask::of_environment();
            files.push(("failure.txt".into(), mask.text(&left.failure).into_bytes()));
            files.push(("output.txt".into(), mask.text(&left.output).into_bytes()));
            files.push((
                "environment.txt".into(),
                environment::text(&left.facts, &self.start, &self.options, &mask).into_bytes(),
            ));
            files.push((
                repeat::NAME.into(),
                repeat::script(&left.facts, &self.options.args).into_bytes(),
            ));
        }
        for (name, bytes) in files {
            if bytes.is_empty() {
                continue;
            }
            let path = folder.join(&name);
            let written = fs::write(&path, bytes).and_then(|()| repeat::make_executable(&path));
            if let Err(e) = written {
                self.note(format!(
                    "the evidence in {} is incomplete: {name}: {e}",
                    self.shown(&folder)
                ));
                break;
            }
        }
        Some(folder)
    }

    /// Writes a table into the folder of the run; returns its file as people are told it.
    pub fn keep_table(&self, table: &Table) -> Option<String> {
        if self.options.keep == KeepEvidence::None {
            return None;
        }
        let folder = self.run_folder().ok()?;
        match table.write(&folder) {
            Ok(name) => {
                self.kept.store(true, Ordering::SeqCst);
                Some(self.shown(&folder.join(name)))
            }
            Err(e) => {
                self.note(format!(
                    "the table of {} cannot be written to {}: {e}",
                    table.title,
                    self.shown(&folder)
                ));
                None
            }
        }
    }

    /// A path as people are told it: from where they stand.
    pub fn shown(&self, path: &Path) -> String {
        run_folder::relative(&run_folder::base(), path)
            .display()
            .to_string()
    }

    /// The file of the event log of this process: from here on the folder of the run stays.
    pub fn log_file(&self) -> Result<PathBuf, String> {
        let folder = self.run_folder()?;
        self.logged.store(true, Ordering::SeqCst);
        let shared = lock(&self.folder).as_ref().is_some_and(|f| match f {
            Ok(folder) => folder.is_shared(),
            Err(_) => false,
        });
        Ok(folder.join(match shared {
            true => format!("events-{}.jsonl", std::process::id()),
            false => "events.jsonl".to_owned(),
        }))
    }

    /// The end of the run: what nobody needs is removed. Returns the folder if something is kept beside the event log.
    pub fn conclude(&self) -> Option<String> {
        let mut held = lock(&self.folder);
        let Some(Ok(folder)) = held.as_ref() else {
            return None;
        };
        let kept = self.kept.load(Ordering::SeqCst) || self.options.keep == KeepEvidence::All;
        match (kept, self.logged.load(Ordering::SeqCst)) {
            // It stays locked until this process ends: reports are yet to be made of it.
            (true, _) => return Some(self.shown(&folder.path)),
            (false, true) => folder.remove_all_but_logs(),
            (false, false) => {
                if let Some(Ok(folder)) = held.take() {
                    folder.remove();
                }
            }
        }
        None
    }
}
