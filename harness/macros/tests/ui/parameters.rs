#[tribunal::fixture]
fn server() -> String {
    String::new()
}

#[tribunal::test]
fn patterns((a, b): (u8, u8), _: u8, ref server: String) {}

#[tribunal::test]
fn mutable_borrow(server: &mut String) {
    let _ = server;
}

#[tribunal::test]
#[cases(1)]
fn attributes(#[csae] a: u8, #[case] #[values(1, 2)] b: u8, #[case(1)] c: u8, #[with] d: u8) {}

fn main() {}
