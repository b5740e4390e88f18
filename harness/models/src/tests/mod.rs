//! Resolution and copies with real folders, real locks and real processes.

mod copies;
mod crashes;
mod order;
mod processes;
mod rooms;
mod support;
