//! A folder, a job, a running server.

use std::future::Future;
use std::path::PathBuf;

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};
use tribunal_client::{Client, RawAnswer};
use tribunal_offline::OfflineJob;
use tribunal_serving::{Server, StartOptions};

use crate::stub;

/// A test that is a future on a runtime of its own.
pub fn trial<F: Future<Output = ()> + 'static>(name: &'static str, body: fn() -> F) -> Trial {
    Trial::test(name, move || -> Result<(), Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(body());
        Ok(())
    })
}

/// The folder of one test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::write(folder.at("alive"), "").unwrap();
        folder
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A path as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.at(name).to_str().unwrap().to_owned()
    }

    /// A job whose command is a stub.
    pub fn job<S: Into<String>>(&self, args: impl IntoIterator<Item = S>) -> OfflineJob {
        let program = std::env::current_exe()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        let words = [program, stub::VERB.to_owned()]
            .into_iter()
            .chain(args.into_iter().map(Into::into));
        let mut job = OfflineJob::new(words);
        job.folder = Some(self.at("offline"));
        job
    }

    pub fn options(&self) -> StartOptions {
        StartOptions::new(self.at("evidence"))
    }

    pub async fn start(&self, job: &OfflineJob) -> Server {
        let deployment = tribunal_offline::deployment(job).unwrap();
        Server::start(&deployment, &self.options()).await.unwrap()
    }
}

pub fn chat(prompt: &str) -> Value {
    json!({"model": "offline", "messages": [{"role": "user", "content": prompt}]})
}

/// Asks for a chat.
pub async fn ask(server: &Server, body: &Value) -> RawAnswer {
    let client = Client::new(server.base_url()).unwrap();
    client
        .post_json("/v1/chat/completions", body)
        .await
        .unwrap()
}

pub fn value(answer: &RawAnswer) -> Value {
    answer.json().unwrap()
}

/// Asks, expects the failure `code` with `status`, and gives the error object.
pub async fn refused(server: &Server, body: &Value, status: u16, code: &str) -> Value {
    let answer = ask(server, body).await;
    let error = value(&answer)["error"].clone();
    assert_eq!(
        (answer.status, error["code"].as_str()),
        (status, Some(code)),
        "{error:#}"
    );
    error
}
