//! Every rule against an answer that satisfies it and one that breaks it, and only it.

mod defects;
mod endings;
mod errors;
mod healthy;
mod listening;
mod literal;
mod pictures;
mod real;
mod responses;
mod routes;
mod sounds;
mod table;
mod texts;
mod transcripts;
