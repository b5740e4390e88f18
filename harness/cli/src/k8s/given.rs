//! What `render` and `run` are given: a file of nodes or a number of shards, settings, a manifest from before.

use std::path::Path;

use tribunal_deploy::tree;
use tribunal_kubernetes::{Like, Manifest, RunId, Settings, Subject, laid_over};
use tribunal_nodes::NodesFile;
use tribunal_workload::{DataTable, Lookups};

use super::K8sOptions;
use crate::workload::roots;

/// The inputs of a manifest, read.
pub(super) struct Given {
    nodes: Option<(NodesFile, String)>,
    shards: u32,
    name: String,
    settings: Settings,
    notes: Vec<String>,
}

impl Given {
    /// Reads all of them. `Err`: everything that is wrong.
    pub fn read(options: &K8sOptions) -> Result<Given, String> {
        let settings = match &options.settings {
            Some(path) => Settings::read(path).map_err(|wrong| wrong.to_string())?,
            None if options.like.is_some() => Settings::default(),
            None => {
                return Err(
                    "nothing says which image to run\nhelp: --settings FILE.toml, or --like with a manifest; docs/kubernetes.md has an example"
                        .to_owned(),
                );
            }
        };
        let like = options.like.as_deref().map(Like::read).transpose();
        let (mut settings, notes) = laid_over(settings, like.map_err(|wrong| wrong.to_string())?);
        if let Some(namespace) = &options.namespace {
            settings.namespace = Some(namespace.clone());
        }
        Ok(Given {
            nodes: options.file.as_deref().map(nodes).transpose()?,
            shards: options.shards.unwrap_or(0),
            name: options.name.clone().unwrap_or_else(|| "suite".to_owned()),
            settings,
            notes,
        })
    }

    /// The manifest, for this run or one that follows from the inputs.
    pub fn manifest(&self, run: Option<RunId>) -> Result<Manifest, String> {
        let subject = match &self.nodes {
            Some((file, text)) => Subject::Nodes { file, text },
            None => Subject::Shards {
                name: &self.name,
                count: self.shards,
            },
        };
        let run = run.unwrap_or_else(|| {
            let text = self.nodes.as_ref().map_or("", |(_, text)| text);
            RunId::of(
                format!(
                    "{text}\0{}\0{}\0{:?}",
                    self.name, self.shards, self.settings
                )
                .as_bytes(),
            )
        });
        let mut manifest = Manifest::render(subject, &self.settings, &run)?;
        manifest.notes.splice(0..0, self.notes.iter().cloned());
        Ok(manifest)
    }
}

fn nodes(path: &Path) -> Result<(NodesFile, String), String> {
    let vocabulary = crate::deploy::vocabulary()?;
    let mut data = DataTable::default();
    let twin = std::env::var("TRIBUNAL_DATA").unwrap_or_default();
    for pair in twin.split(';').filter(|pair| !pair.trim().is_empty()) {
        data.add(pair).map_err(|why| why.to_string())?;
    }
    let roots = roots();
    let lookups = Lookups {
        vocabulary: &vocabulary,
        data: &data,
        roots: &roots,
    };
    let text =
        tree::text_of(path).map_err(|why| format!("`{}` cannot be read: {why}", path.display()))?;
    let file = NodesFile::parse(&text, path, &lookups).map_err(|wrong| wrong.to_string())?;
    Ok((file, text))
}
