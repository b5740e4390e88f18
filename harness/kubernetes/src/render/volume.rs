//! What is mounted into every node.

use serde_json::{Value as Json, json};
use tribunal_deploy::tree::{Node, Place};

use super::name::{is_label, is_subdomain};
use super::reader::Reader;

/// Something that is mounted.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Volume {
    /// Its name among the volumes.
    pub name: String,
    /// Where it is mounted.
    pub path: String,
    /// Where it comes from, as a cluster writes it.
    pub source: Json,
    /// Whether nothing may be written to it.
    pub read_only: bool,
}

const FIELDS: [&str; 6] = ["name", "path", "claim", "host_path", "secret", "read_only"];
/// The volumes that every pod has.
pub(crate) const OWN: [&str; 3] = ["dshm", "tribunal-evidence", "tribunal-file"];
/// What they are mounted at.
pub(crate) const OWN_PATHS: [&str; 2] = ["/dev/shm", "/tribunal"];

/// A volume of a settings file.
pub(crate) fn read(reader: &mut Reader, node: &Node) -> Option<Volume> {
    let table = reader.table("volumes", node)?;
    reader.known(table, "a volume", &FIELDS);
    let name = match table.get("name") {
        Some(name) => reader.checked(
            "name",
            name,
            is_label,
            "it has lower-case letters, digits and hyphens",
        ),
        None => {
            reader.mistake(node.at, "a volume has no `name`", "");
            None
        }
    };
    let path = match table.get("path") {
        Some(path) => reader.checked(
            "path",
            path,
            |path| path.starts_with('/'),
            "it begins with /",
        ),
        None => {
            reader.mistake(
                node.at,
                "a volume has no `path`",
                "it says where it is mounted",
            );
            None
        }
    };
    let read_only = match table.get("read_only") {
        Some(value) => reader.bool("read_only", value).unwrap_or(false),
        None => false,
    };
    let mut sources = Vec::new();
    for entry in &table.0 {
        let (key, node) = (&*entry.key, &entry.node);
        let found = match key {
            "claim" => reader
                .checked(key, node, is_subdomain, "it is the name of a claim")
                .map(|claim| json!({ "persistentVolumeClaim": { "claimName": claim } })),
            "host_path" => reader
                .checked(key, node, |path| path.starts_with('/'), "it begins with /")
                .map(|path| json!({ "hostPath": { "path": path } })),
            "secret" => reader
                .checked(
                    key,
                    node,
                    is_subdomain,
                    "it is the name of a Secret, never its content",
                )
                .map(|secret| json!({ "secret": { "secretName": secret } })),
            _ => continue,
        };
        sources.push(found);
    }
    if sources.len() != 1 {
        reader.mistake(
            node.at,
            "a volume comes from one of `claim`, `host_path`, `secret`",
            "",
        );
        return None;
    }
    Some(Volume {
        name: name?,
        path: path?,
        source: sources.remove(0)?,
        read_only,
    })
}

/// Takes one more in, unless its name or its path is taken.
pub(crate) fn add(reader: &mut Reader, at: Place, volumes: &mut Vec<Volume>, volume: Volume) {
    if OWN.contains(&&*volume.name) || volumes.iter().any(|other| other.name == volume.name) {
        reader.mistake(
            at,
            format!("the name of the volume `{}` is taken", volume.name),
            "",
        );
    } else if OWN_PATHS.contains(&&*volume.path) || volume.path.starts_with("/tribunal/") {
        reader.mistake(
            at,
            format!(
                "`{}` is where every pod has a volume of its own",
                volume.path
            ),
            "`shared_memory` says how large /dev/shm is; `evidence_claim` where evidence goes",
        );
    } else if volumes.iter().any(|other| other.path == volume.path) {
        reader.mistake(
            at,
            format!("two volumes are mounted at `{}`", volume.path),
            "",
        );
    } else {
        volumes.push(volume);
    }
}
