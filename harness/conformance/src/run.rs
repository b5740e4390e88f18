//! Sends the rows of a route to one server, one after the other.
//!
//! Promise: every row is in the reports. After each one the server is asked whether it is well, and whether it still answers a valid request; the row after
//! which it is not is the one that is blamed, and where the death may have been an earlier row's doing, that is said. Once a server is broken the rest is *not
//! made*. Rejected: one server per row (real engines take minutes to start).

use std::collections::BTreeSet;
use std::pin::Pin;
use std::time::Duration;

use serde_json::json;
use tribunal_client::{Client, RawAnswer};

use crate::body::Names;
use crate::expect::{Deviation, Fault, Reply, Severity, judge};
use crate::route::{BadRequest, Canary, Payload, Route};
use crate::send::{Unsent, curl, exchange, first_line, names};

/// Asks whether the server is well, as whoever started it can tell; why not.
pub type Well = dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// The server that is asked.
pub struct Subject<'a> {
    /// A client of it.
    pub client: &'a Client,
    /// The name of its model.
    pub model: &'a str,
    /// What its deployment says it can do.
    pub capabilities: &'a BTreeSet<String>,
    /// Whether it is well.
    pub well: &'a Well,
}

/// How patient a run is.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// The limit of every row, instead of what the table says.
    pub limit: Option<Duration>,
    /// How long a valid request may take.
    pub canary_limit: Duration,
    /// How long the server is watched after each row.
    pub watch: Duration,
    /// How long it is watched after the last one.
    pub watch_last: Duration,
    /// After so many rows without an answer, one after the other, the rest is not made.
    pub hangs: usize,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            limit: None,
            canary_limit: Duration::from_secs(60),
            watch: Duration::ZERO,
            watch_last: Duration::from_millis(150),
            hangs: 3,
        }
    }
}

/// What became of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The route.
    pub route: String,
    /// The row; [`Report::VALID`] for the valid request itself.
    pub row: String,
    /// What was bad, in a few words.
    pub sent: String,
    /// What was allowed.
    pub expected: String,
    /// How it ended.
    pub ending: Ending,
    /// How to send it again.
    pub curl: Option<String>,
}

/// How a row ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// As it has to.
    Held,
    /// Otherwise, and how. There is at least one.
    Deviates(Vec<Deviation>),
    /// It was not sent, and why.
    NotMade(String),
}

impl Report {
    /// The row of the valid request.
    pub const VALID: &str = "valid_request";
}

/// Sends everything of a route. First the valid request: where that fails, no refusal would mean anything.
pub async fn run(route: &Route, subject: &Subject<'_>, options: &RunOptions) -> Vec<Report> {
    let mut run = Run {
        route,
        subject,
        names: names(route, subject).await,
        options,
        reports: vec![],
    };
    let over = match run.begin().await {
        Err(why) => Some(why),
        Ok(()) => run.rows().await,
    };
    if let Some(why) = over {
        for row in &route.rows[run
            .reports
            .iter()
            .filter(|r| r.row != Report::VALID)
            .count()..]
        {
            run.report(row, Ending::NotMade(why.clone()), None);
        }
    }
    run.reports
}

struct Run<'r> {
    route: &'r Route,
    subject: &'r Subject<'r>,
    names: Names,
    options: &'r RunOptions,
    reports: Vec<Report>,
}

