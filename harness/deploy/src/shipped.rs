//! The deployments that come with the harness.
//!
//! The files lie in `fixtures/deploy/` of the repository; `shipped/` links to them, so that a package has them too. A test holds the list
//! against the folder.

/// Name and text of every shipped deployment, by name.
pub(crate) const FILES: [(&str, &str); 24] = [
    ("dynamo", include_str!("../shipped/dynamo.toml")),
    ("embedded", include_str!("../shipped/embedded.toml")),
    (
        "embedded-offline",
        include_str!("../shipped/embedded-offline.toml"),
    ),
    (
        "embedded-speech",
        include_str!("../shipped/embedded-speech.toml"),
    ),
    ("gateway", include_str!("../shipped/gateway.toml")),
    ("llama-cpp", include_str!("../shipped/llama-cpp.toml")),
    ("llama-server", include_str!("../shipped/llama-server.toml")),
    ("mistralrs", include_str!("../shipped/mistralrs.toml")),
    (
        "neuron/llama-70b-tool-bs1",
        include_str!("../shipped/neuron/llama-70b-tool-bs1.toml"),
    ),
    (
        "neuron/llama-8b-eagle-bs1",
        include_str!("../shipped/neuron/llama-8b-eagle-bs1.toml"),
    ),
    (
        "neuron/llama-8b-eagle-bs4",
        include_str!("../shipped/neuron/llama-8b-eagle-bs4.toml"),
    ),
    (
        "neuron/llama-bs1",
        include_str!("../shipped/neuron/llama-bs1.toml"),
    ),
    (
        "neuron/llama-bs4",
        include_str!("../shipped/neuron/llama-bs4.toml"),
    ),
    (
        "neuron/open-llama-7b-bs8",
        include_str!("../shipped/neuron/open-llama-7b-bs8.toml"),
    ),
    (
        "neuron/qwen25-7b",
        include_str!("../shipped/neuron/qwen25-7b.toml"),
    ),
    (
        "neuron/qwen3-8b-bs16",
        include_str!("../shipped/neuron/qwen3-8b-bs16.toml"),
    ),
    (
        "neuron/tinytest",
        include_str!("../shipped/neuron/tinytest.toml"),
    ),
    ("sglang", include_str!("../shipped/sglang.toml")),
    ("transformers", include_str!("../shipped/transformers.toml")),
    ("trtllm", include_str!("../shipped/trtllm.toml")),
    ("url", include_str!("../shipped/url.toml")),
    ("vllm", include_str!("../shipped/vllm.toml")),
    ("vllm-ascend", include_str!("../shipped/vllm-ascend.toml")),
    ("vllm-neuron", include_str!("../shipped/vllm-neuron.toml")),
];

/// The text of one.
pub(crate) fn text(name: &str) -> Option<&'static str> {
    FILES
        .iter()
        .find(|(there, _)| *there == name)
        .map(|(_, text)| *text)
}
