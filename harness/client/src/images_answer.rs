//! An answer of the image routes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::answer::Answer;
use crate::error::{ClientError, Failure, Phase};
use crate::judge::Judged;
use crate::media::from_data_url;
use crate::raw::RawAnswer;

/// An answer of the image routes.
#[derive(Debug, Clone)]
pub struct ImagesAnswer {
    /// `created`, in seconds since 1970.
    pub created: Option<f64>,
    /// The images, in the server's order.
    pub images: Vec<GeneratedImage>,
    /// The token counts, where the server has them.
    pub usage: Option<Value>,
    /// Everything else (`size`, `quality`, `output_format` …).
    pub extra: Map<String, Value>,
    /// The response below: status, headers, bytes, times, and the request's body.
    pub raw: RawAnswer,
}

/// One image that a server made.
#[derive(Debug, Clone, PartialEq)]
pub struct GeneratedImage {
    /// Its bytes; `None` where the server only gave an address.
    pub bytes: Option<Bytes>,
    /// The address, where the server gave one that is no `data:` address.
    pub url: Option<String>,
    /// The prompt as the server rewrote it.
    pub revised_prompt: Option<String>,
    /// Vendor fields.
    pub extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct Wire {
    created: Option<f64>,
    data: Option<Vec<WireImage>>,
    usage: Option<Value>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

#[derive(Deserialize)]
struct WireImage {
    b64_json: Option<String>,
    url: Option<String>,
    revised_prompt: Option<String>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl ImagesAnswer {
    /// From before the connection was opened to the last byte.
    pub fn elapsed(&self) -> std::time::Duration {
        self.raw.elapsed
    }
}

impl Answer for ImagesAnswer {
    fn read(raw: RawAnswer) -> Result<Self, ClientError> {
        let wire: Wire = raw.json()?;
        let Some(data) = wire.data else {
            return Err(raw.lacks("data", wire.extra.get("error")));
        };
        let images = data
            .into_iter()
            .enumerate()
            .map(|(number, image)| {
                let unreadable = |what: &str, why: String| {
                    let message = format!("{what} of image {} cannot be read: {why}", number + 1);
                    raw.fail(Failure::Undecodable, Phase::Decode, message)
                };
                let (bytes, url) = match (image.b64_json, image.url) {
                    (Some(text), url) => {
                        let bytes = STANDARD
                            .decode(&text)
                            .map_err(|error| unreadable("`b64_json`", error.to_string()))?;
                        (Some(bytes.into()), url)
                    }
                    (None, Some(url)) if url.starts_with("data:") => {
                        let part = from_data_url(&url).map_err(|why| unreadable("`url`", why))?;
                        (Some(part.bytes), None)
                    }
                    (None, url) => (None, url),
                };
                Ok(GeneratedImage {
                    bytes,
                    url,
                    revised_prompt: image.revised_prompt,
                    extra: image.extra,
                })
            })
            .collect::<Result<_, ClientError>>()?;
        Ok(Self {
            created: wire.created,
            images,
            usage: wire.usage,
            extra: wire.extra,
            raw,
        })
    }

    fn judged(&self) -> Option<Judged<'_>> {
        Some(Judged::Images(self))
    }

    fn raw_mut(&mut self) -> &mut RawAnswer {
        &mut self.raw
    }
}
