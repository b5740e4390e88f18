#[tribunal::test]
#[cases()]
fn no_case(#[case] deploy: &str) {}

#[tribunal::test]
#[cases]
fn no_list(#[case] deploy: &str) {}

#[tribunal::test]
fn no_value(#[values()] stream: bool) {}

fn main() {}
