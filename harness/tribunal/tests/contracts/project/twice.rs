//! Two tests of one name: one here, one in the package's library.
use twice as _;

tribunal::main!();

mod m {
    #[tribunal::test]
    fn same() {
        println!("must not run");
    }
}
