//! Video files: what is in them, without decoding.

mod jpeg;
pub(crate) mod movie;
pub(crate) mod mp4;
mod webm;
