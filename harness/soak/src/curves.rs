//! The curves of a soak, for reports to draw.
//!
//! Promise: what the journal says, thinned so that no peak and no dip is lost, with what [`Report`] said of it; small whatever the length of the soak. Rejected:
//! the journal itself (megabytes, of which a curve shows some hundred points).

use serde::Serialize;
use tribunal_statistics::drift::Verdict;

use crate::journal::Read;
use crate::life::lives;
use crate::report::Report;

/// Of each so many samples the lowest and the highest are kept.
const PAIRS: usize = 120;

/// A soak, as it is drawn.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curves {
    /// Its name: that of the case.
    pub name: String,
    /// How long it was, in seconds.
    pub seconds: f64,
    /// How many requests were answered and failed, in words.
    pub counts: String,
    /// What fails it.
    pub failures: Vec<String>,
    /// What is only worth a look.
    pub remarks: Vec<String>,
    /// What happened, and when: seconds since its segment began.
    pub incidents: Vec<(f64, String)>,
    /// Each signal of each server process.
    pub curves: Vec<Curve>,
}

/// A signal of one server process.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curve {
    /// What it is, in words.
    pub signal: String,
    /// Which process.
    pub server: String,
    /// The unit of its values.
    pub unit: String,
    /// `ok`, `suspect`, `leak`, `insufficient`.
    pub verdict: String,
    /// What the detector says of it, in a line.
    pub says: String,
    /// The slope of the judged part for each hour.
    pub slope: Option<f64>,
    /// The limit for each hour.
    pub limit: Option<f64>,
    /// The judged part, in seconds.
    pub judged: Option<(f64, f64)>,
    /// The value of its last block.
    pub last: Option<f64>,
    /// Seconds since the process was first seen, and values.
    pub points: Vec<(f64, f64)>,
}

impl Curves {
    /// Those of a journal.
    pub fn of(read: &Read) -> Curves {
        let report = Report::of(read);
        let mut curves = Vec::new();
        for (life, segment) in lives(&read.lines).iter().zip(&report.segments) {
            let series = life.series();
            let server = segment.server.map(|server| server.to_string());
            for finding in &segment.findings {
                let (unit, size) = finding.signal.unit();
                let points = series.get(&finding.signal).map_or(&[][..], Vec::as_slice);
                let drift = &finding.drift;
                let scaled = |value: Option<f64>| value.map(|value| value / size);
                curves.push(Curve {
                    signal: finding.signal.to_string(),
                    server: server.clone().unwrap_or_default(),
                    unit: unit.to_owned(),
                    verdict: word(&drift.verdict).to_owned(),
                    says: finding.to_string(),
                    slope: scaled(drift.slope_per_hour),
                    limit: scaled(drift.limit_per_hour),
                    judged: drift.judged,
                    last: scaled(drift.last),
                    points: thinned(points, size),
                });
            }
        }
        let (answered, failed) = (report.counts.ok, report.counts.failed);
        Curves {
            name: report
                .begun
                .last()
                .map_or_else(String::new, |begin| begin.name.clone()),
            seconds: report.covered,
            counts: format!("{answered} answered, {failed} failed"),
            failures: report.failures(),
            remarks: report.remarks(),
            incidents: report
                .incidents
                .iter()
                .map(|(at, what)| (*at, what.to_string()))
                .collect(),
            curves,
        }
    }
}

fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Suspect => "suspect",
        Verdict::Leak => "leak",
        Verdict::Insufficient(_) => "insufficient",
    }
}

/// The lowest and the highest of so many samples, in their order.
fn thinned(points: &[(f64, f64)], size: f64) -> Vec<(f64, f64)> {
    let each = points.len().div_ceil(PAIRS).max(1);
    let mut thin = Vec::new();
    for chunk in points.chunks(each) {
        let by_value = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let low = chunk.iter().min_by(by_value);
        let high = chunk.iter().max_by(by_value);
        let (Some(low), Some(high)) = (low, high) else {
            continue;
        };
        let (first, second) = if low.0 <= high.0 {
            (low, high)
        } else {
            (high, low)
        };
        thin.push(*first);
        if first != second {
            thin.push(*second);
        }
    }
    let rounded = |value: f64, to: f64| (value * to).round() / to;
    thin.iter()
        .map(|(at, value)| (rounded(*at, 10.0), rounded(value / size, 1000.0)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Limits;
    use crate::line::{Begin, Identity, Line, Sample};
    use crate::signal::DriftLimits;

    #[test]
    fn peaks_and_dips_are_not_thinned_away() {
        let mut points: Vec<(f64, f64)> = (0..5000).map(|at| (f64::from(at), 10e6)).collect();
        points[3001].1 = 50e6;
        points[3002].1 = 1e6;
        let thin = thinned(&points, 1e6);
        assert!(thin.len() <= 2 * PAIRS, "{}", thin.len());
        assert!(thin.contains(&(3001.0, 50.0)) && thin.contains(&(3002.0, 1.0)));
        assert!(thin.is_sorted_by(|a, b| a.0 <= b.0));
    }

    #[test]
    fn each_process_has_its_curve_and_its_verdict() {
        let begin = Begin {
            version: 1,
            harness: "0".into(),
            name: "a::case".into(),
            segment: 0,
            unix: 1000.0,
            seed: 0,
            duration: 7200.0,
            done: 0.0,
            batch_limit: 600.0,
            sample_every: 5.0,
            closed_loop: false,
            limits: Limits::default(),
            drift: DriftLimits::default(),
        };
        let mut lines = vec![Line::Begin(Box::new(begin))];
        for at in 0..1440 {
            let at = f64::from(at) * 5.0;
            lines.push(Line::Sample(Box::new(Sample {
                at,
                server: Some(Identity {
                    pid: Some(if at < 7000.0 { 7 } else { 8 }),
                    start: 1.0,
                }),
                // 400 MB an hour.
                anonymous: Some(500_000_000 + (at * 400e6 / 3600.0) as u64),
                ..Sample::default()
            })));
        }
        let found = Curves::of(&Read { lines, torn: false });
        assert_eq!(found.name, "a::case");
        let [leak, short] = &found.curves[..] else {
            panic!("{:?}", found.curves);
        };
        assert_eq!(
            (leak.signal.as_str(), leak.server.as_str()),
            ("host memory", "pid 7")
        );
        assert_eq!((leak.verdict.as_str(), leak.unit.as_str()), ("leak", "MB"));
        assert!(
            (leak.slope.unwrap() - 400.0).abs() < 1.0,
            "{:?}",
            leak.slope
        );
        assert_eq!(leak.points[0], (0.0, 500.0));
        assert_eq!(short.verdict, "insufficient");
        assert!(
            found
                .failures
                .iter()
                .any(|why| why.starts_with("host memory: LEAK"))
        );
    }
}
