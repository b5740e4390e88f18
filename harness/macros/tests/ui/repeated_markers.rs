#[tribunal::test]
#[core_model]
#[timeout("5m")]
#[core_model]
#[timeout("6m")]
fn twice() {}

#[tribunal::test]
#[requires(env = "A")]
#[requires(env = "B")]
fn different_requirements_are_fine() {}

fn main() {}
