#[tribunal::test(timeout = "5m")]
fn with_arguments() {}

fn main() {}
