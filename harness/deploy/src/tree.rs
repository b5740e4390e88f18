//! Values with their places, for the readers of other files that people write: texts in, trees out, and mistakes shown where they stand.
//!
//! Promise: keys keep the order of the file, and a value knows the text it came from however often it was merged. Rejected: a crate of its own
//! (deployments are its first user, and whoever reads other files patches deployments with them).

pub use crate::node::{Entry, Node, Table, Value};
pub use crate::source::{Found, Place, Sources};

use crate::{config, format, node, yaml};

/// Reads a text of TOML. `infinite`: whether `inf` is a number here. `None`: its grammar is so wrong that reading on would only report what follows.
pub fn toml(
    sources: &Sources,
    source: usize,
    infinite: bool,
    found: &mut Vec<Found>,
) -> Option<Table> {
    node::read_toml_with(sources, source, infinite, found)
}

/// Reads a document of YAML.
///
/// # Errors
/// It is none; or a plain scalar means different things to YAML 1.1 and 1.2.
pub fn yaml(sources: &Sources, source: usize) -> Result<Node, Found> {
    yaml::read(sources, source)
}

/// The same, with all that is wrong and does not hide what follows. `None`: the rest cannot be read.
pub fn yaml_all(sources: &Sources, source: usize, found: &mut Vec<Found>) -> Option<Node> {
    yaml::read_all(sources, source, found)
}

/// A value as JSON on one line, which is YAML too.
pub fn json(node: &Node) -> String {
    format::json(node)
}

/// The text of a file.
///
/// # Errors
/// In words: it cannot be read, is no file, has more than 4 MiB, or is not UTF-8.
pub fn text_of(path: &std::path::Path) -> Result<String, String> {
    config::bounded(path)
}
