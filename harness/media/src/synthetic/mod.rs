//! Media by recipe: whoever asks a model about them knows the answer, and the same recipe gives the same bytes on every
//! machine.

mod encoded;
mod random;
mod sound;

pub use encoded::Encoded;
pub use sound::{Sound, Wave};
