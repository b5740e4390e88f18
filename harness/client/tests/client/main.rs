//! The client against servers that answer byte for byte what a test wrote down.

mod answers;
mod builders;
mod failures;
mod gates;
mod judging;
mod media_routes;
mod routes;
mod runtimes;
mod scripted;
mod sessions;
mod streams;
mod transcripts;
mod videos_and_chats;
