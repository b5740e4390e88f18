#[tribunal::fixture(scope = sesion)]
fn misspelt_scope() -> u8 {
    0
}

#[tribunal::fixture(scop = session, params = deploy, implies(e2ee), scope = "session")]
fn others() -> u8 {
    0
}

#[tribunal::fixture(scope = module, scope = session)]
fn twice() -> u8 {
    0
}

fn main() {}
