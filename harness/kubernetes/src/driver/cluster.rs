//! Calls to a cluster.
//!
//! Promise: every call has a limit; a server that is busy (429) or broken (5xx, a cut connection) is asked again, not before it wants to be, and not beyond the
//! limit. A call that changes something runs to its end even when nobody waits for it any more, so that what is deleted afterwards is all there is. Rejected:
//! the client's own repetitions (it repeats what it may not, without a limit in time, and does not see that the run was interrupted).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::Value;
use tokio::sync::watch;

use super::failure::Failure;
use super::kind::Kind;
use super::patience::{Patience, pause};
use crate::render::RUN_LABEL;

/// No list of a namespace of ours has more.
const MOST_BYTES: usize = 64 << 20;

/// A namespace of a cluster.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    namespace: String,
    pub(crate) patience: Patience,
    /// Calls that change something and have not ended.
    open: Arc<watch::Sender<usize>>,
    /// Nothing more is created.
    closing: Arc<AtomicBool>,
}

impl Cluster {
    /// The cluster of a context of the user's configuration, or the one that this runs in.
    ///
    /// # Errors
    /// There is no configuration, it has no such context, or a client cannot be made of it.
    pub async fn connect(
        context: Option<&str>,
        namespace: Option<&str>,
        patience: Patience,
    ) -> Result<Cluster, Failure> {
        let config = match context {
            None => kube::Config::infer().await.map_err(|why| {
                Failure::new(format!("no cluster is configured: {why}"))
                    .help("set KUBECONFIG, or run this in a pod with a service account")
            })?,
            Some(context) => {
                let all = Kubeconfig::read().map_err(|why| {
                    Failure::new(format!(
                        "the configuration of clusters cannot be read: {why}"
                    ))
                })?;
                let options = KubeConfigOptions {
                    context: Some(context.to_owned()),
                    ..KubeConfigOptions::default()
                };
                let there: Vec<_> = all
                    .contexts
                    .iter()
                    .map(|context| context.name.clone())
                    .collect();
                kube::Config::from_custom_kubeconfig(all, &options)
                    .await
                    .map_err(|why| {
                        Failure::new(format!("the context `{context}`: {why}"))
                            .help(format!("there are: {}", there.join(", ")))
                    })?
            }
        };
        Cluster::of(config, namespace, patience)
    }

    /// The cluster of a configuration.
    ///
    /// # Errors
    /// A client cannot be made of it.
    pub fn of(
        mut config: kube::Config,
        namespace: Option<&str>,
        patience: Patience,
    ) -> Result<Cluster, Failure> {
        config.default_retry = false;
        let namespace =
            namespace.map_or_else(|| config.default_namespace.clone(), ToOwned::to_owned);
        let client = kube::Client::try_from(config)
            .map_err(|why| Failure::new(format!("there is no way to the cluster: {why}")))?;
        Ok(Cluster {
            client,
            namespace,
            patience,
            open: Arc::new(watch::Sender::new(0)),
            closing: Arc::new(AtomicBool::new(false)),
        })
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(crate) fn client(&self) -> &kube::Client {
        &self.client
    }

    /// From here on nothing is created, also by a call that is being repeated.
    pub(crate) fn close(&self) {
        self.closing.store(true, Ordering::SeqCst);
    }

    /// Waits until every call that changes something has ended, for no longer than a call may take.
    pub(crate) async fn settled(&self) {
        let mut open = self.open.subscribe();
        let _ = tokio::time::timeout(self.patience.call, open.wait_for(|open| *open == 0)).await;
    }

    /// What stands at a path.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.repeated(Method::GET, path, None, self.patience.call)
            .await
    }

    /// Asks something that changes nothing, by a body: reviews of rights.
    pub(crate) async fn ask(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.repeated(Method::POST, path, Some(body.clone()), self.patience.call)
            .await
    }

    /// The objects of a kind with the label of a run.
    pub(crate) async fn labelled(&self, kind: Kind, run: &str) -> Result<Value, Failure> {
        let path = format!(
            "{}?labelSelector={}",
            kind.path(&self.namespace),
            selector(run)
        );
        self.get(&path).await
    }

    /// Creates an object.
    pub(crate) async fn create(&self, kind: Kind, object: Value) -> Result<(), Failure> {
        let path = kind.path(&self.namespace);
        self.to_the_end(Method::POST, path, Some(object), self.patience.call)
            .await
    }

    /// Deletes an object: only the one with this uid, where that is known.
    pub(crate) async fn delete(
        &self,
        kind: Kind,
        name: &str,
        uid: Option<&str>,
        limit: Duration,
    ) -> Result<(), Failure> {
        // An object stays until what belongs to it is gone: then its absence says that the pods are gone as well.
        let mut options = serde_json::json!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground" });
        if let Some(uid) = uid {
            options["preconditions"] = serde_json::json!({ "uid": uid });
        }
        let path = format!("{}/{name}", kind.path(&self.namespace));
        self.to_the_end(Method::DELETE, path, Some(options), limit)
            .await
    }

    /// A call that goes on when nobody waits for it any more.
    async fn to_the_end(
        &self,
        method: Method,
        path: String,
        body: Option<Value>,
        limit: Duration,
    ) -> Result<(), Failure> {
        let open = Opened::new(&self.open);
        let own = self.clone();
        let call = tokio::spawn(async move {
            let answer = own.repeated(method, &path, body, limit).await;
            drop(open);
            answer
        });
        match call.await {
            Ok(answer) => answer.map(drop),
            Err(why) => Err(Failure::new(format!(
                "a call ended without an answer: {why}"
            ))),
        }
    }

