#[tribunal::fixture]
fn server() -> String {
    String::new()
}

#[tribunal::test]
fn misspelt(sever: &String) {
    let _ = sever;
}

fn main() {}
