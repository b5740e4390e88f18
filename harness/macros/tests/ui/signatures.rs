#[tribunal::test]
fn generic<T>() {}

#[tribunal::test]
unsafe extern "C" fn words() {}

#[tribunal::test]
const fn constant() {}

#[tribunal::test]
fn opaque(value: impl Copy) {}

#[tribunal::fixture]
fn lifetimes<'a>() -> u8 {
    0
}

struct Suite;

impl Suite {
    #[tribunal::test]
    fn method(&self) {}
}

fn main() {}
