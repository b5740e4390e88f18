//! Media by recipe: whoever asks a model about them knows the answer, and the same recipe gives the same bytes on every
//! machine.

mod encoded;
mod random;
mod sound;
mod speech;

#[cfg(feature = "images")]
mod film;
#[cfg(feature = "images")]
mod mp4;
#[cfg(feature = "images")]
mod scene;
#[cfg(feature = "images")]
mod shapes;

pub use encoded::Encoded;
#[cfg(feature = "images")]
pub use film::Film;
#[cfg(feature = "images")]
pub use scene::{Scene, png};
#[cfg(feature = "images")]
pub use shapes::{Colour, Group, Shape};
pub use sound::{Sound, Wave};
pub use speech::{Speech, SpeechProgram};
