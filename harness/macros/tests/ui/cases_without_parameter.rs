#[tribunal::test]
#[cases("a")]
fn no_parameter() {}

#[tribunal::test]
fn no_cases(#[case] deploy: &str) {}

fn main() {}
