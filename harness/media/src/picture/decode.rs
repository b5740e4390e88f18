//! Pictures from bytes: PNG, JPEG and WebP, told by their first bytes.

use std::fmt;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{DynamicImage, ImageFormat, ImageReader, Limits};

use crate::picture::pixels::{MAX_PIXELS, Picture};
use crate::{MediaError, MediaErrorKind};

const WHAT: &str = "picture";

/// A format of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PictureKind {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP.
    WebP,
}

impl PictureKind {
    /// What the bytes are, told by the first of them.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [
                b'R',
                b'I',
                b'F',
                b'F',
                _,
                _,
                _,
                _,
                b'W',
                b'E',
                b'B',
                b'P',
                ..,
            ] => Some(Self::WebP),
            _ => None,
        }
    }

    /// The content type under which it is sent.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
        }
    }
}

impl fmt::Display for PictureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::WebP => "WebP",
        })
    }
}

/// A picture as it was sent.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedPicture {
    /// Its pixels, without their transparency.
    pub picture: Picture,
    /// What the bytes were.
    pub kind: PictureKind,
    /// The share of pixels that can be seen through, at least a little. A picture that is all transparent looks like
    /// one in a program that ignores it.
    pub transparent: f64,
}

/// Decodes a picture (the first, if it moves).
///
/// # Errors
/// When the bytes are none of the formats, damaged or cut off, or the picture is larger than [`MAX_PIXELS`].
pub fn decode_picture(bytes: &[u8]) -> Result<DecodedPicture, MediaError> {
    // Whatever a server sends must not bring a test down, and the decoders are a large amount of somebody else's code.
    catch_unwind(AssertUnwindSafe(|| decode_unguarded(bytes))).unwrap_or_else(|_| {
        Err(MediaError::new(
            MediaErrorKind::Malformed,
            WHAT,
            "the decoder broke down over these bytes",
        ))
    })
}

fn decode_unguarded(bytes: &[u8]) -> Result<DecodedPicture, MediaError> {
    if bytes.is_empty() {
        return Err(MediaError::new(MediaErrorKind::Empty, WHAT, "no bytes"));
    }
    let Some(kind) = PictureKind::of(bytes) else {
        return Err(MediaError::new(
            MediaErrorKind::Unrecognised,
            WHAT,
            format!(
                "it begins with {}; read are PNG, JPEG and WebP",
                crate::bytes::shown(bytes)
            ),
        ));
    };
    let format = match kind {
        PictureKind::Png => ImageFormat::Png,
        PictureKind::Jpeg => ImageFormat::Jpeg,
        PictureKind::WebP => ImageFormat::WebP,
    };
    let damaged = |e: image::ImageError| {
        let kind_of = match &e {
            image::ImageError::Limits(_) => MediaErrorKind::TooLarge,
            image::ImageError::Unsupported(_) => MediaErrorKind::Unsupported,
            _ => MediaErrorKind::Malformed,
        };
        MediaError::new(kind_of, WHAT, format!("{kind}: {e}"))
    };
    // The size is asked first, because not every decoder heeds the limit on memory.
    let (width, height) = ImageReader::with_format(Cursor::new(bytes), format)
        .into_dimensions()
        .map_err(damaged)?;
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(MediaError::new(
            MediaErrorKind::TooLarge,
            WHAT,
            format!("{kind}: {width} by {height} pixels; the limit is {MAX_PIXELS}"),
        ));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(16 * MAX_PIXELS);
    reader.limits(limits);
    let image = reader.decode().map_err(damaged)?;
    let transparent = share_transparent(&image);
    let rgb = image.into_rgb8();
    let picture = Picture::new(rgb.width(), rgb.height(), rgb.into_raw())?;
    Ok(DecodedPicture {
        picture,
        kind,
        transparent,
    })
}

fn share_transparent(image: &DynamicImage) -> f64 {
    if !image.color().has_alpha() {
        return 0.0;
    }
    let rgba = image.to_rgba8();
    let through = rgba.pixels().filter(|p| p.0[3] < 255).count();
    through as f64 / (f64::from(rgba.width()) * f64::from(rgba.height())).max(1.0)
}
