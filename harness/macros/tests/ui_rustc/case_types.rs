#[tribunal::test]
#[cases(a = 1, b = "two")]
fn a_number(#[case] n: u8, #[values(true, 0)] stream: bool) {
    let _ = (n, stream);
}

fn main() {}
