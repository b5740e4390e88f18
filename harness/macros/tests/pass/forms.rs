//! Every good form once. The bodies assert that each value reaches its parameter; `registry.rs` looks at what is registered.

use std::rc::Rc;
use std::sync::Arc;

use tribunal::prelude::*;

tribunal::main!();

tribunal::markers!(e2e);

#[tribunal::fixture(scope = session)]
fn base() -> u32 {
    7
}

#[tribunal::fixture(scope = module, params(deploy), implies(e2e))]
async fn server(cx: &SetUp, base: &u32) -> Result<String, String> {
    Ok(format!("{}-{base}", cx.param("deploy").unwrap_or("none")))
}

/// No `Clone`, and a name that is a word of the language.
struct Guard(u32);

#[tribunal::fixture]
fn r#type(_base: u32) -> Guard {
    Guard(_base)
}

#[tribunal::test]
fn bare() {}

#[tribunal::test]
async fn asynchronous() -> TestResult {
    // A body stays on its thread and need not be `Send`.
    let local = Rc::new(1);
    std::future::ready(()).await;
    assert_eq!(*local, 1);
    Ok(())
}

#[tribunal::test]
fn any_error_that_can_be_shown() -> Result<(), &'static str> {
    Ok(())
}

#[core_model]
#[timeout("5m")]
#[tribunal::test]
#[should_panic(expected = "boom")]
fn markers_may_stand_above() {
    panic!("boom")
}

#[tribunal::test]
#[cases(a = "x", b = "y")]
async fn fixtures(#[case] deploy: &str, server: &String, mut base: u32, _base: Arc<u32>, r#type: &Guard) -> TestResult {
    base += 1;
    assert_eq!((base, *_base, r#type.0), (8, 7, 7));
    assert_eq!(*server, format!("{deploy}-7"));
    Ok(())
}

#[tribunal::test]
#[cases(one = ("x", 1), ("y", -1))]
fn tuples(#[case] text: &str, #[case] number: i32) {
    assert!(matches!((text, number), ("x", 1) | ("y", -1)));
}

#[tribunal::test]
#[cases(first = 1, second = 2)]
fn matrix(#[case] n: u8, #[values(true, false)] stream: bool, #[values("a b", "c")] text: &str) {
    assert!((1..=2).contains(&n) && (stream || text.len() < 4));
}

fn borrowed() -> Vec<Case<String>> {
    vec![Case::new("only", "text".to_owned())]
}

#[tribunal::test]
#[cases(from = borrowed)]
fn provided_text(#[case] text: &str) {
    assert_eq!(text, "text");
}

mod elsewhere {
    use tribunal::prelude::Case;

    #[derive(Clone)]
    pub struct Model(pub u8);

    pub fn fallible() -> Result<Vec<Case<Model>>, String> {
        Ok(vec![Case::new("one", Model(1))])
    }
}

#[tribunal::test]
#[cases(from = elsewhere::fallible)]
fn provided_value(#[case] model: elsewhere::Model, base: &u32) {
    assert_eq!((model.0, *base), (1, 7));
}

// Nothing of the expansion can be seen by the code of users, and nothing of theirs gets in its way.
fn n() -> u8 {
    4
}

#[tribunal::test]
#[cases(a = 3)]
fn hygiene(#[case] n: u8, #[values(b = self::n() + 1, c = n())] m: u8) {
    assert!(n == 3 && m > n);
}

macro_rules! tests {
    ($($name:ident: $n:literal)*) => {
        $(
            #[tribunal::test]
            #[core_model]
            #[cases(a = $n)]
            fn $name(#[case] n: u8, base: &u32) {
                assert_eq!(u32::from(n), *base);
            }
        )*
    };
}

tests! { from_a_macro: 7 }
