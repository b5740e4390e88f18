//! A copy from a shared store into the fast one.
//!
//! Promise: what stands under the model's name in the fast store is whole at every moment, also if the process dies
//! between any two steps. Files go into a folder that nobody reads, each written through to the disk before it gets its
//! name there; the manifest follows, then the whole folder gets its place by one rename. A later copy keeps what agrees
//! with the source by size and digest. A source that changes meanwhile is copied again, and given up on if it does not
//! come to rest.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::complete::complete;
use crate::digest;
use crate::lock::{self, Holder, Lease, Waited};
use crate::manifest::{Entry, Manifest};
use crate::resolved::{Copied, Progress};
use crate::room;
use crate::scan::Scan;
use crate::step::{Hook, Step};
use crate::store::{Found, Store, sync_folder};
use crate::tree::{make_way, remove_others, sync_folders};

/// How often a source that changes is copied anew.
const TRIES: usize = 3;
const BUFFER: usize = 4 << 20;
/// A file that is being written. No file of a model is called so: the scan leaves such names out.
const PART: &str = ".tribunal-part";

/// What is to be copied.
pub(crate) struct Copy<'a> {
    pub store: &'a Store,
    pub name: &'a str,
    pub slug: &'a str,
    pub source: &'a Path,
    /// How long another process may take that copies the same model.
    pub patience: Duration,
    pub cancelled: &'a dyn Fn() -> bool,
    pub progress: &'a dyn Fn(&Progress),
    pub hook: Hook<'a>,
}

/// What the copy came to.
pub(crate) struct Done {
    pub manifest: Manifest,
    pub lease: Option<Lease>,
    /// `None` where another process had made the copy in the meantime.
    pub copied: Option<Copied>,
}

/// Why there is no copy.
#[derive(Debug)]
pub(crate) enum Stop {
    Cancelled,
    /// In words; the shared copy is used instead.
    Because(String),
}

