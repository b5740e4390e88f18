//! One end of a case in an earlier run.

use tribunal_events::{Outcome, RunLog, Times};

/// One end of a case in an earlier run.
#[derive(Clone, Debug, PartialEq)]
pub struct Past {
    /// When, in milliseconds since the Unix epoch.
    pub at: f64,
    /// The name of the run.
    pub run: String,
    /// The case.
    pub case: String,
    /// How it ended, after all attempts.
    pub outcome: Outcome,
    /// The class of its failure.
    pub class: Option<String>,
    /// How many attempts it took.
    pub attempts: u32,
    /// How long the phases of the last one took.
    pub times: Times,
    /// What was checked out.
    pub commit: Option<String>,
    /// The branch.
    pub branch: Option<String>,
    /// The deployment that it ran against.
    pub deployment: Option<String>,
    /// The level at which it ran.
    pub level: Option<String>,
}

impl Past {
    /// What a run's log says of its cases: those that ran to an end or were kept from it. A case that was cut off has no end, and says nothing.
    pub fn of(run: &RunLog) -> Vec<Past> {
        let started = &run.started;
        run.cases
            .iter()
            .filter_map(|case| {
                let end = case.end()?;
                Some(Past {
                    at: end.at,
                    run: started.run.clone(),
                    case: case.line.name.clone(),
                    outcome: case.outcome(),
                    class: end.class.clone(),
                    attempts: u32::try_from(case.attempts.len()).unwrap_or(u32::MAX),
                    times: end.times,
                    commit: started.vcs.commit.clone(),
                    branch: started.vcs.branch.clone(),
                    deployment: case.line.deployment.clone(),
                    level: case.line.level.clone(),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tells_of_each_case_that_has_an_end() {
        let text = concat!(
            "{\"event\":\"run_started\",\"schema\":1,\"at\":1.0,\"run\":\"r\",\"vcs\":{\"commit\":\"c\"}}\n",
            "{\"event\":\"case\",\"case\":0,\"name\":\"a\"}\n",
            "{\"event\":\"case\",\"case\":1,\"name\":\"b\"}\n",
            "{\"event\":\"case\",\"case\":2,\"name\":\"c\"}\n",
            "{\"event\":\"case_started\",\"case\":0,\"attempt\":1}\n",
            "{\"event\":\"case_ended\",\"case\":0,\"attempt\":1,\"retried\":true,\"outcome\":\"failed\"}\n",
            "{\"event\":\"case_started\",\"case\":0,\"attempt\":2}\n",
            "{\"event\":\"case_ended\",\"case\":0,\"attempt\":2,\"outcome\":\"passed\",\"at\":9.0}\n",
            "{\"event\":\"case_ended\",\"case\":1,\"outcome\":\"skipped\"}\n",
            "{\"event\":\"case_started\",\"case\":2,\"attempt\":1}\n",
        );
        let run = RunLog::parse(text, "").expect("a log");
        let all = Past::of(&run);
        let told: Vec<_> = all
            .iter()
            .map(|p| (&*p.case, p.outcome, p.attempts))
            .collect();
        assert_eq!(told, [("a", Outcome::Flaky, 2), ("b", Outcome::Skipped, 0)]);
        assert_eq!((all[0].at, all[0].commit.as_deref()), (9.0, Some("c")));
    }
}
