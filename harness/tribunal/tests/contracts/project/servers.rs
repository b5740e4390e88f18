//! Servers that never become ready, each in its own way.

use std::time::Duration;

use tribunal::prelude::*;

tribunal::main!();
tribunal::markers!(e2e, timeout("1m"));

const FAKE: &str = env!("CARGO_BIN_EXE_fake-server");

fn deployment(mode: &str) -> Deployment {
    // Only those that never get anywhere, or no further, are waited for until the time is over.
    let within = match mode {
        "silent" => Duration::from_millis(1500),
        "failing" => Duration::from_secs(8),
        _ => Duration::from_secs(50),
    };
    Deployment::command(FAKE).args([mode, "{port}"]).name(mode).model("tiny").ready_within(within)
}

#[tribunal::fixture]
async fn silent(cx: &SetUp) -> Result<Server, Error> {
    tribunal::start(cx, &deployment("silent")).await
}

#[tribunal::fixture]
async fn exiting(cx: &SetUp) -> Result<Server, Error> {
    tribunal::start(cx, &deployment("exiting")).await
}

#[tribunal::fixture]
async fn failing(cx: &SetUp) -> Result<Server, Error> {
    tribunal::start(cx, &deployment("failing")).await
}

/// The port that the row keeps busy.
fn taken() -> Result<u16, Error> {
    Ok(std::env::var("LAB_TAKEN_PORT")?.parse()?)
}

#[tribunal::fixture]
async fn on_a_taken_port(cx: &SetUp) -> Result<Server, Error> {
    tribunal::start(cx, &deployment("failing").port(taken()?)).await
}

#[tribunal::fixture]
async fn absent_program(cx: &SetUp) -> Result<Server, Error> {
    tribunal::start(cx, &Deployment::command("no-such-server-anywhere").model("tiny")).await
}

#[tribunal::fixture]
async fn of_somebody_else(cx: &SetUp) -> Result<Server, Error> {
    tribunal::start(cx, &deployment("elsewhere")).await
}

#[tribunal::test]
fn never_starts(silent: &Server) {
    let _ = silent;
}

#[tribunal::test]
fn exits_at_once(exiting: &Server) {
    let _ = exiting;
}

#[tribunal::test]
fn answers_500(failing: &Server) {
    let _ = failing;
}

#[tribunal::test]
fn port_in_use(on_a_taken_port: &Server) {
    let _ = on_a_taken_port;
}

#[tribunal::test]
fn no_such_program(absent_program: &Server) {
    let _ = absent_program;
}

#[tribunal::test]
fn someone_elses(of_somebody_else: &Server) {
    let _ = of_somebody_else;
}
