//! Video files: what is in them, without decoding.

pub(crate) mod movie;
mod mp4;
mod webm;
