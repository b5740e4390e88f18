//! Proxies between the processes of one deployment: a router and its workers, a stage and the next.
//!
//! Promise: the others are told the proxy's address and the process itself its own; each part that is meant has a proxy as soon as its server is started. Rejected: a deployment
//! file with the proxies as parts of their own: they would be processes that nobody can tell what to do.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tribunal_serving::PartAddress;

use crate::proxy::Proxy;

/// A proxy for each part that is meant.
///
/// ```
/// use tribunal_faults::Between;
/// use tribunal_serving::StartOptions;
///
/// let between = Between::new(["worker-*"]);
/// let options = StartOptions::new("target/evidence").part_address(between.part_address());
/// // After the start of a deployment with a part `worker-0`:
/// assert!(between.proxy("worker-0").is_none(), "nothing has been started here");
/// ```
#[derive(Debug, Clone)]
pub struct Between {
    meant: Vec<String>,
    seed: u64,
    proxies: Arc<Mutex<BTreeMap<String, Arc<Proxy>>>>,
}

impl Between {
    /// For these parts; `*` at the end of a name stands for anything. `server` is the process whose port answers.
    pub fn new(parts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            meant: parts.into_iter().map(Into::into).collect(),
            seed: 0,
            proxies: Arc::default(),
        }
    }

    /// By what the proxies draw.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The hook for the options of a start. A start that is made once more on other ports gets other proxies.
    pub fn part_address(&self) -> PartAddress {
        let this = self.clone();
        Arc::new(move |name, real| {
            if !this.means(name) {
                return Ok(real);
            }
            let proxy = Proxy::open(real, this.seed)
                .map_err(|error| format!("no proxy could be put before `{name}`: {error}"))?;
            let told = proxy.address();
            this.all().insert(name.to_owned(), Arc::new(proxy));
            Ok(told)
        })
    }

    /// The proxy before this part; `None` where none was started, or none is meant.
    pub fn proxy(&self, part: &str) -> Option<Arc<Proxy>> {
        self.all().get(part).cloned()
    }

    /// All of them, by the names of their parts.
    pub fn proxies(&self) -> Vec<(String, Arc<Proxy>)> {
        self.all()
            .iter()
            .map(|(n, p)| (n.clone(), p.clone()))
            .collect()
    }

    fn means(&self, name: &str) -> bool {
        self.meant
            .iter()
            .any(|meant| match meant.strip_suffix('*') {
                Some(start) => name.starts_with(start),
                None => meant == name,
            })
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Proxy>>> {
        self.proxies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_meant_by_name_or_beginning() {
        let between = Between::new(["worker-*", "store"]);
        let meant: Vec<&str> = [
            "worker-0",
            "worker-11",
            "workers",
            "store",
            "store-1",
            "server",
        ]
        .into_iter()
        .filter(|name| between.means(name))
        .collect();
        assert_eq!(meant, ["worker-0", "worker-11", "store"]);
        assert!(Between::new(["*"]).means("server"));
    }
}
