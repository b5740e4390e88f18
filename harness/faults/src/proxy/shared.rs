//! What the proxy's owner, its accepting loop and its connections share.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::log::Log;
use super::rules::{Live, Rules};
use super::stats::{ProxyStats, ToxicId};
use super::toxic::{Toxic, ToxicRule};

/// How many rules that were removed are remembered.
const RULES: usize = 4_096;

/// The state of one proxy.
#[derive(Debug)]
pub(crate) struct Shared {
    pub seed: u64,
    pub started: Instant,
    pub server: Mutex<SocketAddr>,
    pub log: Mutex<Log>,
    /// Counts the strikes of all rules, for whoever waits for one.
    pub strikes: watch::Sender<u64>,
    /// Counts up when every connection is to be cut.
    pub cuts: watch::Sender<u64>,
    rules: watch::Sender<Rules>,
    book: Mutex<Book>,
    /// The version of the rules that the accepting loop acts by.
    acted: Mutex<u64>,
    acts: Condvar,
}

#[derive(Debug, Default)]
struct Book {
    /// Every rule that was ever added.
    all: Vec<Arc<Live>>,
    next: u64,
    version: u64,
}

/// A lock that outlives a panic: what is in it is a count at worst.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(server: SocketAddr, seed: u64) -> Self {
        Self {
            seed,
            started: Instant::now(),
            server: Mutex::new(server),
            log: Mutex::default(),
            strikes: watch::Sender::new(0),
            cuts: watch::Sender::new(0),
            rules: watch::Sender::default(),
            book: Mutex::default(),
            acted: Mutex::default(),
            acts: Condvar::new(),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Rules> {
        self.rules.subscribe()
    }

    pub(crate) fn add(&self, rule: ToxicRule) -> (ToxicId, u64) {
        let mut book = lock(&self.book);
        let id = ToxicId(book.next);
        book.next += 1;
        let sound = rule.mistake().is_none();
        let live = Arc::new(Live::new(id, rule));
        if book.all.len() == RULES {
            book.all.remove(0);
        }
        book.all.push(live.clone());
        let version = self.change(&mut book, |rules| {
            if sound {
                rules.push(live);
            }
        });
        (id, version)
    }

    /// When the rule struck first; the outer `None`: there was never such a rule.
    pub(crate) fn first_strike(&self, id: ToxicId) -> Option<Option<Duration>> {
        let book = lock(&self.book);
        let live = book.all.iter().find(|live| live.id == id)?;
        Some(live.first())
    }

    /// Removes the rules that are meant; whether there was one, and the version without them.
    pub(crate) fn remove(&self, meant: impl Fn(ToxicId) -> bool) -> (bool, u64) {
        let mut book = lock(&self.book);
        let there = self.rules.borrow().iter().any(|r| meant(r.id));
        (
            there,
            self.change(&mut book, |rules| rules.retain(|r| !meant(r.id))),
        )
    }

    fn change(&self, book: &mut Book, change: impl FnOnce(&mut Vec<Arc<Live>>)) -> u64 {
        self.rules.send_modify(|rules| {
            let mut next = rules.to_vec();
            change(&mut next);
            *rules = Arc::new(next);
        });
        book.version += 1;
        book.version
    }

    /// The version of the rules; what is read of them afterwards is at least as new.
    pub(crate) fn version(&self) -> u64 {
        lock(&self.book).version
    }

    pub(crate) fn acted(&self, version: u64) {
        *lock(&self.acted) = version;
        self.acts.notify_all();
    }

    /// Waits until the accepting loop acts by these rules, so that a connection that is opened afterwards meets them. The limit is for a loop that is gone.
    pub(crate) fn wait_until_acted(&self, version: u64) {
        let acted = lock(&self.acted);
        let limit = Duration::from_secs(5);
        let _ = self
            .acts
            .wait_timeout_while(acted, limit, |acted| *acted < version);
    }

    pub(crate) fn there(&self, id: ToxicId) -> bool {
        self.rules.borrow().iter().any(|r| r.id == id)
    }

    pub(crate) fn strike(&self, live: &Live) {
        live.strike(self.now());
        self.strikes.send_modify(|n| *n += 1);
    }

    /// The rule because of which nobody listens now.
    pub(crate) fn refusing(&self, now: Instant) -> Option<Arc<Live>> {
        let rules = self.rules.borrow();
        rules
            .iter()
            .find(|r| r.refuses_everybody() && r.holds(now))
            .cloned()
    }

    /// When that may change by itself.
    pub(crate) fn refusing_changes(&self, now: Instant) -> Option<Instant> {
        let rules = self.rules.borrow();
        let refusing = rules.iter().filter(|r| r.refuses_everybody());
        refusing.filter_map(|r| r.changes(now)).min()
    }

    /// The rule of this kind that holds for this new connection.
    pub(crate) fn at_accept(&self, toxic: &Toxic, connection: u64) -> Option<Arc<Live>> {
        let now = Instant::now();
        let rules = self.rules.borrow();
        let meant = |r: &&Arc<Live>| {
            r.rule.toxic == *toxic && r.holds(now) && r.selects(self.seed, connection)
        };
        rules.iter().find(meant).cloned()
    }

    pub(crate) fn stats(&self) -> ProxyStats {
        let mut stats = lock(&self.log).copy();
        let all = lock(&self.book).all.clone();
        stats.toxics = all
            .iter()
            .map(|live| live.stats(self.there(live.id)))
            .collect();
        stats
    }
}

impl Live {
    fn refuses_everybody(&self) -> bool {
        self.rule.toxic == Toxic::Refuse
            && self.rule.share >= 1.0
            && self.rule.connections.is_none()
    }
}
