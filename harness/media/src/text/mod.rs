//! Transcripts: made comparable, and compared.

pub(crate) mod errors;
pub(crate) mod normal;
mod number_words;
mod numbers;
mod spellings;
