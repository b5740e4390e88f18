//! Where a proxy sends requests, once the addresses are known.

use serde::{Deserialize, Serialize};

use crate::file::{Layout, Targets};

/// The hidden verb of the proxy of this project: `__nodes-proxy --host ADDRESS --port PORT --routes JSON`, [`Routes`] as JSON.
pub const PROXY_VERB: &str = "__nodes-proxy";

/// The servers behind a proxy, each as `ADDRESS:PORT`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Routes {
    /// Any of them does.
    Any(Vec<String>),
    /// A prefiller first, then a decoder.
    Pair {
        /// The prefillers.
        prefill: Vec<String>,
        /// The decoders.
        decode: Vec<String>,
    },
    /// An encoder first, then one that does the rest.
    Encode {
        /// The encoders.
        encode: Vec<String>,
        /// Those that do the rest.
        rest: Vec<String>,
    },
}

impl Routes {
    /// The targets of a layout's proxy in a run; `ports` has every free port of every node.
    pub fn of(
        targets: &Targets,
        layout: &Layout,
        addresses: &[String],
        port: &dyn Fn(usize, usize) -> Option<u16>,
    ) -> Routes {
        let places = |pairs: &[(usize, usize)]| {
            let known = pairs
                .iter()
                .filter(|(n, p)| layout.process(*n, *p).is_some());
            known
                .filter_map(|(node, process)| {
                    let port = port(*node, *process)?;
                    Some(format!("{}:{port}", addresses.get(*node)?))
                })
                .collect()
        };
        match targets {
            Targets::Any(any) => Routes::Any(places(any)),
            Targets::Pair { prefill, decode } => Routes::Pair {
                prefill: places(prefill),
                decode: places(decode),
            },
            Targets::Encode { encode, rest } => Routes::Encode {
                encode: places(encode),
                rest: places(rest),
            },
        }
    }

    /// How the proxy of this project is started: `program` is the harness binary.
    pub fn own_proxy(&self, program: &str, address: &str, port: u16) -> Vec<String> {
        let routes = serde_json::to_string(self).unwrap_or_default();
        [
            program,
            PROXY_VERB,
            "--host",
            address,
            "--port",
            &port.to_string(),
            "--routes",
            &routes,
        ]
        .map(str::to_owned)
        .to_vec()
    }
}
