//! The places where models lie, and the order in which they are asked.
//!
//! 1. A path (`/x`, `./x`, `../x`) is taken as it stands.
//! 2. The path of a mapping. One inside a shared store, or marked `copy`, goes on as a source for the fast store.
//! 3. The fast store, if its copy is whole and its source has not changed since.
//! 4. A shared store (`STORE/ORG/NAME` or `STORE/ORG--NAME`), copied to the fast store if that can be done.
//! 5. The hub cache.
//! 6. Nowhere here: the engine is given the name, unless the model must be local.
//!
//! A copy that cannot be made is never an error: the shared one is used, and a note says why.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crate::digest::Check;
use crate::error::{ModelError, ModelErrorKind, nearest};
use crate::mapping::Mappings;
use crate::name::Name;
use crate::resolved::{Progress, Resolved};
use crate::search::Search;
use crate::settings;
use crate::step::Hook;
use crate::store::Store;

/// The places where models are looked for.
pub struct ModelPaths {
    pub(crate) mappings: Mappings,
    pub(crate) shared: Vec<PathBuf>,
    pub(crate) hub: Option<PathBuf>,
    pub(crate) never_remote: bool,
    pub(crate) store: Option<Store>,
    reserve: u64,
    check: Check,
}

/// How a model is wanted.
#[derive(Default)]
pub struct Wanted<'a> {
    /// A model that is not on this machine is an error.
    pub require_local: bool,
    /// Nothing is copied: a shared copy is used where it lies.
    pub no_copy: bool,
    /// The revision in the hub cache (default `main`).
    pub revision: Option<&'a str>,
    /// When this becomes true, the resolution ends with [`ModelErrorKind::Cancelled`]; what was copied is kept for a later one.
    pub cancel: Option<&'a AtomicBool>,
    /// How long another process may take to copy the same model (default one hour).
    pub patience: Option<Duration>,
    /// Told what happens.
    pub progress: Option<&'a dyn Fn(&Progress)>,
}

impl Default for ModelPaths {
    fn default() -> Self {
        Self::new()
    }
}

impl ModelPaths {
    /// No place at all: only paths lead anywhere.
    pub fn new() -> Self {
        Self {
            mappings: Mappings::default(),
            shared: Vec::new(),
            hub: None,
            never_remote: false,
            store: None,
            reserve: settings::RESERVE,
            check: Check::Sampled,
        }
    }

    /// What the environment says: `TRIBUNAL_MODEL_MAPPINGS`, `TRIBUNAL_MODEL_SHARED` (lists divided by `:`),
    /// `TRIBUNAL_MODEL_FAST`, `TRIBUNAL_MODEL_RESERVE` (`10GiB`), `TRIBUNAL_MODEL_VERIFY` (`sampled` or `whole`), and the
    /// hub's own `HF_HUB_CACHE`, `HF_HOME` and `HF_HUB_OFFLINE`.
    pub fn from_env(env: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, ModelError> {
        settings::read(env)
    }

    /// Adds a mapping file; its paths are tried after those of the files before it.
    pub fn mapping_file(mut self, file: impl Into<PathBuf>) -> Result<Self, ModelError> {
        let file = file.into();
        match self.mappings.read(&file) {
            Ok(()) => Ok(self),
            Err(why) => Err(ModelError(ModelErrorKind::Mapping { file, why })),
        }
    }

    /// Adds a shared store, which is only read.
    #[must_use]
    pub fn shared(mut self, folder: impl Into<PathBuf>) -> Self {
        self.shared.push(folder.into());
        self
    }

    /// Sets the fast store.
    #[must_use]
    pub fn fast(mut self, folder: impl Into<PathBuf>) -> Self {
        self.store = Some(Store::new(folder.into(), self.reserve, self.check));
        self
    }

    /// Sets what must stay free in the fast store, in bytes (default 1 GiB).
    #[must_use]
    pub fn reserve(mut self, bytes: u64) -> Self {
        self.reserve = bytes;
        if let Some(store) = &mut self.store {
            store.reserve = bytes;
        }
        self
    }

    /// Compares whole files instead of their sizes and ends: when a copy is made, and each time it is used.
    #[must_use]
    pub fn verify_whole(mut self, whole: bool) -> Self {
        self.check = settings::check(whole);
        if let Some(store) = &mut self.store {
            store.check = self.check;
        }
        self
    }

    /// Sets the hub cache (the folder with `models--ORG--NAME` in it).
    #[must_use]
    pub fn hub_cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.hub = Some(folder.into());
        self
    }

    /// A model that is not on this machine is an error, whoever asks.
    #[must_use]
    pub fn never_remote(mut self, yes: bool) -> Self {
        self.never_remote = yes;
        self
    }

    /// Where `name` leads. Blocks while a model is copied, or while another process copies it.
    pub fn resolve(&self, name: &str, wanted: &Wanted<'_>) -> Result<Resolved, ModelError> {
        self.resolve_hooked(name, wanted, &|_| Ok(()))
    }

    pub(crate) fn resolve_hooked(
        &self,
        name: &str,
        wanted: &Wanted<'_>,
        hook: Hook<'_>,
    ) -> Result<Resolved, ModelError> {
        let mut search = Search {
            paths: self,
            wanted,
            hook,
            looked: Vec::new(),
            notes: Vec::new(),
        };
        let found = match Name::parse(name)? {
            Name::Path(path) => search.path(name, &path)?,
            Name::Logical(logical) => search.logical(&logical)?,
        };
        match found {
            Some(mut resolved) => {
                name.clone_into(&mut resolved.name);
                resolved.looked = search.looked;
                resolved.notes = search.notes;
                Ok(resolved)
            }
            None => {
                let nearest = self.nearest(name);
                Err(ModelError(ModelErrorKind::NotHere {
                    name: name.to_owned(),
                    looked: search.looked,
                    nearest,
                }))
            }
        }
    }

    /// A known name that was probably meant.
    fn nearest(&self, name: &str) -> Option<String> {
        let mut known: Vec<String> = self.mappings.names().map(str::to_owned).collect();
        for store in &self.shared {
            known.extend(crate::store::listed(store));
        }
        nearest(name, known.iter().map(String::as_str)).map(str::to_owned)
    }
}
