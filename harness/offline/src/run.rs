//! One run, seen from the bridge: folder, supervisor, answer.
//!
//! Promise: dropped at any moment (its client went away), the run is ended with everything below it, because the
//! supervisor sees the end of its standard input. Its turn is over only when the supervisor has ended.

use std::fs;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::SUPERVISOR_VERB;
use crate::answer::{Answer, LARGEST};
use crate::ending::{Ending, signal_name};
use crate::failure::Failure;
use crate::folder::Folder;
use crate::job::OfflineJob;
use crate::reply::{self, Envelope};
use crate::request::{Form, Request};
use crate::supervisor::Order;
use crate::template;

/// How much longer than its run a supervisor may take: grace, kill and the last look.
const SUPERVISION: Duration = Duration::from_secs(30);
/// How much of standard error a failure shows.
const TAIL: u64 = 4096;

/// What a run holds until its supervisor has ended: its turn, and a sign that the bridge must wait for.
pub(crate) type Held = (OwnedSemaphorePermit, mpsc::Sender<()>);

/// Runs the command for a request and gives the media type and the body of the reply.
pub(crate) async fn run(
    job: &OfflineJob,
    request: &Request,
    folder: &Folder,
    held: Held,
) -> Result<(&'static str, String), Failure> {
    let lost = |what: &str, error: io::Error| {
        failed(
            folder,
            Failure::new(500, "lost", format!("{what}: {error}.")),
        )
    };
    prepare(job, request, folder)
        .map_err(|e| lost("The folder of the run cannot be written", e))?;
    let ending = supervised(job, folder, held)
        .await
        .map_err(|e| lost("The supervisor of the run failed", e))?;
    if let Some(failure) = judge(job, &ending) {
        return Err(failed(folder, failure));
    }
    let answer = answer(job, folder).map_err(|failure| failed(folder, failure))?;
    let created = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let prefix = match request.form {
        Form::Chat => "chatcmpl",
        Form::Completion => "cmpl",
    };
    let envelope = Envelope {
        id: &format!("{prefix}-offline-{}-{}", std::process::id(), folder.name),
        created,
        model: job.model_name(),
        files: &folder.made(job.output.as_deref()),
        notes: &notes(&ending),
        folder: &folder.path.to_string_lossy(),
    };
    Ok(reply::body(&envelope, request, &answer))
}

fn prepare(job: &OfflineJob, request: &Request, folder: &Folder) -> io::Result<()> {
    let (prompt, body) = (
        folder.path.join("prompt.txt"),
        folder.path.join("request.json"),
    );
    fs::write(&prompt, &request.prompt)?;
    fs::write(&body, serde_json::to_vec_pretty(&request.body)?)?;
    let mut values = request.values.clone();
    let utf8 = |path: &Path| {
        path.to_str()
            .map(str::to_owned)
            .ok_or_else(|| io::Error::other("its path is not valid UTF-8"))
    };
    values.insert("prompt_file", utf8(&prompt)?);
    values.insert("request", utf8(&body)?);
    values.insert("output", utf8(&folder.output())?);
    let mut words = template::fill(&job.command, &values).into_iter();
    let order = Order {
        program: words.next().unwrap_or_default(),
        args: words.collect(),
        timeout: job.timeout,
    };
    fs::write(
        folder.path.join("run.json"),
        serde_json::to_vec_pretty(&order)?,
    )
}

