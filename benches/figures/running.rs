//! Figures of the harness's own processes: the start, lists, and runs of empty tests.

use std::path::PathBuf;

use tribunal_benches::subject::{EMPTIES, MATRIX_CASES, SINGLES, STAMP, Subject, test_name};
use tribunal_benches::{Figure, Unit};

use crate::options::Options;
use crate::process::{Done, Job};
use crate::project::{Built, Projects, root};

/// What makes a run count.
enum Expect {
    /// So many lines of a list.
    Listed(usize),
    /// So many passed.
    Passed(usize),
    /// The body wrote when it started, and the figure is the time until then.
    Stamp(PathBuf),
}

struct Row {
    figure: Figure,
    job: Job,
    expect: Expect,
}

impl Row {
    fn new(
        group: &'static str,
        what: impl Into<String>,
        budget: Option<f64>,
        job: Job,
        expect: Expect,
    ) -> Row {
        Row {
            figure: Figure::new(group, what, Unit::Milliseconds, budget),
            job,
            expect,
        }
    }

    /// One run; the sample in milliseconds.
    fn sample(&self, done: &Done) -> Result<f64, String> {
        let wall = done.wall.as_secs_f64() * 1e3;
        match &self.expect {
            Expect::Listed(n) => {
                let listed = done.out.lines().filter(|l| l.ends_with(": test")).count();
                if listed == *n {
                    Ok(wall)
                } else {
                    Err(format!("listed {listed} cases instead of {n}"))
                }
            }
            Expect::Passed(n) => {
                let said = [format!(" {n} passed; 0 failed"), format!("\"passed\":{n},")];
                if said.iter().any(|s| done.out.contains(s)) {
                    Ok(wall)
                } else {
                    Err(format!("did not say that {n} passed"))
                }
            }
            Expect::Stamp(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|e| format!("the body left no stamp at {}: {e}", path.display()))?;
                std::fs::remove_file(path).map_err(|e| format!("{}: {e}", path.display()))?;
                let at: i128 = text
                    .trim()
                    .parse()
                    .map_err(|e| format!("the stamp is `{text}`: {e}"))?;
                Ok((at - done.started) as f64 / 1e6)
            }
        }
    }
}

/// Runs every row once per round, so that a busy moment meets all of them; the first round only warms caches.
fn measure(rows: Vec<Row>, options: &Options, figures: &mut Vec<Figure>) -> Result<(), String> {
    let mut rows = rows;
    let mut result = Ok(());
    'rounds: for round in 0..=options.runs() {
        for row in &mut rows {
            let taken = row.job.succeed().and_then(|done| match row.sample(&done) {
                Ok(sample) => Ok((sample, done)),
                Err(text) => Err(format!("{} {text}\n{}", row.job.shown(), done.tail())),
            });
            match taken {
                Ok(_) if round == 0 => {}
                Ok((sample, done)) => {
                    row.figure.samples.push(sample);
                    row.figure
                        .processor
                        .push(done.processor.as_secs_f64() * 1e3);
                }
                Err(text) => {
                    result = Err(text);
                    break 'rounds;
                }
            }
        }
    }
    figures.extend(rows.into_iter().map(|r| r.figure));
    result
}

/// From the start of a process with 1,000 tests to the body of the one that was asked for.
pub fn start(options: &Options, figures: &mut Vec<Figure>) -> Result<(), String> {
    let projects = Projects::write()?;
    let name = test_name(512);
    let row = |subject, what| -> Result<Row, String> {
        let stamp = root().join(format!("stamp-{}", std::process::id()));
        let job = projects
            .build(subject, options)?
            .job(&["--exact", &name])
            .env(STAMP, &stamp);
        Ok(Row::new(
            "start",
            what,
            Some(5.0),
            job,
            Expect::Stamp(stamp),
        ))
    };
    let rows = vec![
        row(Subject::Plain, "to the body, 1,000 tests, --exact one")?,
        row(
            Subject::Fixtures,
            "the same, async, after setting up two fixtures",
        )?,
    ];
    measure(rows, options, figures)
}

/// Listing and selecting among 100,000 cases and 20,000 tests.
pub fn list(options: &Options, figures: &mut Vec<Figure>) -> Result<(), String> {
    let projects = Projects::write()?;
    let (matrix, singles, mimic) = (
        projects.build(Subject::Matrix, options)?,
        projects.build(Subject::Singles, options)?,
        projects.build(Subject::Mimic, options)?,
    );
    let budget = Some(150.0);
    let row = |what: &str, budget, built: &Built, args: &[&str], expect| {
        Row::new("list", what, budget, built.job(args), expect)
    };
    let terse = ["--list", "--format", "terse"];
    let expression = [
        "-m",
        "core_model and not (performance or slow)",
        "-k",
        "left_42 and not t00001",
        "--list",
    ];
    let rows = vec![
        row(
            "list 100,000 cases of 10 tests",
            budget,
            &matrix,
            &terse,
            Expect::Listed(MATRIX_CASES),
        ),
        row(
            "select by markers and names, list the rest",
            budget,
            &matrix,
            &expression,
            Expect::Listed(900),
        ),
        row(
            "run one of 100,000, --exact",
            budget,
            &matrix,
            &["--exact", "t00007::left_42__right_17"],
            Expect::Passed(1),
        ),
        row(
            "list 20,000 tests",
            budget,
            &singles,
            &terse,
            Expect::Listed(SINGLES),
        ),
        row(
            "run one of 20,000, --exact",
            budget,
            &singles,
            &["--exact", &test_name(12_345)],
            Expect::Passed(1),
        ),
        row(
            "bare libtest-mimic: list 10,000",
            None,
            &mimic,
            &terse,
            Expect::Listed(EMPTIES),
        ),
    ];
    measure(rows, options, figures)
}

/// 10,000 empty tests into a pipe.
pub fn run(options: &Options, figures: &mut Vec<Figure>) -> Result<(), String> {
    let projects = Projects::write()?;
    let (empties, mimic) = (
        projects.build(Subject::Empties, options)?,
        projects.build(Subject::Mimic, options)?,
    );
    let row = |what: &str, budget, built: &Built, args: &[&str]| {
        Row::new(
            "run",
            what,
            budget,
            built.job(args),
            Expect::Passed(EMPTIES),
        )
    };
    let rows = vec![
        row("10,000 empty tests, pretty", Some(50.0), &empties, &[]),
        row("terse", Some(50.0), &empties, &["--format", "terse"]),
        row("JSON", None, &empties, &["--format", "json"]),
        row(
            "pretty, --test-threads 1",
            None,
            &empties,
            &["--test-threads", "1"],
        ),
        row("bare libtest-mimic: pretty", None, &mimic, &[]),
        row(
            "bare libtest-mimic: terse",
            None,
            &mimic,
            &["--format", "terse"],
        ),
        row(
            "bare libtest-mimic: pretty, --test-threads 1",
            None,
            &mimic,
            &["--test-threads", "1"],
        ),
    ];
    measure(rows, options, figures)
}
