//! Accuracy benchmarks of workload files: the questions of a data set are put to the server, and the rate of right answers is held against the file's.
//!
//! Promise: the figure is the one that the file is written for, right answers of a hundred with two decimals, and the band is the file's, both ways; where the
//! server failed on a question there is no figure, and where it serves another model the file's limit is not asked for. Rejected: the statistical gate of
//! `tribunal::accuracy` (the file says how far off is too far; how much chance there is in it is shown beside).

use std::path::Path;

use serde_json::Value;
use tribunal_accuracy::{DataSet, Exam, Extract, Normaliser, Results, Row, Scorer};
use tribunal_client::{ClientError, ModelClient};
use tribunal_runner::{Error, TestResult};
use tribunal_traffic::{Arrivals, Until};
use tribunal_workload::{DataSpec, Route, Scoring, Threshold};

use crate::performance::FromFile;

impl FromFile {
    /// Puts the step's questions to the model, and ends the test with what is found.
    pub async fn examine(&self, api: &ModelClient) -> TestResult {
        let results = self.answers(api, &tribunal_runner::evidence()?).await?;
        self.judge(&results, api.model())
    }

    /// Puts the step's questions to the model, and writes down there what was answered.
    pub(crate) async fn answers(&self, api: &ModelClient, folder: &Path) -> Result<Results, Error> {
        let step = &self.step;
        let (Some(spec), DataSpec::File { path, .. }) = (&step.exam, &step.data) else {
            crate::fail!(
                "{}: {} is no accuracy benchmark with a data set that is here",
                self.file.display(),
                step.label
            );
        };
        let set = DataSet::read(path).map_err(Error::of)?;
        if let Some(row) = set.rows().iter().find(|row| row.media.is_some()) {
            crate::fail!(
                "{}:{}: the question has a file with it, and a benchmark of a workload file sends text alone",
                path.display(),
                row.line
            );
        }
        if !matches!(step.load.arrivals, Arrivals::AtOnce) {
            tribunal_runner::note(
                "`request_rate` is not kept: it does not decide how right answers are",
            );
        }
        let mut exam = Exam::new(&set, scorer(spec.scoring, set.rows()).map_err(Error::of)?)
            .at_once(step.load.concurrency.map_or(1, |most| most as usize))
            .seed(step.load.seed);
        if let Until::Count(count) = step.load.until {
            exam = exam.first(usize::try_from(count).unwrap_or(usize::MAX));
        }
        // An answer that says nothing, or is cut off, is not right; it is no failure of the server.
        let api = api.clone().without_judge();
        let asked = exam.ask(async |row: &Row, _| self.ask(&api, row).await);
        let results = asked.await.map_err(Error::of)?;
        results.write(folder).map_err(Error::of)?;
        tribunal_runner::log(format_args!("{}", results.summary()));
        Ok(results)
    }

    async fn ask(&self, api: &ModelClient, row: &Row) -> Result<String, ClientError> {
        let body = &self.step.extra_body;
        if self.step.route == Route::Completions {
            let mut request = api.completion(row.question());
            for (key, value) in body {
                request = request.extra(key, value.clone());
            }
            if self.step.stream {
                request = request.stream();
            }
            return request.send().await.map(|answer| answer.text().to_owned());
        }
        let mut request = match row.messages.is_empty() {
            true => api.user(row.question()),
            false => api
                .request()
                .extra("messages", Value::from(row.messages.clone())),
        };
        for (key, value) in body {
            request = request.extra(key, value.clone());
        }
        if self.step.stream {
            request = request.stream();
        }
        request.send().await.map(|answer| answer.text().to_owned())
    }

    fn judge(&self, results: &Results, served: &str) -> TestResult {
        let tally = results.tally();
        let Some(accuracy) = tally.accuracy() else {
            let failed = results.records.iter().find(|r| r.mark.word() == "failed");
            crate::fail!(
                "the server failed on {} of {} questions, so its accuracy is not known; the first: {}",
                tally.failed(),
                tally.rows(),
                failed.map_or("", |record| record.said.as_str())
            );
        };
        let chance = tally.interval().map_or_else(String::new, |interval| {
            format!(
                "; 95 times of 100 it lies between {:.2} and {:.2}",
                100.0 * interval.low,
                100.0 * interval.high
            )
        });
        let found = format!(
            "{:.2} of 100 are right ({} of {}{chance})",
            points(accuracy),
            tally.right(),
            tally.rows()
        );
        let wanted = self.case.server.model.as_deref();
        if let Some(model) = wanted.filter(|model| *model != served) {
            return tribunal_runner::no_baseline(format!(
                "{found}; {}:{} is for the model {model}, and this server has {served}",
                self.file.display(),
                self.step.line
            ));
        }
        if let Some(other) = self.wants(served) {
            tribunal_runner::note(other);
        }
        for limit in &self.step.thresholds {
            match held(limit, accuracy) {
                Ok(()) => tribunal_runner::note(format!("{found}; {}", limit.words())),
                Err(why) => crate::fail!("{}:{}: {found}; {why}", self.file.display(), limit.line),
            }
        }
        Ok(())
    }
}

