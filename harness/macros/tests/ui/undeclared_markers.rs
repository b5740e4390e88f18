// All at once, each at its word; a near name is proposed, else what to do.
#[tribunal::test]
#[core_modle]
#[advanced_model]
#[quite_another_thing]
#[max_vram(20)]
fn answers() {}

fn main() {}
