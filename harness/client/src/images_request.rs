//! Requests to the image routes: generations as JSON, edits as a form.

use crate::builder::request_methods;
use crate::draft::Draft;
use crate::images_answer::ImagesAnswer;
use crate::media::Media;
use crate::model_client::ModelClient;

/// A request to an image route being written. Nothing is sent before `send`.
#[derive(Clone)]
#[must_use = "nothing is sent before `.send().await`"]
pub struct ImagesRequest {
    draft: Draft,
}

impl ImagesRequest {
    pub(crate) fn generations(model: &ModelClient, prompt: String) -> Self {
        Self {
            draft: Draft::new(model, "/v1/images/generations").set("prompt", prompt),
        }
    }

    pub(crate) fn edits(model: &ModelClient, prompt: String, images: Vec<Media>) -> Self {
        let mut draft = Draft::new(model, "/v1/images/edits")
            .form()
            .set("prompt", prompt);
        // The API names a single image otherwise than several.
        let field = if images.len() == 1 {
            "image"
        } else {
            "image[]"
        };
        for image in images {
            draft = draft.file(field, image);
        }
        Self { draft }
    }

    /// The part to paint, of an edit; a generation cannot have one.
    pub fn mask(mut self, mask: impl Into<Media>) -> Self {
        self.draft = self.draft.file("mask", mask.into());
        self
    }

    /// This many images.
    pub fn n(self, n: u64) -> Self {
        self.extra("n", n)
    }

    /// Their size in pixels.
    pub fn size(self, width: u32, height: u32) -> Self {
        self.extra("size", format!("{width}x{height}"))
    }

    /// The seed of the sampling (vLLM-Omni, SGLang).
    pub fn seed(self, seed: i64) -> Self {
        self.extra("seed", seed)
    }

    /// How the images come: `b64_json` or `url`.
    pub fn response_format(self, format: &str) -> Self {
        self.extra("response_format", format)
    }

    /// How they are encoded: `png`, `jpeg`, `webp`.
    pub fn output_format(self, format: &str) -> Self {
        self.extra("output_format", format)
    }
}

request_methods!(ImagesRequest => ImagesAnswer);
