//! A server that speaks as a cluster does, as far as the driver listens.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, Stream, StreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{Bytes as Payload, Message};

use super::script::Answer;
use super::state::{Call, World};

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Serves on a free port, and gives the address.
pub async fn serve(world: World) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            let world = world.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| answer(world.clone(), request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                let _ = connection.with_upgrades().await;
            });
        }
    });
    format!("http://{address}")
}

/// What a request is about.
struct Asked {
    call: Call,
    query: HashMap<String, String>,
}

fn asked(request: &Request<Incoming>) -> Asked {
    let query: HashMap<String, String> = request
        .uri()
        .query()
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| {
            (
                key.to_owned(),
                value
                    .replace("%2F", "/")
                    .replace("%3D", "=")
                    .replace("%3A", ":"),
            )
        })
        .collect();
    let parts: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
    let (group, rest) = match parts.first() {
        Some(&"apis") => (
            parts.get(1).copied().unwrap_or_default(),
            parts.get(3..).unwrap_or_default(),
        ),
        _ => ("", parts.get(2..).unwrap_or_default()),
    };
    let rest = if rest.first() == Some(&"namespaces") {
        &rest[2..]
    } else {
        rest
    };
    let resource = match (rest.first(), rest.get(2)) {
        (Some(resource), Some(sub)) => format!("{resource}/{sub}"),
        (Some(resource), None) => (*resource).to_owned(),
        _ => String::new(),
    };
    let name = rest.get(1).copied().unwrap_or_default();
    let verb = match (request.method().as_str(), name.is_empty()) {
        ("GET", true) if query.contains_key("watch") => "watch",
        ("GET", true) if !resource.is_empty() => "list",
        ("GET", _) => "get",
        ("POST", _) => "create",
        ("DELETE", _) => "delete",
        _ => "other",
    };
    Asked {
        call: Call {
            verb: verb.to_owned(),
            group: group.to_owned(),
            resource,
            name: name.to_owned(),
        },
        query,
    }
}

async fn answer(
    world: World,
    request: Request<Incoming>,
) -> Result<Response<Body>, std::io::Error> {
    let Asked { call, query } = asked(&request);
    let fault = world.called(call.clone());
    if matches!(&fault, Some(Answer::TooOld | Answer::Status(410, ..))) {
        world.forget();
    }
    match &fault {
        Some(Answer::Status(code, retry, message)) => return Ok(refusal(*code, *retry, message)),
        Some(Answer::Cut) => return Err(std::io::Error::other("cut")),
        _ => {}
    }
    if let Some(Answer::Late(late)) = &fault {
        let late = Duration::from_millis(*late);
        let world = world.clone();
        // A server goes on with what it was asked for, also when nobody waits for the answer any more.
        let done = tokio::spawn(async move {
            tokio::time::sleep(late).await;
            done(world, request, call, query, None).await
        });
        return done
            .await
            .unwrap_or_else(|why| Err(std::io::Error::other(why)));
    }
    done(world, request, call, query, fault).await
}

async fn done(
    world: World,
    request: Request<Incoming>,
    call: Call,
    query: HashMap<String, String>,
    fault: Option<Answer>,
) -> Result<Response<Body>, std::io::Error> {
    if call.resource == "pods/exec" {
        return Ok(exec(&world, request));
    }
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let bytes = request
        .into_body()
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let answer = match (&*call.verb, &*call.resource) {
        ("get", "")
            if uri.path().contains("leaderworkerset")
                && world.with(|state| state.script.no_sets) =>
        {
            refusal(404, None, "not found")
        }
        ("get", "") => ok(&json!({ "kind": "APIResourceList" })),
        ("create", "selfsubjectaccessreviews") => {
            let asked = &body["spec"]["resourceAttributes"];
            let mut resource = asked["resource"].as_str().unwrap_or_default().to_owned();
            if let Some(sub) = asked["subresource"].as_str() {
                resource = format!("{resource}/{sub}");
            }
            let denied = world.with(|state| {
                state
                    .script
                    .denied
                    .iter()
                    .any(|(verb, other)| asked["verb"] == *verb && resource == *other)
            });
            ok(&json!({ "status": { "allowed": !denied } }))
        }
        ("create", resource) => match world.create(resource, body) {
            Ok(object) => ok(&object),
            Err(()) => refusal(409, None, "already exists"),
        },
        ("delete", resource) => match world.delete(resource, &call.name, &body) {
            Ok(()) => ok(&json!({ "kind": "Status", "status": "Success" })),
            Err(code) => refusal(code, None, "not as asked"),
        },
        ("list", resource) => ok(&world.list(resource, selector(&query))),
        ("watch", _) => watch(&world, &query, fault.clone()),
        ("get", "pods/log") => log(&world, &call.name, &query, fault.clone()),
        _ => refusal(405, None, &format!("{method} {uri} is not in the script")),
    };
    match fault {
        Some(Answer::DoneAndCut) => Err(std::io::Error::other("cut")),
        _ => Ok(answer),
    }
}

