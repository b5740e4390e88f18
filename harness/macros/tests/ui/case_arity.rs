#[tribunal::test]
#[cases(a = ("x", 1), b = ("x", 1, 2), c = "x")]
fn two(#[case] deploy: &str, #[case] count: u8) {
    let _ = (deploy, count);
}

fn main() {}
