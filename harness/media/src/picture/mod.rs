//! Pictures: what is on them, and how alike two of them are.

pub(crate) mod compare;
pub(crate) mod decode;
pub(crate) mod pixels;
