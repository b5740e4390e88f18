//! Passing tests, gated ones, and fixtures that tell when they are taken down.

use std::io::Write as _;

use tribunal::prelude::*;

tribunal::main!();

/// Adds a line to the file that `LAB_DIARY` names.
fn note(text: &str) {
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
fn room(cx: &SetUp, house: &u8) -> u8 {
    note("room up");
    cx.on_teardown(|| async {
        note("room down");
        Ok::<(), Error>(())
    });
    house + 1
}

mod m {
    use super::*;

    #[tribunal::test]
    fn one() {}

    #[tribunal::test]
    fn two() {}

    #[tribunal::test]
    #[requires(program = "no-such-program-anywhere")]
    fn gated() {}

    #[tribunal::test]
    #[ignore = "deep"]
    fn deep() {}

    #[tribunal::test]
    fn uses_the_room(room: &u8) {
        note("body");
        assert_eq!(*room, 2);
    }

    #[tribunal::test]
    #[ignore = "starts a server"]
    #[timeout("1m")]
    fn serves(server: &Server) {
        assert!(server.is_alive());
    }

    #[tribunal::test]
    #[ignore = "waits until it is stopped"]
    async fn waits(room: &u8) {
        note(&format!("waiting {room}"));
        std::future::pending::<()>().await;
    }

    #[tribunal::test]
    #[ignore = "waits until it is stopped"]
    fn waits_and_blocks(room: &u8) {
        note(&format!("waiting {room}"));
        loop {
            std::thread::park();
        }
    }

    #[tribunal::test]
    #[ignore = "starts a server and waits until it is stopped"]
    #[timeout("1m")]
    async fn waits_with_a_server(server: &Server, room: &u8) {
        let pids: Vec<String> = server.processes().iter().map(|p| p.pid.to_string()).collect();
        note(&format!("pids {}", pids.join(" ")));
        note(&format!("waiting {room}"));
        std::future::pending::<()>().await;
    }
}

/// Its teardown never ends.
#[tribunal::fixture]
fn stubborn(cx: &SetUp) -> u8 {
    cx.on_teardown(|| async {
        note("stubborn");
        std::future::pending::<()>().await;
        Ok::<(), Error>(())
    });
    1
}

#[tribunal::test]
#[ignore = "waits until it is killed"]
async fn waits_for_the_second_signal(stubborn: &u8) {
    note(&format!("waiting {stubborn}"));
    std::future::pending::<()>().await;
}
