//! The servers behind the proxy.
//!
//! Promise: a server is told by its role and address in every error; connections are kept and used again; a request that was begun and given up ends at the server
//! as well, because its connection is closed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::run::Routes;

use super::answer::{Body, error};

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// A connection over which nothing comes is asked after for so long, and what is sent over it is confirmed within this time: a cut link says nothing by itself.
const SILENT: Duration = Duration::from_secs(4);
/// How often it is asked after.
const PROBE: Duration = Duration::from_secs(1);
/// A connection that rested longer is not used again: servers close theirs after five seconds or more.
const REST: Duration = Duration::from_secs(3);
/// The most that is read of an answer that the proxy itself has to understand.
const MOST: usize = 64 << 20;

/// A server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// What it is for.
    pub role: &'static str,
    /// `ADDRESS:PORT`.
    pub address: String,
}

/// Servers of one role, asked in turn.
#[derive(Debug)]
pub(super) struct Group {
    pub targets: Vec<Target>,
    next: AtomicUsize,
}

impl Group {
    fn new(role: &'static str, addresses: &[String]) -> Group {
        let targets = addresses.iter().map(|address| Target {
            role,
            address: address.clone(),
        });
        Group {
            targets: targets.collect(),
            next: AtomicUsize::new(0),
        }
    }

    /// The next in turn.
    pub fn next(&self) -> Option<&Target> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.targets.get(turn % self.targets.len().max(1))
    }

    /// Always the same one.
    pub fn same(&self) -> Option<&Target> {
        self.targets.first()
    }
}

/// All servers.
#[derive(Debug)]
pub(super) struct Upstream {
    /// Who is asked before the others, where the work is split.
    pub before: Option<Group>,
    /// Who gives the answers.
    pub answering: Group,
    client: Client<HttpConnector, Body>,
    /// Those that were not well when they were asked last.
    unwell: Mutex<BTreeMap<String, String>>,
}

impl Upstream {
    pub fn new(routes: &Routes) -> Upstream {
        let (before, answering) = match routes {
            Routes::Any(any) => (None, Group::new("server", any)),
            Routes::Pair { prefill, decode } => (
                Some(Group::new("prefiller", prefill)),
                Group::new("decoder", decode),
            ),
            Routes::Encode { encode, rest } => (
                Some(Group::new("encoder", encode)),
                Group::new("server behind the encoder", rest),
            ),
        };
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CONNECT));
        connector.set_keepalive(Some(PROBE));
        connector.set_keepalive_interval(Some(PROBE));
        connector.set_keepalive_retries(Some(3));
        #[cfg(target_os = "linux")]
        connector.set_tcp_user_timeout(Some(SILENT));
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(REST)
            .build(connector);
        Upstream {
            before,
            answering,
            client,
            unwell: Mutex::default(),
        }
    }

    /// Whether it was not well when it was asked last.
    pub fn is_unwell(&self, target: &Target) -> bool {
        let unwell = self.unwell.lock().unwrap_or_else(PoisonError::into_inner);
        unwell.contains_key(&target.address)
    }

    /// Logs whose health is another than it was.
    pub fn tell<'a>(&self, found: impl Iterator<Item = (&'a Target, &'a str)>) {
        let mut unwell = self.unwell.lock().unwrap_or_else(PoisonError::into_inner);
        for (Target { role, address }, status) in found {
            let before = match status {
                "200" => unwell.remove(address),
                status => unwell.insert(address.clone(), status.to_owned()),
            };
            let now = (status != "200").then_some(status);
            if before.as_deref() != now {
                let now = now.unwrap_or("well again");
                eprintln!("the {role} at {address}: {now}");
            }
        }
    }

    /// Every server.
    pub fn all(&self) -> impl Iterator<Item = &Target> {
        let before = self.before.iter().flat_map(|group| &group.targets);
        before.chain(&self.answering.targets)
    }

    /// Sends a request to a server; the path of the request stays.
    ///
    /// # Errors
    /// An answer for the client that names the server.
    pub async fn send(
        &self,
        target: &Target,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>, Box<Response<Body>>> {
        let path = request
            .uri()
            .path_and_query()
            .map_or("/", |path| path.as_str());
        let Target { role, address } = target;
        let uri: Uri = format!("http://{address}{path}").parse().map_err(|e| {
            let message = format!("the {role} `{address}` is no address of a server: {e}");
            Box::new(error(StatusCode::BAD_GATEWAY, "bad_target", &message))
        })?;
        *request.uri_mut() = uri;
        self.client.request(request).await.map_err(|e| {
            let why = innermost(&e);
            let (what, code) = match e.is_connect() {
                true => ("cannot be reached", "target_unreachable"),
                false => ("broke off before it answered", "target_broke_off"),
            };
            let message = format!("the {role} at {address} {what}: {why}");
            Box::new(error(StatusCode::BAD_GATEWAY, code, &message))
        })
    }
}

/// The whole body of an answer, up to a bound.
///
/// # Errors
/// An answer for the client that names the server.
pub(super) async fn whole(
    target: &Target,
    response: Response<Incoming>,
) -> Result<Vec<u8>, Box<Response<Body>>> {
    let Target { role, address } = target;
    let failed = |why: String| {
        let message = format!("the answer of the {role} at {address} cannot be read: {why}");
        Box::new(error(StatusCode::BAD_GATEWAY, "target_broke_off", &message))
    };
    let limited = http_body_util::Limited::new(response.into_body(), MOST);
    let body = limited.collect().await.map_err(|e| failed(e.to_string()))?;
    Ok(body.to_bytes().to_vec())
}

/// What is at the bottom of an error: `Connection refused` rather than `client error (Connect)`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
