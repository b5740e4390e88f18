//! Draws conversations from the source, a little ahead of when they are due.
//!
//! Promise: what a source costs is paid in a thread of its own and before a request is due, with bounded memory; numbers are given in the order
//! in which conversations are drawn. Rejected: drawing where requests are sent (a source that makes an image would make all others late).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::error::TrafficError;
use crate::load::Load;
use crate::prepared::Prepared;
use crate::request::{Body, Request, Source};
use crate::schedule::{self, Schedule};
use crate::stop::Stop;
use crate::target::Address;

/// As many conversations are drawn ahead.
pub(crate) const AHEAD: usize = 256;
/// As many KiB of their bodies.
const AHEAD_KIB: u32 = 64 << 10;

/// A conversation that is to be sent.
#[derive(Debug)]
pub(crate) struct Job {
    /// Number of its first request; the others follow.
    pub(crate) number: u64,
    pub(crate) conversation: u64,
    pub(crate) scheduled: u64,
    pub(crate) first: Prepared,
    /// Its other turns.
    pub(crate) rest: VecDeque<Request>,
    /// Room among what is drawn ahead; free once it is sent.
    pub(crate) room: Option<OwnedSemaphorePermit>,
}

/// A shard asks for the request of the next turn.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) next: Request,
    pub(crate) text: String,
    pub(crate) reply: oneshot::Sender<Prepared>,
}

pub(crate) struct Feeder {
    pub(crate) source: Box<dyn Source>,
    pub(crate) address: Arc<Address>,
    pub(crate) load: Arc<Load>,
    pub(crate) stop: Stop,
    pub(crate) asks: mpsc::UnboundedReceiver<Ask>,
    pub(crate) failed: Arc<Mutex<Option<TrafficError>>>,
}

impl Feeder {
    /// Until the jobs are all drawn, and nobody can ask for a turn any more.
    pub(crate) async fn run(mut self, warmups: mpsc::Sender<Job>, jobs: mpsc::Sender<Job>) {
        let drawn = self.draw_all(warmups, jobs).await;
        if let Err(error) = drawn {
            self.fail(error);
        }
        while let Some(ask) = self.asks.recv().await {
            self.answer(ask);
        }
    }

    fn fail(&self, error: TrafficError) {
        let mut failed = self
            .failed
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        failed.get_or_insert(error);
        self.stop.abort();
    }

    /// The request for a next turn. Where it cannot be made the run ends; the shard sees that no reply comes.
    fn answer(&mut self, ask: Ask) {
        let next = self.source.answered(ask.next, &ask.text);
        match Prepared::new(&next, &self.address) {
            Ok(next) => {
                // A shard that was aborted does not wait any more.
                let _ = ask.reply.send(next);
            }
            Err(error) => self.fail(error),
        }
    }

    async fn draw_all(
        &mut self,
        warmups: mpsc::Sender<Job>,
        jobs: mpsc::Sender<Job>,
    ) -> Result<(), TrafficError> {
        let room = Arc::new(Semaphore::new(AHEAD_KIB as usize));
        let mut spare = VecDeque::new();
        for _ in 0..self.load.warmups {
            let Some(conversation) = self.draw()? else {
                break;
            };
            let job = self.job(&conversation, 0, 0, 0, u64::MAX)?;
            spare.push_back(conversation);
            if !self.hand_over(job, &room, &warmups).await {
                return Ok(());
            }
        }
        drop(warmups);
        let most = schedule::count(self.load.until).unwrap_or(u64::MAX);
        let (mut number, mut conversation) = (0, 0);
        for scheduled in Schedule::new(&self.load) {
            if number >= most {
                break;
            }
            // A source that ends too soon gives what it gave to the warm-ups once more, last of all.
            let Some(turns) = self.draw()?.or_else(|| spare.pop_front()) else {
                break;
            };
            let job = self.job(&turns, number, conversation, scheduled, most - number)?;
            number += 1 + job.rest.len() as u64;
            conversation += 1;
            if !self.hand_over(job, &room, &jobs).await {
                break;
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> Result<Option<Vec<Request>>, TrafficError> {
        match self.source.next() {
            Some(turns) if turns.is_empty() => {
                let why = "the source gave a conversation without a turn";
                Err(TrafficError::Request(why.into()))
            }
            drawn => Ok(drawn),
        }
    }

    fn job(
        &self,
        turns: &[Request],
        number: u64,
        conversation: u64,
        scheduled: u64,
        most: u64,
    ) -> Result<Job, TrafficError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let first = Prepared::new(&turns[0], &self.address)?;
        Ok(Job {
            number,
            conversation,
            scheduled,
            first,
            rest: turns[1..].iter().take(most - 1).cloned().collect(),
            room: None,
        })
    }

    /// Waits for room; meanwhile turns that are asked for are given. `false`: nobody takes jobs any more.
    async fn hand_over(
        &mut self,
        mut job: Job,
        room: &Arc<Semaphore>,
        jobs: &mpsc::Sender<Job>,
    ) -> bool {
        let kib = job.rest.iter().map(size).sum::<usize>() + job.first.body.len();
        let kib = u32::try_from(kib / 1024)
            .unwrap_or(u32::MAX)
            .clamp(1, AHEAD_KIB);
        let stop = self.stop.clone();
        loop {
            let place = async {
                let held = room.clone().acquire_many_owned(kib).await.ok()?;
                let place = match jobs.try_reserve() {
                    // Filled up again once half of it is gone: a waking for each job would cost a plain request as much as its sending.
                    Err(TrySendError::Full(())) => {
                        jobs.reserve_many(AHEAD / 2).await.ok()?.next()?
                    }
                    place => place.ok()?,
                };
                Some((held, place))
            };
            tokio::select! {
                biased;
                () = stop.stopped() => return false,
                Some(ask) = self.asks.recv() => self.answer(ask),
                place = place => {
                    let Some((held, place)) = place else { return false };
                    job.room = Some(held);
                    place.send(job);
                    return true;
                }
            }
        }
    }
}

fn size(request: &Request) -> usize {
    match &request.body {
        Body::None => 0,
        Body::Json(body) | Body::Other(body, _) => body.len(),
    }
}
