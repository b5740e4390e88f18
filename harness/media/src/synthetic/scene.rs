//! Pictures whose answer is known: so many shapes of such colours, none of which touches another.
//!
//! The same recipe gives the same pixels and the same PNG everywhere. Rejected: photographs. They have licences, and what is on them is a matter of opinion.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};

use crate::picture::pixels::{MAX_PIXELS, Picture};
use crate::synthetic::encoded::Encoded;
use crate::synthetic::random::Random;
use crate::synthetic::shapes::{Colour, Group, Shape, draw};
use crate::{MediaError, MediaErrorKind};

const WHAT: &str = "synthetic picture";
/// A shape of fewer pixels on a side cannot be told from another.
const SMALLEST: usize = 8;

/// A recipe for a picture.
///
/// ```
/// use tribunal_media::synthetic::{Colour, Scene, Shape};
///
/// let scene = Scene::new(256, 192, 7).with(3, Colour::Red, Shape::Circle).with(1, Colour::Blue, Shape::Square);
/// assert!(scene.png()?.data_url().starts_with("data:image/png;base64,"));
/// assert_eq!(Scene::new(64, 64, 1).groups(), Scene::new(64, 64, 1).groups());
/// # Ok::<(), tribunal_media::MediaError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    width: u32,
    height: u32,
    seed: u64,
    background: Colour,
    groups: Vec<Group>,
}

impl Scene {
    /// A picture on white. The seed decides where the shapes lie and how large they are, and which there are if none is asked for.
    pub fn new(width: u32, height: u32, seed: u64) -> Self {
        Self {
            width,
            height,
            seed,
            background: Colour::White,
            groups: vec![],
        }
    }

    /// The colour behind the shapes.
    #[must_use]
    pub fn background(self, background: Colour) -> Self {
        Self { background, ..self }
    }

    /// Adds shapes.
    #[must_use]
    pub fn with(mut self, count: usize, colour: Colour, shape: Shape) -> Self {
        self.groups.push(Group {
            count,
            colour,
            shape,
        });
        self
    }

    /// What is on the picture.
    pub fn groups(&self) -> Vec<Group> {
        if self.groups.is_empty() {
            draw(&mut Random::new(self.seed), self.background)
        } else {
            self.groups.clone()
        }
    }

    /// The pixels.
    ///
    /// # Errors
    /// When the picture is too large, or too small for its shapes.
    pub fn picture(&self) -> Result<Picture, MediaError> {
        let shapes = self.shapes();
        let mut canvas = Canvas::new(self.width, self.height, self.background)?;
        let mut random = Random::new(self.seed ^ 0x5CE5_E000);
        let (columns, cell) = self.grid(shapes.len())?;
        let rows = self.height as usize / cell;
        let mut cells: Vec<usize> = (0..columns * rows).collect();
        random.shuffle(&mut cells);
        for ((shape, colour), place) in shapes.iter().zip(cells) {
            let side = (cell * (60 + random.below(25)) / 100).max(SMALLEST);
            let free = cell - side;
            let (x, y) = (
                place % columns * cell + random.below(free),
                place / columns * cell + random.below(free),
            );
            canvas.draw(*shape, *colour, x, y, side);
        }
        canvas.picture()
    }

    /// As PNG.
    ///
    /// # Errors
    /// As [`Scene::picture`].
    pub fn png(&self) -> Result<Encoded, MediaError> {
        png(&self.picture()?)
    }

    /// As JPEG, of a quality from 1 to 100.
    ///
    /// # Errors
    /// As [`Scene::picture`].
    pub fn jpeg(&self, quality: u8) -> Result<Encoded, MediaError> {
        Ok(Encoded::new(
            "picture",
            "jpg",
            "image/jpeg",
            jpeg(&self.picture()?, quality)?,
        ))
    }

    pub(crate) fn shapes(&self) -> Vec<(Shape, Colour)> {
        self.groups()
            .iter()
            .flat_map(|g| std::iter::repeat_n((g.shape, g.colour), g.count.min(10_000)))
            .collect()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) fn canvas(&self) -> Result<Canvas, MediaError> {
        Canvas::new(self.width, self.height, self.background)
    }

    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// The largest square cells of which enough fit, and how many stand side by side.
    fn grid(&self, shapes: usize) -> Result<(usize, usize), MediaError> {
        let (width, height) = (self.width as usize, self.height as usize);
        let least = SMALLEST + 4;
        let fits = |cell: &usize| (width / cell) * (height / cell) >= shapes;
        // Cells from large to small; the largest possible one is the shorter side.
        match (least..=width.min(height)).rev().find(fits) {
            Some(cell) => Ok((width / cell, cell)),
            None => Err(too_small(shapes, self.width, self.height)),
        }
    }
}

pub(crate) fn too_small(shapes: usize, width: u32, height: u32) -> MediaError {
    MediaError::argument(
        WHAT,
        format!(
            "{shapes} shapes of {SMALLEST} pixels or more do not fit into {width} by {height} pixels"
        ),
    )
}

/// A picture in the making.
#[derive(Debug, Clone)]
pub(crate) struct Canvas {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Canvas {
    pub(crate) fn new(width: u32, height: u32, background: Colour) -> Result<Self, MediaError> {
        let pixels = u64::from(width) * u64::from(height);
        if pixels == 0 || pixels > MAX_PIXELS {
            return Err(MediaError::new(
                MediaErrorKind::TooLarge,
                WHAT,
                format!("{width} by {height} pixels; expected 1 to {MAX_PIXELS} in all"),
            ));
        }
        Ok(Self {
            width,
            height,
            rgb: background.rgb().repeat(pixels as usize),
        })
    }

    pub(crate) fn draw(
        &mut self,
        shape: Shape,
        colour: Colour,
        left: usize,
        top: usize,
        side: usize,
    ) {
        let (right, bottom) = (
            (left + side).min(self.width as usize),
            (top + side).min(self.height as usize),
        );
        for y in top..bottom {
            for x in left..right {
                if shape.covers((x - left) as i64, (y - top) as i64, side as i64) {
                    let at = 3 * (y * self.width as usize + x);
                    self.rgb[at..at + 3].copy_from_slice(&colour.rgb());
                }
            }
        }
    }

    pub(crate) fn picture(self) -> Result<Picture, MediaError> {
        Picture::new(self.width, self.height, self.rgb)
    }
}

/// Any picture as PNG.
///
/// # Errors
/// When the encoder fails, which it has no reason to.
pub fn png(picture: &Picture) -> Result<Encoded, MediaError> {
    let mut bytes = Vec::new();
    PngEncoder::new_with_quality(&mut bytes, CompressionType::Default, FilterType::NoFilter)
        .write_image(
            picture.rgb(),
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .map_err(|e| MediaError::argument(WHAT, e.to_string()))?;
    Ok(Encoded::new("picture", "png", "image/png", bytes))
}

pub(crate) fn jpeg(picture: &Picture, quality: u8) -> Result<Vec<u8>, MediaError> {
    let mut bytes = Cursor::new(Vec::new());
    JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100))
        .write_image(
            picture.rgb(),
            picture.width(),
            picture.height(),
            ExtendedColorType::Rgb8,
        )
        .map_err(|e| MediaError::argument(WHAT, e.to_string()))?;
    Ok(bytes.into_inner())
}
