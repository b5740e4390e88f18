//! How often a model is right: a data set is put to it, answers are scored, and the rate is compared with a floor and with an earlier run.
//!
//! * [`DataSet`] reads questions with their right answers; a bad line is named before anything is asked.
//! * [`Scorer`] says when an answer is right, [`Extract`] where in what was said it stands.
//! * [`Exam`] asks every row through a closure, so many at once, and goes on where an earlier run broke off.
//! * [`Results`] count each way of not having answered apart; [`Gate`] judges them by tests whose error rates are known.
//! * [`References`] compare pictures and frames with those that an earlier run stored.
//!
//! ```
//! use tribunal_accuracy::{DataSet, Exam, Gate, Scorer, State};
//!
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("sums.jsonl");
//! # std::fs::write(&file, "{\"prompt\": \"1+1?\", \"expected\": 2}\n".repeat(100))?;
//! let set = DataSet::read(&file)?;
//! let exam = Exam::new(&set, Scorer::number(0.0, 0.0)?).at_once(8).seed(1);
//! # let (asking, model) = (|f| futures_util::FutureExt::now_or_never(f).expect("ready"), |_: &str| "It is 2.");
//! let results = asking(exam.ask(async |row, _seed| Ok::<_, std::io::Error>(model(&row.prompt))))?;
//! let ruling = Gate::new().floor(0.9).judge(&results)?;
//! println!("{}{ruling}", results.summary());
//! assert_eq!(ruling.check()?.state, State::Pass);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It knows nothing of servers, tests or levels. Rejected: an evaluation harness of prompts and few-shot templates: the rows of a data set are sent as
//! they are, so that what was asked is what the file says.

mod baseline;
mod binomial;
mod data_set;
mod error;
mod exam;
mod extract;
mod fingerprint;
mod gate;
mod likeness;
mod mark;
mod provenance;
mod record;
mod reference;
mod refusal;
mod results;
mod row;
mod score;
mod table;
mod tally;

pub use baseline::{Baseline, Pairs};
pub use binomial::{Interval, MOST_ROWS, at_most, rows_for_floor, rows_for_pairs};
pub use data_set::{BadLine, DataSet};
pub use error::{AccuracyError, AccuracyErrorKind};
pub use exam::Exam;
pub use extract::Extract;
pub use fingerprint::Fingerprint;
pub use gate::{Gate, MARGIN, MISSED, Ruling, State, WRONGLY, against_baseline, against_floor};
pub use likeness::{Likeness, Limits};
pub use mark::{Answer, Mark};
pub use provenance::Provenance;
pub use record::{Record, Subject};
pub use reference::References;
pub use results::Results;
pub use row::Row;
pub use score::Scorer;
pub use tally::Tally;
pub use tribunal_media::{Normaliser, Picture};
