//! A fixture: a value that a test asks for by naming it as a parameter.
//!
//! Promise: the graph is `const` data with a `set_up` pointer in each node, so that planning, listing and sharing keys run nothing. The
//! runner sets fixtures up and tears them down; a body only picks values up.
//!
//! Rejected: resolving inside the generated body (`cx.get::<server>().await`): set-up could not be timed apart, and it compiled 2.4 to 7 times slower.

use std::any::Any;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use tribunal_vocabulary::nearest;

use crate::attempt::lock;
use crate::body::Error;
use crate::evidence::{Evidence, EvidenceWriter, Traces};
use crate::grant::Devices;
use crate::registry::Place;

/// A boxed future that may move between threads; fixtures run on the session's multi-thread runtime.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The value of a fixture, its type erased.
pub type Stored = Arc<dyn Any + Send + Sync>;

/// How long the value of a fixture lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// One value per attempt.
    Test,
    /// One value per module and key.
    Module,
    /// One value per run and key.
    Session,
}

/// One fixture of the static graph.
pub struct FixtureEntry {
    /// The name that parameters use.
    pub name: &'static str,
    /// `module_path!()` of the fixture.
    pub module: &'static str,
    /// How long its value lives.
    pub scope: Scope,
    /// Where it is declared.
    pub place: Place,
    /// What it asks for itself.
    pub needs: &'static [&'static FixtureEntry],
    /// The case parameters that it reads; their text is part of its sharing key.
    pub params: &'static [&'static str],
    /// Markers that a test gets which asks for this fixture, in categories where it has none of its own (`server` implies `e2e`).
    pub implies: &'static [&'static str],
    /// It reads which deployment the case runs against: its users run once per chosen deployment.
    pub deployment: bool,
    /// It hands over all chosen deployments, of which its users start one after the other: they need the devices of whichever needs most.
    pub deployments: bool,
    /// What makes two values the same, where neither the parameters nor the level decide it: equal texts share one value. `None`: the
    /// texts of `params` and the level.
    pub shared_by: Option<fn(&Sharing<'_>) -> String>,
    /// Makes the value.
    pub set_up: fn(SetUp) -> BoxFuture<'static, Result<Stored, Error>>,
}

/// What is known of a case before anything runs, for [`FixtureEntry::shared_by`].
pub struct Sharing<'a> {
    pub(crate) params: &'a [(String, String)],
    pub(crate) entry: &'a FixtureEntry,
    pub(crate) level: Option<&'a str>,
}

impl Sharing<'_> {
    /// The text of a case parameter that the fixture declares with `params(…)`.
    pub fn param(&self, name: &str) -> Option<&str> {
        param(self.entry, self.params, name)
    }

    /// The deployment that the case runs against; `None` unless the fixture is declared with `deployment`.
    pub fn deployment(&self) -> Option<&str> {
        deployment(self.entry, self.params)
    }

    /// The level at which the case runs; `None` for a case that declares none.
    pub fn level(&self) -> Option<&str> {
        self.level
    }
}

/// The case parameter that names a deployment.
pub(crate) const DEPLOY: &str = "deploy";

fn deployment<'a>(entry: &FixtureEntry, params: &'a [(String, String)]) -> Option<&'a str> {
    let value = |(name, value): &'a (String, String)| (name == DEPLOY).then_some(value.as_str());
    entry
        .deployment
        .then(|| params.iter().find_map(value))
        .flatten()
}

fn param<'a>(entry: &FixtureEntry, params: &'a [(String, String)], name: &str) -> Option<&'a str> {
    if !entry.params.contains(&name) {
        return None;
    }
    params
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.as_str())
}

/// Implemented by the marker type that `#[tribunal::fixture]` adds beside the function.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a fixture",
    label = "no fixture of this name is in scope",
    note = "a parameter of a test is looked up by its name: declare `#[tribunal::fixture] async fn NAME(..) -> T`, or import one"
)]
pub trait Fixture: 'static {
    /// The type of the value.
    type Value: Send + Sync + 'static;
    /// The node of the static graph.
    const ENTRY: &'static FixtureEntry;
}

