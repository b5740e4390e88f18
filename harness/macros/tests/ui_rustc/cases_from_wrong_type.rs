fn numbers() -> Vec<u8> {
    vec![]
}

#[tribunal::test]
#[cases(from = numbers)]
fn no_cases_in_it(#[case] n: u8) {
    let _ = n;
}

#[tribunal::test]
#[cases(from = nubmers)]
fn no_such_function(#[case] n: u8) {
    let _ = n;
}

fn main() {}
