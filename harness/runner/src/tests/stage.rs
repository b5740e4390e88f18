//! Simulated worlds whose cases stay until they are told to go.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use tribunal_hardware::{Allocation, LayoutDevice, Simulated, host_of};

use super::support::*;
use crate::attempt::{current_test, devices, lock};
use crate::body::{Cx, Error, TestResult};
use crate::catalog::{Catalog, Chosen};
use crate::fixture::{BoxFuture, FixtureEntry, Scope, SetUp, Sharing, Stored};
use crate::gates::{Here, Offer};
use crate::grant::Grant;
use crate::needs::DeviceUse;
use crate::registry::Place;

pub(super) const GIB: u64 = 1 << 30;
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// What the bodies of one run have told, and what they were told. Runs are known by the first part of the names of their cases.
#[derive(Default)]
pub(super) struct Stage {
    state: Mutex<(BTreeSet<String>, BTreeSet<String>)>,
    changed: Condvar,
}

static STAGES: Mutex<BTreeMap<String, Arc<Stage>>> = Mutex::new(BTreeMap::new());

pub(super) fn stage(of: &str) -> Arc<Stage> {
    let world = of.split("::").next().unwrap_or(of).to_owned();
    lock(&STAGES).entry(world).or_default().clone()
}

impl Stage {
    /// Waits until `done` says so of those who have entered and those who may go.
    pub(super) fn wait(&self, done: impl Fn(&BTreeSet<String>, &BTreeSet<String>) -> bool) -> bool {
        let waits = |s: &mut (BTreeSet<String>, BTreeSet<String>)| !done(&s.0, &s.1);
        let waited = self
            .changed
            .wait_timeout_while(lock(&self.state), LIMIT, waits);
        !waited.expect("no panic").1.timed_out()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut BTreeSet<String>, &mut BTreeSet<String>)) {
        let mut state = lock(&self.state);
        let (entered, freed) = &mut *state;
        change(entered, freed);
        self.changed.notify_all();
    }
}

fn takes_all(grant: &Grant) -> Result<Vec<Allocation>, Error> {
    let ledger = Simulated::open(grant.simulated().expect("simulated"))?;
    let all = grant.devices().iter().map(|device| {
        let amount = device.amount.or(device.total).unwrap_or(0);
        ledger
            .allocate(device.index as usize, amount, "all")
            .map_err(Error::of)
    });
    all.collect()
}

/// Stays until it is told to go.
pub(super) fn stays(_: &Cx<'_>) -> TestResult {
    let name = current_test().ok_or_else(|| Error::msg("no test"))?.name;
    let stage = stage(&name);
    stage.change(|entered, _| entered.extend([name.clone()]));
    match stage.wait(|_, freed| freed.contains(&name)) {
        true => Ok(()),
        false => Err(Error::msg("nobody told it to go")),
    }
}

/// The same with all the memory that it was given.
pub(super) fn holds(cx: &Cx<'_>) -> TestResult {
    let grant = devices().ok_or_else(|| Error::msg("no devices"))?;
    let _held = takes_all(&grant)?;
    stays(cx)
}

/// A server that holds what its users were given together.
fn serve(cx: SetUp) -> BoxFuture<'static, Result<Stored, Error>> {
    Box::pin(async move {
        let devices = cx.devices();
        let grant = devices.granted().ok_or_else(|| Error::msg("no devices"))?;
        let held = takes_all(grant)?;
        Ok(Arc::new(Mutex::new(held)) as Stored)
    })
}

/// The server that all users in a world share.
pub(super) fn server() -> &'static FixtureEntry {
    served_by(serve)
}

pub(super) fn served_by(
    set_up: fn(SetUp) -> BoxFuture<'static, Result<Stored, Error>>,
) -> &'static FixtureEntry {
    fn by_deployment(s: &Sharing<'_>) -> String {
        s.deployment().unwrap_or("none").to_owned()
    }
    leak(FixtureEntry {
        name: "server",
        module: "suite",
        scope: Scope::Session,
        place: Place {
            file: "f.rs",
            line: 1,
            column: 1,
        },
        needs: &[],
        params: &[],
        implies: &[],
        deployment: true,
        deployments: false,
        shared_by: Some(by_deployment),
        set_up,
    })
}

pub(super) fn layout(gib: &[u64]) -> Vec<LayoutDevice> {
    let device = |gib: &u64| LayoutDevice {
        platform: "cuda".into(),
        model: "L4".into(),
        total: gib * GIB,
    };
    gib.iter().map(device).collect()
}

/// One world: its devices, its tests, and how many run side by side.
pub(super) struct World {
    pub gib: &'static [u64],
    pub tests: Vec<Make>,
    pub args: &'static [&'static str],
}

impl World {
    pub(super) fn facts(&self) -> Here {
        let offer = |_: &str, _: Option<&str>| {
            Ok(Offer {
                identity: "one server".into(),
                devices: Some(DeviceUse {
                    count: 1,
                    memory: Some(6 * GIB),
                    simulated_only: true,
                    start_group: None,
                }),
                ..Offer::default()
            })
        };
        Here::new(Box::new(offer)).simulating(host_of(&layout(self.gib)), true)
    }
}

pub(super) fn cataloged(tests: Vec<Make>) -> Catalog {
    let name = "engine".to_owned();
    let segment = name.clone();
    catalog(tests).over(vec![Chosen { name, segment }])
}

pub(super) fn case(name: &str, marks: &[&'static str]) -> Make {
    test(name.to_owned().leak()).marked(marks).body(holds)
}

pub(super) fn idle(name: &str, marks: &[&'static str]) -> Make {
    test(name.to_owned().leak()).marked(marks).body(stays)
}
