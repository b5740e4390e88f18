//! End to end: requests over HTTP to a real server process.

tribunal::markers!(core_model, parallel);

mod aborts;
mod chat;
mod completions;
mod known_answers;
mod speech_chain;
