//! What a diff leaves of the tests.
//!
//! Promise: a test is left out only where it declares paths and none of them changed; what cannot be told keeps it. Every answer has its reason.
//! Rejected: following imports (a server is reached by its API, and what it is made of is written in another language).

use tribunal_vocabulary::{Bound, Expression, MarkerSet, Value, Vocabulary};

use crate::paths::touches;

/// The marker that declares paths.
const DEPENDS_ON: &str = "depends_on";

/// Why a test stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Everything stays; [`Narrowing::everything`] says why.
    Everything,
    /// `[changes] always` matches it.
    Always,
    /// It declares no paths.
    NoPaths,
    /// A path that it declares, and the file that changed there.
    Changed(String, String),
}

/// What changed, as far as tests are concerned.
#[derive(Debug)]
pub struct Narrowing {
    everything: Option<String>,
    only_docs: bool,
    changed: Vec<String>,
    always: Option<Bound>,
    marker: Option<tribunal_vocabulary::MarkerId>,
}

impl Narrowing {
    /// From the files that changed, or from the reason why that is not known.
    pub fn new(v: &Vocabulary, changed: Result<Vec<String>, String>) -> Narrowing {
        let rules = v.changes();
        let about = |paths: &[String], file: &str| {
            paths
                .iter()
                .find(|declared| touches(declared, file))
                .cloned()
        };
        let (everything, changed) = match changed {
            Err(why) => (Some(why), vec![]),
            // The reference is the commit itself, most likely; a run of nothing would look like a pass.
            Ok(files) if files.is_empty() => (Some("no file changed".to_owned()), files),
            Ok(files) => {
                let hit = files
                    .iter()
                    .find_map(|file| Some((file, about(&rules.fallback, file)?)));
                let why = hit.map(|(file, declared)| {
                    format!("`{file}` changed, and `{declared}` may concern every test")
                });
                (why, files)
            }
        };
        let only_docs = !changed.is_empty()
            && changed
                .iter()
                .all(|file| about(&rules.docs, file).is_some());
        let always = rules
            .always
            .as_deref()
            .and_then(|text| Expression::parse(text).ok()?.bind(v).ok());
        Narrowing {
            everything,
            only_docs,
            changed,
            always,
            marker: v.id(DEPENDS_ON),
        }
    }

    /// Why every test stays, if so.
    pub fn everything(&self) -> Option<&str> {
        self.everything.as_deref()
    }

    /// Whether only documentation changed.
    pub fn only_docs(&self) -> bool {
        self.only_docs
    }

    /// The files that changed.
    pub fn changed(&self) -> &[String] {
        &self.changed
    }

    /// The first file that changed below one of these paths, with the path.
    pub fn hit<'a>(
        &'a self,
        declared: impl IntoIterator<Item = &'a str>,
    ) -> Option<(&'a str, &'a str)> {
        declared.into_iter().find_map(|declared| {
            let file = self.changed.iter().find(|file| touches(declared, file))?;
            Some((declared, &**file))
        })
    }

    /// Why a test with these markers stays; `None` where it is left out.
    pub fn keeps(&self, set: &MarkerSet) -> Option<Kept> {
        if self.everything.is_some() {
            return Some(Kept::Everything);
        }
        if self.always.as_ref().is_some_and(|bound| bound.matches(set)) {
            return Some(Kept::Always);
        }
        let declared: Vec<&str> = match self.marker {
            Some(id) => declared_paths(set, id),
            None => vec![],
        };
        if declared.is_empty() {
            return (!self.only_docs).then_some(Kept::NoPaths);
        }
        let (path, file) = self.hit(declared)?;
        Some(Kept::Changed(path.to_owned(), file.to_owned()))
    }

    /// In a sentence, for the head of a run.
    pub fn summary(&self) -> String {
        let files = |n: usize| format!("{n} file{} changed", if n == 1 { "" } else { "s" });
        match &self.everything {
            Some(why) => format!("every test stays: {why}"),
            None if self.only_docs => {
                format!("{}, all of it documentation", files(self.changed.len()))
            }
            None => files(self.changed.len()),
        }
    }
}

/// The paths that a test declares, also through its modules.
pub(crate) fn declared_paths(set: &MarkerSet, id: tribunal_vocabulary::MarkerId) -> Vec<&str> {
    let mut out = vec![];
    for (_, value) in set.args(id).flatten() {
        match value {
            Value::Str(text) => out.push(&**text),
            Value::List(list) => out.extend(list.iter().filter_map(|one| match one {
                Value::Str(text) => Some(&**text),
                _ => None,
            })),
            _ => {}
        }
    }
    out
}
