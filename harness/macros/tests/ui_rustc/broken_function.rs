#[tribunal::test]
#[core_model]
fn broken() {
    let x = ;
}

fn main() {}
