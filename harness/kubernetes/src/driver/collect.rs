//! Evidence, taken before anything is deleted.
//!
//! Promise: what can be had is had, whatever else failed, and what could not be is named. Logs, also those of a container that was started again; pods and events
//! as the cluster knows them; the folder of evidence of each pod, through the container that keeps it. Rejected: evidence through the log (a log is cut, and
//! mixed with whatever prints), and a claim that every cluster must have.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use futures_util::StreamExt;
use kube::api::{Api, AttachParams};
use serde_json::Value;
use tokio::io::AsyncReadExt;

use super::cluster::Cluster;
use super::failure::Failure;
use super::follow::restarted;
use super::kind::Kind;
use super::lines::{Lines, Next};
use super::pod::PodSeen;
use super::unpack::unpack;
use crate::render::{EVIDENCE_FOLDER, HARNESS, KEEPER, RunId};

/// A log of more lines is cut.
const MOST_LOG: u64 = 1 << 30;
/// More evidence of one pod than that is left there.
const MOST_EVIDENCE: u64 = 8 << 30;
/// Pages of events; they are 500 each.
const MOST_PAGES: usize = 10;
/// What the harness printed.
const LOG: &str = "tribunal.log";
/// What a container printed that was started again.
const LOG_AGAIN: &str = "tribunal-restarted.log";
/// How many pods are asked at a time.
const AT_ONCE: usize = 4;

/// Takes all evidence of a run's pods into a folder. What could not be had is named.
pub(crate) async fn collect(
    cluster: &Cluster,
    run: &RunId,
    name: &str,
    folder: &Path,
) -> Vec<String> {
    let mut missing = Vec::new();
    match events(cluster, name).await {
        Ok(events) => write(
            &mut missing,
            &folder.join("events.json"),
            &format!("{:#}\n", Value::Array(events)),
        ),
        Err(failure) => missing.push(format!("events: {}", failure.message)),
    }
    let pods = match cluster.labelled(Kind::Pod, run.as_str()).await {
        Ok(list) => list["items"].as_array().cloned().unwrap_or_default(),
        Err(failure) => {
            missing.push(format!("pods: {}", failure.message));
            Vec::new()
        }
    };
    let each = pods
        .iter()
        .filter_map(|pod| Some((PodSeen::of(pod)?, pod)))
        .map(|(seen, pod)| of_pod(cluster, run, seen, pod, folder));
    let all: Vec<Vec<String>> = futures_util::stream::iter(each)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    missing.extend(all.into_iter().flatten());
    missing
}

/// The folder of a pod's evidence.
pub(crate) fn pod_folder(folder: &Path, pod: &PodSeen) -> PathBuf {
    folder.join(match pod.index {
        Some(index) => format!("node-{index}"),
        None => pod.name.clone(),
    })
}

async fn of_pod(
    cluster: &Cluster,
    run: &RunId,
    seen: PodSeen,
    pod: &Value,
    folder: &Path,
) -> Vec<String> {
    let mut missing = Vec::new();
    let folder = pod_folder(folder, &seen);
    write(
        &mut missing,
        &folder.join("pod.json"),
        &format!("{pod:#}\n"),
    );
    // The run is what the first container printed. Whether there was a second is known for sure only behind the reading of what may have been the first.
    let first = log(cluster, &seen.name, false, &folder.join(LOG)).await;
    let again = restarted(cluster, run, &seen.name)
        .await
        .unwrap_or(seen.restarts > 0);
    let had = if again {
        let _ = std::fs::rename(folder.join(LOG), folder.join(LOG_AGAIN));
        log(cluster, &seen.name, true, &folder.join(LOG)).await
    } else {
        first
    };
    if let Err(why) = had {
        missing.push(format!("{}: {LOG}: {why}", seen.name));
    }
    if !seen.keeper {
        missing.push(format!(
            "{}: its evidence is out of reach: the container `{KEEPER}` does not run",
            seen.name
        ));
        return missing;
    }
    let archive = folder.join("evidence.tar");
    let taken = match exec_tar(cluster, &seen.name, &archive).await {
        Ok(()) => {
            let (archive, target) = (archive.clone(), folder.join("evidence"));
            let unpacked = tokio::task::spawn_blocking(move || unpack(&archive, &target)).await;
            unpacked
                .map_err(|why| why.to_string())
                .and_then(|result| result)
        }
        Err(why) => Err(why),
    };
    match taken {
        // What was unpacked is there twice.
        Ok(()) => {
            let _ = std::fs::remove_file(archive);
        }
        Err(why) => missing.push(format!("{}: its evidence: {why}", seen.name)),
    }
    missing
}

