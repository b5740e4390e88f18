//! Two servers compared in turn, from a test.

use tribunal_runner::{Error, TestResult, inconclusive, regressed};
use tribunal_serving::Server;
use tribunal_soak::{Batch, BatchPlan, Comparison, PairPlan, Same, compare};
use tribunal_statistics::paired::Side;
use tribunal_traffic::{DataSet, Load, RequestOptions, Route};

use super::soaking::target;

/// What two servers are asked in turn: eight pairs of runs of 24 streamed requests, one after the other, unless it is told otherwise.
#[derive(Clone, Debug)]
pub struct InTurn {
    /// How they are compared.
    pub plan: PairPlan,
    /// The load of each run.
    pub load: Load,
    /// Where requests go.
    pub route: Route,
    /// What requests ask for besides their prompt.
    pub options: RequestOptions,
    /// What they are made of; each pair of runs has other requests of it.
    pub data: DataSet,
}

impl InTurn {
    /// Requests of this data set to this route.
    pub fn new(route: Route, data: DataSet) -> Self {
        Self {
            plan: PairPlan::default(),
            // A few requests before each run: the other server has had the caches of the processor.
            load: Load::count(24).at_most(1).warmups(2),
            route,
            options: RequestOptions::default(),
            data,
        }
    }

    /// Compares the second server with the first. Both run all the time; one works while the other waits.
    ///
    /// # Errors
    /// A server names no model, or a run could not be sent to its end.
    pub async fn compare(&self, base: &Server, new: &Server) -> Result<Comparison, Error> {
        let named = |server: &Server| {
            let model = server.model().map(str::to_owned);
            model.ok_or_else(|| Error::msg(format!("the server {} names no model", server.name())))
        };
        let (a, b) = (target(base, named(base)?)?, target(new, named(new)?)?);
        let mut batch = |side, plan: &mut BatchPlan| {
            let model = match side {
                Side::A => &a.model,
                Side::B => &b.model,
            };
            let source = self
                .data
                .source(self.route, model, plan.seed, &self.options);
            Ok(Batch {
                load: self.load.clone().seed(plan.seed),
                source: source.map_err(|error| error.to_string())?,
            })
        };
        let compared = compare(&a, &b, &self.plan, &mut batch).await;
        let compared = compared.map_err(Error::msg)?;
        tribunal_runner::log(format_args!(
            "{} as {}: {compared}",
            new.name(),
            base.name()
        ));
        Ok(compared)
    }
}

/// Ends the running test by what a comparison found: slower is a regression, faster is a note, and what failed fails it.
pub fn conclude_pair(compared: &Comparison) -> TestResult {
    if compared.failed != (0, 0) {
        return Err(Error::msg(format!("requests failed: {compared}")));
    }
    match compared.verdict {
        Same::Same => Ok(()),
        Same::Faster => {
            tribunal_runner::note(compared.to_string());
            Ok(())
        }
        Same::Slower => Err(regressed(compared.to_string()).into()),
        Same::Inconclusive => Err(inconclusive(compared.to_string()).into()),
    }
}
