//! Drives a search: asks for runs, shows what came of them, and reads the advice off the last.
//!
//! Promise: everything that runs or reads is behind [`Lab`], so that a whole session is tested without a process.

use std::io::Write;
use std::time::Duration;

use tribunal_profiler::text::{self, Heading, Style};
use tribunal_profiler::{
    Advice, Allowed, Kind, Measurement, Outcome, Probe, Profile, Scale, Search, Settings, Step,
    Trace, Tried,
};

use super::options::{By, ProfileOptions};
use super::sampler::Reading;

/// What is known of the test and the device before anything runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Subject<'a> {
    /// The model, where the test names one.
    pub(crate) model: Option<&'a str>,
    /// What the device is, where that is not plain.
    pub(crate) device: Option<&'a str>,
}

/// Where tests are run.
pub(crate) trait Lab {
    /// Runs the test once; `mean` is how long a run took up to now.
    fn run(&mut self, probe: &Probe, mean: Option<Duration>) -> Result<Run, String>;

    /// What is in use before anything runs.
    fn in_use(&mut self) -> Vec<Reading>;
}

/// One run.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub(crate) tried: Tried,
    pub(crate) profile: Profile,
    pub(crate) trace: Trace,
    pub(crate) body: Option<f64>,
    pub(crate) set_up: Option<f64>,
    /// The exit code of the run; `None`: it had none, or was stopped.
    pub(crate) code: Option<i32>,
}

impl Run {
    /// The code to hand on: that of the run, and never 0 where the test did not pass.
    fn code(&self) -> i32 {
        match self.code {
            Some(code) if code != 0 || self.tried.ended.passed() => code,
            _ => self.tried.ended.code(),
        }
    }
}

/// What came of it all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conclusion {
    /// The exit code.
    pub(crate) code: i32,
    /// What follows; `None`: nothing was found.
    pub(crate) measured: Option<Measure>,
    /// The samples of a single run.
    pub(crate) trace: Option<Trace>,
    /// Every run, in words, for the result.
    pub(crate) runs: Vec<(Allowed, Tried)>,
}

/// A measurement that was made.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    pub(crate) profile: Profile,
    pub(crate) wall: f64,
    pub(crate) body: Option<f64>,
    pub(crate) set_up: Option<f64>,
    /// The least it passed with, in words.
    pub(crate) least: Option<String>,
    pub(crate) advice: Advice,
}

/// The exit code where the test takes no notice of what it may use.
const IGNORED: i32 = 4;

/// Profiles; what is shown goes to `out`.
pub(crate) fn drive(
    o: &ProfileOptions,
    lab: &mut dyn Lab,
    subject: Subject<'_>,
    out: &mut dyn Write,
) -> Result<Conclusion, String> {
    match o.search {
        true => search(o, lab, subject, out),
        false => single(o, lab, subject, out),
    }
}

fn show(out: &mut dyn Write, text: &str) -> Result<(), String> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    // A reader that went away ends the work: a search takes long.
    written.map_err(|error| format!("the result cannot be written: {error}"))
}

