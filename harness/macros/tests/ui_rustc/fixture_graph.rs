#[tribunal::fixture]
fn hen(egg: &u8) -> u8 {
    *egg
}

#[tribunal::fixture]
fn egg(hen: &u8) -> u8 {
    *hen
}

#[tribunal::test]
fn which_was_first(hen: &u8) {
    let _ = hen;
}

fn main() {}
