#[tribunal::test]
fn a_number() -> u8 {
    0
}

#[tribunal::test]
async fn a_number_later() -> u8 {
    0
}

struct Mute;

#[tribunal::test]
fn an_error_that_cannot_be_shown() -> Result<(), Mute> {
    Ok(())
}

fn main() {}