fn search(
    o: &ProfileOptions,
    lab: &mut dyn Lab,
    subject: Subject<'_>,
    out: &mut dyn Write,
) -> Result<Conclusion, String> {
    let readings = lab.in_use();
    // Devices of several sizes: what fits the smallest fits all.
    let smallest = readings
        .iter()
        .filter(|r| r.total.is_some())
        .min_by_key(|r| r.total);
    let total = smallest.and_then(|reading| reading.total);
    let in_use = smallest.and_then(|reading| reading.of_all);
    let scale = match o.by {
        By::Fraction => Scale::Fraction {
            total: total.ok_or("the memory of the device is unknown: there is no share of it to give\nhelp: `--by kv-bytes` needs no total\n")?,
        },
        By::KvBytes => Scale::Bytes {
            free: total
                .zip(in_use)
                .map_or(0, |(total, used)| total.saturating_sub(used)),
        },
        By::KvTokens => Scale::Tokens,
    };
    let settings = Settings {
        repeats: o.repeats,
        limit: o.limit,
    };
    let mut search = Search::new(scale, settings);
    let mut runs: Vec<Run> = vec![];
    let outcome = loop {
        let probe = match search.step() {
            Step::Done(outcome) => break outcome,
            Step::Try(probe) => probe,
        };
        if runs.is_empty() {
            let heading = Heading {
                scale,
                total,
                in_use,
                test: &o.test,
                model: subject.model,
                device: subject.device,
            };
            show(out, &text::heading(&heading, &probe))?;
        }
        show(out, &text::probe(o.style, &probe, scale))?;
        let run = lab.run(&probe, search.mean())?;
        show(out, &text::ended(o.style, &probe, &run.tried, scale))?;
        search.record(run.tried.clone());
        runs.push(run);
    };
    show(out, &text::unresolved(o.style, &outcome))?;
    let mut conclusion = Conclusion {
        code: match &outcome {
            Outcome::Found(_) => 0,
            Outcome::Fails(ended) => runs.last().map_or(ended.code(), Run::code),
            Outcome::Ignored { .. } | Outcome::NoTokenCount => IGNORED,
        },
        runs: search.tried().to_vec(),
        ..Conclusion::default()
    };
    let Outcome::Found(found) = outcome else {
        return Ok(conclusion);
    };
    let profile = runs[found.run].profile.clone();
    let name = match o.style {
        Style::Rust => o.test.as_str(),
        Style::Pytest => o.test.rsplit("::").next().unwrap_or(&o.test),
    };
    show(
        out,
        &text::found(o.style, name, &found, profile.used(), scale),
    )?;
    let wall = search.mean_wall().unwrap_or_default().as_secs_f64();
    let amount = match found.recommended {
        Some(Allowed::Bytes(amount) | Allowed::Tokens(amount)) => Some(amount),
        _ => None,
    };
    let result = conclude(o, &runs, profile, wall, subject.model, amount);
    show(out, &text::advice(o.style, &result.advice, &o.command()))?;
    conclusion.measured = Some(Measure {
        least: Some(text::words(found.lowest, scale)),
        ..result
    });
    Ok(conclusion)
}

fn single(
    o: &ProfileOptions,
    lab: &mut dyn Lab,
    subject: Subject<'_>,
    out: &mut dyn Write,
) -> Result<Conclusion, String> {
    let probe = Probe {
        number: 1,
        of: 1,
        allowed: Allowed::Uncapped,
        kind: Kind::Validation,
        left: 0,
        limit: o.limit,
    };
    let run = lab.run(&probe, None)?;
    let code = run.code();
    if run.tried.ended == tribunal_profiler::Ended::TimedOut {
        let scale = Scale::Tokens;
        show(out, &text::ended(o.style, &probe, &run.tried, scale))?;
    }
    show(
        out,
        &(text::report(&run.profile, code, run.tried.wall, subject.model) + "\n"),
    )?;
    let wall = run.tried.wall.as_secs_f64();
    let runs = vec![run];
    let measured = runs[0].tried.ended.passed().then(|| {
        let profile = runs[0].profile.clone();
        conclude(o, &runs, profile, wall, subject.model, None)
    });
    if let Some(result) = &measured
        && o.recommend
    {
        show(out, &text::advice(o.style, &result.advice, &o.command()))?;
    }
    Ok(Conclusion {
        code,
        measured,
        trace: Some(runs[0].trace.clone()),
        runs: vec![(probe.allowed, runs[0].tried.clone())],
    })
}

/// What follows from the runs that passed.
fn conclude(
    o: &ProfileOptions,
    runs: &[Run],
    profile: Profile,
    wall: f64,
    model: Option<&str>,
    amount: Option<u64>,
) -> Measure {
    let passed = || runs.iter().filter(|run| run.tried.ended.passed());
    let mean = |of: &dyn Fn(&Run) -> Option<f64>| {
        let all: Option<Vec<f64>> = passed().map(of).collect();
        all.filter(|all| !all.is_empty())
            .map(|all| all.iter().sum::<f64>() / all.len() as f64)
    };
    let (body, set_up) = (mean(&|run| run.body), mean(&|run| run.set_up));
    // Marks of pytest know one time only.
    let apart = o.style == Style::Rust;
    let advice = Advice::of(&Measurement {
        profile: profile.clone(),
        wall,
        body: body.filter(|_| apart),
        set_up: set_up.filter(|_| apart),
        model,
        cache: o.cache_marker.as_deref().zip(amount),
    });
    Measure {
        profile,
        wall,
        body,
        set_up,
        least: None,
        advice,
    }
}

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;
