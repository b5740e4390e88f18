//! The value of a fixture for one case: made now, or taken from the store if it is still good.
//!
//! Promise: a value is made once for all its users, unless its fixture says that it broke ([`SetUp::on_reuse`]), or what it was made of was made
//! anew: then it is taken down and made again, and the case is told who had it last. What keeps breaking is a failure, not a loop.
//!
//! Rejected: looking after each user (the last one needs no look, and a case that merely hurts a server does not know whether anybody comes after it).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::attempt::lock;
use crate::fixture::{BoxFuture, FixtureEntry, Scope, SetUp, Stored};
use crate::stores::{Asker, Bad, Failure, NoValue, Slot, Stores, guarded, key, tear_down};

/// How often a value is made again for one case: once is usual, and a server that dies while it is handed over deserves another try.
const RENEWALS: usize = 2;

/// The value of a fixture: made now, or taken from the store.
pub(crate) fn resolve(
    entry: &'static FixtureEntry,
    asker: Asker,
    stores: Stores,
) -> BoxFuture<'static, Result<Stored, NoValue>> {
    Box::pin(async move {
        let key = key(entry, &asker);
        let store = match key.scope() {
            Scope::Test => stores.attempt.clone(),
            _ => stores.run.clone(),
        };
        let mut why = String::new();
        for _ in 0..=RENEWALS {
            let mut needs = Vec::with_capacity(entry.needs.len());
            for need in entry.needs {
                needs.push(resolve(need, asker.clone(), stores.clone()).await?);
            }
            let slot = store.slot(key.clone(), entry);
            let mine = AtomicBool::new(false);
            let made = slot
                .value
                .get_or_init(|| {
                    mine.store(true, Ordering::Relaxed);
                    make(entry, &asker, &stores, &slot, needs.clone(), store.number())
                })
                .await
                .clone();
            lock(&asker.notes).append(&mut lock(&slot.notes));
            if made.is_err() || mine.load(Ordering::Relaxed) || key.scope() == Scope::Test {
                *lock(&slot.last_user) = Some(asker.name.clone());
                return made;
            }
            match still_good(&slot, &needs, &stores).await {
                Ok(()) => {
                    *lock(&slot.last_user) = Some(asker.name.clone());
                    return made;
                }
                Err(reason) => why = reason,
            }
            if stores.cancel.is_cancelled() {
                return Err(NoValue::Cancelled);
            }
            // Of several cases that see it broken, one takes it down; the others wait for the new one.
            if store.retire(&key, &slot) {
                let after = lock(&slot.last_user).take().map_or(String::new(), |name| {
                    format!(" after `{name}`, which had it last")
                });
                let mut note = format!("`{}` was made anew: {why}{after}", entry.name);
                let torn = tear_down(vec![slot], stores.limit.limit).await;
                for error in torn.errors.iter().chain(&torn.notes) {
                    note.push('\n');
                    note.push_str(error);
                }
                lock(&asker.notes).push(note);
            }
        }
        let text = format!("made anew {RENEWALS} times and broken each time: {why}");
        Err(NoValue::Failed(Failure::new(entry, text, None)))
    })
}

/// Whether a value that somebody has used can be handed on.
async fn still_good(slot: &Slot, needs: &[Stored], stores: &Stores) -> Result<(), String> {
    let same = |old: &Vec<Stored>| old.iter().zip(needs).all(|(a, b)| Arc::ptr_eq(a, b));
    if !slot.made_of.get().is_none_or(same) {
        return Err("what it was made of was made anew".into());
    }
    let Some(check) = lock(&slot.check).clone() else {
        return Ok(());
    };
    tokio::select! {
        biased;
        checked = guarded(async move { check().await }) => checked.map_err(Bad::into_text),
        () = stores.limit.over(Duration::ZERO) => Err("it did not say in time whether it is still good".into()),
        // Whoever waits for it sees by himself that the run is being stopped.
        () = stores.cancel.cancelled() => Err("the run is being stopped".into()),
    }
}

async fn make(
    entry: &'static FixtureEntry,
    asker: &Asker,
    stores: &Stores,
    slot: &Slot,
    values: Vec<Stored>,
    number: usize,
) -> Result<Stored, NoValue> {
    if stores.cancel.is_cancelled() {
        return Err(NoValue::Cancelled);
    }
    slot.order.store(number, Ordering::SeqCst);
    let _ = slot.made_of.set(values.clone());
    let set_up = SetUp {
        values,
        params: asker.params.clone(),
        finalizers: slot.finalizers.clone(),
        check: slot.check.clone(),
        notes: slot.notes.clone(),
        tell: stores.tell.clone(),
        alone: key(entry, asker).scope() != entry.scope,
        entry,
        test: asker.name.clone(),
        level: asker.level_name.clone(),
        level_index: asker.level,
        traces: slot.traces.clone(),
        evidence: stores.evidence.clone(),
        writers: asker.writers.clone(),
        devices: asker.devices.clone(),
        #[cfg(target_os = "linux")]
        sampler: asker.sampler.clone(),
    };
    // The limit and the end of the run drop the future, so that its destructors run; what it registered for teardown stays registered.
    tokio::select! {
        biased;
        made = guarded(async move { (entry.set_up)(set_up).await }) => made.map_err(|e| match e {
            Bad::Skipped(reason) => {
                NoValue::Skipped(format!("fixture `{}`: {reason}", entry.name))
            }
            e => NoValue::Failed(Failure::new(entry, e.into_text(), None)),
        }),
        () = stores.limit.over(Duration::ZERO) => Err(NoValue::Failed(Failure::new(
            entry,
            " was still being made".into(),
            Some(stores.limit.limit),
        ))),
        () = stores.cancel.cancelled() => Err(NoValue::Cancelled),
    }
}
