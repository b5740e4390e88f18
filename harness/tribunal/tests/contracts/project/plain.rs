//! The oracle: libtest itself.
include!("same.rs");
