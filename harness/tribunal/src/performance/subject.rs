//! The fixture of performance tests: a server, and what is known of it that figures depend on.

use std::sync::Arc;

use tribunal_client::ModelClient;
use tribunal_runner::{Error, SetUp};
use tribunal_serving::Server;
use tribunal_traffic::{DataSet, Route, Target};

use super::step::Step;
use crate::fixture;
use crate::fixtures::{judged, server};

/// A server that is measured. Each of its methods begins a step: one load of one kind of request.
#[derive(Clone)]
pub struct Bench(Arc<Inner>);

struct Inner {
    server: Server,
    api: ModelClient,
    target: Target,
    about: About,
}

/// What figures depend on, beside what is sent.
#[derive(Clone, Debug)]
pub(crate) struct About {
    /// The case that measures.
    pub case: String,
    /// The deployment, as it was asked for.
    pub deployment: String,
    /// All that makes its configuration, without what is done to the server on purpose.
    pub configuration: String,
    /// What is done to it on purpose.
    pub injected: Vec<(String, String)>,
    /// The model.
    pub model: String,
    /// The version that its file is pinned to.
    pub version: Option<String>,
    /// The devices that it was given, by model.
    pub devices: Vec<String>,
    /// The run level.
    pub level: Option<String>,
}

/// Measures the server of the case.
#[fixture]
pub fn bench(cx: &SetUp, server: &Server) -> Result<Bench, Error> {
    let api = judged(cx, server)?;
    let mut target = Target::new(server.base_url(), api.model());
    if let Some(name) = server.key_env() {
        match std::env::var(name) {
            Ok(key) => target = target.key(key),
            Err(_) => crate::fail!("the key of the server is to be in {name}, which is not set"),
        }
    }
    let devices = match cx.devices().granted() {
        Some(grant) => grant.devices().iter().map(|d| d.model.clone()).collect(),
        None => vec![],
    };
    let compared = crate::deployments::compared(cx.deployment(), cx.level())?;
    let about = About {
        case: cx.asked_by().to_owned(),
        deployment: compared.name,
        configuration: compared.configuration,
        injected: compared.injected,
        model: api.model().to_owned(),
        version: compared.version,
        devices,
        level: cx.level().map(str::to_owned),
    };
    for (name, value) in &about.injected {
        cx.note(format!(
            "measured with {name}={value}, and held against runs without it"
        ));
    }
    Ok(Bench(Arc::new(Inner {
        server: server.clone(),
        api,
        target,
        about,
    })))
}

impl Bench {
    /// A step on any route.
    pub fn step(&self, route: Route, data: impl Into<DataSet>) -> Step {
        Step::new(self, route, data.into())
    }

    /// Chats, streamed.
    pub fn chat(&self, data: impl Into<DataSet>) -> Step {
        self.step(Route::Chat, data)
    }

    /// Completions, streamed.
    pub fn completions(&self, data: impl Into<DataSet>) -> Step {
        self.step(Route::Completions, data)
    }

    /// Speech, as it is made.
    pub fn speech(&self, data: impl Into<DataSet>) -> Step {
        self.step(Route::Speech, data)
    }

    /// Images.
    pub fn images(&self, data: impl Into<DataSet>) -> Step {
        self.step(Route::Images, data)
    }

    /// Videos.
    pub fn videos(&self, data: impl Into<DataSet>) -> Step {
        self.step(Route::Videos, data)
    }

    /// Transcriptions.
    pub fn transcriptions(&self, data: impl Into<DataSet>) -> Step {
        self.step(Route::Transcriptions, data)
    }

    /// Embeddings.
    pub fn embeddings(&self, data: impl Into<DataSet>) -> Step {
        self.step(Route::Embeddings, data)
    }

    /// The model that is measured.
    pub fn model(&self) -> &str {
        &self.0.about.model
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.0.server
    }

    /// Where load is sent.
    pub fn target(&self) -> &Target {
        &self.0.target
    }

    /// The client that judges.
    pub(crate) fn api(&self) -> &ModelClient {
        &self.0.api
    }

    pub(crate) fn about(&self) -> &About {
        &self.0.about
    }

    pub(crate) fn case(&self) -> &str {
        &self.0.about.case
    }

    pub(crate) fn deployment(&self) -> &str {
        &self.0.about.deployment
    }
}
