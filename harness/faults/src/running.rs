//! A load that runs: it knows of every request what has come so far, and accounts for all of them at its end.
//!
//! Promise: a request is in the books before it is sent, and leaves them only with an ending; whoever injects a fault is called when a stream has
//! had its first event and has more to come. Rejected: to count answers afterwards: a request that was lost would not be missed.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tribunal_client::{ModelClient, Progress, Watcher};

use crate::backstage::Backstage;
use crate::ending::{Read, Sent};
use crate::load::{Arrival, GiveUp, Load};
use crate::seen::{Accounts, Ending, Role, Seen};
use crate::timeline::Timeline;

/// What [`Arrival::Always`] waits after a request that was not served, so that a dead server is not asked in a tight loop.
const AFTER_FAILURE: Duration = Duration::from_millis(50);
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
struct Shared {
    model: ModelClient,
    timeline: Timeline,
    family: String,
    books: Mutex<Books>,
    changed: Notify,
    stopped: AtomicBool,
    stop: Notify,
}

#[derive(Debug, Default)]
struct Books {
    pages: Vec<Page>,
    /// Loads that have not sent everything yet.
    senders: u32,
    over: u32,
}

#[derive(Debug)]
struct Page {
    seen: Seen,
    over: bool,
    id: Option<String>,
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
            } else if found.len() >= wanted || Instant::now() >= patience {
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

    /// Sends no more, waits until everything is over (each request has its limit), and gives the books.
    pub async fn finish(self) -> (Vec<Seen>, Accounts) {
        self.stop();
        loop {
            let changed = self.shared.changed.notified();
            {
                let books = self.shared.books();
                if books.senders == 0 && books.over as usize == books.pages.len() {
                    break;
                }
            }
            let _ = tokio::time::timeout(AFTER_FAILURE, changed).await;
        }
        let (requests, sent) = self.seen();
        let accounts = Accounts::of(sent, requests.iter());
        (requests, accounts)
    }
}

