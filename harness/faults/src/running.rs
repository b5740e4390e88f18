//! A load that runs: it knows of every request what has come so far, and accounts for all of them at its end.
//!
//! Promise: a request is in the books before it is sent, and leaves them only with an ending; whoever injects a fault is called when a stream has
//! had its first event and has more to come. Rejected: to count answers afterwards: a request that was lost would not be missed.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tribunal_client::ModelClient;

use crate::backstage::Backstage;
use crate::load::Load;
use crate::seen::{Accounts, Role, Seen};
use crate::timeline::Timeline;

/// How long a request that is no stream must have been under way to count as begun.
const BEGUN: Duration = Duration::from_millis(50);
/// How long the others are waited for once one has begun.
const FOR_THE_OTHERS: Duration = Duration::from_millis(300);

/// A load that is being sent. Dropped, it sends no more, and what is under way is given up.
#[derive(Debug)]
pub struct Running {
    shared: Arc<Shared>,
    // Last: what it drops uses what stands above.
    backstage: Backstage,
}

/// A request that is under way.
#[derive(Clone, Debug, PartialEq)]
pub struct InFlight {
    /// Its token.
    pub token: String,
    /// Its number, the first being 1.
    pub number: u32,
    /// Whether it asked for a stream.
    pub stream: bool,
    /// When it was sent.
    pub sent: Duration,
    /// Events that have come.
    pub events: u32,
    /// The id of its answer, where one has come.
    pub id: Option<String>,
    /// The tokens that it asked for, where it asked for exactly so many.
    pub asked: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) model: ModelClient,
    pub(crate) timeline: Timeline,
    pub(crate) family: String,
    pub(crate) books: Mutex<Books>,
    pub(crate) changed: Notify,
    pub(crate) stopped: AtomicBool,
    pub(crate) stop: Notify,
}

#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) pages: Vec<Page>,
    /// Loads that have not sent everything yet.
    pub(crate) senders: u32,
    pub(crate) over: u32,
}

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) seen: Seen,
    pub(crate) over: bool,
    pub(crate) id: Option<String>,
}

impl Running {
    /// Begins to send.
    ///
    /// # Errors
    /// In words: where no threads can be made.
    pub fn start(load: Load, model: &ModelClient, timeline: &Timeline) -> Result<Self, String> {
        let running = Self::idle(model, timeline)?;
        running.send(load);
        Ok(running)
    }

    /// Sends nothing yet.
    ///
    /// # Errors
    /// In words: where no threads can be made.
    pub fn idle(model: &ModelClient, timeline: &Timeline) -> Result<Self, String> {
        let run = RandomState::new().hash_one(timeline.since_start()) as u32;
        Ok(Self {
            shared: Arc::new(Shared {
                model: model.clone(),
                timeline: timeline.clone(),
                family: format!("t{run:08x}-"),
                books: Mutex::default(),
                changed: Notify::new(),
                stopped: AtomicBool::new(false),
                stop: Notify::new(),
            }),
            backstage: Backstage::new()?,
        })
    }

    /// Sends this as well from now on.
    pub fn send(&self, load: Load) {
        self.shared.books().senders += 1;
        let shared = self.shared.clone();
        self.backstage.spawn(async move {
            shared.run(load).await;
            shared.books().senders -= 1;
            shared.changed.notify_waiters();
        });
    }

