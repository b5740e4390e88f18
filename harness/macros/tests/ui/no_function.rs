#[tribunal::test]
struct Server;

fn main() {}
