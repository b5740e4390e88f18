//! Reports of logs that hold everything a log can hold, held against published schemas and other programs.

mod annotated;
mod ctrf;
mod junit;
mod logs;
mod sample;
mod summary;
mod traced;
mod written;
