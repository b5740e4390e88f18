//! How the devices of a grant reach a server: variables, its own limit of memory, and the lease in the hands of its keeper.
//!
//! Promise: the lease lives as long as the keeper of the server, however this process ends. Rejected: putting the variables into the
//! deployment before it is shared (processes that share a server would not agree on which it is).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tribunal_deploy::{MemoryLimit, Recipe};
use tribunal_runner::{Devices, Grant};
use tribunal_serving::{Deployment, Prepare, Prepared};

/// What is known of the devices of a start.
#[derive(Clone, Default)]
pub(crate) struct Given {
    grant: Arc<Mutex<Option<Arc<Grant>>>>,
}

impl Given {
    fn clear(&self) {
        *self.grant.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What the server was given, once it was started by this process.
    pub fn grant(&self) -> Option<Arc<Grant>> {
        let grant = self.grant.lock().unwrap_or_else(PoisonError::into_inner);
        grant.clone()
    }
}

/// True once it is dropped: nobody waits any more.
struct Stop(Arc<AtomicBool>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// What is done to a deployment before its processes start; `None`: nothing.
pub(crate) fn prepare(
    devices: Devices,
    recipe: Option<&Recipe>,
    limited: bool,
    tell: Arc<dyn Fn(String) + Send + Sync>,
) -> Option<(Prepare, Given)> {
    if matches!(devices, Devices::None) {
        return None;
    }
    let given = Given::default();
    let (into, recipe) = (given.clone(), recipe.cloned());
    let prepare: Prepare = Arc::new(move |deployment: Deployment| {
        let (devices, into, recipe) = (devices.clone(), into.clone(), recipe.clone());
        let tell = tell.clone();
        Box::pin(async move {
            let grant = match devices {
                Devices::None => {
                    return Ok(Prepared {
                        deployment,
                        held: vec![],
                    });
                }
                Devices::Granted(grant) => grant,
                #[cfg(target_os = "linux")]
                Devices::OnStart(placing) => {
                    // A start that failed a moment ago holds nothing any more; else this one would wait for it.
                    into.clear();
                    let stop = Arc::new(AtomicBool::new(false));
                    let _stop = Stop(stop.clone());
                    let taken = tokio::task::spawn_blocking(move || {
                        placing.take(&|text| tell(text), &|| stop.load(Ordering::SeqCst))
                    });
                    Arc::new(taken.await.map_err(|e| e.to_string())??)
                }
            };
            let deployment = with(deployment, &grant, recipe.as_ref().filter(|_| !limited));
            #[cfg(target_os = "linux")]
            let held = grant.descriptor().map_err(|e| format!("its lease: {e}"))?;
            #[cfg(not(target_os = "linux"))]
            let held: Option<std::os::fd::OwnedFd> = None;
            *into.grant.lock().unwrap_or_else(PoisonError::into_inner) = Some(grant);
            Ok(Prepared {
                deployment,
                held: held.into_iter().collect(),
            })
        })
    });
    Some((prepare, given))
}

/// A deployment that sees the devices of a grant, and keeps to its share of them where its file says how.
pub(crate) fn with(deployment: Deployment, grant: &Grant, recipe: Option<&Recipe>) -> Deployment {
    let deployment = deployment.env_of_all(&grant.variables());
    let devices = grant.devices().iter();
    // The tightest of them: an engine has one figure for all.
    let shares = devices.filter_map(|d| Some((d.amount?, d.total?)));
    let tightest = shares.min_by(|(a, of_a), (b, of_b)| {
        let part = |amount: &u64, of: &u64| *amount as f64 / *of as f64;
        part(a, of_a).total_cmp(&part(b, of_b))
    });
    let (Some(recipe), Some((bytes, total))) = (recipe, tightest) else {
        return deployment;
    };
    let limit = MemoryLimit::Bytes { bytes, total };
    recipe
        .limited(deployment.clone(), &limit)
        .unwrap_or(deployment)
}
