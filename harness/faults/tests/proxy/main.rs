//! The proxy and clients that behave badly, between real sockets: what passes, what strikes, and what is told of it.

mod clients;
mod fake;
mod passing;
mod rules;
mod toxics;
