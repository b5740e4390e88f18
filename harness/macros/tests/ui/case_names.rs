#[tribunal::test]
#[cases("llama-8b", "llama_8b")]
fn same_slug(#[case] model: &str) {}

#[tribunal::test]
#[cases(a = 1, a = 2)]
fn same_name(#[case] n: u8) {}

#[tribunal::test]
#[cases(type = 1, _ = 2)]
fn words_of_the_language(#[case] n: u8) {}

#[tribunal::test]
fn no_name(#[values(1 + 1, vec![1].len())] n: usize) {}

#[tribunal::test]
#[cases(x__y = 1, x = 2)]
fn joined(#[case] a: u8, #[values(z = 1, y__z = 2)] b: u8) {}

fn main() {}
