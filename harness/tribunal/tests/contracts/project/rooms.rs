//! Cases that run in processes of their own, each with another end; limits of every phase; and what evidence keeps.

use std::time::Duration;

use tribunal::prelude::*;

tribunal::main!();

mod alone {
    use super::*;

    #[tribunal::test]
    #[isolated]
    fn passes() {
        println!("said alone by {}", std::process::id());
    }

    #[tribunal::test]
    #[isolated]
    async fn passes_async() -> TestResult {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok(())
    }

    #[tribunal::test]
    #[isolated]
    fn panics() {
        println!("before the panic");
        panic!("boom");
    }

    #[tribunal::test]
    #[isolated]
    fn returns_an_error() -> TestResult {
        tribunal::fail!("no luck today")
    }

    #[tribunal::test]
    #[isolated]
    fn skips() {
        tribunal::skip!("no file to read");
    }

    #[tribunal::test]
    #[isolated]
    #[xfail("known to abort")]
    fn aborts_as_expected() {
        std::process::abort();
    }

    #[tribunal::test]
    #[isolated]
    #[should_panic(expected = "boom")]
    fn panics_as_expected() {
        panic!("boom");
    }

    #[tribunal::test]
    #[isolated]
    fn aborts() {
        println!("before the abort");
        std::process::abort();
    }

    #[tribunal::test]
    #[isolated]
    fn segfaults() {
        // Without unsafe code. The first only takes the handler for stack overflows away.
        let own = std::process::id().to_string();
        let _ = std::process::Command::new("sh").args(["-c", "while kill -SEGV \"$1\"; do sleep 0.01; done", "sh", &own]).status();
    }

    #[tribunal::test]
    #[isolated]
    fn exits_with_0() {
        std::process::exit(0);
    }

    #[tribunal::test]
    #[isolated]
    fn exits_with_3() {
        std::process::exit(3);
    }

    fn deeper(n: u64) -> u64 {
        let room = [n; 512];
        if n == u64::MAX { room[0] } else { deeper(n + 1).wrapping_add(std::hint::black_box(room)[7]) }
    }

    #[tribunal::test]
    #[isolated]
    fn overflows_its_stack() {
        assert_ne!(deeper(0), 1);
    }

    #[tribunal::test]
    #[isolated]
    #[timeout("2s")]
    fn blocks() {
        println!("before it is stuck");
        loop {
            std::thread::park();
        }
    }

    #[tribunal::test]
    #[isolated]
    #[timeout("100ms")]
    async fn waits_for_ever() {
        std::future::pending::<()>().await;
    }

    /// Not even its own watchdog can run. The limit leaves a busy machine the time to start the shell.
    #[tribunal::test]
    #[isolated]
    #[timeout("5s")]
    fn stops_itself() {
        let own = std::process::id().to_string();
        let _ = std::process::Command::new("sh").args(["-c", "kill -STOP \"$1\"", "sh", &own]).status();
    }

    #[tribunal::test]
    #[isolated]
    fn panics_in_a_raw_thread() {
        let _ = std::thread::spawn(|| panic!("in a raw thread")).join();
    }

    #[tribunal::test]
    #[isolated]
    fn leaves_a_daemon() -> TestResult {
        use std::io::BufRead as _;
        let mut command = std::process::Command::new("setsid");
        command.args(["sh", "-c", "sleep 1000 & echo $!; exec sleep 1000"]).stdout(std::process::Stdio::piped());
        let mut started = command.spawn()?;
        let mut line = String::new();
        if let Some(out) = started.stdout.take() {
            std::io::BufReader::new(out).read_line(&mut line)?;
        }
        println!("daemon {}\ndaemon {}", started.id(), line.trim());
        Ok(())
    }

    #[tribunal::test]
    #[isolated]
    #[cases(one = 1, two = 2)]
    fn has_cases(#[case] n: u8) {
        println!("case {n}");
    }

    #[tribunal::test]
    #[isolated]
    #[ignore = "waits until it is stopped"]
    async fn waits_to_be_stopped(house: &u8) {
        super::note(&format!("waiting {house} {}", std::process::id()));
        std::future::pending::<()>().await;
    }

    #[tribunal::test]
    #[isolated]
    #[ignore = "waits until it is killed"]
    fn waits_in_a_blocking_call(house: &u8) {
        super::note(&format!("waiting {house} {}", std::process::id()));
        loop {
            std::thread::park();
        }
    }

    #[tribunal::test]
    #[isolated]
    #[timeout("1m")]
    fn serves(server: &Server) {
        assert!(server.is_alive());
    }

    #[tribunal::test]
    #[isolated]
    fn keeps_a_file() -> TestResult {
        std::fs::write(tribunal::evidence()?.join("kept.txt"), "for later")?;
        tribunal::fail!("so that it is kept")
    }
}

