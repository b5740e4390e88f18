//! What a fault is injected into: a server, the timeline, and what stands beside it.
//!
//! Promise: a fault finds everything here and nothing by looking around on the host. Rejected: a process-wide current server: two experiments at once
//! would hit each other's.

use std::path::PathBuf;
use std::sync::Arc;

use tribunal_serving::{Offers, Server, Workers};

use crate::proxy::Proxy;
use crate::timeline::Timeline;

/// What a fault is injected into.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The server.
    pub server: Server,
    /// How its workers are told, as its deployment says.
    pub workers: Option<Workers>,
    /// Where everything is noted.
    pub timeline: Timeline,
    /// The proxy through which clients reach the server, where there is one.
    pub proxy: Option<Arc<Proxy>>,
    /// What chooses where a fault leaves a choice.
    pub seed: u64,
    /// The devices that are hogged; `None`: those that the server was given, as its environment says.
    pub devices: Option<Devices>,
}

/// Devices of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Devices {
    /// Simulated ones: their ledger, and their numbers in it.
    Simulated {
        /// Where the ledger lies.
        ledger: PathBuf,
        /// As in `TRIBUNAL_DEVICES`.
        numbers: Vec<usize>,
    },
    /// Cards of NVIDIA: what the server's `CUDA_VISIBLE_DEVICES` says; `None` where it says nothing, so that it sees all.
    Cuda {
        /// The variable's value.
        visible: Option<String>,
    },
}

impl Scene {
    /// A scene at its beginning: the timeline starts now.
    pub fn new(server: Server, offers: &Offers) -> Scene {
        Scene {
            server,
            workers: offers.workers.clone(),
            timeline: Timeline::new(),
            proxy: None,
            seed: 0,
            devices: None,
        }
    }

    /// What chooses where a fault leaves a choice.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Scene {
        self.seed = seed;
        self
    }

    /// The proxy through which clients reach the server.
    #[must_use]
    pub fn proxy(mut self, proxy: Arc<Proxy>) -> Scene {
        self.proxy = Some(proxy);
        self
    }

    /// The devices that are hogged.
    #[must_use]
    pub fn devices(mut self, devices: Devices) -> Scene {
        self.devices = Some(devices);
        self
    }
}
