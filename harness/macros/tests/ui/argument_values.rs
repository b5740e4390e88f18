#[tribunal::test]
#[max_vram_gib(0)]
fn no_memory() {}

#[tribunal::test]
#[max_vram_gib("20")]
fn memory_as_text() {}

#[tribunal::test]
#[max_vram_gib]
fn memory_missing() {}

#[tribunal::test]
#[timeout("5 minutes")]
fn bad_duration() {}

#[tribunal::test]
#[xfail]
fn no_reason() {}

#[tribunal::test]
#[xfail("known", strct = true)]
fn misspelt_keyword() {}

#[tribunal::test]
#[requires(enviroment = "HOME")]
fn misspelt_requirement() {}

#[tribunal::test]
#[e2e(1)]
fn an_argument_too_many() {}

fn main() {}