impl Run<'_> {
    fn report(&mut self, row: &BadRequest, ending: Ending, curl: Option<String>) {
        self.reports.push(Report {
            route: self.route.name.clone(),
            row: row.id.clone(),
            sent: row.sent.clone(),
            expected: row.expected.text(),
            ending,
            curl,
        });
    }

    /// The server is well and answers the valid request; why not.
    async fn begin(&mut self) -> Result<(), String> {
        let mut ending = Ending::Held;
        let mut line = None;
        let mut over = Ok(());
        if let Err(why) = (self.subject.well)().await {
            over = Err(format!(
                "the server is not well before the first row: {why}"
            ));
            ending = broken(format!("not well before the first row: {why}"));
        } else if self.route.valid.is_some()
            && let Err(why) = self.send_valid().await
        {
            line = curl(self.subject);
            over = Err(
                "the valid request of the route is not answered, so that refusals mean nothing"
                    .to_owned(),
            );
            ending = broken(why);
        }
        self.reports.push(Report {
            route: self.route.name.clone(),
            row: Report::VALID.to_owned(),
            sent: "a valid request".into(),
            expected: "success".into(),
            ending,
            curl: line,
        });
        over
    }

    /// All rows; why it stopped before the last one.
    async fn rows(&mut self) -> Option<String> {
        let mut hangs = 0;
        for (n, row) in self.route.rows.iter().enumerate() {
            if let Some(why) = row.gate(self.subject.capabilities) {
                self.report(row, Ending::NotMade(why), None);
                continue;
            }
            let reply = self.send(row).await;
            let line = curl(self.subject);
            let mut found = match &reply {
                Ok(reply) => judge(&row.expected, reply, self.subject.capabilities),
                Err(Unsent::Refused(why)) => {
                    let why = format!("nothing listens any more: {why}");
                    self.blame(&why);
                    return Some(format!("the server is gone: {why}"));
                }
                Err(Unsent::Unusable(why)) => {
                    self.report(row, Ending::NotMade(why.clone()), None);
                    continue;
                }
            };
            hangs = match reply {
                Ok(Reply::Silence(_)) => hangs + 1,
                _ => 0,
            };
            let last = n + 1 == self.route.rows.len();
            let after = self.after(last).await;
            if let Err(after) = &after {
                found.push(Deviation {
                    fault: Fault::Broken,
                    severity: Severity::Must,
                    found: after.clone(),
                });
            }
            let ending = match found.is_empty() {
                true => Ending::Held,
                false => Ending::Deviates(found),
            };
            self.report(row, ending, line);
            if let Err(after) = after {
                return Some(format!("the server broke at row `{}`: {after}", row.id));
            }
            if hangs >= self.options.hangs {
                return Some(format!("{hangs} rows in a row were not answered"));
            }
        }
        None
    }

    /// The server died between the row before and this one, which never reached it.
    fn blame(&mut self, why: &str) {
        let Some(before) = self.reports.last_mut() else {
            return;
        };
        let deviation = Deviation {
            fault: Fault::Broken,
            severity: Severity::Must,
            found: format!("the server ended a moment after this row or one before it: {why}"),
        };
        match &mut before.ending {
            Ending::Deviates(list) => list.push(deviation),
            ending => *ending = Ending::Deviates(vec![deviation]),
        }
    }

    /// The server is well and still works; why not.
    async fn after(&self, last: bool) -> Result<(), String> {
        let look = || async {
            (self.subject.well)()
                .await
                .map_err(|why| format!("not well afterwards: {why}"))
        };
        look().await?;
        let canary = match self.route.canary {
            Canary::Valid if self.route.valid.is_some() => self.send_valid().await,
            _ => self.chat().await,
        };
        if let Err(why) = canary {
            // Which of the two it is matters to whoever reads it.
            look().await?;
            return Err(format!("a valid request fails afterwards: {why}"));
        }
        let watch = match last {
            true => self.options.watch.max(self.options.watch_last),
            false => self.options.watch,
        };
        let until = tokio::time::Instant::now() + watch;
        while tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
            look().await?;
        }
        Ok(())
    }

    async fn send_valid(&self) -> Result<(), String> {
        let Some(payload) = &self.route.valid else {
            return Ok(());
        };
        let limit = self.options.canary_limit;
        let sent = exchange(
            self.subject,
            &self.names,
            &self.route.method,
            &self.route.path,
            payload,
            limit,
        );
        match sent.await {
            Ok(Reply::Answer(answer)) => success(*answer),
            Ok(Reply::Silence(limit)) => Err(format!("no answer within {} s", limit.as_secs_f64())),
            Ok(Reply::Dropped(why)) => Err(format!(
                "the connection was closed without an answer: {why}"
            )),
            Ok(Reply::Event(event)) => Err(format!("an error: {event}")),
            Ok(Reply::Failed(why)) => Err(why),
            Ok(Reply::Quiet(_)) => Ok(()),
            Err(Unsent::Refused(why) | Unsent::Unusable(why)) => Err(why),
        }
    }

    /// A chat of one token, where the server has chats.
    async fn chat(&self) -> Result<(), String> {
        if !self.subject.capabilities.contains("chat") {
            return Ok(());
        }
        let message = json!({"role": "user", "content": "Hello."});
        let body = json!({"model": "{model}", "messages": [message], "max_tokens": 1});
        let limit = self.options.canary_limit;
        let path = "/v1/chat/completions";
        match exchange(
            self.subject,
            &self.names,
            "POST",
            path,
            &Payload::Json(body),
            limit,
        )
        .await
        {
            Ok(Reply::Answer(answer)) => success(*answer),
            Ok(Reply::Dropped(why)) => Err(format!(
                "{path} closed the connection without an answer: {why}"
            )),
            Ok(_) => Err(format!(
                "no answer of {path} within {} s",
                limit.as_secs_f64()
            )),
            Err(Unsent::Refused(why) | Unsent::Unusable(why)) => Err(why),
        }
    }

    async fn send(&self, row: &BadRequest) -> Result<Reply, Unsent> {
        let limit = self.options.limit.unwrap_or(row.limit);
        exchange(
            self.subject,
            &self.names,
            &row.method,
            &row.path,
            &row.payload,
            limit,
        )
        .await
    }
}

fn success(answer: RawAnswer) -> Result<(), String> {
    let answer = answer.complete().map_err(|e| first_line(&e))?;
    answer.success().map(drop).map_err(|e| first_line(&e))
}

fn broken(found: String) -> Ending {
    Ending::Deviates(vec![Deviation {
        fault: Fault::Broken,
        severity: Severity::Must,
        found,
    }])
}
