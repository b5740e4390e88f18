//! End to end: requests over HTTP to a real server process.
//!
//! One file for each thing that a server may be able to do, gated by what its deployment declares. The same test judges form at `core_model` and meaning at
//! `advanced_model`. Copy a file and change its prompts: that is all it takes.

mod aborts;
mod chat;
mod completions;
mod concurrency;
mod embeddings;
mod guided;
mod images;
mod known_answers;
mod lora;
mod metrics;
mod multimodal;
mod prefix_cache;
mod ranking;
mod reasoning;
mod responses;
mod same_model;
mod scoring;
mod several;
mod smoke;
mod speculative;
mod speech;
mod speech_chain;
mod streaming;
mod tools;
mod transcription;
mod videos;