async fn supervised(job: &OfflineJob, folder: &Folder, held: Held) -> io::Result<Ending> {
    // The kernel's link leads to this program even after it was built anew.
    let mut supervisor = Command::new("/proc/self/exe")
        .arg(SUPERVISOR_VERB)
        .arg(&folder.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let input = supervisor.stdin.take();
    let (wanted, unwanted) = oneshot::channel::<()>();
    let limit = job.timeout.saturating_add(SUPERVISION);
    let watch = tokio::spawn(async move {
        let _held = held;
        let mut said = Vec::new();
        let mut out = supervisor.stdout.take().map(|out| out.take(1 << 20));
        let read = async {
            match &mut out {
                Some(out) => out.read_to_end(&mut said).await.map(drop),
                None => Ok(()),
            }
        };
        tokio::pin!(read);
        let in_time = tokio::select! {
            read = &mut read => Some(read),
            // The other end was dropped: nobody wants the answer.
            _ = unwanted => None,
            () = tokio::time::sleep(limit) => None,
        };
        // Closing it ends the run, if it has not ended.
        drop(input);
        match in_time {
            Some(read) => read?,
            None => read.await?,
        }
        let status = supervisor.wait().await?;
        serde_json::from_slice(&said).map_err(|_| {
            io::Error::other(format!(
                "it ended with {status} and did not say how the run ended"
            ))
        })
    });
    let ending = watch.await.map_err(io::Error::other)?;
    drop(wanted);
    ending
}

/// What a reader of a good answer should know all the same.
fn notes(ending: &Ending) -> Vec<String> {
    let outlived = ending.outlived.iter().map(|p| {
        format!(
            "the process {} ({}) outlived the command and was stopped",
            p.name, p.pid
        )
    });
    let stuck = ending
        .stuck
        .iter()
        .map(|p| format!("the process {} ({}) could not be stopped", p.name, p.pid));
    let dropped = ending
        .dropped
        .iter()
        .map(|(name, bytes)| format!("{bytes} bytes of {name} were not kept"));
    outlived.chain(stuck).chain(dropped).collect()
}

/// What the ending alone says.
fn judge(job: &OfflineJob, ending: &Ending) -> Option<Failure> {
    let program = job.command.first().map_or("", String::as_str);
    if let Some(why) = &ending.not_started {
        return Some(Failure::output(
            "start_failed",
            format!("`{program}` could not be started: {why}."),
        ));
    }
    if ending.timed_out {
        let message = format!(
            "`{program}` did not end within {:?} and was stopped with everything below it.",
            job.timeout
        );
        let mut failure = Failure::new(504, "timed_out", message);
        if !ending.stuck.is_empty() {
            let names: Vec<String> = ending
                .stuck
                .iter()
                .map(|p| format!("{} ({})", p.name, p.pid))
                .collect();
            failure = failure.with("stuck", names);
        }
        return Some(failure);
    }
    if let Some(signal) = ending.signal {
        let name = signal_name(signal);
        return Some(
            Failure::output("signal", format!("`{program}` was ended by {name}."))
                .with("signal", name),
        );
    }
    match ending.code {
        Some(0) => None,
        Some(code) => Some(
            Failure::output(
                "exit_code",
                format!("`{program}` ended with exit code {code}."),
            )
            .with("exit_code", code),
        ),
        None => Some(Failure::new(
            500,
            "lost",
            format!("How `{program}` ended is not known."),
        )),
    }
}

fn answer(job: &OfflineJob, folder: &Folder) -> Result<Answer, Failure> {
    let (path, place) = match &job.output {
        None => (folder.path.join("stdout"), "standard output".to_owned()),
        Some(file) => (folder.output().join(file), format!("the file `{file}`")),
    };
    let missing = |why: String| {
        Failure::output(
            "output_missing",
            format!("The command ended well, but {place} {why}."),
        )
    };
    let file = fs::File::open(&path).map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => missing(match &folder.made(None)[..] {
            [] => "is not there; it made no files".to_owned(),
            made => {
                let names: Vec<String> = made
                    .iter()
                    .take(8)
                    .map(|f| format!("`{}`", f.path))
                    .collect();
                format!("is not there; it made {}", names.join(", "))
            }
        }),
        _ => missing(format!("cannot be read: {e}")),
    })?;
    if !file.metadata().is_ok_and(|facts| facts.is_file()) {
        return Err(missing("is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| missing(format!("cannot be read: {e}")))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::output(
            "output_unparsable",
            format!("{place} is larger than {LARGEST} bytes."),
        ));
    }
    Answer::read(&bytes, job.json, &place)
}

/// A failure with what a reader needs to go on.
fn failed(folder: &Folder, failure: Failure) -> Failure {
    let tail = tail(&folder.path.join("stderr")).unwrap_or_default();
    failure
        .with("stderr_tail", tail)
        .with("folder", folder.path.to_string_lossy())
}

/// The last lines of a file, without control characters.
fn tail(path: &Path) -> io::Result<String> {
    let mut file = fs::File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = if size > TAIL {
        text.split_once('\n').map_or(&*text, |(_, rest)| rest)
    } else {
        &text
    };
    Ok(text
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect())
}