impl Shared {
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Sends a load until it is told to stop or has sent enough, and waits for the answers.
    async fn run(self: &Arc<Self>, load: Load) {
        let load = Arc::new(load);
        let most = load.most.unwrap_or(u32::MAX);
        let mut tasks = JoinSet::new();
        match load.arrival {
            Arrival::AtOnce(count) => {
                for number in 1..=count.min(most) {
                    let opened = self.open(&load, number);
                    tasks.spawn(self.clone().one(load.clone(), number, opened));
                }
            }
            Arrival::Rate(rate) => {
                let step = Duration::from_secs_f64(1.0 / rate);
                let begin = tokio::time::Instant::now();
                for number in 1..=most {
                    // From the schedule, so that a slow answer delays no request after it.
                    let at = begin + step.saturating_mul(number - 1);
                    tokio::select! {
                        biased;
                        () = self.told_to_stop() => break,
                        () = tokio::time::sleep_until(at) => {}
                    }
                    let opened = self.open(&load, number);
                    tasks.spawn(self.clone().one(load.clone(), number, opened));
                    while tasks.try_join_next().is_some() {}
                }
            }
            Arrival::Always(count) => {
                let next = Arc::new(std::sync::atomic::AtomicU32::new(0));
                for _ in 0..count {
                    let (shared, load, next) = (self.clone(), load.clone(), next.clone());
                    tasks.spawn(async move {
                        while !shared.is_stopped() {
                            let number = next.fetch_add(1, Ordering::Relaxed) + 1;
                            if number > most {
                                break;
                            }
                            let opened = shared.open(&load, number);
                            let served = shared.clone().one(load.clone(), number, opened).await;
                            if !served {
                                let pause = tokio::time::sleep(AFTER_FAILURE);
                                tokio::select! { () = pause => {}, () = shared.told_to_stop() => {} }
                            }
                        }
                        true
                    });
                }
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn told_to_stop(&self) {
        loop {
            let told = self.stop.notified();
            if self.is_stopped() {
                return;
            }
            // A stop between the question and the wait is seen at the latest then.
            let _ = tokio::time::timeout(AFTER_FAILURE, told).await;
        }
    }

    /// Sends one request and writes down what becomes of it; whether it was served.
    async fn one(
        self: Arc<Self>,
        load: Arc<Load>,
        number: u32,
        (place, token): (usize, String),
    ) -> bool {
        let (payload, _, give_up) = load.request(number);
        let enough = Arc::new(Notify::new());
        let watcher = self.watcher(place, give_up, enough.clone());
        let asked = payload.send(&self.model, &token, load.limit, watcher);
        let given_up = async {
            match give_up {
                Some(GiveUp::After(after)) => tokio::time::sleep(after).await,
                Some(GiveUp::Events(_)) => enough.notified().await,
                None => std::future::pending().await,
            }
        };
        let result = tokio::select! {
            result = asked => Some(result),
            () = given_up => None,
        };
        let ended = self.timeline.since_start();
        let mut books = self.books();
        let page = &mut books.pages[place];
        page.seen.ended = ended;
        match &result {
            Some(result) => {
                let sent = Sent {
                    kind: payload.kind(),
                    stream: payload.is_stream(),
                    token: &token,
                    family: &self.family,
                };
                let read = Read::of(sent, result);
                page.seen.ending = read.ending;
                page.seen.status = read.status.or(page.seen.status);
                page.seen.error = read.error;
                page.seen.answer = read.answer;
            }
            None => page.seen.ending = Ending::Aborted,
        }
        page.over = true;
        let served = page.seen.ending == Ending::Whole;
        books.over += 1;
        drop(books);
        self.changed.notify_waiters();
        served
    }

    /// Opens the page of a request, which is sent next: on the sender's own task, so that the books are in its order.
    fn open(&self, load: &Load, number: u32) -> (usize, String) {
        let (payload, role, _) = load.request(number);
        let mut books = self.books();
        let place = books.pages.len();
        let number = u32::try_from(place + 1).unwrap_or(u32::MAX);
        let token = format!("{}{number:06}", self.family);
        let sent = self.timeline.since_start();
        books.pages.push(Page {
            seen: Seen {
                number,
                token: token.clone(),
                role,
                payload: payload.to_string(),
                audio: payload.is_audio(),
                stream: payload.is_stream(),
                alike: payload.is_alike(),
                asked: payload.asked(),
                sent,
                headers: None,
                first_event: None,
                events: 0,
                ended: sent,
                ending: Ending::Other("it was never over".into()),
                status: None,
                error: None,
                answer: Default::default(),
            },
            over: false,
            id: None,
        });
        (place, token)
    }

    fn watcher(
        self: &Arc<Self>,
        place: usize,
        give_up: Option<GiveUp>,
        enough: Arc<Notify>,
    ) -> Watcher {
        let shared = self.clone();
        Watcher::new(move |_, progress| {
            let at = shared.timeline.since_start();
            let mut books = shared.books();
            let page = &mut books.pages[place];
            match progress {
                Progress::Headers(status) => {
                    page.seen.status = Some(status);
                    page.seen.headers = Some(at);
                }
                Progress::Event(data) => {
                    page.seen.events += 1;
                    let first = page.seen.first_event.is_none();
                    page.seen.first_event.get_or_insert(at);
                    if first {
                        page.id = id_of(data);
                    }
                    if let Some(GiveUp::Events(most)) = give_up
                        && page.seen.events >= most
                    {
                        enough.notify_one();
                    }
                }
                _ => return,
            }
            drop(books);
            shared.changed.notify_waiters();
        })
    }
}

fn id_of(data: &str) -> Option<String> {
    let event: serde_json::Value = serde_json::from_str(data).ok()?;
    event["id"].as_str().map(crate::seen::short)
}
