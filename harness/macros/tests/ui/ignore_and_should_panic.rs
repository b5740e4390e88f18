#[tribunal::test]
#[ignore("why")]
fn ignored() {}

#[tribunal::test]
#[should_panic(expect = "boom")]
fn panics() {}

fn main() {}