/// Points of a hundred, as summaries of the other tool have them and baselines were copied from: with two decimals.
pub(crate) fn points(accuracy: f64) -> f64 {
    (accuracy * 10_000.0).round() / 100.0
}

/// Whether an accuracy keeps to a limit.
fn held(limit: &Threshold, accuracy: f64) -> Result<(), String> {
    let points = points(accuracy);
    if limit.holds(points) {
        return Ok(());
    }
    let better = if points > limit.value {
        "\nhelp: it is better than that, and the band has two sides: write the new figure into the file"
    } else {
        ""
    };
    Err(format!("the file wants {}{better}", limit.words()))
}

/// The scorer for these rows.
fn scorer(scoring: Scoring, rows: &[Row]) -> Result<Scorer, tribunal_accuracy::AccuracyError> {
    let number = || Ok(Scorer::number(0.0, 0.0)?.extract(Extract::last_number()));
    let is_number = |text: &String| text.trim().parse::<f64>().is_ok_and(f64::is_finite);
    match scoring {
        Scoring::Number => number(),
        Scoring::Choice => Ok(Scorer::choice()),
        _ if rows.iter().all(|row| !row.choices.is_empty()) => Ok(Scorer::choice()),
        _ if rows.iter().all(|row| row.expected.iter().all(is_number)) => number(),
        _ => Ok(Scorer::contains(Normaliser::English)),
    }
}

#[cfg(test)]
mod tests {
    use tribunal_workload::Compare;

    use super::*;

    fn within(value: f64, distance: f64) -> Threshold {
        Threshold {
            metric: "accuracy".to_owned(),
            compare: Compare::Within(distance),
            value,
            hardware: None,
            line: 1,
        }
    }

    #[test]
    fn the_band_is_in_points_of_a_hundred_and_has_two_sides() {
        for (baseline, threshold, right, rows, kept) in [
            // Baseline 1, threshold 1: from 0 to 2 points.
            (1.0, 1.0, 0.0, 50.0, true),
            (1.0, 1.0, 1.0, 50.0, true),
            (1.0, 1.0, 3.0, 50.0, false),
            (95.0, 1.0, 96.0, 100.0, true),
            (95.0, 1.0, 94.0, 100.0, true),
            (95.0, 1.0, 97.0, 100.0, false),
            (95.0, 1.0, 93.0, 100.0, false),
            // A figure with two decimals is that of 23 of 30.
            (76.67, 0.0, 23.0, 30.0, true),
            (76.67, 0.0, 24.0, 30.0, false),
            // A share is not a number of points.
            (0.95, 0.1, 95.0, 100.0, false),
        ] {
            let limit = within(baseline, threshold);
            let what = format!("{right} of {rows}, {}", limit.words());
            assert_eq!(held(&limit, right / rows).is_ok(), kept, "{what}");
        }
        let better = held(&within(95.0, 1.0), 1.0).expect_err("too good");
        assert!(better.contains("better than that"), "{better}");
        let worse = held(&within(95.0, 1.0), 0.5).expect_err("too bad");
        assert!(!worse.contains("better"), "{worse}");
    }

    fn rows(lines: &str) -> Vec<Row> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("set.jsonl");
        std::fs::write(&file, lines).expect("written");
        DataSet::read(&file).expect("a set").rows().to_vec()
    }

    #[test]
    fn rows_say_how_they_are_scored_where_the_file_does_not() {
        let choice = r#"{"prompt": "a", "expected": "x", "choices": ["x", "y"]}"#;
        let number = r#"{"prompt": "a", "expected": 4}"#;
        let word = r#"{"prompt": "a", "expected": "four"}"#;
        for (lines, part) in [
            (choice.to_owned(), "a right choice"),
            (number.to_owned(), "a number"),
            (word.to_owned(), "contains"),
            (format!("{number}\n{word}"), "contains"),
        ] {
            let scorer = scorer(Scoring::Rows, &rows(&lines)).expect("a scorer");
            let told = scorer.describe();
            assert!(told.starts_with(part), "{told}");
        }
        let told = scorer(Scoring::Number, &rows(word)).expect("a scorer");
        assert!(told.describe().starts_with("a number"));
    }
}