    async fn repeated(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        limit: Duration,
    ) -> Result<Value, Failure> {
        let start = Instant::now();
        let mut attempt = 0;
        loop {
            let left = limit.saturating_sub(start.elapsed());
            let once = tokio::time::timeout(left, self.once(&method, path, body.as_ref())).await;
            let (failure, wanted) = match once {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => {
                    let failure = Failure::new(format!(
                        "the cluster did not answer within {limit:?}: {method} {}",
                        bare(path)
                    ));
                    return Err(failure
                        .help("is the cluster reached from here? `kubectl get --raw /readyz`"));
                }
            };
            // An object that was created by a call whose answer was lost.
            if failure.is(409) && method == Method::POST && attempt > 0 {
                return Ok(Value::Null);
            }
            let creates = method == Method::POST && self.closing.load(Ordering::SeqCst);
            let wait = pause(self.patience.pause, attempt, wanted);
            if !passes(failure.status) || creates || start.elapsed() + wait >= limit {
                return Err(failure);
            }
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn once(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, (Failure, Option<Duration>)> {
        let response = self.send(method, path, body).await?;
        let body = Limited::new(response.into_body(), MOST_BYTES);
        let bytes = body.collect().await.map_err(|why| {
            let failure = Failure::new(format!(
                "the answer of the cluster was cut: {method} {}: {why}",
                bare(path)
            ));
            (failure, None)
        })?;
        serde_json::from_slice(&bytes.to_bytes()).map_err(|why| {
            let mut failure = Failure::new(format!(
                "the cluster answered no JSON: {method} {}: {why}",
                bare(path)
            ));
            failure.status = Some(200);
            (failure, None)
        })
    }

    /// Opens a stream: a watch, or a log. It is not repeated.
    pub(crate) async fn stream(&self, path: &str) -> Result<Body, Failure> {
        let sent =
            tokio::time::timeout(self.patience.call, self.send(&Method::GET, path, None)).await;
        match sent {
            Ok(Ok(response)) => Ok(response.into_body()),
            Ok(Err((failure, _))) => Err(failure),
            Err(_) => Err(Failure::new(format!(
                "the cluster did not answer: GET {}",
                bare(path)
            ))),
        }
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Response<Body>, (Failure, Option<Duration>)> {
        let bytes = body
            .map(|body| body.to_string().into_bytes())
            .unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(http::header::ACCEPT, "application/json, */*")
            .body(Body::from(bytes))
            .map_err(|why| (Failure::new(format!("{method} {path}: {why}")), None))?;
        let response = self.client.send(request).await.map_err(|why| {
            let failure = Failure::new(format!(
                "the cluster cannot be reached: {method} {}: {}",
                bare(path),
                chain(&why)
            ));
            (failure, None)
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let wanted = response
            .headers()
            .get(http::header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let body = Limited::new(response.into_body(), 1 << 20).collect().await;
        let text = body
            .map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned())
            .unwrap_or_default();
        let told: Value = serde_json::from_str(&text).unwrap_or_default();
        let wanted = wanted.or_else(|| told["details"]["retryAfterSeconds"].as_u64());
        Err((
            refusal(status, method, path, &told, &text),
            wanted.map(Duration::from_secs),
        ))
    }
}

/// A call that changes something, as long as it runs.
struct Opened(Arc<watch::Sender<usize>>);

impl Opened {
    fn new(open: &Arc<watch::Sender<usize>>) -> Opened {
        open.send_modify(|open| *open += 1);
        Opened(Arc::clone(open))
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

/// Whether it passes by itself: no answer, a busy server, a broken one.
fn passes(status: Option<u16>) -> bool {
    status.is_none_or(|status| status == 429 || status >= 500)
}

fn refusal(status: StatusCode, method: &Method, path: &str, told: &Value, text: &str) -> Failure {
    let message = told["message"].as_str().unwrap_or(text).trim();
    let message: String = message.chars().take(2000).collect();
    let mut failure = Failure::new(format!(
        "{method} {}: {}: {message}",
        bare(path),
        status.as_u16()
    ));
    failure.status = Some(status.as_u16());
    failure.help = match status.as_u16() {
        401 => Some("the credentials of this context are not taken: log in again".to_owned()),
        403 if message.contains("exceeded quota") => Some(QUOTA_HELP.to_owned()),
        403 => Some("fixtures/kubernetes/rbac.yaml has the rights that a run needs".to_owned()),
        404 if path.contains("leaderworkersets") => Some(NO_SETS_HELP.to_owned()),
        _ => None,
    };
    failure
}

/// What helps against a quota.
pub(crate) const QUOTA_HELP: &str = "wait until another run has ended, ask for less, or for a larger quota: `kubectl describe resourcequota`";
/// What helps where there are no LeaderWorkerSets.
pub(crate) const NO_SETS_HELP: &str =
    "this cluster has no LeaderWorkerSet: its administrator installs it (https://lws.sigs.k8s.io)";

/// The label of a run, as it stands in a query.
pub(crate) fn selector(run: &str) -> String {
    format!("{}%3D{run}", RUN_LABEL.replace('/', "%2F"))
}

/// A path without its query.
fn bare(path: &str) -> &str {
    path.split('?').next().unwrap_or(path)
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let told = source.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        next = source.source();
    }
    text
}
