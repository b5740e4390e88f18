//! What stands in front of the servers of a file that separates prefill and decode.
//!
//! Promise: without a script of its own a file gets the proxy of this project; a script that the environment names is started with the arguments that such scripts take.
//! Rejected: the path of the files' own example as a fallback (it is not there on most machines).

use super::layout::{Layout, Port, Proxy, Role, Targets};
use super::routing::with_targets;

/// The variable that names a script.
const SCRIPT: &str = "DISAGGREGATED_PREFILL_PROXY_SCRIPT";

/// The proxy of a layout whose nodes are read; on node 0.
pub(crate) fn before(layout: &Layout) -> Option<Proxy> {
    let sides = layout.disaggregated.as_ref()?;
    let answering = |named: &[usize], role: Role| -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        for index in named {
            let node = layout
                .nodes
                .iter()
                .find(|node| node.index == *index && node.role == role);
            for (process, _) in node.into_iter().flat_map(|node| {
                node.processes
                    .iter()
                    .enumerate()
                    .filter(|(_, process)| process.port.is_some())
            }) {
                found.push((*index, process));
            }
        }
        found
    };
    let prefill = answering(&sides.prefillers, Role::Prefill);
    let decode = answering(&sides.decoders, Role::Decode);
    let env = layout
        .nodes
        .first()
        .and_then(|node| node.processes.first())
        .map(|process| process.env.clone())
        .unwrap_or_default();
    let of = |name: &str| {
        env.iter()
            .find(|(there, _)| there == name)
            .map(|(_, text)| text.clone())
    };
    let port = match of("PROXY_PORT")
        .and_then(|text| text.plain())
        .and_then(|text| text.parse().ok())
    {
        Some(port) => Port::Fixed(port),
        None => Port::Free("PROXY_PORT".to_owned()),
    };
    let groups = [
        ("--prefiller-hosts", "--prefiller-ports", prefill.clone()),
        ("--decoder-hosts", "--decoder-ports", decode.clone()),
    ];
    let command = of(SCRIPT).map(|script| {
        with_targets(
            &layout.nodes,
            script,
            "NODE_0_IP".to_owned(),
            &port,
            &groups,
        )
    });
    Some(Proxy {
        node: 0,
        port,
        command,
        env,
        targets: Targets::Pair { prefill, decode },
    })
}
