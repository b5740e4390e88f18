#[tribunal::test]
#[hardware_test(cuda = H100)]
fn text_without_quotes() {}

#[tribunal::test]
#[max_vram_gib(9223372036854775808)]
fn too_large() {}

#[tribunal::test]
#[timeout = "5m"]
fn equals_sign() {}

#[tribunal::test]
#[timeout(Duration::from_mins(5))]
fn another_constructor() {}

#[tribunal::test]
#[requires(env = [HOME, "PATH", 1 + 1])]
fn items_of_a_list() {}

#[tribunal::test]
#[timeout("5m" "6m")]
fn no_comma() {}

fn main() {}
