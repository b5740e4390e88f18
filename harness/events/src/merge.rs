//! Several logs as one: shards of a run, its repetitions, the processes of a runner that starts one for each test, and several machines.
//!
//! Promise: a pure function, and one of the logs' contents alone: in whichever order they are given, the result is the same. Cases of one name on one kind
//! of machine are one case with several attempts; on other kinds they stand beside one another. Nothing is lost: what a log says is wrong with it stays said.
//!
//! Rejected: the last log wins (a case that failed and then passed is worth knowing of), and adding exit codes up (a failure that a repetition has mended
//! is none, while a panic outside of all tests stays one).

use std::collections::BTreeMap;

use crate::line::{Host, Outcome, RunEnded, RunStarted};
use crate::run::{AttemptLog, CaseLog, RunLog};

/// Exit codes, worst first; what stops a run by a signal comes before all of them.
const WORST: [u8; 5] = [101, 5, 6, 2, 4];

/// One log of several. Cases come in the order of their names.
pub fn merge(mut logs: Vec<RunLog>) -> RunLog {
    logs.sort_by(|a, b| {
        let key = |log: &RunLog| (log.started.run.clone(), log.started.host.name.clone());
        let at = a.started.at.total_cmp(&b.started.at);
        at.then_with(|| key(a).cmp(&key(b)))
            .then(a.started.host.pid.cmp(&b.started.host.pid))
    });
    let mut merged = RunLog {
        started: beginning(&logs),
        folder: logs.first().map(|l| l.folder.clone()).unwrap_or_default(),
        last: logs.iter().map(|l| l.last).fold(0.0, f64::max),
        stopping: stopping(&logs),
        ended: end(&logs),
        ..RunLog::default()
    };
    let several = logs.len() > 1;
    let mut cases: Vec<(Host, CaseLog)> = vec![];
    let mut places: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
    let mut codes = vec![];
    for log in logs {
        codes.push(unexplained(&log));
        merged.stray_panics.extend(log.stray_panics);
        let of = |text: String| match several && !log.started.run.is_empty() {
            true => format!("{}: {text}", log.started.run),
            false => text,
        };
        merged.wrong.extend(log.wrong.into_iter().map(of));
        if log.ended.is_none() && several {
            let why = "its log ends before the run did".to_owned();
            merged.wrong.push(of(why));
        }
        for case in log.cases {
            let key = (
                case.line.name.clone(),
                log.started.package.clone(),
                log.started.target.clone(),
            );
            let known = places.entry(key).or_default();
            let same = known
                .iter()
                .find(|at| alike(&cases[**at].0, &log.started.host));
            match same.copied() {
                Some(at) => add(&mut cases[at].1, case),
                None => {
                    known.push(cases.len());
                    cases.push((log.started.host.clone(), case));
                }
            }
        }
        match log.parts.is_empty() {
            true => merged.parts.push(log.started),
            false => merged.parts.extend(log.parts),
        }
    }
    let order = places.into_values().flatten().collect::<Vec<_>>();
    let mut taken: Vec<Option<CaseLog>> = cases.into_iter().map(|(_, case)| Some(case)).collect();
    merged.cases = order
        .into_iter()
        .filter_map(|at| taken[at].take())
        .enumerate()
        .map(|(number, case)| numbered(case, number))
        .collect();
    merged.stray_panics.sort_by(|a, b| a.0.total_cmp(&b.0));
    if !several {
        merged.parts.clear();
    } else if let Some(ended) = &mut merged.ended {
        codes.push(code(&merged.cases));
        ended.code = worst(codes);
    }
    merged
}

/// What all of them say of themselves, and else what the earliest says.
fn beginning(logs: &[RunLog]) -> RunStarted {
    let mut parts = logs.iter().map(|l| &l.started);
    let Some(first) = parts.next() else {
        return RunStarted::default();
    };
    let mut started = first.clone();
    for part in parts {
        if part.group != started.group {
            started.group = None;
        }
        if part.shard != started.shard {
            started.shard = None;
        }
        if part.shuffle != started.shuffle {
            started.shuffle = None;
        }
        for name in &part.deployments {
            if !started.deployments.contains(name) {
                started.deployments.push(name.clone());
            }
        }
        // What the tests of one program lack, those of another may have.
        match (&mut started.gaps, &part.gaps) {
            (Some(gaps), Some(others)) => gaps.retain(|gap| others.contains(gap)),
            (none @ None, Some(others)) => *none = Some(others.clone()),
            (_, None) => {}
        }
        if started.host.devices.is_empty() {
            started.host.devices = part.host.devices.clone();
        }
    }
    if logs.len() > 1 && started.shard.is_none() {
        // What one shard leaves to the others is not left out.
        started.removed.retain(|(filter, _)| filter != "--shard");
    }
    started
}

