// The tests that libtest, libtest-mimic and Tribunal run side by side: this file is included by `plain.rs` and `twin.rs`.

mod m {
    use super::test;

    #[test]
    fn a() {}

    #[test]
    fn ab() {}

    #[test]
    #[ignore = "not today"]
    fn later() {}

    #[test]
    #[should_panic]
    fn panics() {
        panic!("on purpose");
    }

    #[test]
    fn prints() {
        println!("a line");
    }
}

mod n {
    use super::test;

    #[test]
    fn a() {}

    #[test]
    fn fails() {
        assert_eq!(1 + 1, 3, "arithmetic");
    }
}
