//! Media for tests of model servers: made by recipe, decoded as servers really send them, and measured.
//!
//! * [`synthetic`] makes sounds, pictures and videos whose answer is known, the same bytes from the same recipe everywhere.
//! * [`decode_audio`] and [`decode_pcm`] read what came; what is odd about it is a [`Finding`], not a reason to refuse it.
//! * [`Levels`], [`Silences`], [`repeats`] and [`clicks`] measure what can be measured cheaply, [`Pitch`] and
//!   [`Harmonicity`] the voice, as Praat does.
//! * `decode_picture`, `ssim`, `psnr` and `PixelDistance` read and compare pictures, [`Movie`] reads what is in a video
//!   file without decoding it.
//! * [`Normaliser`] makes transcripts comparable, [`Errors`] compares them.
//! * [`vllm_omni`] has that system's figures, bias and all, for thresholds that were made with them.
//!
//! ```
//! use tribunal_media::synthetic::{Sound, Wave};
//! use tribunal_media::{Levels, decode_wav};
//!
//! let sent = Sound::new(24_000, 1).part(Wave::Tone { hz: 440.0 }, 0.5).wav()?;
//! let wav = decode_wav(sent.bytes())?;
//! assert!(wav.findings.is_empty());
//! assert_eq!(Levels::of(&wav.audio).clipped, Some(0.0));
//! # Ok::<(), tribunal_media::MediaError>(())
//! ```
//!
//! It knows nothing of tests, servers or thresholds: a figure is a figure, and what cannot be measured is `None` or an
//! error, never 0. Rejected: calling `ffmpeg` or `sox`. They would have to be installed, and differ between machines.

mod audio;
mod bytes;
mod error;
#[cfg(feature = "images")]
mod picture;
pub mod synthetic;
mod text;
mod video;
pub mod vllm_omni;
pub use audio::decode::{DecodedAudio, decode_audio};
pub use audio::encoding::{Encoding, PcmFormat, decode_pcm, encode_pcm};
pub use audio::finding::Finding;
#[cfg(feature = "pitch")]
pub use audio::harmonicity::{Harmonicity, HarmonicityOptions};
pub use audio::kind::AudioKind;
pub use audio::levels::{CLIPPED, Levels};
#[cfg(feature = "pitch")]
pub use audio::pitch::{Pitch, PitchOptions, Register, semitones};
#[cfg(feature = "resample")]
pub use audio::resample::resample;
pub use audio::seams::{Click, Repeat, clicks, repeats};
pub use audio::silence::{Silences, Span};
pub use audio::sound::{Audio, MAX_CHANNELS, MAX_RATE};
#[cfg(feature = "pitch")]
pub use audio::spectrum::roll_off;
pub use audio::wav::{Wav, decode_wav, encode_wav};
pub use error::{MediaError, MediaErrorKind};
#[cfg(feature = "images")]
pub use picture::compare::{PixelDistance, psnr, ssim, ssim_brightness};
#[cfg(feature = "images")]
pub use picture::decode::{DecodedPicture, PictureKind, decode_picture};
#[cfg(feature = "images")]
pub use picture::pixels::{Contrast, MAX_PIXELS, Picture};
pub use text::errors::{Errors, Step};
pub use text::normal::Normaliser;
pub use video::movie::{Container, Movie, Track, TrackKind};
