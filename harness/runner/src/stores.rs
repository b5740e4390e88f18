//! The values of fixtures: made once per key and scope, taken down when the last case that uses them is done.
//!
//! Promise: the keys of a case are known before anything runs, so that the plan can count the users of every value; set-up runs at most once per
//! key, also when it fails; everything that was registered for teardown runs, last set up first, whatever fails.
//!
//! Rejected: tearing down at the end of the run (a server would hold its devices while nobody uses it).

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::attempt::{Cancel, lock, poll_with};
use crate::body::{Error, Skip};
use crate::evidence::{Evidence, EvidenceWriter, Traces};
use crate::fixture::{Check, Finalizer, FixtureEntry, Scope, Sharing, Stored};
use crate::grant::Devices;
use crate::outcome::{Outcome, Phase, seconds};
use crate::panics::{PanicRecord, collecting, payload_text};

/// Which value: the fixture, the module for a module fixture, the case parameters that it reads, the level.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    scope: Scope,
    fixture: (&'static str, &'static str),
    module: Option<&'static str>,
    params: Vec<(String, String)>,
    level: Option<usize>,
    /// What the fixture itself says instead of parameters and level.
    identity: Option<String>,
}

impl Key {
    /// How long the value lives.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// Whether the fixture says itself what makes two values the same.
    pub fn names_itself(&self) -> bool {
        self.identity.is_some()
    }

    /// For people: `server (session)`.
    pub fn shown(&self) -> String {
        let params: Vec<String> = self
            .params
            .iter()
            .map(|(n, v)| format!("{n} = {v}"))
            .collect();
        let scope = match self.scope {
            Scope::Test => "test",
            Scope::Module => "module",
            Scope::Session => "session",
        };
        format!(
            "{}{} ({scope})",
            self.fixture.1,
            if params.is_empty() {
                String::new()
            } else {
                format!("[{}]", params.join(", "))
            }
        )
    }
}

/// What a case brings along.
#[derive(Clone)]
pub(crate) struct Asker {
    pub name: Arc<str>,
    pub module: &'static str,
    pub params: Arc<[(String, String)]>,
    pub level: Option<usize>,
    pub level_name: Option<String>,
    /// `server(fresh)`: whatever reads the deployment is made for this attempt alone.
    pub fresh: bool,
    /// The devices that it was given.
    pub devices: Devices,
    /// Looks at what its servers take; `None`: nobody does.
    #[cfg(target_os = "linux")]
    pub sampler: Option<Arc<crate::sampler::Sampler>>,
    /// What the case should be told of its fixtures.
    pub notes: Arc<Mutex<Vec<String>>>,
    /// What its fixtures write into its evidence.
    pub writers: Arc<Mutex<Vec<EvidenceWriter>>>,
}

fn params_read(entry: &FixtureEntry, out: &mut Vec<&'static str>) {
    out.extend(entry.params);
    if entry.deployment {
        out.push(crate::fixture::DEPLOY);
    }
    entry.needs.iter().for_each(|n| params_read(n, out));
}

/// The key of a fixture for a case.
pub(crate) fn key(entry: &'static FixtureEntry, asker: &Asker) -> Key {
    let scope = if asker.fresh && crate::catalog::reads_deploy(&[entry]) {
        Scope::Test
    } else {
        entry.scope
    };
    let mut key = Key {
        scope,
        fixture: (entry.module, entry.name),
        module: (scope == Scope::Module).then_some(asker.module),
        params: vec![],
        level: None,
        identity: None,
    };
    if let Some(shared_by) = entry.shared_by {
        key.identity = Some(shared_by(&Sharing {
            params: &asker.params,
            entry,
            level: asker.level_name.as_deref(),
        }));
        return key;
    }
    let mut read = vec![];
    params_read(entry, &mut read);
    key.level = asker.level;
    key.params = asker
        .params
        .iter()
        .filter(|(n, _)| read.contains(&n.as_str()))
        .cloned()
        .collect();
    key
}

/// Every key that outlives the attempt, of a test's whole graph, each once.
pub(crate) fn shared_keys(fixtures: &[&'static FixtureEntry], asker: &Asker, out: &mut Vec<Key>) {
    for entry in fixtures {
        let key = key(entry, asker);
        if key.scope != Scope::Test && !out.contains(&key) {
            out.push(key);
        }
        shared_keys(entry.needs, asker, out);
    }
}

/// Why a fixture has no value.
#[derive(Clone, Debug)]
pub(crate) enum NoValue {
    Failed(Arc<Failure>),
    Skipped(String),
    /// The run is being stopped.
    Cancelled,
}

/// A fixture that could not be made. Many cases may ask for it; one of them says it in full.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Its name and place.
    fixture: String,
    text: String,
    /// Its limit was over.
    over: Option<Duration>,
    /// The case that says it in full.
    told_by: OnceLock<Arc<str>>,
}

