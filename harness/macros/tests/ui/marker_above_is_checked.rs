use tribunal::prelude::*;

#[timeout("5 minutes")]
#[tribunal::test]
fn above() {}

fn main() {}
