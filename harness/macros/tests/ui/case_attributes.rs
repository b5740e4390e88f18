#[tribunal::test]
#[cases(#[ignore] a = 1, #[tracing::instrument] b = 2, #[core_modle] c = 3, #[should_panic] d = 4)]
fn four(#[case] n: u8) {}

fn main() {}
