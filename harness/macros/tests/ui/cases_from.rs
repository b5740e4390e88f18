fn provide() -> Vec<tribunal::prelude::Case<u8>> {
    vec![]
}

#[tribunal::test]
#[cases(from = provide, other = 1)]
fn beside_another(#[case] n: u8) {}

#[tribunal::test]
#[cases(from = "text")]
fn no_function(#[case] n: u8) {}

#[tribunal::test]
#[cases(from = provide)]
fn matrix(#[case] n: u8, #[values(true, false)] stream: bool) {}

#[tribunal::test]
#[cases(from = provide)]
fn two(#[case] a: u8, #[case] b: u8) {}

#[tribunal::test]
#[cases(from = provide)]
fn none() {}

#[tribunal::test]
#[hardware_test(cuda = "H100", rocm = "MI325", num_cards(cuda = 2, rocm = 8))]
#[cases(from = provide)]
fn variants(#[case] n: u8) {}

fn main() {}
