//! One resolution on its way through the places, in the order that [`crate::paths`] states.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::complete::complete;
use crate::copy::{Copy, Stop};
use crate::error::{ModelError, ModelErrorKind};
use crate::hub;
use crate::name::{Logical, Name};
use crate::paths::{ModelPaths, Wanted};
use crate::resolved::{Look, Place, Progress, Resolved};
use crate::step::Hook;
use crate::store::Found;

/// How long another process may take to copy a model that this one waits for.
const PATIENCE: Duration = Duration::from_secs(3600);

/// One resolution on its way.
pub(crate) struct Search<'a> {
    pub paths: &'a ModelPaths,
    pub wanted: &'a Wanted<'a>,
    pub hook: Hook<'a>,
    pub looked: Vec<Look>,
    pub notes: Vec<String>,
}

impl Search<'_> {
    fn not(&mut self, place: Place, path: Option<&Path>, why: impl Into<String>) {
        self.looked.push(Look {
            place,
            path: path.map(Path::to_path_buf),
            why_not: Some(why.into()),
        });
    }

    fn taken(&mut self, place: Place, path: Option<PathBuf>, id: Option<&str>) -> Resolved {
        self.looked.push(Look {
            place,
            path: path.clone(),
            why_not: None,
        });
        Resolved {
            name: String::new(),
            id: id.map(str::to_owned),
            path,
            from: place,
            copied: None,
            notes: Vec::new(),
            looked: Vec::new(),
            lease: None,
        }
    }

    pub(crate) fn path(&mut self, name: &str, path: &Path) -> Result<Option<Resolved>, ModelError> {
        let id = self.paths.mappings.id_of(path).map(str::to_owned);
        match complete(path) {
            Ok(_) => {
                let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
                Ok(Some(self.taken(Place::Path, Some(absolute), id.as_deref())))
            }
            Err(error) => {
                self.not(Place::Path, Some(path), error.0);
                // The path of another machine: the mapping still knows which model it was.
                let Some(Ok(Name::Logical(id))) = id.map(|id| Name::parse(&id)) else {
                    return Ok(None);
                };
                self.notes.push(format!(
                    "{name} is not usable here; a mapping knows it as `{}`",
                    id.as_str()
                ));
                self.logical(&id)
            }
        }
    }

    pub(crate) fn logical(&mut self, name: &Logical) -> Result<Option<Resolved>, ModelError> {
        let meaning = self.paths.mappings.of(name.as_str());
        let by_id = meaning.as_ref().and_then(|m| match Name::parse(&m.id) {
            Ok(Name::Logical(id)) => Some(id),
            _ => None,
        });
        let id = by_id.as_ref().unwrap_or(name);
        let mut source = None;
        let mapped = meaning.map(|m| m.paths).unwrap_or_default();
        if mapped.is_empty() {
            self.not(Place::Mapping, None, "no mapping has a path for the name");
        }
        for (path, copy) in mapped {
            match complete(&path) {
                Err(error) => self.not(Place::Mapping, Some(&path), error.0),
                Ok(found)
                    if copy
                        || self
                            .paths
                            .shared
                            .iter()
                            .any(|store| path.starts_with(store)) =>
                {
                    source = Some((Place::Mapping, path, found));
                    break;
                }
                Ok(_) => {
                    return Ok(Some(self.taken(
                        Place::Mapping,
                        Some(path),
                        Some(id.as_str()),
                    )));
                }
            }
        }
        // Looked at before the fast store, since it tells whether the copy there is out of date.
        let mut shared = Vec::new();
        if source.is_none() {
            source = self.shared(id, &mut shared);
        }
        if let Some(resolved) = self.fast(id, source.as_ref().map(|(_, _, found)| found))? {
            return Ok(Some(resolved));
        }
        self.looked.extend(shared);
        if let Some((place, path, _)) = source {
            return self.copied(id, place, path).map(Some);
        }
        if let Some(resolved) = self.hub(id) {
            return Ok(Some(resolved));
        }
        if self.wanted.require_local || self.paths.never_remote {
            self.not(Place::Remote, None, "the model must be on this machine");
            return Ok(None);
        }
        Ok(Some(self.taken(Place::Remote, None, Some(id.as_str()))))
    }

    fn shared(
        &self,
        name: &Logical,
        looks: &mut Vec<Look>,
    ) -> Option<(Place, PathBuf, crate::scan::Scan)> {
        for store in &self.paths.shared {
            let nested = name
                .segments()
                .fold(store.clone(), |path, part| path.join(part));
            let flat = store.join(name.segments().collect::<Vec<_>>().join("--"));
            let mut layouts = vec![nested];
            if !layouts.contains(&flat) {
                layouts.push(flat);
            }
            for path in layouts {
                match complete(&path) {
                    Ok(found) => return Some((Place::Shared, path, found)),
                    Err(error) => looks.push(Look {
                        place: Place::Shared,
                        path: Some(path),
                        why_not: Some(error.0),
                    }),
                }
            }
        }
        if self.paths.shared.is_empty() {
            looks.push(Look {
                place: Place::Shared,
                path: None,
                why_not: Some("none is set (TRIBUNAL_MODEL_SHARED)".to_owned()),
            });
        }
        None
    }

    fn fast(
        &mut self,
        name: &Logical,
        source: Option<&crate::scan::Scan>,
    ) -> Result<Option<Resolved>, ModelError> {
        let Some(store) = &self.paths.store else {
            self.not(Place::Fast, None, "none is set (TRIBUNAL_MODEL_FAST)");
            return Ok(None);
        };
        let slug = name.slug();
        let folder = store.model(&slug);
        let found = store.find(&slug, source, &|| self.cancelled());
        if self.cancelled() {
            return Err(ModelError(ModelErrorKind::Cancelled));
        }
        match found {
            Found::Whole(manifest, lease) => {
                if lease.is_none() {
                    self.notes.push(
                        "the fast store is read-only: the copy is used without a lease".to_owned(),
                    );
                }
                let mut resolved = self.taken(
                    Place::Fast,
                    Some(manifest.entrance(&folder)),
                    Some(name.as_str()),
                );
                resolved.lease = lease;
                return Ok(Some(resolved));
            }
            Found::Absent => self.not(Place::Fast, Some(&folder), "not there"),
            Found::Unusable(why) => {
                self.notes
                    .push(format!("the copy in the fast store was not taken: {why}"));
                self.not(Place::Fast, Some(&folder), why);
            }
        }
        Ok(None)
    }

    /// Copies a source to the fast store; where that cannot be, the source itself is used.
    fn copied(
        &mut self,
        name: &Logical,
        place: Place,
        path: PathBuf,
    ) -> Result<Resolved, ModelError> {
        let Some(store) = self.paths.store.as_ref().filter(|_| !self.wanted.no_copy) else {
            return Ok(self.taken(place, Some(path), Some(name.as_str())));
        };
        let nothing = |_: &Progress| {};
        let slug = name.slug();
        let copy = Copy {
            store,
            name: name.as_str(),
            slug: &slug,
            source: &path,
            patience: self.wanted.patience.unwrap_or(PATIENCE),
            cancelled: &|| self.cancelled(),
            progress: self.wanted.progress.unwrap_or(&nothing),
            hook: self.hook,
        };
        match copy.run() {
            Ok(done) => {
                self.not(place, Some(&path), "copied to the fast store");
                let entrance = done.manifest.entrance(&store.model(&slug));
                let mut resolved = self.taken(Place::Fast, Some(entrance), Some(name.as_str()));
                (resolved.lease, resolved.copied) = (done.lease, done.copied);
                Ok(resolved)
            }
            Err(Stop::Cancelled) => Err(ModelError(ModelErrorKind::Cancelled)),
            Err(Stop::Because(why)) => {
                self.notes
                    .push(format!("not copied to the fast store: {why}"));
                match complete(&path) {
                    Ok(_) => Ok(self.taken(place, Some(path), Some(name.as_str()))),
                    // It went away while it was copied.
                    Err(error) => {
                        self.not(place, Some(&path), error.0);
                        self.after_the_stores(name)
                    }
                }
            }
        }
    }

    fn after_the_stores(&mut self, name: &Logical) -> Result<Resolved, ModelError> {
        if let Some(resolved) = self.hub(name) {
            return Ok(resolved);
        }
        if self.wanted.require_local || self.paths.never_remote {
            self.not(Place::Remote, None, "the model must be on this machine");
            let looked = std::mem::take(&mut self.looked);
            return Err(ModelError(ModelErrorKind::NotHere {
                name: name.as_str().to_owned(),
                looked,
                nearest: None,
            }));
        }
        Ok(self.taken(Place::Remote, None, Some(name.as_str())))
    }

    fn hub(&mut self, name: &Logical) -> Option<Resolved> {
        let Some(cache) = &self.paths.hub else {
            self.not(Place::Hub, None, "no cache folder is known (HF_HUB_CACHE)");
            return None;
        };
        let model = hub::of_model(cache, name);
        let snapshot = match hub::snapshot(&model, self.wanted.revision.unwrap_or("main")) {
            Ok(snapshot) => snapshot,
            Err(why) => {
                self.not(Place::Hub, Some(&model), why);
                return None;
            }
        };
        match complete(&snapshot) {
            Ok(_) => Some(self.taken(Place::Hub, Some(snapshot), Some(name.as_str()))),
            Err(error) => {
                self.not(Place::Hub, Some(&snapshot), error.0);
                None
            }
        }
    }

    fn cancelled(&self) -> bool {
        self.wanted
            .cancel
            .is_some_and(|flag| flag.load(Ordering::Relaxed))
    }
}
