//! Every rule against an answer that satisfies it and one that breaks it, and only it.

mod defects;
mod endings;
mod errors;
mod healthy;
mod literal;
mod media;
mod routes;
mod table;
mod texts;
