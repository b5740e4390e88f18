//! An offline job as a deployment: the bridge is the server.

use tribunal_serving::Deployment;

use crate::VERB;
use crate::job::{JobError, OfflineJob};

/// The deployment of a job: this program, run again as the bridge.
///
/// Without [`OfflineJob::probe`] readiness runs nothing: the bridge answers, and the program of the job exists.
pub fn deployment(job: &OfflineJob) -> Result<Deployment, JobError> {
    job.check()?;
    let program = std::env::current_exe()
        .map_err(|e| JobError(format!("the path of this program is not known: {e}")))?;
    let text = serde_json::to_string(job)
        .map_err(|e| JobError(format!("the job has no form as JSON: {e}")))?;
    let mut folder = std::ffi::OsString::from("--folder=");
    match &job.folder {
        Some(path) => folder.push(std::path::absolute(path).map_err(|e| {
            JobError(format!(
                "the folder {} has no absolute path: {e}",
                path.display()
            ))
        })?),
        None => folder.push("{evidence}/offline"),
    }
    let name = job
        .command
        .first()
        .and_then(|p| p.rsplit('/').next())
        .unwrap_or_default();
    let mut deployment = Deployment::command(program)
        .name(format!("offline {name}"))
        .model(job.model_name())
        .one_token(job.probe)
        .arg(VERB)
        .args(["--host={host}", "--port={port}"])
        .arg(folder)
        .arg(format!("--job={}", without_holes(&text)));
    for (name, value) in &job.env {
        deployment = match value {
            Some(value) => deployment.env(name, value),
            None => deployment.env_remove(name),
        };
    }
    if let Some(cwd) = &job.cwd {
        deployment = deployment.cwd(cwd);
    }
    if job.probe {
        deployment = deployment.ready_within(
            job.timeout
                .saturating_add(std::time::Duration::from_secs(60)),
        );
    }
    Ok(deployment)
}

/// JSON in which no text has a brace: they are escaped, so that the start of a server does not take them for its own holes.
fn without_holes(json: &str) -> String {
    let (mut out, mut inside, mut escaped) = (String::with_capacity(json.len()), false, false);
    for c in json.chars() {
        match c {
            '{' if inside => out.push_str("\\u007b"),
            '}' if inside => out.push_str("\\u007d"),
            _ => out.push(c),
        }
        if c == '"' && !escaped {
            inside = !inside;
        }
        escaped = c == '\\' && !escaped;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_survives_the_way_through_an_argument() {
        let mut job = OfflineJob::new(["x", "{prompt}", "a\"{port}\\", "{{b}}", "\\\"{"]);
        job.ignore = vec!["top_p".into()];
        let text = without_holes(&serde_json::to_string(&job).unwrap());
        assert!(
            !text.contains("{prompt}") && !text.contains("{port}"),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<OfflineJob>(&text).unwrap(), job);
    }

    #[test]
    fn a_wrong_job_is_no_deployment() {
        assert!(deployment(&OfflineJob::new(["x"])).is_err());
        assert!(deployment(&OfflineJob::new(["x", "{prompt}"])).is_ok());
    }
}