/// Adds a line to the file that `LAB_DIARY` names.
fn note(text: &str) {
    use std::io::Write as _;
    let Some(path) = std::env::var_os("LAB_DIARY") else { return };
    let mut file = std::fs::File::options().create(true).append(true).open(path).expect("the diary");
    file.write_all(format!("{text}\n").as_bytes()).expect("the diary");
}

#[tribunal::fixture(scope = session)]
fn house(cx: &SetUp) -> u8 {
    note("house up");
    cx.on_teardown(|| async {
        note("house down");
        Ok::<(), Error>(())
    });
    1
}

#[tribunal::fixture(scope = session)]
async fn slow_to_make(cx: &SetUp) -> u8 {
    note("slow up");
    cx.on_teardown(|| async {
        note("slow down");
        Ok::<(), Error>(())
    });
    std::future::pending::<()>().await;
    1
}

#[tribunal::fixture]
fn slow_to_leave(cx: &SetUp) -> u8 {
    cx.on_teardown(|| async {
        note("first registered, last to run");
        Ok::<(), Error>(())
    });
    cx.on_teardown(|| async {
        std::future::pending::<()>().await;
        Ok::<(), Error>(())
    });
    1
}

#[tribunal::fixture(scope = session)]
fn broken() -> Result<u8, Error> {
    tribunal::fail!("no such model\nand a long story about it")
}

#[tribunal::fixture(scope = session)]
fn absent() -> Result<u8, Error> {
    tribunal::skip!("no such device")
}

#[tribunal::fixture(params(port))]
fn address(cx: &SetUp) -> Result<String, Error> {
    Ok(format!("127.0.0.1:{}", cx.param_as::<u16>("port")?))
}

mod phases {
    use super::*;

    #[tribunal::test]
    #[timeout("1m", setup = "2s")]
    fn set_up_hangs(slow_to_make: &u8) {
        let _ = slow_to_make;
    }

    #[tribunal::test]
    fn set_up_hung_before(slow_to_make: &u8) {
        let _ = slow_to_make;
    }

    #[tribunal::test]
    #[timeout("1m", teardown = "50ms")]
    fn teardown_hangs(slow_to_leave: &u8) {
        let _ = slow_to_leave;
    }

    /// Longer than its limit, and yet it ends: under a debugger it passes.
    #[tribunal::test]
    #[timeout("50ms")]
    async fn a_little_late() {
        tokio::time::sleep(Duration::from_secs(3)).await;
    }

    #[tribunal::test]
    #[timeout("2s")]
    fn a_blocking_call() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        println!("listening on {}", listener.local_addr().expect("bound"));
        loop {
            std::thread::park();
        }
    }
}

mod shared {
    use super::*;

    #[tribunal::test]
    fn first(broken: &u8) {
        let _ = broken;
    }

    #[tribunal::test]
    fn second(broken: &u8) {
        let _ = broken;
    }

    #[tribunal::test]
    fn skipped_by_a_fixture(absent: &u8) {
        let _ = absent;
    }

    #[tribunal::test]
    #[cases(good = "8080", bad = "many")]
    fn indirect(#[case] port: &str, address: String) {
        assert_eq!(address, format!("127.0.0.1:{port}"));
    }
}

mod evidence {
    use super::*;

    #[tribunal::test]
    fn passes() -> TestResult {
        println!("said while it passed");
        std::fs::write(tribunal::evidence()?.join("kept.txt"), "for later")?;
        Ok(())
    }

    #[tribunal::test]
    fn passes_silently() {}

    #[tribunal::test]
    fn fails() -> TestResult {
        println!("said while it failed, with {}", std::env::var("LAB_API_KEY").unwrap_or_default());
        std::fs::write(tribunal::evidence()?.join("kept.txt"), "for later")?;
        tribunal::fail!("the sum is wrong")
    }

    #[tribunal::test]
    #[timeout("1m")]
    async fn fails_with_a_server(server: &Server, chat: ChatClient) -> TestResult {
        assert!(server.is_alive());
        chat.user("a question for the log").max_tokens(4).send().await?;
        tribunal::fail!("after a question")
    }

    #[tribunal::test]
    fn fails_unless_told() -> TestResult {
        match std::env::var("TRIBUNAL_LAB_WORD").as_deref() {
            Ok("it's so") => tribunal::fail!("told so"),
            _ => tribunal::fail!("not told"),
        }
    }
}

mod tables {
    use super::*;

    #[tribunal::test]
    fn late() {
        tribunal::Row::new("findings of the lab", 1, "should").cell("row", "n_is_null").cell("found", "200").add();
    }

    #[tribunal::test]
    #[isolated]
    async fn early() {
        tribunal::Row::new("findings of the lab", 0, "must").cell("row", "no_messages").cell("found", "\u{1b}[31m500").add();
    }
}
