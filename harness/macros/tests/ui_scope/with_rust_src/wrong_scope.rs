#[tribunal::fixture]
fn narrow() -> u8 {
    1
}

#[tribunal::fixture(scope = module)]
fn middle(narrow: &u8) -> u8 {
    *narrow
}

#[tribunal::fixture(scope = session)]
fn wide(narrow: &u8) -> u8 {
    *narrow
}

#[tribunal::test]
fn uses_them(middle: &u8, wide: &u8) {
    let _ = (middle, wide);
}

fn main() {}
