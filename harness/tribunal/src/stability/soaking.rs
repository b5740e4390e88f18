//! The fixture of soak tests.

use std::sync::Arc;
use std::time::Duration;

use tribunal_hardware::LiveReader;
use tribunal_runner::{Error, SetUp, TestResult};
use tribunal_serving::Server;
use tribunal_soak::{Batch, BatchPlan, DriftLimits, Limits, Report, Soak, Watched};
use tribunal_traffic::{Arrivals, DataSet, Load, RequestOptions, Route, Target, Until};

use super::place;
use crate::fixture;
use crate::fixtures::{judged, server};

/// How long a soak lasts where nobody says anything.
const LASTS: Duration = Duration::from_secs(60);
/// The longest time that a request may take.
const REQUEST: Duration = Duration::from_secs(300);

/// A server that is put under load for long. A soak of 60 s with 5 requests a second, 20 in a batch, unless it is told otherwise; `--soak DURATION` lengthens it.
#[derive(Clone)]
pub struct Steady {
    server: Server,
    target: Target,
    case: String,
    tell: Arc<dyn Fn(String) + Send + Sync>,
    lasts: Duration,
    rate: Option<f64>,
    concurrency: Option<u32>,
    batch: u64,
    seed: u64,
    limits: Limits,
    drift: DriftLimits,
    sample_every: Duration,
    batch_limit: Duration,
    options: RequestOptions,
    fixed: bool,
}

/// Soaks the server of the case.
#[fixture]
pub fn steady(cx: &SetUp, server: &Server) -> Result<Steady, Error> {
    let model = judged(cx, server)?.model().to_owned();
    let tell = cx.awaiting();
    Steady::new(server, model, cx.asked_by().to_owned(), tell)
}

impl Steady {
    /// Soaks a server that the running test has started itself.
    ///
    /// # Errors
    /// No test runs, or the server names no model.
    pub fn of(server: &Server) -> Result<Self, Error> {
        let Some(test) = tribunal_runner::current_test() else {
            crate::fail!("no test runs on this thread, so a soak has no name");
        };
        let Some(model) = server.model() else {
            crate::fail!("the server {} names no model", server.name());
        };
        let tell = Arc::new(|text| tribunal_runner::log(format_args!("{text}")));
        Self::new(server, model.to_owned(), test.name, tell)
    }

    fn new(
        server: &Server,
        model: String,
        case: String,
        tell: Arc<dyn Fn(String) + Send + Sync>,
    ) -> Result<Self, Error> {
        Ok(Self {
            server: server.clone(),
            target: target(server, model)?,
            case,
            tell,
            lasts: LASTS,
            rate: Some(5.0),
            concurrency: None,
            batch: 20,
            seed: 0,
            limits: Limits::default(),
            drift: DriftLimits::default(),
            sample_every: Duration::from_secs(5),
            batch_limit: Duration::from_secs(600),
            options: RequestOptions::default(),
            fixed: false,
        })
    }

    /// How long it lasts where `--soak` says nothing.
    #[must_use]
    pub fn lasting(mut self, time: Duration) -> Self {
        self.lasts = time;
        self
    }

    /// It lasts so long whatever `--soak` says: what it shows is scaled to that time.
    #[must_use]
    pub fn exactly(mut self, time: Duration) -> Self {
        (self.lasts, self.fixed) = (time, true);
        self
    }

    /// So many requests for each second, whatever becomes of those before: the load in which a drift of latency shows.
    #[must_use]
    pub fn rate(mut self, per_second: f64) -> Self {
        (self.rate, self.concurrency) = (Some(per_second), None);
        self
    }

    /// So many requests under way at once, the next when one is answered.
    #[must_use]
    pub fn at_most(mut self, requests: u32) -> Self {
        (self.rate, self.concurrency) = (None, Some(requests));
        self
    }

    /// So many requests in a batch.
    #[must_use]
    pub fn batch(mut self, requests: u64) -> Self {
        self.batch = requests;
        self
    }

    /// The longest that a batch may take.
    #[must_use]
    pub fn batch_limit(mut self, time: Duration) -> Self {
        self.batch_limit = time;
        self
    }

    /// Of all that is drawn.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// What stops it early, and what fails it.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// From which slopes on something drifts.
    #[must_use]
    pub fn drift(mut self, limits: DriftLimits) -> Self {
        self.drift = limits;
        self
    }

    /// How often the server is looked at.
    #[must_use]
    pub fn sample_every(mut self, time: Duration) -> Self {
        self.sample_every = time;
        self
    }

