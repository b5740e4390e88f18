//! The oracle: libtest itself.
use core::prelude::v1::test;

include!("common/same.rs");
