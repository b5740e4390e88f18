//! The deployments of this run: chosen on the command line, resolved once, rendered per level.
//!
//! Promise: nothing is read before a case asks, except what the command line names, whose mistakes are usage errors; equal renderings are one server.

use tribunal_runner::{Chosen, Offer, Options, Sharing, UsageError};
use tribunal_serving::Deployment;

use crate::Error;

/// What runs when nothing is chosen.
const DEFAULT: &str = "embedded";

/// The deployments that the command line chooses.
pub(crate) fn choose(o: &Options) -> Result<Vec<Chosen>, UsageError> {
    if let Some(name) = o.deploy.iter().find(|n| *n != DEFAULT) {
        return Err(UsageError(format!(
            "no deployment is called `{name}` (known: {DEFAULT})"
        )));
    }
    Ok(vec![Chosen {
        name: DEFAULT.into(),
        segment: DEFAULT.into(),
    }])
}

/// What a deployment offers at a level.
pub(crate) fn offer(name: &str, level: Option<&str>) -> Result<Offer, String> {
    let identity = rendered(name, level)
        .map(|d| format!("{d:?}"))
        .map_err(|e| e.to_string())?;
    Ok(Offer {
        identity,
        capabilities: std::env::var("SCRATCH_CAPS")
            .ok()
            .map(|c| c.split(',').map(String::from).collect()),
        ..Offer::default()
    })
}

/// A deployment as it is started at a level.
pub(crate) fn rendered(name: &str, _level: Option<&str>) -> Result<Deployment, Error> {
    if name != DEFAULT {
        return Err(Error::msg(format!(
            "no deployment is called `{name}` (known: {DEFAULT})"
        )));
    }
    if let Ok(url) = std::env::var("SCRATCH_URL") {
        return Ok(Deployment::url(&url)?
            .model(std::env::var("SCRATCH_MODEL").unwrap())
            .no_models_route());
    }
    crate::embedded()
}

/// What makes two servers the same.
pub(crate) fn identity(s: &Sharing<'_>) -> String {
    match offer(s.deployment().unwrap_or(DEFAULT), s.level()) {
        Ok(offer) => offer.identity,
        // It fails when it is set up, with the whole story.
        Err(why) => why,
    }
}
