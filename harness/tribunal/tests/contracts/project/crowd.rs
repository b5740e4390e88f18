//! Two hundred cases that print side by side.

use tribunal::prelude::*;

tribunal::main!();

fn two_hundred() -> Vec<Case<usize>> {
    (0..200).map(|n| Case::new(format!("n{n:03}"), n)).collect()
}

#[tribunal::test]
#[cases(from = two_hundred)]
fn prints(#[case] n: &usize) {
    use std::io::Write as _;
    for part in 0..20 {
        print!("{{\"torn\": {n}");
        println!(" part {part}}}");
        eprint!("test torn::{n} ... ok\npart of a line ");
    }
    std::io::stdout().flush().expect("standard output");
    tribunal::log!("own line of {n}");
    assert_ne!(*n, 77, "this one fails, so that output is shown");
}
