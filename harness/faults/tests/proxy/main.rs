//! The proxy between real sockets: what passes, what strikes, and what is told of it.

mod fake;
mod passing;
mod toxics;
