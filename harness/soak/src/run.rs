//! The loop: batches until the time is over, samples and probes beside them.
//!
//! Promise: nothing that hangs holds it up: a batch, a look and a probe each have a limit; it ends at most one limit of a batch after its time. All that is
//! learnt is in the journal before anything is concluded from it. Rejected: a thread for each (one task that waits for whichever comes first has no
//! races, and can be played in simulated time).

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tribunal_traffic::Record;

use crate::batch::{BatchPlan, Batches, Traffic};
use crate::error::SoakError;
use crate::fold::{Fold, count};
use crate::guard::{Guard, StopReason};
use crate::journal::Journal;
use crate::line::{Begin, Counts, End, Identity, Incident, Interval, Line, Probe, Sample};
use crate::progress::{Progress, told};
use crate::report::Report;
use crate::soak::Soak;
use crate::subject::Subject;

/// The longest that a look or a probe is waited for.
const LOOK_LIMIT: Duration = Duration::from_secs(20);
/// After a batch of which nothing was answered the next one waits: a server that is gone refuses thousands of requests a second.
const REST: Duration = Duration::from_secs(1);

/// What the loops share. Never borrowed across a wait.
struct State<'a> {
    soak: &'a Soak,
    begun: Instant,
    done: Duration,
    journal: Journal,
    fold: Fold,
    /// When the current interval began.
    since: f64,
    guard: Guard,
    identity: Option<Identity>,
    progress: Progress,
    error: Option<SoakError>,
    /// Told when there is a reason to stop.
    stop: Rc<Notify>,
}

impl Soak {
    /// Runs it: asks `batches` for one batch after the other, sends them through `traffic`, looks at `subject` meanwhile, and says now and then how far it is.
    /// Needs a tokio runtime with time. Then the journal is judged.
    ///
    /// # Errors
    /// The journal cannot be made, written or read, or is of another soak. Whatever goes wrong with the server stands in the report.
    pub async fn run(
        &self,
        batches: &mut Batches<'_>,
        traffic: &dyn Traffic,
        subject: &dyn Subject,
        tell: &mut dyn FnMut(&Progress),
    ) -> Result<Report, SoakError> {
        if let Some(mistake) = self.mistake() {
            return Err(SoakError::Plan(mistake));
        }
        let earlier = self.earlier()?;
        let done = told(earlier.as_ref().map_or(0.0, |report| report.covered));
        if done < self.duration && earlier.as_ref().is_none_or(|report| !report.is_over()) {
            self.segment(earlier.as_ref(), done, batches, traffic, subject, tell)
                .await?;
        }
        Report::read(&self.path)
    }

    /// What the journal says that is to be gone on with.
    fn earlier(&self) -> Result<Option<Report>, SoakError> {
        if !self.resume || !self.path.exists() {
            return Ok(None);
        }
        let report = Report::read(&self.path)?;
        let Some(first) = report.begun.first() else {
            return Ok(None);
        };
        let differs = if first.name != self.name {
            Some(format!("it is of `{}`, not of `{}`", first.name, self.name))
        } else if first.seed != self.seed {
            Some(format!("its seed is {}, not {}", first.seed, self.seed))
        } else if first.closed_loop != self.closed_loop {
            Some("one is a closed loop and the other is not".to_owned())
        } else {
            None
        };
        match differs {
            None => Ok(Some(report)),
            Some(why) => Err(SoakError::Other {
                path: self.path.clone(),
                why,
            }),
        }
    }

    async fn segment(
        &self,
        earlier: Option<&Report>,
        done: Duration,
        batches: &mut Batches<'_>,
        traffic: &dyn Traffic,
        subject: &dyn Subject,
        tell: &mut dyn FnMut(&Progress),
    ) -> Result<(), SoakError> {
        let mut journal = match self.resume && self.path.exists() {
            true => Journal::append(&self.path)?,
            false => Journal::create(&self.path)?,
        };
        let segment = earlier.map_or(0, |report| report.begun.len());
        journal.write(&Line::Begin(Box::new(self.begin(segment, done))))?;
        let stop = Rc::new(Notify::new());
        let state = RefCell::new(State {
            soak: self,
            begun: Instant::now(),
            done,
            journal,
            fold: Fold::new(self.closed_loop),
            since: 0.0,
            guard: Guard::new(self.limits),
            identity: None,
            progress: Progress::default(),
            error: None,
            stop: Rc::clone(&stop),
        });
        let first = earlier.map_or(0, |report| report.next_batch);
        tokio::select! {
            biased;
            () = send(&state, first, batches, traffic) => {}
            () = look(&state, subject) => {}
            () = probe(&state, subject) => {}
            () = words(&state, tell) => {}
            () = stop.notified() => {}
        }
        let mut state = state.into_inner();
        state.close_interval();
        let (at, stopped) = (state.at(), state.guard.reason().cloned());
        state.write(Line::End(End { at, stopped }));
        match state.error {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn begin(&self, segment: usize, done: Duration) -> Begin {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        Begin {
            version: 1,
            harness: env!("CARGO_PKG_VERSION").to_owned(),
            name: self.name.clone(),
            segment: u32::try_from(segment).unwrap_or(u32::MAX),
            unix: unix.map_or(0.0, |time| time.as_secs_f64()),
            seed: self.seed,
            duration: self.duration.as_secs_f64(),
            done: done.as_secs_f64(),
            batch_limit: self.batch_limit.as_secs_f64(),
            sample_every: self.sample_every.as_secs_f64(),
            closed_loop: self.closed_loop,
            limits: self.limits,
            drift: self.drift,
        }
    }
}

impl State<'_> {
    /// Seconds since the segment began.
    fn at(&self) -> f64 {
        milliseconds(self.begun.elapsed().as_secs_f64())
    }

    fn left(&self) -> Duration {
        let elapsed = self.done.saturating_add(self.begun.elapsed());
        self.soak.duration.saturating_sub(elapsed)
    }

    fn write(&mut self, line: Line) {
        if self.error.is_none() {
            self.error = self.journal.write(&line).err();
        }
        if self.error.is_some() || self.guard.reason().is_some() {
            self.stop.notify_one();
        }
    }

    fn incident(&mut self, what: Incident) {
        self.guard.incident(&what);
        self.progress.incidents += 1;
        let at = self.at();
        self.write(Line::Incident { at, what });
    }

    /// Folds what has ended since the last time.
    fn close_interval(&mut self) {
        let at = self.at();
        let seconds = milliseconds(at - self.since);
        if seconds <= 0.0 {
            return;
        }
        self.since = at;
        let interval: Interval = self.fold.take(at, seconds);
        self.guard.interval(&interval);
        self.progress.counts.add(&interval.counts);
        self.progress.rate = Some(interval.counts.ok as f64 / seconds);
        self.progress.latency_ms = interval.latency_ms;
        self.write(Line::Traffic(interval));
    }

    fn sampled(&mut self, sample: Sample) {
        let (before, now) = (self.identity, sample.server);
        if let (Some(from), Some(to)) = (before, now)
            && from != to
        {
            self.incident(Incident::Restarted { from, to });
        }
        self.identity = now.or(before);
        self.progress.rss = sample.rss;
        self.guard.sample(&sample);
        self.write(Line::Sample(Box::new(sample)));
    }
}

/// Seconds to the millisecond: that is enough, and easier to read.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e3).round() / 1e3
}