fn selector(query: &HashMap<String, String>) -> Option<(&str, &str)> {
    query.get("labelSelector")?.split_once('=')
}

fn ok(value: &Value) -> Response<Body> {
    Response::new(whole(value.to_string()))
}

fn refusal(code: u16, retry: Option<u32>, message: &str) -> Response<Body> {
    let mut response = Response::new(whole(
        json!({ "kind": "Status", "code": code, "message": message }).to_string(),
    ));
    *response.status_mut() = hyper::StatusCode::from_u16(code).unwrap();
    if let Some(retry) = retry {
        response.headers_mut().insert("retry-after", retry.into());
    }
    response
}

fn whole(text: String) -> Body {
    Full::new(Bytes::from(text))
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

fn streamed(lines: impl Stream<Item = std::io::Result<String>> + Send + 'static) -> Response<Body> {
    let frames = lines.map(|line| line.map(|line| Frame::data(Bytes::from(line))));
    Response::new(StreamBody::new(frames).boxed_unsync())
}

/// The changes behind a version, as they come.
fn watch(world: &World, query: &HashMap<String, String>, fault: Option<Answer>) -> Response<Body> {
    let version: u64 = query
        .get("resourceVersion")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let run = selector(query)
        .map(|(_, run)| run.to_owned())
        .unwrap_or_default();
    if world.is_too_old(version) {
        let line = json!({ "type": "ERROR", "object": { "kind": "Status", "code": 410, "reason": "Expired" } });
        return streamed(futures_util::stream::iter([Ok(format!("{line}\n"))]));
    }
    match fault {
        Some(Answer::Close) => return streamed(futures_util::stream::empty()),
        Some(Answer::Silence(_)) => return streamed(futures_util::stream::pending()),
        _ => {}
    }
    let world = world.clone();
    streamed(futures_util::stream::unfold(
        (world, version),
        move |(world, mut version)| {
            let run = run.clone();
            async move {
                loop {
                    let notify = std::sync::Arc::clone(&world.changed);
                    let changed = notify.notified();
                    let next = world.with(|state| {
                        let mut all = state.changes.iter();
                        all.find(|(at, _, object)| {
                            *at > version && object["metadata"]["labels"][super::state::RUN] == *run
                        })
                        .cloned()
                    });
                    if let Some((at, kind, object)) = next {
                        version = at;
                        let line = format!("{}\n", json!({ "type": kind, "object": object }));
                        return Some((Ok(line), (world, version)));
                    }
                    let _ = tokio::time::timeout(Duration::from_millis(20), changed).await;
                }
            }
        },
    ))
}

/// The log of a pod. One that is followed ends when its harness has.
fn log(
    world: &World,
    pod: &str,
    query: &HashMap<String, String>,
    fault: Option<Answer>,
) -> Response<Body> {
    let status = world.with(|state| {
        state
            .objects
            .get(&("pods".to_owned(), pod.to_owned()))
            .map(|pod| pod["status"].clone())
    });
    let Some(status) = status else {
        return refusal(404, None, "no such pod");
    };
    let restarted = status["containerStatuses"][0]["restartCount"] == 1;
    if restarted && !query.contains_key("previous") {
        return streamed(futures_util::stream::iter([Ok(
            "2026-01-01T00:01:00Z tribunal: this run was here before\n".to_owned(),
        )]));
    }
    let text = world.with(|state| state.script.log.clone());
    let stamp = query.contains_key("timestamps");
    let lines = text.iter().enumerate().map(|(at, line)| {
        // All in one second, so that what was told comes again after a cut.
        if stamp {
            format!("2026-01-01T00:00:00.{at:03}Z {line}\n")
        } else {
            format!("{line}\n")
        }
    });
    let lines: Vec<std::io::Result<String>> = lines.map(Ok).collect();
    let take = |count: usize| futures_util::stream::iter(text_of(&lines, count));
    match fault {
        Some(Answer::Breaks(count)) => {
            let broken = futures_util::stream::once(async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Err(std::io::Error::other("cut"))
            });
            streamed(take(count).chain(broken))
        }
        Some(Answer::Silence(count)) => {
            streamed(take(count).chain(futures_util::stream::pending()))
        }
        _ if query.contains_key("follow") => {
            let (world, pod) = (world.clone(), pod.to_owned());
            let until_it_ends = futures_util::stream::unfold((), move |()| {
                let (world, pod) = (world.clone(), pod.clone());
                async move {
                    loop {
                        let running = world.with(|state| {
                            let pod = state.objects.get(&("pods".to_owned(), pod.clone()));
                            pod.is_some_and(|pod| {
                                pod["status"]["containerStatuses"][0]["state"]["terminated"]
                                    .is_null()
                            })
                        });
                        if !running {
                            return None;
                        }
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            });
            streamed(take(lines.len()).chain(until_it_ends))
        }
        _ => streamed(take(lines.len())),
    }
}

fn text_of(lines: &[std::io::Result<String>], count: usize) -> Vec<std::io::Result<String>> {
    lines
        .iter()
        .take(count)
        .filter_map(|line| line.as_ref().ok().cloned().map(Ok))
        .collect()
}

/// An archive with the evidence, over a WebSocket.
fn exec(world: &World, mut request: Request<Incoming>) -> Response<Body> {
    let (code, none) = world.with(|state| (state.script.event_log, state.script.no_evidence));
    let key = request.headers().get("sec-websocket-key").cloned();
    let Some(key) = key else {
        return refusal(400, None, "no upgrade");
    };
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let mut socket =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        let mut send = async |channel: u8, bytes: &[u8]| {
            let mut message = vec![channel];
            message.extend_from_slice(bytes);
            let _ = socket.send(Message::Binary(Payload::from(message))).await;
        };
        let status = if none {
            send(2, b"tar: /tribunal/evidence: Cannot open").await;
            json!({ "status": "Failure", "reason": "NonZeroExitCode" })
        } else {
            for chunk in archive(code).chunks(1000) {
                send(1, chunk).await;
            }
            json!({ "status": "Success" })
        };
        send(3, status.to_string().as_bytes()).await;
        let _ = socket.close(None).await;
    });
    let mut response = Response::new(whole(String::new()));
    *response.status_mut() = hyper::StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert("connection", "Upgrade".parse().unwrap());
    headers.insert("upgrade", "websocket".parse().unwrap());
    headers.insert(
        "sec-websocket-accept",
        derive_accept_key(key.as_bytes()).parse().unwrap(),
    );
    headers.insert(
        "sec-websocket-protocol",
        "v5.channel.k8s.io".parse().unwrap(),
    );
    response
}

fn archive(code: Option<i32>) -> Vec<u8> {
    let mut text = json!({ "event": "run_started", "schema": 1 }).to_string() + "\n";
    if let Some(code) = code {
        text += &(json!({ "event": "run_ended", "code": code }).to_string() + "\n");
    }
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    builder
        .append_data(&mut header, "./run-1/events.jsonl", text.as_bytes())
        .unwrap();
    builder.into_inner().unwrap()
}
