//! Where requests go: from `backend`, `endpoint` and `task` to a route.

use tribunal_traffic::Route;

/// What a backend of the reference means here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Backend {
    /// This route; whether its answer is streamed.
    Route(Route, bool),
    /// The task says.
    ByTask,
    /// Nothing: no answer of it can be read.
    Unread(&'static str),
}

const OTHER_API: &str = "it speaks an interface that is not OpenAI's";

/// The backends of the bench clients of vLLM and vLLM-Omni.
const BACKENDS: [(&str, Backend); 27] = [
    ("openai", Backend::Route(Route::Completions, true)),
    ("vllm", Backend::Route(Route::Completions, true)),
    ("lmdeploy", Backend::Route(Route::Completions, true)),
    ("scalellm", Backend::Route(Route::Completions, true)),
    ("sglang", Backend::Route(Route::Completions, true)),
    ("llama.cpp", Backend::Route(Route::Completions, true)),
    ("openai-chat", Backend::Route(Route::Chat, true)),
    ("openai-chat-omni", Backend::Route(Route::Chat, true)),
    ("daily-omni", Backend::Route(Route::Chat, true)),
    ("openai-audio", Backend::Route(Route::Transcriptions, false)),
    ("openai-audio-speech", Backend::Route(Route::Speech, true)),
    ("openai-images", Backend::Route(Route::Images, false)),
    ("openai-images-omni", Backend::Route(Route::Images, false)),
    (
        "v1/images/generations",
        Backend::Route(Route::Images, false),
    ),
    (
        "openai-image-edits-omni",
        Backend::Route(Route::ImageEdits, false),
    ),
    ("v1/images/edits", Backend::Route(Route::ImageEdits, false)),
    ("v1/videos", Backend::Route(Route::Videos, false)),
    ("openai-videos", Backend::Route(Route::Videos, false)),
    (
        "openai-embeddings",
        Backend::Route(Route::Embeddings, false),
    ),
    ("vllm-omni", Backend::ByTask),
    ("sglang-omni", Backend::ByTask),
    ("diffusers", Backend::ByTask),
    (
        "openai-realtime-duplex",
        Backend::Unread("a WebSocket that speaks both ways is not measured here"),
    ),
    ("vllm-pooling", Backend::Unread(OTHER_API)),
    ("vllm-rerank", Backend::Unread(OTHER_API)),
    ("tgi", Backend::Unread(OTHER_API)),
    ("tensorrt-llm", Backend::Unread(OTHER_API)),
];

/// What a backend means.
///
/// # Errors
/// There is none of that name; the nearest.
pub(crate) fn backend(name: &str) -> Result<Backend, Option<&'static str>> {
    BACKENDS
        .iter()
        .find(|(there, _)| *there == name)
        .map(|(_, backend)| *backend)
        .ok_or_else(|| tribunal_vocabulary::nearest(name, BACKENDS.iter().map(|(name, _)| *name)))
}

/// The backend of the bench client that sends to a route.
pub(crate) fn backend_of(route: Route) -> &'static str {
    match route {
        Route::Chat => "openai-chat-omni",
        Route::Completions => "openai",
        Route::Speech => "openai-audio-speech",
        Route::Images => "openai-images",
        Route::ImageEdits => "openai-image-edits-omni",
        Route::Videos => "v1/videos",
        Route::Transcriptions => "openai-audio",
        Route::Embeddings => "openai-embeddings",
    }
}

/// The routes with the names of the native form and their paths.
pub(crate) const ROUTES: [(&str, &str, Route); 8] = [
    ("chat", "/v1/chat/completions", Route::Chat),
    ("completions", "/v1/completions", Route::Completions),
    ("speech", "/v1/audio/speech", Route::Speech),
    ("images", "/v1/images/generations", Route::Images),
    ("image_edits", "/v1/images/edits", Route::ImageEdits),
    ("videos", "/v1/videos", Route::Videos),
    (
        "transcriptions",
        "/v1/audio/transcriptions",
        Route::Transcriptions,
    ),
    ("embeddings", "/v1/embeddings", Route::Embeddings),
];

/// Whether answers of a route are streamed unless somebody says otherwise.
pub(crate) fn streams(route: Route) -> bool {
    matches!(route, Route::Chat | Route::Completions | Route::Speech)
}

/// The route of a task of diffusion models.
pub(crate) fn of_task(task: &str) -> Option<Route> {
    match task {
        "t2i" => Some(Route::Images),
        "i2i" | "ti2i" | "it2i" => Some(Route::ImageEdits),
        "t2v" | "i2v" | "ti2v" | "v2v" | "a2v" | "s2v" => Some(Route::Videos),
        _ => None,
    }
}
