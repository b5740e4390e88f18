//! One test for every way to end, every gate and every level. The rows of the table run it with the command lines of other programs.

use std::time::Duration;

use tribunal::prelude::*;

tribunal::main!();

mod answers {
    use super::*;

    #[tribunal::test]
    fn passes() {}

    #[tribunal::test]
    async fn passes_async() -> TestResult {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(())
    }

    #[tribunal::test]
    fn fails() {
        let (one, two) = (1, 2);
        assert_eq!(one, two, "the sum is wrong");
    }

    #[tribunal::test]
    fn returns_an_error() -> Result<(), String> {
        Err("no luck today".into())
    }

    #[tribunal::test]
    fn question_mark() -> TestResult {
        "seven".parse::<u8>()?;
        Ok(())
    }

    #[tribunal::test]
    fn prints_and_passes() {
        println!("a line of the test");
    }

    #[tribunal::test]
    #[lab_feature]
    fn with_a_word_of_the_project() {}
}

mod panics {
    #[tribunal::test]
    #[should_panic(expected = "boom")]
    fn as_expected() {
        panic!("a boom at last");
    }

    #[tribunal::test]
    #[should_panic(expected = "boom")]
    fn otherwise() {
        panic!("bang");
    }

    #[tribunal::test]
    #[should_panic]
    fn not_at_all() {}

    #[tribunal::test]
    async fn in_a_task() {
        let task = tokio::spawn(async { panic!("in a task") });
        assert!(task.await.is_err());
    }
}

mod kept_back {
    #[tribunal::test]
    #[ignore = "takes \"too\" long"]
    fn with_a_reason() {}

    #[tribunal::test]
    #[ignore]
    fn without_a_reason() {}

    #[tribunal::test]
    fn skips_itself() {
        tribunal::skip!("no file to read");
    }

    #[tribunal::test]
    #[xfail("known to be broken")]
    fn fails_as_expected() {
        panic!("still broken");
    }

    #[tribunal::test]
    #[xfail("thought to be broken")]
    fn passes_unexpectedly() {}

    #[tribunal::test]
    #[xfail("sometimes broken", strict = false)]
    fn may_pass() {}
}

mod late {
    #[tribunal::test]
    #[timeout("50ms")]
    async fn sleeps() {
        std::future::pending::<()>().await;
    }

    #[tribunal::test]
    #[timeout("50ms")]
    fn blocks() {
        loop {
            std::thread::park();
        }
    }
}

mod cased {
    use super::*;

    #[tribunal::test]
    #[cases(small = 1, large = 2)]
    fn named(#[case] n: u8) {
        assert!(n > 0);
    }

    #[tribunal::test]
    fn crossed(#[values(false, true)] streamed: bool, #[values(-1, 16)] n: i32) {
        assert!(streamed || n < 17);
    }

    fn found() -> Vec<Case<u8>> {
        vec![Case::new("first one", 1), Case::new("second", 2)]
    }

    #[tribunal::test]
    #[cases(from = found)]
    fn made_at_start(#[case] n: u8) {
        assert!(n > 0);
    }
}

mod gates {
    #[tribunal::test]
    #[requires(env = "LAB_GATE")]
    fn environment() {}

    #[tribunal::test]
    #[requires(program = "no-such-program-anywhere")]
    fn program() {}

    #[tribunal::test]
    #[requires(os = "windows")]
    fn system() {}

    #[tribunal::test]
    #[requires(feature = "deep")]
    fn feature() {}

    #[tribunal::test]
    #[hardware_test(neuron = "Trn2", num_cards = 16)]
    #[timeout("1m")]
    fn device() {}

    #[tribunal::test]
    #[skip("kept back by its author")]
    fn marked() {}
}

mod levels {
    use super::*;

    #[tribunal::test]
    #[core_model]
    fn first() {}

    #[tribunal::test]
    #[advanced_model]
    fn second() {}

    #[tribunal::test]
    #[core_model]
    #[full_model]
    fn first_and_third() {}

    #[tribunal::test]
    #[slow]
    #[timeout("1m")]
    fn fourth() {}

    #[tribunal::test]
    #[max_vram_gib(20)]
    fn twenty_gib() {}

    #[tribunal::test]
    #[max_vram_gib(80)]
    fn eighty_gib() {}

    #[tribunal::test]
    fn says_its_own() -> TestResult {
        let test = tribunal::current_test().ok_or_else(|| Error::msg("no test runs"))?;
        println!("{} at {:?}", test.name, test.level);
        Ok(())
    }
}

mod marked {
    tribunal::markers!(e2e, vllm);

    #[tribunal::test]
    #[parallel]
    #[timeout("1m")]
    fn by_its_module() {}
}

/// What would end or fail a whole run: off by default.
mod wild {
    use super::*;

    #[tribunal::test]
    #[ignore = "ends the process"]
    fn exits() {
        std::process::exit(0);
    }

    #[tribunal::test]
    #[ignore = "fails the run"]
    fn panics_in_a_raw_thread() {
        let _ = std::thread::spawn(|| panic!("in a raw thread")).join();
    }

    #[tribunal::test]
    #[ignore = "tears lines apart"]
    fn prints_without_newline() {
        use std::io::Write as _;
        print!("half a line of standard output");
        std::io::stdout().flush().expect("standard output");
        eprint!("half a line of standard error");
    }

    #[tribunal::test]
    #[ignore = "tells where it runs"]
    fn tells_where() -> TestResult {
        println!("in {}", std::env::current_dir()?.display());
        println!("args {:?}", std::env::args().skip(1).collect::<Vec<_>>());
        println!("thread {:?}", std::thread::current().name());
        Ok(())
    }
}