/// Whether two hosts are of one kind, as far as is known: cases of one that looked for no devices could run on either.
fn alike(a: &Host, b: &Host) -> bool {
    let kinds = |host: &Host| -> Vec<(String, bool)> {
        let mut kinds: Vec<_> = host
            .devices
            .iter()
            .map(|d| (d.name.clone(), d.simulated))
            .collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    let (of_a, of_b) = (kinds(a), kinds(b));
    a.platform == b.platform && (of_a.is_empty() || of_b.is_empty() || of_a == of_b)
}

/// Adds what a later log says of a case.
fn add(known: &mut CaseLog, later: CaseLog) {
    let moved = !later.attempts.is_empty();
    known.attempts.extend(later.attempts);
    known
        .attempts
        .sort_by(|a, b| a.started.at.total_cmp(&b.started.at));
    known.unattempted = later.unattempted.or(known.unattempted.take());
    if moved {
        known.line = later.line;
        known.folder = later.folder;
    }
}

fn numbered(mut case: CaseLog, number: usize) -> CaseLog {
    case.line.case = number;
    if let Some(end) = &mut case.unattempted {
        end.case = number;
    }
    let last = case.attempts.len();
    for (attempt, n) in case.attempts.iter_mut().zip(1..) {
        let AttemptLog {
            started,
            faults,
            ended,
            ..
        } = attempt;
        (started.case, started.attempt) = (number, n);
        for fault in faults {
            (fault.case, fault.attempt) = (number, n);
        }
        if let Some(ended) = ended {
            (ended.case, ended.attempt) = (number, n);
            ended.retried = (n as usize) < last;
        }
    }
    case
}

fn stopping(logs: &[RunLog]) -> Option<(f64, String)> {
    let all = logs.iter().filter_map(|l| l.stopping.clone());
    all.min_by(|a, b| a.0.total_cmp(&b.0))
}

/// The end of all; absent where one has none.
fn end(logs: &[RunLog]) -> Option<RunEnded> {
    let ends: Option<Vec<&RunEnded>> = logs.iter().map(|l| l.ended.as_ref()).collect();
    let ends = ends.filter(|ends| !ends.is_empty())?;
    let mut all = RunEnded {
        code: ends[0].code,
        ..RunEnded::default()
    };
    let mut telemetry = vec![];
    for end in ends {
        all.at = all.at.max(end.at);
        all.signal = all.signal.or(end.signal);
        for (to, from) in [
            (&mut all.late_errors, &end.late_errors),
            (&mut all.notes, &end.notes),
        ] {
            let known = to.len();
            to.extend(
                from.iter()
                    .filter(|t| !to[..known].contains(t))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        telemetry.extend(end.telemetry.clone());
    }
    // That of several machines is no one's.
    if telemetry.len() == 1 {
        all.telemetry = telemetry.pop();
    }
    Some(all)
}

/// What the ends of these cases make of a run.
fn code(cases: &[CaseLog]) -> u8 {
    let blocking = cases.iter().filter(|case| {
        let waived = case.end().is_some_and(|e| e.waived.is_some());
        !waived
    });
    worst(blocking.map(|case| match case.outcome() {
        Outcome::Regressed => 5,
        Outcome::Inconclusive | Outcome::Invalid => 6,
        Outcome::NotRun => 101,
        outcome if outcome.is_failure() => 101,
        _ => 0,
    }))
}

/// The exit code of a run as far as its cases do not explain it: a panic outside of tests, an error of a late teardown, a flaky case that fails, a signal.
fn unexplained(log: &RunLog) -> u8 {
    let Some(ended) = &log.ended else {
        return 101;
    };
    let beside = !log.stray_panics.is_empty() || !ended.late_errors.is_empty();
    match code(&log.cases) {
        _ if ended.signal.is_some() => ended.code,
        _ if beside => 101,
        explained if explained == ended.code => 0,
        // Of several logs only what all of them lack is lacking.
        _ if ended.code == 4 => 0,
        _ => ended.code,
    }
}

fn worst(codes: impl IntoIterator<Item = u8>) -> u8 {
    let rank = |code: &u8| match code {
        0 => 0,
        128.. => 100,
        code => WORST
            .iter()
            .position(|c| c == code)
            .map_or(50, |at| 90 - at),
    };
    codes.into_iter().max_by_key(rank).unwrap_or(0)
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
