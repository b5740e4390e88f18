//! The table, its files, and what is made of replies: everything that needs no server.

mod files;
mod judging;
mod table;