impl Failure {
    pub fn new(entry: &FixtureEntry, text: String, over: Option<Duration>) -> Arc<Failure> {
        Arc::new(Failure {
            fixture: format!("fixture `{}` ({})", entry.name, entry.place),
            text,
            over,
            told_by: OnceLock::new(),
        })
    }

    /// What it means for a case: the first that `tells` it is shown it in full, the others where it stands. The outcome of a case that is expected
    /// to fail is not shown, so it must not be the one that tells.
    pub fn outcome(&self, case: &Arc<str>, tells: bool) -> Outcome {
        let teller = match tells {
            true => self.told_by.get_or_init(|| case.clone()),
            false => case,
        };
        match self.over {
            _ if teller != case => Outcome::SetUpFailed(format!(
                "{}: its set-up failed before, and is not tried again; the case `{teller}` tells it in full",
                self.fixture
            )),
            Some(limit) => Outcome::TimedOut(
                Phase::SetUp,
                limit,
                format!("{}{}", self.fixture, self.text),
            ),
            None => Outcome::SetUpFailed(format!("{}: {}", self.fixture, self.text)),
        }
    }
}

/// The place of one value.
pub(crate) struct Slot {
    pub value: tokio::sync::OnceCell<Result<Stored, NoValue>>,
    pub finalizers: Arc<Mutex<Vec<Finalizer>>>,
    pub traces: Arc<Mutex<Traces>>,
    /// What its fixture wants people to know, until somebody is told.
    pub notes: Arc<Mutex<Vec<String>>>,
    pub order: AtomicUsize,
    pub name: &'static str,
    /// What the value was made of.
    pub made_of: OnceLock<Vec<Stored>>,
    /// Whether it is still good, if its fixture can tell.
    pub check: Arc<Mutex<Option<Check>>>,
    /// Who got it last.
    pub last_user: Mutex<Option<Arc<str>>>,
}

/// The values of one scope: of the run, or of one attempt.
#[derive(Default)]
pub(crate) struct Store {
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
    users: Mutex<HashMap<Key, usize>>,
    next: AtomicUsize,
}

/// The values of the run, and those of one attempt.
#[derive(Clone)]
pub(crate) struct Stores {
    pub run: Arc<Store>,
    pub attempt: Arc<Store>,
    pub limit: SetUpLimit,
    pub cancel: Arc<Cancel>,
    pub evidence: Arc<Evidence>,
    pub tell: Tell,
}

/// Tells people what is awaited.
pub(crate) type Tell = Arc<dyn Fn(String) + Send + Sync>;

/// The limit of an attempt's set-up, all fixtures together.
#[derive(Clone, Copy)]
pub(crate) struct SetUpLimit {
    pub started: Instant,
    pub limit: Duration,
}

impl SetUpLimit {
    /// Ends when it is over, and `more` after that.
    pub async fn over(self, more: Duration) {
        crate::limit::over((self.limit + more).saturating_sub(self.started.elapsed())).await;
    }
}

impl Store {
    /// Adds users of keys; called for the whole plan before anything runs.
    pub fn expect(&self, keys: &[Key]) {
        let mut users = lock(&self.users);
        for key in keys {
            *users.entry(key.clone()).or_insert(0) += 1;
        }
    }

    /// What the fixtures of these keys have said of their folders and logs.
    pub fn traces(&self, keys: Option<&[Key]>) -> Vec<Arc<Mutex<Traces>>> {
        lock(&self.slots)
            .iter()
            .filter(|(key, _)| keys.is_none_or(|k| k.contains(key)))
            .map(|(_, slot)| slot.traces.clone())
            .collect()
    }

    /// One user of each key is done; takes down what nobody else uses.
    pub async fn release(&self, keys: &[Key], limit: Duration) -> Torn {
        let mut free = vec![];
        {
            let mut users = lock(&self.users);
            for key in keys {
                let Some(count) = users.get_mut(key) else {
                    continue;
                };
                *count -= 1;
                if *count == 0 {
                    users.remove(key);
                    free.extend(lock(&self.slots).remove(key));
                }
            }
        }
        tear_down(free, limit).await
    }

    /// Takes out those of these keys whose values could not be made, so that whoever asks next makes them anew. Their users stay.
    pub fn take_failed(&self, keys: &[Key]) -> Vec<Arc<Slot>> {
        let mut slots = lock(&self.slots);
        let failed = |slot: &Arc<Slot>| matches!(slot.value.get(), Some(Err(_)));
        let these = keys
            .iter()
            .filter(|key| slots.get(*key).is_some_and(failed));
        let these: Vec<&Key> = these.collect();
        these
            .into_iter()
            .filter_map(|key| slots.remove(key))
            .collect()
    }

    /// Whether there is nothing to take down.
    pub fn is_empty(&self) -> bool {
        lock(&self.slots).is_empty()
    }

