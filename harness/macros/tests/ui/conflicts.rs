#[tribunal::test]
#[cpu]
#[hardware_test(cuda = "H100")]
fn both() {}

#[tribunal::test]
#[hardware_test(cuda = "H100", rocm = "MI325", num_cards(cuda = 2, rocm = 8))]
fn different_counts_are_no_conflict() {}

#[tribunal::test]
#[cpu]
#[cases(fine = 1, #[hardware_test(cuda = "H100")] wrong = 2)]
fn in_one_case(#[case] n: u8) {
    let _ = n;
}

fn main() {}
