//! The sending of a load: when each request goes out, and what is written down of it.
//!
//! Promise: a request has its page before it is sent and its ending when it is over, whichever way it goes; pages are in the order of sending.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use tribunal_client::{Progress, Watcher};

use crate::ending::{Read, Sent};
use crate::load::{Arrival, GiveUp, Load};
use crate::running::{Books, Page, Shared};
use crate::seen::{Ending, Seen};

/// What [`Arrival::Always`] waits after a request that was not served, so that a dead server is not asked in a tight loop.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

impl Shared {
    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Sends a load until it is told to stop or has sent enough, and waits for the answers.
    pub(crate) async fn run(self: &Arc<Self>, load: Load) {
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
                let next = Arc::new(AtomicU32::new(0));
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
