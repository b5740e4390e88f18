//! Which nodes prefill, and which decode.
//!
//! Promise: `enabled` decides, and a list that names a node twice, or one that is not there, is a mistake. A node that neither list names belongs to the decoders, as the
//! example of the files' own guide says.

use tribunal_deploy::tree::{Place, Table};

use super::environment::table_of;
use super::layout::{Disaggregated, Role};
use super::reader::Reader;

const FIELDS: [&str; 3] = ["enabled", "prefiller_host_index", "decoder_host_index"];

/// Reads `disaggregated_prefill`. `None`: there is none, or it is off.
pub(crate) fn read(
    reader: &mut Reader,
    root: &Table,
    nodes: usize,
) -> Option<(Disaggregated, Place)> {
    let entry = root.entry("disaggregated_prefill");
    let table = table_of(reader, entry)?;
    let at = entry?.key_at;
    reader.known_keys(table, "`disaggregated_prefill`", &FIELDS, true);
    let enabled = match table.entry("enabled") {
        Some(entry) => reader.bool(entry)?,
        // Later files leave it out: that the table is there turns it on.
        None => true,
    };
    let mut side = |key: &str| -> (Vec<usize>, Option<Place>) {
        let help = "it lists the nodes, as in [0]";
        let entry = if enabled {
            reader.needed(table, at, "`disaggregated_prefill`", key, help)
        } else {
            table.entry(key)
        };
        let Some(entry) = entry else {
            return (Vec::new(), None);
        };
        let before = reader.found.len();
        let read = reader.indices(entry, nodes);
        if enabled && read.is_empty() && reader.found.len() == before {
            reader.mistake(entry.node.at, format!("`{key}` is empty"), help);
        }
        (read, Some(entry.node.at))
    };
    let (prefillers, _) = side("prefiller_host_index");
    let (decoders, decoders_at) = side("decoder_host_index");
    if let Some(both) = decoders.iter().find(|index| prefillers.contains(index)) {
        reader.mistake(
            decoders_at.unwrap_or(at),
            format!("node {both} is a prefiller and a decoder"),
            "a node is one of them",
        );
    }
    enabled.then_some((
        Disaggregated {
            prefillers,
            decoders,
        },
        at,
    ))
}

/// What a node is for.
pub(crate) fn role(disaggregated: Option<&Disaggregated>, index: usize) -> Role {
    match disaggregated {
        None => Role::Both,
        Some(sides) if sides.prefillers.contains(&index) => Role::Prefill,
        Some(_) => Role::Decode,
    }
}

/// The node whose address is `MASTER_IP`, where the file does not say.
pub(crate) fn master(disaggregated: Option<&Disaggregated>, index: usize) -> usize {
    match disaggregated {
        Some(sides) if role(disaggregated, index) == Role::Decode => {
            sides.decoders.first().copied().unwrap_or(0)
        }
        _ => 0,
    }
}