/// Stops the compilation where a fixture asks for one that does not live as long as itself.
pub const fn check_scope(own: Scope, need: &FixtureEntry, message: &'static str) {
    if (need.scope as u8) < (own as u8) {
        panic!("{}", message)
    }
}

/// How a stored value becomes a parameter by value: `Arc<T>` always, `T` where it is `Clone`. A parameter `&T` is borrowed by the macro.
#[diagnostic::on_unimplemented(
    message = "the fixture's value `{V}` cannot be handed to a parameter of type `{Self}`",
    note = "take `&T` or `Arc<T>`, or make `T: Clone`"
)]
pub trait FromStored<V>: Sized {
    /// A copy or another handle of the stored value.
    fn from_stored(value: &Arc<V>) -> Self;
}
impl<V> FromStored<V> for Arc<V> {
    fn from_stored(value: &Arc<V>) -> Self {
        value.clone()
    }
}
impl<V: Clone> FromStored<V> for V {
    fn from_stored(value: &Arc<V>) -> Self {
        (**value).clone()
    }
}

/// What a fixture registers to run when its value is no longer needed.
pub(crate) type Finalizer = Box<dyn FnOnce() -> BoxFuture<'static, Result<(), Error>> + Send>;

/// What a fixture registers to be asked before its value is handed to another case.
pub(crate) type Check = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Error>> + Send + Sync>;

/// What a fixture sees while it is being set up.
pub struct SetUp {
    pub(crate) values: Vec<Stored>,
    pub(crate) params: Arc<[(String, String)]>,
    pub(crate) finalizers: Arc<std::sync::Mutex<Vec<Finalizer>>>,
    pub(crate) check: Arc<Mutex<Option<Check>>>,
    pub(crate) notes: Arc<Mutex<Vec<String>>>,
    pub(crate) tell: crate::stores::Tell,
    pub(crate) alone: bool,
    pub(crate) entry: &'static FixtureEntry,
    pub(crate) test: Arc<str>,
    pub(crate) level: Option<String>,
    pub(crate) level_index: Option<usize>,
    pub(crate) traces: Arc<Mutex<Traces>>,
    pub(crate) evidence: Arc<Evidence>,
    pub(crate) writers: Arc<Mutex<Vec<EvidenceWriter>>>,
    pub(crate) devices: Devices,
    #[cfg(target_os = "linux")]
    pub(crate) sampler: Option<Arc<crate::sampler::Sampler>>,
}

impl SetUp {
    /// The text of a case parameter. Only parameters that the fixture declares with `params(…)` are visible, since only they are part of its sharing key.
    pub fn param(&self, name: &str) -> Option<&str> {
        param(self.entry, &self.params, name)
    }

    /// The deployment that the case runs against: what its own parameter `deploy` names, else a chosen one. `None` unless the fixture is
    /// declared with `#[tribunal::fixture(deployment)]`.
    pub fn deployment(&self) -> Option<&str> {
        deployment(self.entry, &self.params)
    }

    /// A case parameter as a value: `cx.param_as::<u16>("port")?`. The error says which parameter, what it is and what it should be.
    pub fn param_as<T>(&self, name: &str) -> Result<T, Error>
    where
        T: FromStr,
        T::Err: std::fmt::Display,
    {
        let fixture = self.entry.name;
        let Some(text) = self.param(name) else {
            let declared = self.entry.params;
            return Err(Error::of(if declared.contains(&name) {
                format!(
                    "the case `{}` has no parameter `{name}`, which fixture `{fixture}` reads\nhelp: give the test a parameter `{name}` with #[case] or #[values]",
                    self.test
                )
            } else {
                let near = nearest(name, declared.iter().copied())
                    .map_or(String::new(), |n| format!("; did you mean `{n}`?"));
                format!(
                    "fixture `{fixture}` does not declare that it reads the parameter `{name}`{near}\nhelp: #[tribunal::fixture(params({name}))]"
                )
            }));
        };
        text.parse().map_err(|e: T::Err| {
            Error::of(format!(
                "fixture `{fixture}` cannot read the parameter `{name}` of the case `{}`: `{text}` is no {}: {e}",
                self.test,
                std::any::type_name::<T>()
            ))
        })
    }

