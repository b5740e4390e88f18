//! Calls everything that a document lists, and looks at the server after each.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::calls::{Call, calls};
use crate::body::Names;
use crate::expect::{Deviation, Expected, Fault, Reply, Says, Severity, judge};
use crate::route::Payload;
use crate::run::{Ending, Report, RunOptions, Subject};
use crate::send::{Unsent, curl, exchange};

/// What a walk is asked to leave out.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// Paths, or methods with paths (`POST /v1/x`), that are not called.
    pub skip: Vec<String>,
}

/// The route under which the reports of a walk stand.
const ROUTE: &str = "openapi";

/// How long one operation may take. Pictures and films take their time.
const LIMIT: Duration = Duration::from_secs(120);

impl Walk {
    /// The operations of a document, and of each whether it would be called: the error says why not.
    pub fn plan(&self, document: &Value, model: &str) -> Vec<(String, Result<(), String>)> {
        let calls = calls(document, model, &self.skip);
        calls
            .into_iter()
            .map(|call| (call.name, call.payload.map(drop)))
            .collect()
    }
}

/// Walks over the `document` of a server. No operation may answer with a server error, nothing, or half an answer, and the server is well after each.
pub async fn walk(
    document: &Value,
    subject: &Subject<'_>,
    walk: &Walk,
    options: &RunOptions,
) -> Vec<Report> {
    let mut reports = vec![];
    let mut over: Option<String> = None;
    for call in calls(document, subject.model, &walk.skip) {
        let (ending, line) = match (&over, &call.payload) {
            (Some(why), _) | (None, Err(why)) => (Ending::NotMade(why.clone()), None),
            (None, Ok(payload)) => {
                let ending = made(&call, payload, subject, options).await;
                if let Ending::Deviates(list) = &ending
                    && let Some(broken) = list.iter().find(|d| d.fault == Fault::Broken)
                {
                    over = Some(format!(
                        "the server broke at {}: {}",
                        call.name, broken.found
                    ));
                }
                (ending, curl(subject))
            }
        };
        reports.push(Report {
            route: ROUTE.into(),
            row: call.name.clone(),
            sent: match &call.payload {
                Ok(Payload::Json(value)) => crate::body::shown(value),
                Ok(Payload::Form(fields)) => format!("a form of {} fields", fields.len()),
                _ => String::new(),
            },
            expected: "no server error".into(),
            ending,
            curl: line,
        });
    }
    reports
}

async fn made(
    call: &Call,
    payload: &Payload,
    subject: &Subject<'_>,
    options: &RunOptions,
) -> Ending {
    let limit = options.limit.unwrap_or(LIMIT);
    // Everything that a schema does not say was filled in when the call was made.
    let names = Names::open();
    let expected = Expected {
        statuses: (200..500).collect(),
        severity: Severity::Must,
        must_with: None,
        says: Says::default(),
    };
    let broken = |found: String| Deviation {
        fault: Fault::Broken,
        severity: Severity::Must,
        found,
    };
    let mut found = match exchange(subject, &names, &call.method, &call.path, payload, limit).await
    {
        // What an operation calls a refusal is its own affair here.
        Ok(Reply::Answer(answer)) if answer.status == 501 => vec![],
        Ok(reply) => judge(&expected, &reply, &BTreeSet::new()),
        Err(Unsent::Refused(why)) => vec![broken(format!("nothing listens any more: {why}"))],
        Err(Unsent::Unusable(why)) => return Ending::NotMade(why),
    };
    found.retain(|d| !matches!(d.fault, Fault::Shape | Fault::Message));
    if let Err(why) = (subject.well)().await {
        found.push(broken(format!("not well afterwards: {why}")));
    }
    match found.is_empty() {
        true => Ending::Held,
        false => Ending::Deviates(found),
    }
}
