//! Tests that break rules which only the merged markers show.
use tribunal::prelude::*;

tribunal::main!();

mod on_devices {
    tribunal::markers!(gpu_2);

    #[tribunal::test]
    #[cpu]
    fn wants_both() {
        println!("must not run");
    }
}

mod long {
    tribunal::markers!(slow);

    #[tribunal::test]
    fn without_a_limit() {
        println!("must not run");
    }
}

fn broken() -> Result<Vec<Case<u8>>, String> {
    Err("the folder of cases is not there".into())
}

fn doubled() -> Vec<Case<u8>> {
    vec![Case::new("one", 1), Case::new("one", 2)]
}

fn odd() -> Vec<Case<u8>> {
    vec![Case::new("one", 1).marker("no_such_marker")]
}

#[tribunal::test]
#[cases(from = broken)]
fn cases_cannot_be_made(#[case] n: &u8) {
    let _ = n;
}

#[tribunal::test]
#[cases(from = doubled)]
fn cases_of_one_name(#[case] n: &u8) {
    let _ = n;
}

#[tribunal::test]
#[cases(from = odd)]
fn case_with_an_unknown_marker(#[case] n: &u8) {
    let _ = n;
}