    /// What requests ask for besides their prompt.
    #[must_use]
    pub fn options(mut self, options: RequestOptions) -> Self {
        self.options = options;
        self
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Where load is sent.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Soaks one route with a data set that is made for each batch, and ends the test by what was found.
    pub async fn soak(
        self,
        route: Route,
        data: impl FnMut(&mut BatchPlan) -> DataSet,
    ) -> TestResult {
        conclude(&self.report(route, data).await?)
    }

    /// The same, but says what was found.
    pub async fn report(
        self,
        route: Route,
        mut data: impl FnMut(&mut BatchPlan) -> DataSet,
    ) -> Result<Report, Error> {
        let (arrivals, concurrency) = match self.rate {
            Some(rate) => (Arrivals::Constant { rate }, None),
            None => (Arrivals::AtOnce, self.concurrency),
        };
        let options = self.voiced(route, self.options.clone());
        let model = self.target.model.clone();
        let requests = self.batch;
        let make = move |plan: &mut BatchPlan| {
            let mut load = Load::new(arrivals.clone(), Until::Count(requests)).seed(plan.seed);
            load.concurrency = concurrency;
            load.total_limit = REQUEST;
            let source = data(plan).source(route, &model, plan.seed, &options);
            let source = source.map_err(|error| error.to_string())?;
            Ok(Batch { load, source })
        };
        self.batches(make).await
    }

    /// Lets a voice of the deployment speak, where the requests name none.
    pub(super) fn voiced(&self, route: Route, mut options: RequestOptions) -> RequestOptions {
        let fields = &mut options.extra_body;
        if route == Route::Speech
            && !fields.contains_key("voice")
            && let Some(voice) = crate::voices_of(&self.server).into_iter().next()
        {
            fields.insert("voice".to_owned(), voice.into());
        }
        options
    }

    /// Soaks with batches that the test makes itself.
    pub async fn batches(
        self,
        mut make: impl FnMut(&mut BatchPlan) -> Result<Batch, String>,
    ) -> Result<Report, Error> {
        let asked = crate::soak();
        let lasts = asked.duration.filter(|_| !self.fixed).unwrap_or(self.lasts);
        let placed = place::journal(&self.case, asked.resume && !self.fixed);
        let (path, goes_on) = placed.map_err(|e| Error::msg(format!("no journal: {e}")))?;
        let mut soak = Soak::new(&self.case, &path, lasts)
            .seed(self.seed)
            .limits(self.limits)
            .drift(self.drift)
            .sample_every(self.sample_every)
            .batch_limit(self.batch_limit)
            .tell_every((lasts / 120).clamp(Duration::from_secs(15), Duration::from_secs(300)));
        if self.rate.is_none() {
            soak = soak.closed_loop();
        }
        if goes_on {
            tribunal_runner::note(format!("goes on with {}", path.display()));
            soak = soak.resume();
        }
        let subject = Watched::new(&self.server, LiveReader::system()).map_err(Error::of)?;
        let mut tell =
            |progress: &tribunal_soak::Progress| (self.tell)(format!("{}: {progress}", self.case));
        let report = soak.run(&mut make, &self.target, &subject, &mut tell).await;
        let report = report.map_err(Error::of)?;
        tribunal_runner::log(format_args!("journal: {}\n{report}", path.display()));
        if let Err(why) = place::curves(&path, &self.case) {
            tribunal_runner::note(format!("reports will not have its curves: {why}"));
        }
        Ok(report)
    }
}

/// Where load for a server goes.
pub(super) fn target(server: &Server, model: String) -> Result<Target, Error> {
    let target = Target::new(server.base_url(), model);
    let Some(name) = server.key_env() else {
        return Ok(target);
    };
    match std::env::var(name) {
        Ok(key) => Ok(target.key(key)),
        Err(_) => crate::fail!("the key of the server is to be in {name}, which is not set"),
    }
}

/// Ends the running test by what was found: what fails a soak fails it; what is only worth a look, or was too short to be judged, is a note.
pub fn conclude(report: &Report) -> TestResult {
    let failures = report.failures();
    let mut short = Vec::new();
    for remark in report.remarks() {
        match remark.split_once(": insufficient ") {
            Some((signal, why)) => short.push((signal.to_owned(), why.to_owned())),
            None => tribunal_runner::note(remark),
        }
    }
    if let Some((_, why)) = short.first() {
        let signals: Vec<&str> = short.iter().map(|(signal, _)| signal.as_str()).collect();
        tribunal_runner::note(format!(
            "drift was not judged {why}: {}",
            signals.join(", ")
        ));
    }
    match failures.is_empty() {
        true => Ok(()),
        false => Err(Error::msg(failures.join("\n"))),
    }
}
