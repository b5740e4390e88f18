//! A route with its bad requests, as they were read from a file.
//!
//! Promise: plain data; whatever could be wrong in a file was refused when it was read. Rejected: code per row (the table is to be read, counted and
//! added to by people who do not know this crate).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::expect::Expected;
use crate::frame::Frame;

/// A route of a server, and what it must refuse.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Its name: that of the file.
    pub name: String,
    /// What it is.
    pub doc: String,
    /// The capability that a deployment declares where it has this route; `None`: every server has it.
    pub capability: Option<String>,
    /// The request that is right. Rows change it, and it may be the canary.
    pub valid: Option<Payload>,
    /// The method of the valid request.
    pub method: String,
    /// Its path.
    pub path: String,
    /// What is asked after every row.
    pub canary: Canary,
    /// The rows, in the order of the file.
    pub rows: Vec<BadRequest>,
}

/// What is asked after every row, to see whether the server still works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// The valid request of the route.
    Valid,
    /// A chat of one token, where the server has chats; else nothing but its health.
    Chat,
}

/// One bad or abnormal request, and what is allowed to become of it.
#[derive(Debug, Clone, PartialEq)]
pub struct BadRequest {
    /// Its name, once in a route.
    pub id: String,
    /// In which way it is bad: `missing`, `type`, `range` …
    pub rule: String,
    /// What is bad: a field, or `body`, `path`, `method`.
    pub field: String,
    /// The method.
    pub method: String,
    /// The path below the server's root.
    pub path: String,
    /// What it carries.
    pub payload: Payload,
    /// What is bad, in a few words.
    pub sent: String,
    /// What is allowed.
    pub expected: Expected,
    /// How long the answer may take.
    pub limit: Duration,
    /// Capabilities that it needs beside that of the route.
    pub needs: Vec<String>,
    /// Capabilities without which alone it is bad.
    pub unless: Vec<String>,
    /// Why it is expected: a reason, or where it is written.
    pub why: String,
    /// The line of the file on which it begins.
    pub line: usize,
}

/// What a request carries. `{model}` and `{voice}` in a text stand for the server's model and for a voice that it has.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// Nothing.
    Nothing,
    /// JSON. An object with one of the keys `$null`, `$repeat`, `$png`, `$wav` stands for what cannot be written in TOML.
    Json(Value),
    /// A form of several parts.
    Form(Vec<(String, Field)>),
    /// Frames of a WebSocket.
    Frames(Vec<Frame>),
    /// Bytes as they are, well-formed or not, with their content type.
    Bytes(String, Vec<u8>),
}

/// One part of a form.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// Text, or what stands for it in [`Payload::Json`].
    Text(Value),
    /// A file: its name, its content type, and its content as text or as what stands for it.
    File {
        /// The name that the server is told.
        name: String,
        /// The content type.
        kind: String,
        /// What is in it.
        content: Value,
    },
}

impl BadRequest {
    /// Why it is not made where a deployment offers these; `None`: it is made.
    pub fn gate(&self, capabilities: &BTreeSet<String>) -> Option<String> {
        let lacks: Vec<&str> = self
            .needs
            .iter()
            .filter(|need| !capabilities.contains(*need))
            .map(String::as_str)
            .collect();
        if !lacks.is_empty() {
            return Some(format!(
                "the deployment does not offer {}",
                lacks.join(", ")
            ));
        }
        let has = self.unless.iter().find(|c| capabilities.contains(*c))?;
        Some(format!(
            "the deployment offers {has}, so it is not bad here"
        ))
    }
}
