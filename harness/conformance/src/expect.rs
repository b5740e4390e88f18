//! What is allowed to become of a bad request, and what did.
//!
//! Promise: [`judge`] is a pure function of the row, the reply and what the server claims. A server error, silence and a broken connection are never
//! allowed to follow from a bad request, whatever the row says: nobody's API asks for them.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use tribunal_client::{ApiError, BodyEnd, ErrorShape, RawAnswer};

/// How bad it is to deviate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Every server has to do so.
    Must,
    /// A good server does so; others are told, and do not fail.
    Should,
}

/// What is allowed.
#[derive(Debug, Clone, PartialEq)]
pub struct Expected {
    /// The statuses.
    pub statuses: Vec<u16>,
    /// How bad another status is.
    pub severity: Severity,
    /// A capability that makes it a must: whoever claims to look at ranges has to.
    pub must_with: Option<String>,
    /// What the error has to say.
    pub says: Says,
}

/// What the text of an error has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Says {
    /// One of these names of the bad field, as the parameter or in the text.
    pub names: Vec<String>,
    /// One of these texts, whatever their case.
    pub any: Vec<String>,
    /// All of these texts, whatever their case.
    pub all: Vec<String>,
}

/// Whoever claims this has to name the bad field.
const NAMING: &str = "error_params";

/// What came back.
#[derive(Debug, Clone)]
pub enum Reply {
    /// An answer, whole or not.
    Answer(Box<RawAnswer>),
    /// None within the limit.
    Silence(Duration),
    /// The connection was closed before an answer.
    Dropped(String),
    /// A WebSocket said that something is wrong: the event, or the code and the reason with which it was closed.
    Event(String),
    /// A WebSocket was closed with the code of a server's own failure.
    Failed(String),
    /// A WebSocket said nothing of it: what came instead.
    Quiet(String),
}

/// In which way a server deviates.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The status is none of those that are allowed.
    Status(u16),
    /// It did not answer.
    Hang,
    /// It closed the connection before the end of its answer.
    Dropped,
    /// The error is no error object.
    Shape,
    /// The error does not say what was wrong.
    Message,
    /// It was not well afterwards, or did not answer a valid request any more.
    Broken,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Status(status) => write!(f, "{status}"),
            Fault::Hang => f.write_str("hang"),
            Fault::Dropped => f.write_str("dropped"),
            Fault::Shape => f.write_str("shape"),
            Fault::Message => f.write_str("message"),
            Fault::Broken => f.write_str("broken"),
        }
    }
}

/// One thing that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// What sort of thing.
    pub fault: Fault,
    /// How bad it is.
    pub severity: Severity,
    /// What was found, in words.
    pub found: String,
}

impl Expected {
    /// Whether a server that does not misbehave may accept the request.
    pub fn allows_success(&self) -> bool {
        self.statuses.iter().any(|s| (200..300).contains(s))
    }

    /// What is allowed, in a few words.
    pub fn text(&self) -> String {
        let list: Vec<String> = self.statuses.iter().map(u16::to_string).collect();
        let mut text = list.join(" or ");
        let Says { names, any, all } = &self.says;
        for (what, words) in [(" naming ", names), (" saying ", any)] {
            if !words.is_empty() {
                text.push_str(what);
                text.push_str(&words.join(" or "));
            }
        }
        if !all.is_empty() {
            text.push_str(" saying ");
            text.push_str(&all.join(" and "));
        }
        text
    }
}