    /// A folder of this value's own in the evidence of the run, `servers/NN-name`. What ends in `.log` there counts as a log: attempts that use this
    /// value and fail get the part that was written during their time. It lives as long as the run's evidence.
    pub fn evidence(&self, name: &str) -> PathBuf {
        let folder = self.evidence.fixture_folder(name);
        lock(&self.traces).folders.push(folder.clone());
        folder
    }

    /// Calls `write` with the evidence folder of the case that asked first, once its attempt has ended and if its evidence is kept: nothing is made
    /// or written for a test that passes. What cannot be written becomes a note of the attempt.
    pub fn on_evidence(&self, write: impl FnOnce(&Path) -> std::io::Result<()> + Send + 'static) {
        lock(&self.writers).push(Box::new(write));
    }

    /// A log that lies elsewhere (of a server that another process started), to be treated as those in [`SetUp::evidence`].
    pub fn log_file(&self, path: impl Into<PathBuf>) {
        lock(&self.traces).logs.push(path.into());
    }

    /// The devices of the case that asked first, or of the server that it shares.
    pub fn devices(&self) -> Devices {
        self.devices.clone()
    }

    /// Follows a server, with all that it starts, in the telemetry of the run until what this returns is dropped.
    #[cfg(target_os = "linux")]
    pub fn follow(&self, label: &str, pids: Vec<u32>) -> crate::Followed {
        let sampler = self.sampler.as_ref();
        sampler.map_or_else(crate::Followed::none, |s| s.follow(label, pids))
    }

    /// The name of the case that asked first.
    pub fn asked_by(&self) -> &str {
        &self.test
    }

    /// The level at which the cases run that share this value; `None` for cases that declare none. Values are shared among cases of one level only.
    pub fn level(&self) -> Option<&str> {
        self.level.as_deref()
    }

    /// How deep that level is: 0 for the lowest, and for cases that declare none, since those are judged at the lowest.
    pub fn depth(&self) -> usize {
        self.level_index.unwrap_or(0)
    }

    /// Registers what to do when the value is no longer needed. Everything registered runs, last first, whatever fails.
    pub fn on_teardown<F, Fut, E>(&self, finalizer: F)
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display + 'static,
    {
        let boxed: Finalizer = Box::new(move || {
            let future = finalizer();
            Box::pin(async move { future.await.map_err(Error::of) })
        });
        self.finalizers
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .push(boxed);
    }

    /// Whether the value is made for one case alone, which asked for it with `#[server(fresh)]`, and may break it.
    pub fn is_fresh(&self) -> bool {
        self.alone
    }

    /// Something worth saying beside the outcome of the case that asked first.
    pub fn note(&self, text: impl Into<String>) {
        lock(&self.notes).push(text.into());
    }

    /// The same for what is registered for teardown: the note goes to the case whose end took the value down.
    pub fn notes(&self) -> impl Fn(String) + Send + Sync + 'static {
        let notes = self.notes.clone();
        move |text| lock(&notes).push(text)
    }

    /// Tells the person who waits what is awaited; it is no part of any result. The function may be kept and called as long as the run lasts.
    pub fn awaiting(&self) -> Arc<dyn Fn(String) + Send + Sync> {
        self.tell.clone()
    }

    /// Registers how to tell whether the value is still good. It is asked before the value is handed to another case; after an error the value is
    /// taken down and made anew, what was made of it too, and the case gets a note with the reason and the case that had the value last. One check
    /// per value: a later one takes the place of an earlier.
    pub fn on_reuse<F, Fut, E>(&self, check: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display + 'static,
    {
        *lock(&self.check) = Some(Arc::new(move || {
            let asked = check();
            Box::pin(async move { asked.await.map_err(Error::of) })
        }));
    }

    /// For the macros: the value of the need at `index`.
    #[doc(hidden)]
    pub fn value<F: Fixture>(&self, index: usize) -> Arc<F::Value> {
        downcast::<F>(&self.values[index])
    }
}

/// Cannot fail: the value was made by `F::ENTRY.set_up`, which the same macro rendered together with `F::Value`.
pub(crate) fn downcast<F: Fixture>(value: &Stored) -> Arc<F::Value> {
    value.clone().downcast().unwrap_or_else(|_| {
        unreachable!("fixture `{}` made a value of another type", F::ENTRY.name)
    })
}
