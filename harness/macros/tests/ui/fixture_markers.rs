#[tribunal::fixture]
#[e2e]
#[memoize]
fn marked() -> u8 {
    0
}

#[tribunal::fixture]
fn with_case(#[case] deploy: &str) -> u8 {
    0
}

fn main() {}
