use tribunal::prelude::*;

#[core_model]
fn no_test() {}

#[timeout("5m")]
struct NoFunction;

fn main() {}
