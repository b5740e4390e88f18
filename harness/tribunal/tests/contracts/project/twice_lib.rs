//! A library of tests.
pub mod m {
    #[tribunal::test]
    fn same() {
        println!("must not run");
    }
}
