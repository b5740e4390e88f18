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

#[tribunal::fixture]
fn hen(egg: &u8) -> u8 {
    *egg
}

#[tribunal::fixture]
fn egg(hen: &u8) -> u8 {
    *hen
}

#[tribunal::test]
fn uses_them(middle: &u8, wide: &u8) {
    let _ = (middle, wide);
}

#[tribunal::test]
fn which_was_first(hen: &u8) {
    let _ = hen;
}

fn main() {}
