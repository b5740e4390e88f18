//! Audio: what it is, what is in it, how it sounds.

pub(crate) mod decode;
pub(crate) mod encoding;
pub(crate) mod finding;
pub(crate) mod kind;
pub(crate) mod levels;
pub(crate) mod seams;
pub(crate) mod silence;
pub(crate) mod sound;
pub(crate) mod wav;

#[cfg(feature = "decoders")]
mod compressed;
#[cfg(feature = "opus")]
mod ogg;
#[cfg(feature = "opus")]
mod opus;

#[cfg(feature = "pitch")]
mod autocorrelation;
#[cfg(feature = "pitch")]
mod curve;
#[cfg(feature = "pitch")]
pub(crate) mod harmonicity;
#[cfg(feature = "pitch")]
mod lanes;
#[cfg(feature = "pitch")]
pub(crate) mod pitch;
#[cfg(feature = "resample")]
pub(crate) mod resample;
#[cfg(feature = "pitch")]
pub(crate) mod spectrum;
