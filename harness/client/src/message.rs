//! The content of a chat message: plain text, or parts in any mix.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::media::{Media, Source};

/// Content of a message. A lone text is sent as a string, anything else as a list of parts.
///
/// ```
/// use tribunal_client::text;
///
/// let picture = ("image/png", vec![0x89, b'P', b'N', b'G']);
/// let _content = text("What is in the picture?").image(picture).text("Answer in one word.");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Content {
    parts: Vec<Value>,
    broken: Option<String>,
}

/// A text part, to go on from: `text("What is in the picture?").image(picture)`.
pub fn text(text: impl Into<String>) -> Content {
    Content::default().text(text)
}

impl Content {
    /// Add a text part.
    pub fn text(self, text: impl Into<String>) -> Self {
        self.part(json!({ "type": "text", "text": text.into() }))
    }

    /// Add an image: bytes with a type (sent as a `data:` address), a file, or an address.
    pub fn image(self, image: impl Into<Media>) -> Self {
        self.address("image_url", image.into())
    }

    /// Add audio: bytes with a type or a file (sent as `input_audio`), or an address (sent as
    /// `audio_url`).
    pub fn audio(self, audio: impl Into<Media>) -> Self {
        match audio.into().0 {
            Source::Bytes { part, .. } => self.part(json!({
                "type": "input_audio",
                "input_audio": { "data": STANDARD.encode(&part.bytes), "format": part.format() },
            })),
            other => self.address("audio_url", Media(other)),
        }
    }

    /// Add a video: bytes with a type (sent as a `data:` address), a file, or an address.
    pub fn video(self, video: impl Into<Media>) -> Self {
        self.address("video_url", video.into())
    }

    /// Add an image by address (`https:`, `file:` or `data:`).
    pub fn image_url(self, url: impl Into<String>) -> Self {
        self.image(url.into())
    }

    /// Add audio by address, bytes included: as `audio_url` in every case, for servers that do not
    /// know `input_audio`.
    pub fn audio_url(self, audio: impl Into<Media>) -> Self {
        self.address("audio_url", audio.into())
    }

    /// Add any part, as the server wants it.
    pub fn part(mut self, part: Value) -> Self {
        self.parts.push(part);
        self
    }

    fn address(mut self, kind: &str, media: Media) -> Self {
        let url = match media.0 {
            Source::Bytes { part, .. } => part.data_url(),
            Source::Url(url) => url,
            Source::Unreadable(why) => {
                self.broken.get_or_insert(why);
                return self;
            }
        };
        self.part(json!({ "type": kind, kind: { "url": url } }))
    }

    /// The content as JSON, and what is wrong with it.
    pub(crate) fn into_json(self) -> (Value, Option<String>) {
        let json = match self.parts.as_slice() {
            [only] if only["type"] == "text" => only["text"].clone(),
            _ => Value::Array(self.parts),
        };
        (json, self.broken)
    }
}

impl<T: Into<String>> From<T> for Content {
    fn from(value: T) -> Self {
        text(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::MediaPart;

    #[test]
    fn a_lone_text_is_a_string_and_a_mix_is_a_list_in_order() {
        assert_eq!(Content::from("hi").into_json(), (json!("hi"), None));
        let wav = MediaPart::new("audio/x-wav", vec![1u8, 2]);
        let mix = text("look")
            .image_url("data:,x")
            .image(("image/png", vec![0xFFu8]))
            .audio(wav.clone())
            .audio("http://h/a.mp3")
            .audio_url(wav)
            .video(("video/mp4", vec![0u8]))
            .text("and?");
        assert_eq!(
            mix.into_json(),
            (
                json!([
                    { "type": "text", "text": "look" },
                    { "type": "image_url", "image_url": { "url": "data:,x" } },
                    { "type": "image_url", "image_url": { "url": "data:image/png;base64,/w==" } },
                    { "type": "input_audio", "input_audio": { "data": "AQI=", "format": "wav" } },
                    { "type": "audio_url", "audio_url": { "url": "http://h/a.mp3" } },
                    { "type": "audio_url", "audio_url": { "url": "data:audio/x-wav;base64,AQI=" } },
                    { "type": "video_url", "video_url": { "url": "data:video/mp4;base64,AA==" } },
                    { "type": "text", "text": "and?" },
                ]),
                None
            )
        );
    }

    #[test]
    fn a_file_that_is_not_there_breaks_the_content() {
        let (_, broken) = text("look")
            .image(std::path::Path::new("/no/such.png"))
            .into_json();
        assert!(broken.is_some_and(|why| why.contains("/no/such.png")));
    }
}