/// What is wrong with a reply. `claims` are the capabilities that the deployment declares.
pub fn judge(expected: &Expected, reply: &Reply, claims: &BTreeSet<String>) -> Vec<Deviation> {
    let one = |fault, severity, found: String| {
        vec![Deviation {
            fault,
            severity,
            found,
        }]
    };
    let answer = match reply {
        Reply::Silence(limit) => {
            let found = format!("no answer within {} s", limit.as_secs_f64());
            return one(Fault::Hang, Severity::Must, found);
        }
        Reply::Dropped(why) => {
            let found = format!("the connection was closed without an answer: {why}");
            return one(Fault::Dropped, Severity::Must, found);
        }
        Reply::Failed(why) => return one(Fault::Status(500), Severity::Must, why.clone()),
        Reply::Quiet(what) => {
            let severity = severity(expected, 200, claims);
            return one(Fault::Status(200), severity, format!("no error; {what}"));
        }
        Reply::Event(text) => {
            return match says(&expected.says, text, claims) {
                None => vec![],
                Some(severity) => one(Fault::Message, severity, cut(text)),
            };
        }
        Reply::Answer(answer) => answer,
    };
    let status = answer.status;
    if let BodyEnd::Truncated(why) = &answer.end {
        let found = format!("{status}, and the connection broke in the answer: {why}");
        return one(Fault::Dropped, Severity::Must, found);
    }
    let error = answer.api_error();
    if !expected.statuses.contains(&status) {
        let severity = severity(expected, status, claims);
        return one(Fault::Status(status), severity, told(answer, &error));
    }
    match status {
        400..500 => refusal(expected, &error, claims),
        200..300 => match answer.headers.media_type().as_deref() {
            Some("application/json") if error.shape == ErrorShape::NotJson => one(
                Fault::Shape,
                Severity::Must,
                format!(
                    "{status}, said to be JSON, which it is not: {}",
                    cut(&error.body)
                ),
            ),
            _ => vec![],
        },
        _ => vec![],
    }
}

/// What is wrong with a refusal of an allowed status.
fn refusal(expected: &Expected, error: &ApiError, claims: &BTreeSet<String>) -> Vec<Deviation> {
    let deviation = |fault, severity, found| {
        vec![Deviation {
            fault,
            severity,
            found,
        }]
    };
    // A router below the API answers these, often before anything knows of error objects.
    let severity = match error.status {
        404 | 405 | 411 | 413 | 415 | 426 | 431 => Severity::Should,
        _ => Severity::Must,
    };
    match error.shape {
        ErrorShape::NotJson | ErrorShape::OtherJson => {
            let found = match error.body.trim() {
                "" => format!("{} without a body", error.status),
                body => format!("{} without an error object: {}", error.status, cut(body)),
            };
            return deviation(Fault::Shape, severity, found);
        }
        _ if error.message.as_deref().is_none_or(|m| m.trim().is_empty()) => {
            let found = format!("{} without a message: {}", error.status, cut(&error.body));
            return deviation(Fault::Shape, severity, found);
        }
        _ => {}
    }
    match says(&expected.says, &error.body, claims) {
        None => vec![],
        Some(severity) => deviation(Fault::Message, severity, said(error)),
    }
}

/// How bad it is that this was answered with a status that is not allowed.
fn severity(expected: &Expected, status: u16, claims: &BTreeSet<String>) -> Severity {
    match (status, &expected.must_with) {
        (500.., _) => Severity::Must,
        (_, Some(claim)) if claims.contains(claim) => Severity::Must,
        _ => expected.severity,
    }
}

/// How bad it is that a text does not say what it has to; `None`: it does.
fn says(says: &Says, text: &str, claims: &BTreeSet<String>) -> Option<Severity> {
    let text = text.to_lowercase();
    let holds = |word: &String| text.contains(&word.to_lowercase());
    let named = says.names.is_empty() || says.names.iter().any(holds);
    if named && (says.any.is_empty() || says.any.iter().any(holds)) && says.all.iter().all(holds) {
        return None;
    }
    Some(match !named && claims.contains(NAMING) {
        true => Severity::Must,
        false => Severity::Should,
    })
}

/// What an answer of an unwanted status says.
fn told(answer: &RawAnswer, error: &ApiError) -> String {
    if !answer.is_success() {
        return said(error);
    }
    match answer.is_stream() && answer.events().any(|(_, data)| data.contains("\"error\"")) {
        true => format!("{}, and an error in the stream", answer.status),
        false => answer.status.to_string(),
    }
}

fn said(error: &ApiError) -> String {
    match &error.message {
        Some(message) => format!("{}: {}", error.status, cut(message)),
        None => format!("{}: {}", error.status, cut(&error.body)),
    }
}

/// A text of a server, short enough for a table.
fn cut(text: &str) -> String {
    const LONGEST: usize = 160;
    let line: String = text
        .chars()
        .take(LONGEST + 1)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    match line.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}
