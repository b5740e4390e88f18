//! Whether all servers behind the proxy are well.

use std::time::Duration;

use hyper::{Request, Response, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;

use super::answer::{Body, json, known};
use super::upstream::Upstream;

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long one that was not well the last time may: whoever asks is told soon.
const LESS: Duration = Duration::from_millis(700);

/// 200 where each server says so of itself, else 503; the body says which does not.
pub(super) async fn answer(upstream: &std::sync::Arc<Upstream>) -> Response<Body> {
    let mut asked = JoinSet::new();
    for (index, target) in upstream.all().cloned().enumerate() {
        let upstream = upstream.clone();
        let patience = match upstream.is_unwell(&target) {
            true => LESS,
            false => PATIENCE,
        };
        asked.spawn(async move {
            let mut request = Request::new(known(""));
            *request.uri_mut() = hyper::Uri::from_static("/health");
            let status = match tokio::time::timeout(patience, upstream.send(&target, request)).await
            {
                Ok(Ok(response)) => response.status().as_u16().to_string(),
                Ok(Err(_)) => "unreachable".to_owned(),
                Err(_) => "no answer in time".to_owned(),
            };
            (index, target, status)
        });
    }
    let mut found = asked.join_all().await;
    found.sort_by_key(|(index, ..)| *index);
    upstream.tell(
        found
            .iter()
            .map(|(_, target, status)| (target, status.as_str())),
    );
    let well = found.iter().all(|(.., status)| status == "200");
    let targets: Vec<_> = found
        .into_iter()
        .map(|(_, target, status)| json!({"role": target.role, "address": target.address, "status": status}))
        .collect();
    let (status, word) = match well {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "not all servers are well"),
    };
    json(status, &json!({"status": word, "targets": targets}))
}
