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
use std::sync::{Arc, Mutex};

use crate::attempt::{lock, poll_with};
use crate::body::{Error, Skip};
use crate::fixture::{BoxFuture, Finalizer, FixtureEntry, Scope, SetUp, Sharing, Stored};
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
    Failed(String),
    Skipped(String),
}

struct Slot {
    value: tokio::sync::OnceCell<Result<Stored, NoValue>>,
    finalizers: Arc<Mutex<Vec<Finalizer>>>,
    order: AtomicUsize,
    name: &'static str,
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
}

impl Store {
    /// Adds users of keys; called for the whole plan before anything runs.
    pub fn expect(&self, keys: &[Key]) {
        let mut users = lock(&self.users);
        for key in keys {
            *users.entry(key.clone()).or_insert(0) += 1;
        }
    }

    /// One user of each key is done; takes down what nobody else uses.
    pub async fn release(&self, keys: &[Key]) -> Vec<String> {
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
        tear_down(free).await
    }

    /// Whether there is nothing to take down.
    pub fn is_empty(&self) -> bool {
        lock(&self.slots).is_empty()
    }

    /// Takes down everything.
    pub async fn release_all(&self) -> Vec<String> {
        let all: Vec<Arc<Slot>> = lock(&self.slots).drain().map(|(_, s)| s).collect();
        tear_down(all).await
    }

    fn slot(&self, key: Key, entry: &'static FixtureEntry) -> Arc<Slot> {
        lock(&self.slots)
            .entry(key)
            .or_insert_with(|| {
                Arc::new(Slot {
                    value: tokio::sync::OnceCell::new(),
                    finalizers: Arc::default(),
                    order: AtomicUsize::new(usize::MAX),
                    name: entry.name,
                })
            })
            .clone()
    }
}

async fn tear_down(mut slots: Vec<Arc<Slot>>) -> Vec<String> {
    slots.sort_by_key(|s| std::cmp::Reverse(s.order.load(Ordering::SeqCst)));
    let mut errors = vec![];
    for slot in slots {
        loop {
            let Some(finalizer) = lock(&slot.finalizers).pop() else {
                break;
            };
            // A finalizer that panics while it is being made counts like one that panics while it runs.
            let outcome = guarded(async move { finalizer().await }).await;
            if let Err(e) = outcome {
                errors.push(format!("teardown of `{}`: {}", slot.name, e.into_text()));
            }
        }
    }
    errors
}

/// How guarded code ended badly.
enum Bad {
    Error(Error),
    Panicked(String),
    Skipped(String),
}

impl Bad {
    fn into_text(self) -> String {
        match self {
            Bad::Error(e) => e.to_string(),
            Bad::Panicked(t) | Bad::Skipped(t) => t,
        }
    }
}

/// Runs a future of a fixture; a panic becomes an error that has the panic's place.
async fn guarded<T>(future: impl Future<Output = Result<T, Error>>) -> Result<T, Bad> {
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

/// The value of a fixture: made now, or taken from the store.
pub(crate) fn resolve(
    entry: &'static FixtureEntry,
    asker: Asker,
    stores: Stores,
) -> BoxFuture<'static, Result<Stored, NoValue>> {
    Box::pin(async move {
        let key = key(entry, &asker);
        let store = if key.scope == Scope::Test {
            stores.attempt.clone()
        } else {
            stores.run.clone()
        };
        let slot = store.slot(key, entry);
        let made = slot
            .value
            .get_or_init(|| async {
                let mut values = Vec::with_capacity(entry.needs.len());
                for need in entry.needs {
                    values.push(resolve(need, asker.clone(), stores.clone()).await?);
                }
                slot.order
                    .store(store.next.fetch_add(1, Ordering::SeqCst), Ordering::SeqCst);
                let set_up = SetUp {
                    values,
                    params: asker.params.clone(),
                    finalizers: slot.finalizers.clone(),
                    entry,
                    test: asker.name.clone(),
                    level: asker.level_name.clone(),
                    level_index: asker.level,
                };
                guarded(async move { (entry.set_up)(set_up).await })
                    .await
                    .map_err(|e| match e {
                        Bad::Skipped(reason) => {
                            NoValue::Skipped(format!("fixture `{}`: {reason}", entry.name))
                        }
                        e => NoValue::Failed(format!(
                            "fixture `{}` ({}): {}",
                            entry.name,
                            entry.place,
                            e.into_text()
                        )),
                    })
            })
            .await;
        made.clone()
    })
}
