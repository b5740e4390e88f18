#[tribunal::fixture]
fn narrow() -> u8 {
    1
}

#[tribunal::fixture(scope = session)]
fn wide(narrow: u8) -> u8 {
    narrow
}

#[tribunal::test]
fn asks(wide: u8) {
    let _ = wide;
}

fn main() {}
