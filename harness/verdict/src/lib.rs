//! What a response must satisfy at each level.
//!
//! A [`Verdict`] is a list of rules, each with its ending: *pass*, *fail*, *not applicable* (it has
//! no object here), *not made* (something that it needs was missing) or *undecided* (measured, and
//! ambiguous). Only a failure fails; none of the others is silent.
//!
//! The rules are data: [`RULES`] names each, the kinds of answers that it is asked of, and the [`Depth`] from which on: `Basic` looks
//! at success and form, `Deep` at meaning as well. [`Judging`] judges an answer of any kind, against [`Thresholds`] that a deployment,
//! a test or a command line may have set, with what the test expects ([`Expect`]), and with somebody who listens where that is needed.
//! It is a [`Judge`](tribunal_client::Judge), so that a client judges what it receives. [`judge_chat`], [`judge_completion`] and
//! [`judge_error`] are the same for texts, without anybody to wait for.
//!
//! ```no_run
//! # async fn example() -> Result<(), tribunal_client::ClientError> {
//! use std::sync::Arc;
//! use tribunal_client::Client;
//! use tribunal_verdict::{Depth, judge_chat};
//!
//! let chat = Client::new("http://127.0.0.1:8000")?.chat("my-model");
//! let answer = chat.user("hello").send().await?;
//! println!("{}", judge_chat(&answer, Depth::Deep));
//!
//! let strict = chat.with_judge(Arc::new(Depth::Deep));
//! strict.user("hello").send().await?; // an error where a rule fails
//! # Ok(())
//! # }
//! ```
//!
//! Rejected: assertions that stop at the first failure. Whoever reads a verdict wants to know whether
//! one thing is wrong with an answer or everything.

mod agreement;
mod audio;
mod bench;
mod common;
mod content;
mod depth;
mod doc;
mod embeddings;
mod errors;
mod expect;
mod expectations;
mod facts;
mod form;
mod heard;
mod images;
mod judging;
mod logprobs;
mod loops;
mod metrics;
mod ranking;
mod responses;
mod rule;
mod same;
mod schema;
mod serving;
mod sound;
mod sounded;
mod speech;
mod stream;
mod substance;
mod table;
mod texts;
mod thresholds;
mod tools;
mod transcription;
mod verdict;
mod video;
mod voice;

pub use depth::{Depth, judge_chat, judge_completion};
pub use doc::{TableRow, rules_table};
pub use errors::judge_error;
pub use expect::Expect;
pub use expectations::{Expectations, FrameRule, Modality, Similarity};
pub use judging::Judging;
pub use metrics::{MetricsExpectations, judge_metrics};
pub use rule::{Kind, Limit, RULES, Rule, limit, limits, rule};
pub use same::same;
pub use thresholds::{Origin, Threshold, ThresholdError, Thresholds};
pub use tribunal_transcription as transcribers;
pub use verdict::{Ending, RuleResult, Verdict, VerdictError};
pub use voice::{Voice, Voices};
