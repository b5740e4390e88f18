//! The driver against a server that is scripted: whatever happens, nothing of the run is left, and nothing of others is touched.

mod conversations;
mod rights;
mod script;
mod server;
mod state;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use script::Script;
use state::World;
use tribunal_kubernetes::{
    Cluster, Config, Manifest, Patience, Report, RunId, Said, Settings, Subject, Tell, run,
};
use tribunal_nodes::NodesFile;

pub(crate) const RUN: &str = "abc123";

/// Limits that fit into a test.
pub(crate) fn patience() -> Patience {
    let mut patience = Patience::default();
    patience.call = Duration::from_millis(1500);
    patience.pause = Duration::from_millis(4);
    patience.start = Duration::from_millis(2500);
    patience.unschedulable = Duration::from_millis(300);
    patience.silence = Duration::from_millis(250);
    patience.poll = Duration::from_millis(10);
    patience.leader = Duration::from_millis(150);
    patience.collect = Duration::from_secs(5);
    patience.gone = Duration::from_secs(5);
    patience.hurry = Duration::from_secs(2);
    patience
}

/// Two nodes.
pub(crate) fn pair() -> Manifest {
    let text = "model: m\nnum_nodes: 2\nnpu_per_node: 8\ndeployment:\n  - server_cmd: vllm serve m --port 8000\n  - server_cmd: vllm serve m --headless\n";
    let data = tribunal_workload::DataTable::default();
    let lookups = tribunal_workload::Lookups {
        vocabulary: tribunal_vocabulary::Vocabulary::shipped(),
        data: &data,
        roots: &[],
    };
    let file = NodesFile::parse(text, std::path::Path::new("pair.yaml"), &lookups).unwrap();
    Manifest::render(Subject::Nodes { file: &file, text }, &settings(), &id()).unwrap()
}

/// Three shards.
pub(crate) fn shards() -> Manifest {
    Manifest::render(
        Subject::Shards {
            name: "suite",
            count: 3,
        },
        &settings(),
        &id(),
    )
    .unwrap()
}

fn settings() -> Settings {
    Settings::parse(
        "[kubernetes]\nimage = \"x:1\"\nmemory = \"8Gi\"\ndeadline_seconds = 60\n",
        "s.toml",
    )
    .unwrap()
}

pub(crate) fn id() -> RunId {
    RunId::parse(RUN).unwrap()
}

pub(crate) async fn cluster(world: &World) -> Cluster {
    let address = server::serve(world.clone()).await;
    let config = Config::new(address.parse().unwrap());
    Cluster::of(config, Some("tests"), patience()).unwrap()
}

/// What came of a conversation.
pub(crate) struct Over {
    pub(crate) report: Report,
    pub(crate) world: World,
    pub(crate) said: Vec<Said>,
    pub(crate) folder: tempfile::TempDir,
}

impl Over {
    /// The lines of logs that were told.
    pub(crate) fn log(&self) -> Vec<&str> {
        let all = self.said.iter();
        all.filter_map(|said| match said {
            Said::Log { line, .. } => Some(&**line),
            _ => None,
        })
        .collect()
    }

    /// What is told of the failure.
    pub(crate) fn failure(&self) -> String {
        match &self.report.outcome {
            tribunal_kubernetes::Outcome::Failed(failure) => failure.to_string(),
            other => panic!("it should have failed: {other:?}"),
        }
    }

    pub(crate) fn clean(&self) {
        assert_eq!(self.world.left(RUN), Vec::<String>::new());
        assert_eq!(self.report.stays, Vec::<String>::new());
    }
}

/// A run from its beginning to its end.
pub(crate) async fn converse(manifest: &Manifest, script: Script) -> Over {
    let world = World::new(script);
    let cluster = cluster(&world).await;
    let folder = tempfile::tempdir().unwrap();
    let said = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::clone(&said);
    let tell: Tell = Arc::new(move |what| own.lock().unwrap().push(what));
    let interrupts = world.interrupts.subscribe();
    let ran = run(
        &cluster,
        manifest,
        "t0ken-of-the-run",
        folder.path(),
        &tell,
        interrupts,
    );
    let report = tokio::time::timeout(Duration::from_secs(30), ran)
        .await
        .expect("a run has an end");
    let said = said.lock().unwrap().clone();
    Over {
        report,
        world,
        said,
        folder,
    }
}
