//! Video whose answer is known: shapes that move from side to side, each in a lane of its own, so that all of them can
//! be seen in every frame.
//!
//! It is written as motion JPEG in MP4: the one codec that needs no encoder of its own, and one that every decoder built on FFmpeg reads.
//! Rejected: calling an external encoder. It would have to be installed, and its bytes differ between versions.

use crate::audio::sound::Audio;
use crate::picture::pixels::Picture;
use crate::synthetic::encoded::Encoded;
use crate::synthetic::mp4;
use crate::synthetic::random::Random;
use crate::synthetic::scene::{Scene, jpeg, too_small};
use crate::synthetic::shapes::{Colour, Group, Shape};
use crate::{MediaError, MediaErrorKind};

const WHAT: &str = "synthetic video";
const QUALITY: u8 = 90;
/// The most bytes of frames that are put into one file.
const MAX_BYTES: usize = 1 << 30;

/// A recipe for a video.
///
/// ```
/// use tribunal_media::synthetic::{Colour, Film, Shape};
///
/// let film = Film::new(128, 96, 12, 24, 7).with(2, Colour::Red, Shape::Circle);
/// let movie = tribunal_media::Movie::read(film.mp4()?.bytes())?;
/// assert_eq!(movie.video().and_then(|v| v.frames), Some(12));
/// # Ok::<(), tribunal_media::MediaError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Film {
    scene: Scene,
    frames: u32,
    rate: u32,
    sound: Option<Audio>,
}

struct Lane {
    shape: Shape,
    colour: Colour,
    top: usize,
    side: usize,
    start: usize,
    speed: usize,
}

impl Film {
    /// A video of so many frames, and so many of them per second, on black. The seed decides how the shapes move, and
    /// which there are if none is asked for.
    pub fn new(width: u32, height: u32, frames: u32, rate: u32, seed: u64) -> Self {
        let scene = Scene::new(width, height, seed).background(Colour::Black);
        Self {
            scene,
            frames,
            rate,
            sound: None,
        }
    }

    /// Adds shapes.
    #[must_use]
    pub fn with(self, count: usize, colour: Colour, shape: Shape) -> Self {
        Self {
            scene: self.scene.with(count, colour, shape),
            ..self
        }
    }

    /// Adds an audio track (sixteen-bit PCM).
    #[must_use]
    pub fn sound(self, audio: Audio) -> Self {
        Self {
            sound: Some(audio),
            ..self
        }
    }

    /// What is to be seen.
    pub fn groups(&self) -> Vec<Group> {
        self.scene.groups()
    }

    /// One frame, counted from 0.
    ///
    /// # Errors
    /// When the video is too small for its shapes, or too large.
    pub fn frame(&self, index: u32) -> Result<Picture, MediaError> {
        self.render(&self.lanes()?, index)
    }

    /// As MP4.
    ///
    /// # Errors
    /// As [`Film::frame`], and when there is no frame, the rate is not between 1 and 1000, or the result too large.
    pub fn mp4(&self) -> Result<Encoded, MediaError> {
        if self.frames == 0 || !(1..=1000).contains(&self.rate) {
            return Err(MediaError::argument(
                WHAT,
                format!(
                    "{} frames at {} per second; expected 1 or more at 1 to 1000",
                    self.frames, self.rate
                ),
            ));
        }
        let lanes = self.lanes()?;
        let mut frames = Vec::new();
        let mut bytes = 0;
        for i in 0..self.frames {
            let frame = jpeg(&self.render(&lanes, i)?, QUALITY)?;
            bytes += frame.len();
            if bytes > MAX_BYTES {
                return Err(MediaError::new(
                    MediaErrorKind::TooLarge,
                    WHAT,
                    format!("more than {MAX_BYTES} bytes"),
                ));
            }
            frames.push(frame);
        }
        let (width, height) = self.scene.size();
        let bytes = mp4::write(&frames, width, height, self.rate, self.sound.as_ref())?;
        Ok(Encoded::new("video", "mp4", "video/mp4", bytes))
    }

    fn lanes(&self) -> Result<Vec<Lane>, MediaError> {
        let (width, height) = self.scene.size();
        let shapes = self.scene.shapes();
        let lane = height as usize / shapes.len().max(1);
        let side = (lane * 3 / 4).min(width as usize / 2);
        if side < 8 || width > u32::from(u16::MAX) || height > u32::from(u16::MAX) {
            return Err(too_small(shapes.len(), width, height));
        }
        let mut random = Random::new(self.scene.seed() ^ 0xF11A_0000);
        let free = width as usize - side;
        Ok(shapes
            .iter()
            .enumerate()
            .map(|(i, (shape, colour))| Lane {
                shape: *shape,
                colour: *colour,
                top: i * lane + (lane - side) / 2,
                side,
                start: random.below(2 * free.max(1)),
                speed: 1 + random.below(free.max(8) / 8),
            })
            .collect())
    }

    fn render(&self, lanes: &[Lane], index: u32) -> Result<Picture, MediaError> {
        let mut canvas = self.scene.canvas()?;
        for lane in lanes {
            // There and back again.
            let free = (self.scene.size().0 as usize - lane.side).max(1);
            let place = (lane.start + lane.speed * index as usize) % (2 * free);
            let left = if place < free {
                place
            } else {
                2 * free - place
            };
            canvas.draw(lane.shape, lane.colour, left, lane.top, lane.side);
        }
        canvas.picture()
    }
}
