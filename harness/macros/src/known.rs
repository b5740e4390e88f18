//! The vocabulary of the package that is being compiled.
//!
//! Promise: within one compilation the file is looked for and read once; in an editor, whose macro server lives long and serves
//! many packages, it is read again when it changes, and each package has its own.
//! Rejected: one vocabulary per process (in an editor: stale, or that of another package).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tribunal_vocabulary::Vocabulary;

/// A vocabulary and where it came from.
#[derive(Debug)]
pub(crate) struct Known {
    path: Option<PathBuf>,
    own: Option<Vocabulary>,
}

/// What is wrong with a markers.toml.
#[derive(Debug)]
pub(crate) struct Broken {
    message: String,
    told: AtomicBool,
}

/// The vocabulary, or why there is none. Cheap to clone.
pub(crate) type Answer = Result<Arc<Known>, Arc<Broken>>;

impl Known {
    /// The vocabulary.
    pub(crate) fn vocabulary(&self) -> &Vocabulary {
        match &self.own {
            Some(own) => own,
            None => Vocabulary::shipped(),
        }
    }

    /// The project's own file; without one, the shipped vocabulary is in force.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Finds and reads the vocabulary of the package in `manifest_dir`.
    fn load(path: Option<PathBuf>) -> Result<Known, String> {
        let Some(path) = path else {
            return Ok(Known {
                path: None,
                own: None,
            });
        };
        let shown = path.display();
        let text = std::fs::read_to_string(&path).map_err(|error| {
            format!("cannot read {shown}: {error}\nhelp: it declares the markers of this package")
        })?;
        match Vocabulary::parse(&text, &shown.to_string()) {
            Ok(own) => Ok(Known {
                own: Some(own),
                path: Some(path),
            }),
            Err(mistakes) => Err(format!(
                "the vocabulary of this package has mistakes\n\n{mistakes}"
            )),
        }
    }
}

impl Broken {
    /// What is wrong. Whoever asks by [`Broken::message_once`] afterwards need not say it again.
    pub(crate) fn message(&self) -> &str {
        self.told.store(true, Ordering::Relaxed);
        &self.message
    }

    /// The same, but to the first who asks only: a thousand tests need not say it a thousand times.
    pub(crate) fn message_once(&self) -> Option<&str> {
        (!self.told.swap(true, Ordering::Relaxed)).then_some(&self.message)
    }
}

/// What an answer depends on.
#[derive(PartialEq)]
struct Stamp {
    path: Option<PathBuf>,
    modified: Option<SystemTime>,
}

impl Stamp {
    fn now(manifest_dir: &Path) -> Stamp {
        let path = Vocabulary::find(manifest_dir);
        let modified = path
            .as_ref()
            .and_then(|path| path.metadata().ok()?.modified().ok());
        Stamp { path, modified }
    }
}

/// Answers by package.
#[derive(Default)]
struct Cache(HashMap<PathBuf, (Stamp, Answer)>);

impl Cache {
    /// The answer for a package; `check` looks whether the file is still the same.
    fn get(&mut self, manifest_dir: &Path, check: bool) -> Answer {
        if let Some((stamp, answer)) = self.0.get(manifest_dir)
            && (!check || *stamp == Stamp::now(manifest_dir))
        {
            return answer.clone();
        }
        let stamp = Stamp::now(manifest_dir);
        let answer: Answer = Known::load(stamp.path.clone())
            .map(Arc::new)
            .map_err(|message| {
                Arc::new(Broken {
                    message,
                    told: AtomicBool::new(false),
                })
            });
        self.0
            .insert(manifest_dir.to_owned(), (stamp, answer.clone()));
        answer
    }
}

/// The vocabulary of the package that is being compiled. Without cargo there is no package, and the shipped one is in force.
pub(crate) fn of_this_package(for_ide: bool) -> Answer {
    static CACHE: Mutex<Option<Cache>> = Mutex::new(None);
    let Some(manifest_dir) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        return Ok(Arc::new(Known {
            path: None,
            own: None,
        }));
    };
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    cache
        .get_or_insert_default()
        .get(Path::new(&manifest_dir), for_ide)
}

/// The vocabulary of the package in a folder, nothing remembered.
#[cfg(test)]
pub(crate) fn of_folder(manifest_dir: &Path) -> Answer {
    Cache::default().get(manifest_dir, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A package with a markers.toml; `later` stamps it, so that no test waits for a clock.
    struct Package(tempfile::TempDir);

    impl Package {
        fn new() -> Package {
            let directory = tempfile::tempdir().expect("a temporary directory");
            std::fs::write(directory.path().join("Cargo.toml"), "").expect("written");
            std::fs::write(directory.path().join("Cargo.lock"), "").expect("written");
            Package(directory)
        }

        fn declare(&self, marker: &str, seconds: u64) {
            let path = self.0.path().join("markers.toml");
            std::fs::write(
                &path,
                format!("[categories.other]\nmarkers = {{ {marker} = \"mine\" }}\n"),
            )
            .expect("written");
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            std::fs::File::options()
                .append(true)
                .open(path)
                .expect("open")
                .set_modified(time)
                .expect("stamped");
        }
    }

    fn knows(answer: &Answer, marker: &str) -> bool {
        answer
            .as_ref()
            .is_ok_and(|known| known.vocabulary().id(marker).is_some())
    }

    #[test]
    fn an_edit_is_seen_when_the_file_is_checked_and_only_then() {
        let (package, mut cache) = (Package::new(), Cache::default());
        package.declare("first_one", 1_000);
        assert!(knows(&cache.get(package.0.path(), true), "first_one"));
        package.declare("second_one", 2_000);
        assert!(knows(&cache.get(package.0.path(), false), "first_one"));
        assert!(knows(&cache.get(package.0.path(), true), "second_one"));
        assert!(!knows(&cache.get(package.0.path(), true), "first_one"));
    }

    #[test]
    fn packages_do_not_share_a_vocabulary() {
        let (one, other, mut cache) = (Package::new(), Package::new(), Cache::default());
        one.declare("of_one", 1_000);
        assert!(knows(&cache.get(one.0.path(), false), "of_one"));
        let shipped = cache.get(other.0.path(), false);
        assert!(!knows(&shipped, "of_one") && knows(&shipped, "e2e"));
        assert!(shipped.is_ok_and(|known| known.path().is_none()));
    }

    #[test]
    fn a_broken_file_is_told_once() {
        let (package, mut cache) = (Package::new(), Cache::default());
        package.declare("= =", 1_000);
        let Err(broken) = cache.get(package.0.path(), false) else {
            panic!("the file is broken")
        };
        assert!(broken.message_once().is_some());
        assert!(broken.message_once().is_none());
        assert!(
            broken.message().contains("markers.toml:2:"),
            "{}",
            broken.message()
        );
    }

    #[test]
    fn after_the_whole_message_nobody_repeats_it() {
        let (package, mut cache) = (Package::new(), Cache::default());
        package.declare("= =", 1_000);
        let Err(broken) = cache.get(package.0.path(), false) else {
            panic!("the file is broken")
        };
        assert!(!broken.message().is_empty() && broken.message_once().is_none());
    }
}
