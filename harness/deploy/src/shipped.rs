//! The deployments that come with the harness.
//!
//! The files lie in `fixtures/deploy/` of the repository; `shipped/` links to them, so that a package has them too. A test holds the list
//! against the folder.

/// Name and text of every shipped deployment, by name.
pub(crate) const FILES: [(&str, &str); 4] = [
    ("embedded", include_str!("../shipped/embedded.toml")),
    ("gateway", include_str!("../shipped/gateway.toml")),
    ("llama-cpp", include_str!("../shipped/llama-cpp.toml")),
    ("url", include_str!("../shipped/url.toml")),
];

/// The text of one.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    FILES
        .iter()
        .find(|(there, _)| *there == name)
        .map(|(_, text)| *text)
}