impl Copy<'_> {
    pub(crate) fn run(&self) -> Result<Done, Stop> {
        let started = Instant::now();
        let store = self.store;
        store
            .make_folders()
            .map_err(|e| because("the fast store cannot be written", &store.root, &e))?;
        self.step(Step::Folders)?;
        let path = store.copy_lock(self.slug);
        let mut copying =
            lock::open(&path).map_err(|e| because("cannot open the lock", &path, &e))?;
        self.wait(&copying, &path)?;
        self.step(Step::Locked)?;
        store.empty_trash();

        let mut evicted = Vec::new();
        for attempt in 1.. {
            let source = complete(self.source)
                .map_err(|e| Stop::Because(format!("the source is not whole: {}", e.0)))?;
            match store.find(self.slug, Some(&source), self.cancelled) {
                Found::Whole(manifest, lease) => {
                    return Ok(Done {
                        manifest,
                        lease,
                        copied: None,
                    });
                }
                Found::Absent => {}
                Found::Unusable(_) => self.set_aside()?,
            }
            self.step(Step::OldMoved)?;
            Holder::this(source.bytes()).write(&mut copying);
            let partial = store.partial(self.slug);
            let kept = self.kept(&partial, &source)?;
            let have: u64 = kept.keys().map(|path| source.files[path].size).sum();
            self.step(Step::Planned)?;
            evicted.extend(
                room::make(store, self.slug, source.bytes() - have, self.progress)
                    .map_err(|e| Stop::Because(e.to_string()))?,
            );
            self.step(Step::RoomMade)?;
            let files = self.files(&partial, &source, &kept)?;
            // Only what was seen to be whole may be placed: the source is looked at again.
            if complete(self.source).is_ok_and(|now| now == source) {
                self.step(Step::SourceUnchanged)?;
                let copied = Copied {
                    from: self.source.to_path_buf(),
                    files: source.files.len() - kept.len(),
                    bytes: source.bytes() - have,
                    kept: kept.len(),
                    evicted,
                    took: Duration::ZERO,
                };
                let (manifest, lease) = self.place(&partial, &source, files)?;
                return Ok(Done {
                    manifest,
                    lease,
                    copied: Some(Copied {
                        took: started.elapsed(),
                        ..copied
                    }),
                });
            }
            if attempt == TRIES {
                break;
            }
        }
        Err(Stop::Because(format!(
            "{} changed while it was copied, {TRIES} times",
            self.source.display()
        )))
    }

    fn wait(&self, copying: &File, path: &Path) -> Result<(), Stop> {
        let who = || {
            Holder::read(path).map_or_else(
                || "an unknown process".to_owned(),
                |h| format!("process {} ({})", h.pid, h.program),
            )
        };
        let waiting = || (self.progress)(&Progress::Waiting { holder: who() });
        match lock::wait(copying, true, self.patience, self.cancelled, &waiting) {
            Ok(Waited::Locked) => Ok(()),
            Ok(Waited::Cancelled) => Err(Stop::Cancelled),
            Ok(Waited::TimedOut) => Err(Stop::Because(format!(
                "{} has been copying it for longer than {:?}",
                who(),
                self.patience
            ))),
            Err(e) => Err(because("cannot take the lock", path, &e)),
        }
    }

    /// Takes an old copy that cannot be used out of its place; what is good in it serves the new one.
    fn set_aside(&self) -> Result<(), Stop> {
        let (model, partial) = (self.store.model(self.slug), self.store.partial(self.slug));
        let path = self.store.use_lock(self.slug);
        let users = lock::open(&path).map_err(|e| because("cannot open the lock", &path, &e))?;
        if !lock::try_lock(&users, true).map_err(|e| because("cannot take the lock", &path, &e))? {
            return Err(Stop::Because("the copy in the fast store cannot be used, and cannot be replaced while another process uses it".to_owned()));
        }
        let moved = if partial.exists() {
            self.store.remove(&model)
        } else {
            fs::rename(&model, &partial)
        };
        moved.map_err(|e| because("cannot move away", &model, &e))
    }

    /// The files of an earlier copy that agree with the source, with their digests.
    fn kept(&self, partial: &Path, source: &Scan) -> Result<BTreeMap<String, String>, Stop> {
        let mut kept = BTreeMap::new();
        for (path, facts) in &source.files {
            let there = partial.join(path);
            if !fs::symlink_metadata(&there).is_ok_and(|f| f.is_file() && f.len() == facts.size) {
                continue;
            }
            let digest = |at: &Path| {
                File::open(at).and_then(|mut file| {
                    digest::of_file(&mut file, facts.size, self.store.check, self.cancelled)
                })
            };
            let of_source =
                digest(&self.at(source, path)).map_err(|e| self.unreadable(path, &e))?;
            // One that cannot be read is written anew.
            if digest(&there).is_ok_and(|d| d == of_source) {
                kept.insert(path.clone(), of_source);
            }
            self.check_cancelled()?;
        }
        Ok(kept)
    }

    /// Copies what is missing, removes what does not belong, and gives every file's digest.
    fn files(
        &self,
        partial: &Path,
        source: &Scan,
        kept: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Entry>, Stop> {
        fs::create_dir_all(partial).map_err(|e| because("cannot make", partial, &e))?;
        let (mut files, total) = (BTreeMap::new(), source.bytes());
        let mut done: u64 = kept.keys().map(|path| source.files[path].size).sum();
        for (path, facts) in &source.files {
            let digest = match kept.get(path) {
                Some(digest) => digest.clone(),
                None => {
                    (self.progress)(&Progress::Copying {
                        file: path.clone(),
                        done,
                        total,
                    });
                    let digest = self.file(partial, source, path, facts.size)?;
                    done += facts.size;
                    digest
                }
            };
            files.insert(
                path.clone(),
                Entry {
                    facts: facts.clone(),
                    digest,
                },
            );
        }
        remove_others(partial, "", source).map_err(|e| because("cannot tidy up", partial, &e))?;
        self.step(Step::LeftoversRemoved)?;
        Ok(files)
    }

    fn file(&self, partial: &Path, source: &Scan, path: &str, size: u64) -> Result<String, Stop> {
        let (part, target) = (partial.join(PART), partial.join(path));
        let write = |e: io::Error| because("cannot write", &target, &e);
        make_way(partial, path).map_err(write)?;
        let mut from = File::open(self.at(source, path)).map_err(|e| self.unreadable(path, &e))?;
        let mut to = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&part)
            .map_err(write)?;
        let (mut buffer, mut copied) = (vec![0; BUFFER.min(size as usize + 1)], 0u64);
        loop {
            self.check_cancelled()?;
            // A source that grows is noticed at the end; it must not fill the disk until then.
            let want = (size.saturating_sub(copied)).min(buffer.len() as u64) as usize;
            let got = if want == 0 {
                0
            } else {
                from.read(&mut buffer[..want])
                    .map_err(|e| self.unreadable(path, &e))?
            };
            if got == 0 {
                break;
            }
            to.write_all(&buffer[..got]).map_err(write)?;
            copied += got as u64;
            if copied * 2 >= size && (copied - got as u64) * 2 < size {
                self.step(Step::FileHalf)?;
            }
        }
        self.step(Step::FileWritten)?;
        to.sync_all().map_err(write)?;
        self.step(Step::FileSynced)?;
        let compare =
            |file: &mut File| digest::of_file(file, size, self.store.check, self.cancelled);
        let digest = compare(&mut from).map_err(|e| self.unreadable(path, &e))?;
        if !compare(&mut to).is_ok_and(|d| d == digest) {
            self.check_cancelled()?;
            return Err(Stop::Because(format!(
                "`{path}` was not copied faithfully, or changed meanwhile"
            )));
        }
        fs::rename(&part, &target).map_err(write)?;
        self.step(Step::FilePlaced)?;
        Ok(digest)
    }

    /// Gives the finished folder its place.
    fn place(
        &self,
        partial: &Path,
        source: &Scan,
        files: BTreeMap<String, Entry>,
    ) -> Result<(Manifest, Option<Lease>), Stop> {
        let store = self.store;
        let manifest = Manifest {
            schema: 1,
            name: self.name.to_owned(),
            source: self.source.to_path_buf(),
            single: source.single,
            check: store.check,
            files,
        };
        manifest
            .write(partial)
            .map_err(|e| because("cannot write the manifest in", partial, &e))?;
        self.step(Step::ManifestWritten)?;
        sync_folders(partial, &manifest)
            .map_err(|e| because("cannot write through", partial, &e))?;
        self.step(Step::FoldersSynced)?;
        // Before it has its place, so that nobody can remove it in between.
        let lease = store
            .lease(self.slug, self.cancelled)
            .map_err(Stop::Because)?;
        self.step(Step::Leased)?;
        let model = store.model(self.slug);
        fs::rename(partial, &model).map_err(|e| because("cannot place", &model, &e))?;
        self.step(Step::Placed)?;
        sync_folder(&store.root).map_err(|e| because("cannot write through", &store.root, &e))?;
        self.step(Step::StoreSynced)?;
        store.stamp(self.slug);
        Ok((manifest, lease))
    }

    fn at(&self, source: &Scan, path: &str) -> PathBuf {
        if source.single {
            self.source.to_path_buf()
        } else {
            self.source.join(path)
        }
    }

    fn unreadable(&self, path: &str, error: &io::Error) -> Stop {
        if (self.cancelled)() {
            return Stop::Cancelled;
        }
        Stop::Because(format!(
            "cannot read `{path}` of {}: {error}",
            self.source.display()
        ))
    }

    fn check_cancelled(&self) -> Result<(), Stop> {
        if (self.cancelled)() {
            Err(Stop::Cancelled)
        } else {
            Ok(())
        }
    }

    fn step(&self, step: Step) -> Result<(), Stop> {
        (self.hook)(step).map_err(|e| Stop::Because(e.to_string()))
    }
}

fn because(what: &str, path: &Path, error: &io::Error) -> Stop {
    Stop::Because(format!("{what} {}: {error}", path.display()))
}
