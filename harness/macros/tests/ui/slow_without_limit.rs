#[tribunal::test]
#[slow]
fn no_limit() {}

#[tribunal::test]
#[cases(#[slow] one = 1, #[slow] #[timeout("1h")] two = 2)]
fn one_case_has_none(#[case] n: u8) {
    let _ = n;
}

#[tribunal::test]
#[slow]
#[cases(#[timeout("1h")] one = 1, #[timeout("2h")] two = 2)]
fn every_case_has_one(#[case] n: u8) {
    let _ = n;
}

fn main() {}
