struct Server;

#[tribunal::fixture]
fn server() -> Server {
    Server
}

#[tribunal::test]
fn another_type_by_reference(server: &String) {
    let _ = server;
}

#[tribunal::test]
fn another_type_by_value(server: String) {
    let _ = server;
}

#[tribunal::test]
fn a_copy_of_what_has_none(server: Server) {
    let _ = server;
}

fn main() {}
