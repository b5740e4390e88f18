//! Heavy parts of a request, to press on a server that has little memory left.
//!
//! Made once and shared by all requests of a load: making a video of five seconds takes longer than many a server needs to answer it.

use tribunal_client::{Content, Media};
use tribunal_media::MediaError;
use tribunal_media::synthetic::{Encoded, Film, Scene, Sound, Wave};

/// One heavy part.
#[derive(Clone, Debug, PartialEq)]
pub enum Heavy {
    /// The text, this many times over.
    Text(usize),
    /// A picture.
    Image(Media),
    /// A sound.
    Audio(Media),
    /// A video.
    Video(Media),
}

/// Width and height of heavy pictures and videos, as vLLM-Omni's reliability suites have them.
const SIZE: (u32, u32) = (1280, 720);
/// Frames of a heavy video there.
const FRAMES: u32 = 161;
/// Their rate.
const RATE: u32 = 24;
/// Seconds of heavy sound there.
const SECONDS: f64 = 20.0;
/// How often a heavy text is repeated there.
const TIMES: usize = 200;
/// What is in them plays no part; that it is the same each time does.
const SEED: u64 = 16;

impl Heavy {
    /// A text 200 times over.
    pub fn text() -> Self {
        Heavy::Text(TIMES)
    }

    /// A picture of 1280 by 720.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn image() -> Result<Self, MediaError> {
        Self::image_of(SIZE.0, SIZE.1)
    }

    /// A picture of this size.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn image_of(width: u32, height: u32) -> Result<Self, MediaError> {
        let made = Scene::new(width, height, SEED).png()?;
        Ok(Heavy::Image(media(made)))
    }

    /// Twenty seconds of sound.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn audio() -> Result<Self, MediaError> {
        Self::audio_of(SECONDS)
    }

    /// Sound of this length.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn audio_of(seconds: f64) -> Result<Self, MediaError> {
        let made = Sound::new(16_000, SEED)
            .part(Wave::Tone { hz: 440.0 }, seconds)
            .wav()?;
        Ok(Heavy::Audio(media(made)))
    }

    /// A video of 161 frames of 1280 by 720.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn video() -> Result<Self, MediaError> {
        Self::video_of(SIZE.0, SIZE.1, FRAMES)
    }

    /// A video of this size and length.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn video_of(width: u32, height: u32, frames: u32) -> Result<Self, MediaError> {
        let made = Film::new(width, height, frames, RATE, SEED).mp4()?;
        Ok(Heavy::Video(media(made)))
    }

    pub(crate) fn add_to(&self, content: Content) -> Content {
        match self {
            Heavy::Text(_) => content,
            Heavy::Image(media) => content.image(media.clone()),
            Heavy::Audio(media) => content.audio(media.clone()),
            Heavy::Video(media) => content.video(media.clone()),
        }
    }
}

fn media(made: Encoded) -> Media {
    let mime = made.content_type();
    (mime, made.into_bytes()).into()
}
