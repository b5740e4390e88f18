//! Faults of the network: a rule of the proxy that stands before the server.
//!
//! Promise: the rule is in force when it is said to be, and that it has struck is looked at when it is taken back: a rule that no byte met was no fault.
//! Rejected: waiting for a strike at the injection: rules that strike after twenty events, or on one connection of ten, take their time.

use std::sync::Arc;

use crate::error::{FaultErrorKind, Reason, gate, refused};
use crate::injected::{Done, Remedy};
use crate::proxy::{Proxy, ToxicId, ToxicRule};
use crate::scene::Scene;
use crate::timeline::Step;

/// Adds the rule to the scene's proxy.
pub(crate) fn add(scene: &Scene, rule: &ToxicRule) -> Result<Done, Reason> {
    let proxy = scene.proxy.clone();
    let proxy = proxy.ok_or_else(|| {
        gate("there is no proxy before the server; start one, and give it to the scene")
    })?;
    if let Some(mistake) = rule.mistake() {
        return Err(refused(mistake));
    }
    let at = scene.timeline.since_start();
    let id = proxy.add(rule.clone());
    let what = format!("{rule} is in force at {} as rule {id}", proxy.address());
    scene.timeline.note(Step::Injected, what.clone());
    Ok(Done {
        at,
        what,
        victims: Vec::new(),
        remedy: Some(Box::new(Rule { proxy, id })),
    })
}

/// A rule in force.
struct Rule {
    proxy: Arc<Proxy>,
    id: ToxicId,
}

impl Remedy for Rule {
    fn undo(&mut self) -> Result<String, Reason> {
        let there = self.proxy.remove(self.id);
        let struck = self.proxy.stats().struck(self.id).unwrap_or(0);
        match (there, struck) {
            (false, _) => Err((
                FaultErrorKind::NotUndone,
                "somebody had removed the rule before".into(),
            )),
            (true, 0) => Err((
                FaultErrorKind::Unproven,
                "the rule is removed and never struck: nothing passed that it is for".into(),
            )),
            (true, n) => Ok(format!("the rule is removed; it struck {n} times")),
        }
    }
}

impl Drop for Rule {
    fn drop(&mut self) {
        self.proxy.remove(self.id);
    }
}
