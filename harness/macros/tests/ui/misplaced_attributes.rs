#[tribunal::test]
#[cases(1)]
#[cases(2)]
fn two_lists(#[case] n: u8) {}

#[tribunal::test]
#[case]
#[values(1)]
fn on_the_function() {}

#[tribunal::test]
#[test]
fn two_tests() {}

#[tribunal::test]
#[tokio::test]
async fn another_test() {}

fn main() {}
