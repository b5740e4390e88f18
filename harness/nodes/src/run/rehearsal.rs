//! What a rehearsal takes instead of machines and engines.

use super::loopback::Loopback;
use super::stage::{AsWritten, Stage};
use super::world::World;

/// The best world that this machine allows, and the stage of a rehearsal.
pub(crate) fn rehearsal(nodes: usize) -> Result<(Box<dyn World>, Box<dyn Stage>), String> {
    let world = Loopback::new(nodes).map_err(|e| e.to_string())?;
    Ok((Box::new(world), Box::new(AsWritten)))
}
