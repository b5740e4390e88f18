//! Where the nodes of a rehearsal live on one machine: network namespaces with a bridge between them, else addresses of the loopback interface.
//!
//! Promise: nothing of it outlives its processes. A namespace that no process and no descriptor holds is taken away by the kernel with all its links, also after
//! `kill -9`; nothing is mounted and nothing has a name in the machine's own network. No right is needed where users may have namespaces of their own. Rejected:
//! `ip netns` (names in /run that stay), and containers (an image, a daemon, and another way for every machine).

#[cfg(target_os = "linux")]
mod links;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod sys;

use std::io;

#[cfg(target_os = "linux")]
pub use links::{Links, Party};
#[cfg(target_os = "linux")]
pub use namespaces::Namespaces;

use crate::run::{Loopback, World};

/// Which kind of world is wanted: `namespaces`, `loopback`, or the first that can be had.
pub(crate) const VARIABLE: &str = "TRIBUNAL_NODES_WORLD";

/// A world of so many nodes, and why it is not made of namespaces if it is not. For a process with one thread.
///
/// # Errors
/// There is none of the kind that was asked for.
pub(crate) fn make(
    nodes: usize,
    wanted: Option<&str>,
) -> io::Result<(Box<dyn World>, Option<String>)> {
    let loopback = || -> io::Result<Box<dyn World>> { Ok(Box::new(Loopback::new(nodes)?)) };
    match wanted.filter(|wanted| !wanted.is_empty()) {
        None => match namespaces(nodes) {
            Ok(world) => Ok((world, None)),
            Err(why) => Ok((
                loopback()?,
                Some(format!(
                    "nodes are loopback addresses, because network namespaces cannot be had here: {why}"
                )),
            )),
        },
        Some("loopback") => Ok((loopback()?, None)),
        Some("namespaces") => Ok((namespaces(nodes)?, None)),
        Some(other) => Err(io::Error::other(format!(
            "{VARIABLE} is `{other}`; it is namespaces or loopback"
        ))),
    }
}

#[cfg(target_os = "linux")]
fn namespaces(nodes: usize) -> io::Result<Box<dyn World>> {
    Ok(Box::new(Namespaces::new(nodes)?))
}

#[cfg(not(target_os = "linux"))]
fn namespaces(_: usize) -> io::Result<Box<dyn World>> {
    Err(io::Error::other("they are Linux's"))
}