async fn send(
    state: &RefCell<State<'_>>,
    first: u64,
    batches: &mut Batches<'_>,
    traffic: &dyn Traffic,
) {
    let (limit, seed) = {
        let state = state.borrow();
        (state.soak.batch_limit, state.soak.seed)
    };
    for number in first.. {
        let left = state.borrow().left();
        if left.is_zero() {
            return;
        }
        let mut plan = BatchPlan::new(seed, number, left);
        let batch = match batches(&mut plan) {
            Ok(batch) => batch,
            Err(why) => {
                state.borrow_mut().guard.stop(StopReason::Batches { why });
                return;
            }
        };
        let begun = Instant::now();
        {
            let mut state = state.borrow_mut();
            state.progress.batches += 1;
            let (at, seed, drawn) = (state.at(), plan.seed, plan.into_drawn());
            state.write(Line::Batch {
                at,
                number,
                seed,
                drawn,
            });
        }
        let mut counts = Counts::default();
        let mut sink = |record: Record| {
            count(&mut counts, &record);
            state.borrow_mut().fold.add(&record);
        };
        let sent = timeout(limit, traffic.send(batch, &mut sink)).await;
        let took = begun.elapsed();
        let seconds = milliseconds(took.as_secs_f64());
        let rest = counts.ok == 0 && took < REST;
        {
            let mut state = state.borrow_mut();
            let at = state.at();
            let mut invalid = Vec::new();
            match sent {
                Ok(Ok(why)) => invalid = why,
                Ok(Err(why)) => state.incident(Incident::NotSent { batch: number, why }),
                Err(_) => state.incident(Incident::Hung {
                    batch: number,
                    seconds,
                }),
            }
            state.write(Line::BatchEnd {
                at,
                number,
                seconds,
                counts,
                invalid,
            });
        }
        if rest {
            sleep(REST).await;
        }
    }
}

async fn look(state: &RefCell<State<'_>>, subject: &dyn Subject) {
    let every = state.borrow().soak.sample_every;
    let mut ticks = interval_at(Instant::now(), every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let looked = timeout(LOOK_LIMIT, subject.look()).await;
        let mut state = state.borrow_mut();
        state.close_interval();
        let silent = looked.is_err();
        let mut looked = looked.unwrap_or_default();
        looked.sample.at = state.at();
        if silent {
            let note = format!("nothing was seen within {} s", LOOK_LIMIT.as_secs());
            looked.sample.notes.push(note);
        }
        state.sampled(looked.sample);
        for incident in looked.incidents {
            state.incident(incident);
        }
    }
}

async fn probe(state: &RefCell<State<'_>>, subject: &dyn Subject) {
    let every = state.borrow().soak.probe_every;
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let asked = Instant::now();
        let answer = timeout(LOOK_LIMIT, subject.probe()).await;
        let silent = || Err(format!("no answer within {} s", LOOK_LIMIT.as_secs()));
        let wrong = answer.unwrap_or_else(|_| silent()).err();
        let mut state = state.borrow_mut();
        let probe = Probe {
            at: state.at(),
            seconds: milliseconds(asked.elapsed().as_secs_f64()),
            wrong,
        };
        state.guard.probe(&probe);
        state.write(Line::Probe(probe));
    }
}

async fn words(state: &RefCell<State<'_>>, tell: &mut dyn FnMut(&Progress)) {
    let every = state.borrow().soak.tell_every;
    loop {
        sleep(every).await;
        let progress = {
            let mut state = state.borrow_mut();
            state.progress.elapsed = state.done.saturating_add(state.begun.elapsed());
            state.progress.left = state.left();
            state.progress.clone()
        };
        tell(&progress);
    }
}