async fn log(cluster: &Cluster, pod: &str, previous: bool, file: &Path) -> Result<(), String> {
    let mut path = format!(
        "{}/{pod}/log?container={HARNESS}&limitBytes={MOST_LOG}",
        Kind::Pod.path(cluster.namespace())
    );
    if previous {
        path.push_str("&previous=true");
    }
    let body = cluster
        .stream(&path)
        .await
        .map_err(|failure| failure.message)?;
    let mut out = create(file)?;
    let mut lines = Lines::new(body, cluster.patience.silence);
    loop {
        match lines.next().await {
            Next::Line(line) => writeln!(out, "{line}").map_err(|why| why.to_string())?,
            Next::End => return out.flush().map_err(|why| why.to_string()),
            Next::Silent => return Err("the log stood still".to_owned()),
            Next::Broken(why) => return Err(why),
        }
    }
}

/// The events of objects whose names begin with that of the run.
pub(crate) async fn events(cluster: &Cluster, name: &str) -> Result<Vec<Value>, Failure> {
    let mut out = Vec::new();
    let mut next = String::new();
    for _ in 0..MOST_PAGES {
        let path = format!("{}?limit=500{next}", Kind::Event.path(cluster.namespace()));
        let list = cluster.get(&path).await?;
        for event in list["items"].as_array().into_iter().flatten() {
            let object = event["involvedObject"]["name"].as_str().unwrap_or_default();
            if object.starts_with(name) {
                out.push(event.clone());
            }
        }
        match list["metadata"]["continue"].as_str() {
            Some(token) if !token.is_empty() => next = format!("&continue={}", escaped(token)),
            _ => break,
        }
    }
    Ok(out)
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The folder of evidence of a pod, as an archive.
async fn exec_tar(cluster: &Cluster, pod: &str, file: &Path) -> Result<(), String> {
    let pods: Api<k8s_openapi::api::core::v1::Pod> =
        Api::namespaced(cluster.client().clone(), cluster.namespace());
    let params = AttachParams::default()
        .container(KEEPER)
        .stdin(false)
        .stdout(true)
        .stderr(true)
        .max_stdout_buf_size(1 << 20);
    let command = ["tar", "-cf", "-", "-C", EVIDENCE_FOLDER, "."];
    let limit = cluster.patience.call;
    let mut process = tokio::time::timeout(limit, pods.exec(pod, command, &params))
        .await
        .map_err(|_| "the cluster did not answer".to_owned())?
        .map_err(|why| why.to_string())?;
    let (Some(mut stdout), Some(stderr), Some(status)) =
        (process.stdout(), process.stderr(), process.take_status())
    else {
        return Err("the cluster opened no streams".to_owned());
    };
    let errors = tokio::spawn(async move {
        let mut text = Vec::new();
        let _ = stderr.take(1 << 16).read_to_end(&mut text).await;
        String::from_utf8_lossy(&text).trim().to_owned()
    });
    let mut out = create(file)?;
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = tokio::time::timeout(cluster.patience.silence, stdout.read(&mut buffer))
            .await
            .map_err(|_| "the archive stood still".to_owned())?
            .map_err(|why| why.to_string())?;
        if read == 0 {
            break;
        }
        bytes += read as u64;
        if bytes > MOST_EVIDENCE {
            return Err(format!("it has more than {MOST_EVIDENCE} bytes"));
        }
        out.write_all(&buffer[..read])
            .map_err(|why| why.to_string())?;
    }
    out.flush().map_err(|why| why.to_string())?;
    let status = tokio::time::timeout(limit, status).await.ok().flatten();
    let told = tokio::time::timeout(limit, errors)
        .await
        .ok()
        .and_then(Result::ok)
        .unwrap_or_default();
    match status.and_then(|status| status.status) {
        Some(word) if word == "Success" => Ok(()),
        Some(_) => Err(format!("tar failed: {told}")),
        None => Err("the connection ended before the archive did".to_owned()),
    }
}

fn create(file: &Path) -> Result<std::io::BufWriter<std::fs::File>, String> {
    let parent = file.parent().unwrap_or(file);
    std::fs::create_dir_all(parent)
        .and_then(|()| std::fs::File::create(file))
        .map(std::io::BufWriter::new)
        .map_err(|why| format!("{} cannot be written: {why}", file.display()))
}

pub(crate) fn write(missing: &mut Vec<String>, file: &Path, text: &str) {
    let written = create(file).and_then(|mut out| {
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|why| why.to_string())
    });
    if let Err(why) = written {
        missing.push(why);
    }
}
