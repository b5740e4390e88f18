#[allow(non_camel_case_types)]
struct server {}

#[tribunal::test]
fn a_type_is_no_fixture(server: &String) {
    let _ = server;
}

fn main() {}