    /// Waits until a stream has had its first event and has more to come; where the load has no stream, until a request is under way that has
    /// been so for a moment. For a moment longer it waits for as many as are `wanted`. All that are so far come back, those with most to come
    /// first.
    ///
    /// # Errors
    /// In words: where that does not happen within this time.
    pub async fn in_flight_within(
        &self,
        stream: bool,
        wanted: usize,
        within: Duration,
    ) -> Result<Vec<InFlight>, String> {
        let deadline = Instant::now() + within;
        let mut first = None;
        loop {
            let changed = self.shared.changed.notified();
            let now = self.shared.timeline.since_start();
            let begun = |one: &InFlight| match stream {
                // At least half of it is still to come, where its length is known.
                true => {
                    one.stream
                        && one.events > 0
                        && one
                            .asked
                            .is_none_or(|asked| u64::from(one.events) * 2 < asked)
                }
                false => now.saturating_sub(one.sent) >= BEGUN,
            };
            let mut found = self.in_flight();
            found.retain(begun);
            // Not all of them need be: a server may have fewer slots than there are requests.
            let patience = *first.get_or_insert_with(Instant::now) + FOR_THE_OTHERS;
            if found.is_empty() {
                first = None;
            } else if found.len() >= wanted
                || found.iter().any(is_getting_on)
                || Instant::now() >= patience
            {
                found.sort_by_key(|one| one.events);
                return Ok(found);
            }
            if Instant::now() >= deadline {
                return Err(self.why_none_in_flight(stream, within));
            }
            // Woken by every event; the pause is for requests without any.
            let _ = tokio::time::timeout(BEGUN / 5, changed).await;
        }
    }

    fn why_none_in_flight(&self, stream: bool, within: Duration) -> String {
        let what = if stream {
            "no stream had its first event and more than half to come"
        } else {
            "no request was under way"
        };
        let (requests, _) = self.seen();
        let last = requests.last().map_or_else(
            || "none was over".to_owned(),
            |seen| format!("the last that was over: {}", seen.ended_how()),
        );
        format!(
            "{what} within {:.1} s; {} requests were over, {last}; ask for more tokens, or send more often",
            within.as_secs_f64(),
            requests.len()
        )
    }

    /// Every request that is under way now.
    pub fn in_flight(&self) -> Vec<InFlight> {
        let books = self.shared.books();
        books
            .pages
            .iter()
            .filter(|page| !page.over)
            .map(|page| InFlight {
                token: page.seen.token.clone(),
                number: page.seen.number,
                stream: page.seen.stream,
                sent: page.seen.sent,
                events: page.seen.events,
                id: page.id.clone(),
                asked: page.seen.asked,
            })
            .collect()
    }

    /// Counts this request as something else: a neighbour, once it is known that another worker serves it. `false`: there is no such request.
    pub fn mark(&self, token: &str, role: Role) -> bool {
        let mut books = self.shared.books();
        let page = books.pages.iter_mut().find(|page| page.seen.token == token);
        page.map(|page| page.seen.role = role).is_some()
    }

    /// Every request that is over, and how many were sent.
    pub fn seen(&self) -> (Vec<Seen>, u32) {
        let books = self.shared.books();
        let over = books.pages.iter().filter(|page| page.over);
        let sent = u32::try_from(books.pages.len()).unwrap_or(u32::MAX);
        (over.map(|page| page.seen.clone()).collect(), sent)
    }

    /// Sends no more. What is under way goes on.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.stop.notify_waiters();
    }

    /// Waits until everything that was to be sent has been, and is over.
    pub(crate) async fn all_over(&self) {
        loop {
            let changed = self.shared.changed.notified();
            {
                let books = self.shared.books();
                if books.senders == 0 && books.over as usize == books.pages.len() {
                    return;
                }
            }
            let _ = tokio::time::timeout(BEGUN, changed).await;
        }
    }

    /// Sends no more, waits until everything is over (each request has its limit), and gives the books.
    pub async fn finish(self) -> (Vec<Seen>, Accounts) {
        self.stop();
        self.all_over().await;
        let (requests, sent) = self.seen();
        let accounts = Accounts::of(sent, requests.iter());
        (requests, accounts)
    }
}

/// Whether a stream has come so far that waiting for others might cost it.
fn is_getting_on(one: &InFlight) -> bool {
    one.asked
        .is_some_and(|asked| u64::from(one.events) * 4 >= asked)
}
