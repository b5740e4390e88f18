//! The fixture of performance tests: a server, and what is known of it that figures depend on.

use std::sync::Arc;
use std::time::Duration;

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
    /// The model of its devices; without devices, of the processor.
    pub hardware: String,
    /// How many of them.
    pub count: u32,
    /// The devices' driver.
    pub driver: String,
}

/// Measures the server of the case.
#[fixture(deployment)]
pub fn bench(cx: &SetUp, server: &Server) -> Result<Bench, Error> {
    let api = judged(cx, server)?;
    let mut target = Target::new(server.base_url(), api.model());
    if let Some(name) = server.key_env() {
        match std::env::var(name) {
            Ok(key) => target = target.key(key),
            Err(_) => crate::fail!("the key of the server is to be in {name}, which is not set"),
        }
    }
    let devices: Vec<String> = match cx.devices().granted() {
        Some(grant) => grant.devices().iter().map(|d| d.model.clone()).collect(),
        None => vec![],
    };
    let (hardware, count, driver) = hardware(&devices);
    let compared = crate::deployments::compared(cx.deployment(), cx.level())?;
    let about = About {
        case: cx.asked_by().to_owned(),
        deployment: compared.name,
        configuration: compared.configuration,
        injected: compared.injected,
        model: api.model().to_owned(),
        version: compared.version,
        devices,
        hardware,
        count,
        driver,
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

/// How long drivers may take to say who they are.
const DRIVER_LIMIT: Duration = Duration::from_secs(2);

/// The model, the number and the driver of what the server computes on.
fn hardware(devices: &[String]) -> (String, u32, String) {
    let many = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    if devices.is_empty() {
        let cores = std::thread::available_parallelism().map_or(0, |n| n.get());
        return (processor(), many(cores), String::new());
    }
    let mut models = devices.to_vec();
    models.dedup();
    let live = tribunal_hardware::LiveReader::system().read(DRIVER_LIMIT);
    let drivers = live.drivers.iter().filter_map(|d| d.version.clone());
    let drivers: Vec<String> = drivers.collect();
    (models.join(", "), many(devices.len()), drivers.join(", "))
}

/// The model of the processor; empty where the system does not say.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = |line: &&str| line.starts_with("model name") || line.starts_with("Model");
    let line = text
        .lines()
        .find(named)
        .and_then(|line| line.split_once(':'));
    line.map_or_else(
        || std::env::consts::ARCH.to_owned(),
        |(_, model)| model.trim().to_owned(),
    )
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

    /// The deployment, as it was asked for.
    pub fn deployment(&self) -> &str {
        &self.0.about.deployment
    }
}
