//! What came of an experiment: judgements, figures, and everything they rest on.
//!
//! Promise: the text is short enough for a failing test's message and has the timeline in it; the file has every request and every look, so that a
//! judgement can be made again from it.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::judgement::{Judgement, time};
use crate::observed::Observed;
use crate::seen::{Account, Accounts};
use crate::timeline::Entry;

/// The file in the evidence.
const FILE: &str = "faults.json";

/// What came of an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The fault, in words.
    pub fault: String,
    /// The name of the server.
    pub server: String,
    /// The figures.
    pub figures: Figures,
    /// What each oracle said.
    pub judgements: Vec<Judgement>,
    /// What was done and when.
    pub timeline: Vec<Entry>,
    /// What it rests on.
    pub observed: Observed,
}

/// The figures of an experiment. Times are seconds on the timeline; what did not happen, or was not looked at, is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// When the fault was injected.
    pub t_inject: Option<f64>,
    /// When the first request had failed.
    pub t_first_error: Option<f64>,
    /// When the health route told.
    pub t_detected: Option<f64>,
    /// When the fault was taken back; where nothing can take it back, when it had been looked at long enough.
    pub t_undone: Option<f64>,
    /// When everything worked again.
    pub t_recovered: Option<f64>,
    /// From the first failure to the last, in seconds.
    pub error_window: Option<f64>,
    /// Requests served for each second before the injection.
    pub goodput_before: Option<f64>,
    /// From the injection until it worked again (or until the fault was taken back, where nobody asked).
    pub goodput_during: Option<f64>,
    /// From then on.
    pub goodput_after: Option<f64>,
    /// The accounts.
    pub accounts: Accounts,
}

impl Figures {
    fn of(observed: &Observed) -> Self {
        let seconds = |at: Option<Duration>| at.map(|at| at.as_secs_f64());
        let window = observed.error_window();
        let again = observed.recovered().or(observed.undone);
        Self {
            t_inject: seconds(observed.injected),
            t_first_error: seconds(observed.first_error()),
            t_detected: seconds(observed.detected()),
            t_undone: seconds(observed.undone),
            t_recovered: seconds(observed.recovered()),
            error_window: window.map(|(from, to)| (to - from).as_secs_f64()),
            goodput_before: goodput(observed, None, observed.injected),
            goodput_during: goodput(observed, observed.injected, again),
            goodput_after: goodput(observed, again, None),
            accounts: observed.accounts,
        }
    }
}

/// Requests served for each second between two moments; `None`: from the first request, to the last.
fn goodput(observed: &Observed, from: Option<Duration>, to: Option<Duration>) -> Option<f64> {
    let from = from.or_else(|| observed.requests.iter().map(|seen| seen.sent).min())?;
    let to = to.or_else(|| observed.requests.iter().map(|seen| seen.ended).max())?;
    let length = to.checked_sub(from).filter(|length| !length.is_zero())?;
    let served = observed
        .requests
        .iter()
        .filter(|seen| seen.account() == Account::Ok && seen.ended > from && seen.ended <= to)
        .count();
    Some(served as f64 / length.as_secs_f64())
}

impl Report {
    pub(crate) fn new(
        fault: String,
        server: &str,
        timeline: Vec<Entry>,
        judgements: Vec<Judgement>,
        observed: Observed,
    ) -> Self {
        Self {
            fault,
            server: server.to_owned(),
            figures: Figures::of(&observed),
            judgements,
            timeline,
            observed,
        }
    }

    /// Whether everything held; what was not made is no failure here, and stands in the report.
    ///
    /// # Errors
    /// Where an oracle was broken, with the whole story.
    pub fn held(&self) -> Result<(), Broken> {
        match self.judgements.iter().any(Judgement::is_broken) {
            true => Err(Broken(self.to_string())),
            false => Ok(()),
        }
    }

    /// The same, where every oracle had to be made as well.
    ///
    /// # Errors
    /// Where an oracle was broken or not made, with the whole story.
    pub fn held_all(&self) -> Result<(), Broken> {
        match self.judgements.iter().all(Judgement::is_made) {
            true => self.held(),
            false => Err(Broken(self.to_string())),
        }
    }

    /// The judgements that were broken.
    pub fn broken(&self) -> impl Iterator<Item = &Judgement> {
        self.judgements.iter().filter(|one| one.is_broken())
    }

    /// Writes `faults.json` into this folder; where there is one already, `faults-2.json` and so on.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let text = serde_json::to_vec_pretty(self)?;
        for number in 1_u32.. {
            let name = match number {
                1 => FILE.to_owned(),
                _ => format!("faults-{number}.json"),
            };
            let made = std::fs::File::create_new(folder.join(name));
            match made {
                Ok(mut file) => return io::Write::write_all(&mut file, &text),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Figures {
            t_inject,
            t_first_error,
            t_detected,
            t_undone,
            t_recovered,
            ..
        } = self.figures;
        writeln!(f, "`{}` on {}", self.fault, self.server)?;
        for judgement in &self.judgements {
            writeln!(f, "  {judgement}")?;
        }
        let after = |what: &str, at: Option<f64>, from: Option<f64>| match (at, from) {
            (Some(at), Some(from)) => {
                let after = Duration::try_from_secs_f64(at - from).unwrap_or_default();
                format!("{what} after {}", time(after))
            }
            _ => format!("{what}: unknown"),
        };
        writeln!(
            f,
            "  {}; {}; {} (from the undoing)",
            after("first error", t_first_error, t_inject),
            after("detected", t_detected, t_inject),
            after("recovered", t_recovered, t_undone)
        )?;
        writeln!(f, "  {}", self.figures.accounts)?;
        let rate = |rate: Option<f64>| rate.map_or("unknown".into(), |rate| format!("{rate:.1}"));
        writeln!(
            f,
            "  served each second: {} before, {} during, {} after",
            rate(self.figures.goodput_before),
            rate(self.figures.goodput_during),
            rate(self.figures.goodput_after)
        )?;
        for entry in &self.timeline {
            writeln!(f, "  {entry}")?;
        }
        Ok(())
    }
}

/// Oracles were broken; the text is the report.
#[derive(Clone, PartialEq, Eq)]
pub struct Broken(String);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.trim_end())
    }
}

impl fmt::Debug for Broken {
    /// The same text: `unwrap()` and `?` in a test print through here.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Broken {}
