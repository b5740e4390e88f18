//! The other oracle: libtest-mimic with the same tests.
use libtest_mimic::{Arguments, Trial};

fn main() {
    let trials = vec![
        Trial::test("m::a", || Ok(())),
        Trial::test("m::ab", || Ok(())),
        Trial::test("m::later", || Ok(())).with_ignored_flag(true),
        Trial::test("m::panics", || Ok(())),
        Trial::test("m::prints", || Ok(())),
        Trial::test("n::a", || Ok(())),
        Trial::test("n::fails", || Err("arithmetic".into())),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}
