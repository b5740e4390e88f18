//! One case per way in which the life of a server can go wrong.

use std::time::Duration;

use tribunal::prelude::*;

tribunal::main!();
tribunal::markers!(core_model, e2e, cpu, timeout("1m"));

const SERVER: &str = env!("CARGO_BIN_EXE_fault-server");

/// The faults of servers that are waited for until the time is over.
const WAITING: [&str; 7] = [
    "never_listens",
    "listens_elsewhere",
    "answers_500",
    "loads_for_ever",
    "serves_another_model",
    "makes_no_token",
    "hangs_on_the_first_token",
];

fn deployment(fault: &str) -> Result<Deployment, Error> {
    let server = Deployment::command(SERVER).args([fault, "{port}"]);
    Ok(match fault {
        "has_no_program" => Deployment::command("vlm"),
        "has_a_wrong_path" => Deployment::command(SERVER.replace("fault-server", "fault-sever")),
        "is_not_executable" => Deployment::command(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")),
        "has_no_folder" => server.cwd("/nonexistent/models"),
        "has_a_wrong_placeholder" => server.arg("--url=http://{hots}:{port}"),
        "says_out_of_memory" => server.fatal_log("CUDA out of memory"),
        "finds_its_port_taken" => server.port(std::env::var("FAULT_PORT")?.parse()?),
        // Dispositions are inherited: what the shell ignores, the server ignores.
        "ignores_sigterm" => Deployment::command("sh").args(["-c", "trap '' TERM; exec \"$0\" none \"$1\"", SERVER, "{port}"]),
        "prints_a_secret" => server.env("FAULT_API_KEY", "s3cr3t-s3cr3t"),
        _ => server,
    }
    .name("tiny-server")
    .model("tiny")
    .grace(Duration::from_millis(500))
    // Those that become ready, or end by themselves, must do so on a busy machine too; the others must get as far as they can.
    .ready_within(Duration::from_secs(if WAITING.contains(&fault) { 8 } else { 60 })))
}

#[tribunal::fixture(params(fault))]
async fn broken(cx: &SetUp) -> Result<Server, Error> {
    tribunal::start(cx, &deployment(cx.param("fault").unwrap_or(""))?).await
}

/// The server never becomes ready.
#[tribunal::test]
#[cases(
    has_no_program = "has_no_program",
    has_a_wrong_path = "has_a_wrong_path",
    is_not_executable = "is_not_executable",
    has_no_folder = "has_no_folder",
    has_a_wrong_placeholder = "has_a_wrong_placeholder",
    exits = "exits",
    aborts = "aborts",
    says_out_of_memory = "says_out_of_memory",
    never_listens = "never_listens",
    listens_elsewhere = "listens_elsewhere",
    finds_its_port_taken = "finds_its_port_taken",
    answers_500 = "answers_500",
    loads_for_ever = "loads_for_ever",
    serves_another_model = "serves_another_model",
    makes_no_token = "makes_no_token",
    hangs_on_the_first_token = "hangs_on_the_first_token",
    forks_and_exits = "forks_and_exits"
)]
fn never_ready(#[case] fault: &str, broken: &Server) {
    let _ = (fault, broken);
}

/// The server becomes ready, and something is wrong when it is stopped, or in its log.
#[tribunal::test]
#[cases(
    is_not_the_one_that_listens = "is_not_the_one_that_listens",
    ignores_sigterm = "ignores_sigterm",
    leaves_a_child = "leaves_a_child",
    leaves_shared_memory = "leaves_shared_memory",
    floods_its_log = "floods_its_log",
    prints_a_secret = "prints_a_secret"
)]
fn ready(#[case] fault: &str, broken: &Server) -> TestResult {
    let tail = broken.log_tail(3)?;
    assert!(tail.len() < 10_000 && !tail.contains("s3cr3t"), "{fault}: {tail}");
    Ok(())
}

/// The server dies under a request.
#[tribunal::test]
async fn dies(#[values("dies_when_asked")] fault: &str, broken: &Server) -> TestResult {
    let _ = fault;
    let client = Client::new(broken.base_url())?;
    let answer = client.chat("tiny").user("go").send().await;
    // The connection breaks a moment before the process is gone.
    while broken.is_alive() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    answer?;
    Ok(())
}