    /// Takes down everything.
    pub async fn release_all(&self, limit: Duration) -> Torn {
        let all: Vec<Arc<Slot>> = lock(&self.slots).drain().map(|(_, s)| s).collect();
        tear_down(all, limit).await
    }

    /// Takes a value out that is no longer good; `false` if somebody else has.
    pub fn retire(&self, key: &Key, slot: &Arc<Slot>) -> bool {
        let mut slots = lock(&self.slots);
        let there = slots.get(key).is_some_and(|s| Arc::ptr_eq(s, slot));
        if there {
            slots.remove(key);
        }
        there
    }

    /// The number of the next value, in the order of their making.
    pub fn number(&self) -> usize {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    pub fn slot(&self, key: Key, entry: &'static FixtureEntry) -> Arc<Slot> {
        lock(&self.slots)
            .entry(key)
            .or_insert_with(|| {
                Arc::new(Slot {
                    value: tokio::sync::OnceCell::new(),
                    finalizers: Arc::default(),
                    traces: Arc::default(),
                    notes: Arc::default(),
                    order: AtomicUsize::new(usize::MAX),
                    name: entry.name,
                    made_of: OnceLock::new(),
                    check: Arc::default(),
                    last_user: Mutex::default(),
                })
            })
            .clone()
    }
}

/// Each finalizer that comes after one that used the limit up still gets this long: it may be the one that stops a server.
pub(crate) const LAST_CHANCE: Duration = Duration::from_secs(5);

/// What teardown has to say.
#[derive(Debug, Default)]
pub(crate) struct Torn {
    /// What went wrong: failures.
    pub errors: Vec<String>,
    /// What is worth saying.
    pub notes: Vec<String>,
}

impl Torn {
    pub fn failed(error: String) -> Torn {
        Torn {
            errors: vec![error],
            notes: vec![],
        }
    }

    pub fn and(mut self, other: Torn) -> Torn {
        self.errors.extend(other.errors);
        self.notes.extend(other.notes);
        self
    }
}

pub(crate) async fn tear_down(mut slots: Vec<Arc<Slot>>, limit: Duration) -> Torn {
    let started = Instant::now();
    slots.sort_by_key(|s| std::cmp::Reverse(s.order.load(Ordering::SeqCst)));
    let mut torn = Torn::default();
    let errors = &mut torn.errors;
    for slot in slots {
        loop {
            let Some(finalizer) = lock(&slot.finalizers).pop() else {
                break;
            };
            // A finalizer that panics while it is being made counts like one that panics while it runs.
            let outcome = tokio::select! {
                biased;
                outcome = guarded(async move { finalizer().await }) => Some(outcome),
                () = crate::limit::over(limit.saturating_sub(started.elapsed()).max(LAST_CHANCE.min(limit))) => None,
            };
            match outcome {
                Some(Ok(())) => {}
                Some(Err(e)) => {
                    errors.push(format!("teardown of `{}`: {}", slot.name, e.into_text()))
                }
                None => errors.push(format!(
                    "teardown of `{}` did not end within {}, and was given up",
                    slot.name,
                    seconds(limit)
                )),
            }
        }
        torn.notes.append(&mut lock(&slot.notes));
    }
    torn
}

/// How guarded code ended badly.
pub(crate) enum Bad {
    Error(Error),
    Panicked(String),
    Skipped(String),
}

impl Bad {
    pub fn into_text(self) -> String {
        match self {
            Bad::Error(e) => e.to_string(),
            Bad::Panicked(t) | Bad::Skipped(t) => t,
        }
    }
}

/// Runs a future of a fixture; a panic becomes an error that has the panic's place.
pub(crate) async fn guarded<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Bad> {
    let sink: Arc<Mutex<Vec<PanicRecord>>> = Arc::default();
    let mut future = std::pin::pin!(future);
    let caught = poll_with(
        std::future::poll_fn(|cx| {
            match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(std::task::Poll::Pending) => std::task::Poll::Pending,
                Ok(std::task::Poll::Ready(r)) => std::task::Poll::Ready(Ok(r)),
                Err(payload) => std::task::Poll::Ready(Err(payload)),
            }
        }),
        |poll| collecting(&sink, poll),
    )
    .await;
    match caught {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(e)) => Err(match e.skip.clone() {
            Some(Skip(reason)) => Bad::Skipped(reason),
            None => Bad::Error(e),
        }),
        Err(payload) => Err(match payload.downcast_ref::<Skip>() {
            Some(Skip(reason)) => Bad::Skipped(reason.clone()),
            None => match lock(&sink).pop() {
                Some(p) => Bad::Panicked(format!("panicked at {}: {}", p.place, p.message)),
                None => Bad::Panicked(format!("panicked: {}", payload_text(&*payload))),
            },
        }),
    }
}
