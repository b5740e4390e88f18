//! The examples in Markdown pages: found, run as a reader would run them, and judged.
//!
//! A [`Page`] lists every block of code that a reader sees, with what becomes of it: run by bash or Python, compared with
//! what it was copied from, written to a file, left out for a stated reason, or only listed. A [`PageRun`] runs the examples of a
//! page in their order and gives a [`Report`] for each: every command with its exit code and output, the files that were
//! made and whether they are what they claim, and a [`Verdict`].
//!
//! HTML comments before a block say what its text cannot: [`KEYS`] lists them.
//!
//! Promises: what an example starts is gone when its turn is over, servers when their page is; a block that is not run says why; a
//! mistake on a page has a file and a line. Examples are somebody's shell commands: they run with the rights of whoever runs the
//! tests, as a reader's would. A program that runs them calls `tribunal_offline::verb` first thing in `main`.
//!
//! Rejected: splitting a command into arguments instead of giving it to a shell. Pages are written for shells: pipes,
//! variables and here-documents are in most of them.

mod annotation;
mod builder;
mod commands;
mod console;
mod copy;
mod environment;
mod execution;
mod files;
mod find;
mod include;
mod likeness;
mod lines;
mod mkdocs;
mod page;
mod pages;
mod placeholder;
mod ready;
mod run;
mod script;
mod server;
mod settings;
mod snippet;
mod verdict;

pub use annotation::{Annotation, Expected, KEYS, Need};
pub use console::Told;
pub use files::Made;
pub use lines::Place;
pub use page::{Mistake, Page};
pub use pages::{Source, pages};
pub use run::PageRun;
pub use settings::{Has, Settings};
pub use snippet::{Kind, Snippet, Stated};
pub use verdict::{CommandEnd, CommandReport, Report, Verdict};
