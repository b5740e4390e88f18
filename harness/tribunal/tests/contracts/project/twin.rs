//! The same tests under Tribunal.
use tribunal::test;

tribunal::main!();

include!("common/same.rs");
