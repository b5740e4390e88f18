//! Deployments as data: names, masks, wrappers.

use super::*;

#[test]
fn names_come_from_the_program_or_the_address() {
    assert_eq!(
        Deployment::command("/opt/bin/llama-server").display_name(),
        "llama-server"
    );
    assert_eq!(Deployment::command("x").name("tiny").display_name(), "tiny");
    assert_eq!(
        Deployment::url("http://h:1/p").unwrap().display_name(),
        "h:1"
    );
}

#[test]
fn debug_output_masks_secrets() {
    let deployment = Deployment::command("x")
        .args(["--api-key", "first!"])
        .env("HF_TOKEN", "second!")
        .env("MODE", "fast");
    let shown = format!("{deployment:?}");
    assert!(
        !shown.contains("first!") && !shown.contains("second!"),
        "{shown}"
    );
    assert!(shown.contains("MODE=fast"), "{shown}");
}

#[test]
fn what_is_started_through_another_program_keeps_its_name_and_arguments() {
    let plain = Deployment::command("/opt/llama-server").args(["--port", "{port}"]);
    let through = plain.clone().through("/bin/env", ["-i"]);
    assert_eq!(through.display_name(), "llama-server");
    let How::Command(launch) = &through.how else {
        unreachable!()
    };
    assert_eq!(launch.program, "/bin/env");
    assert_eq!(launch.args, ["-i", "/opt/llama-server", "--port", "{port}"]);
    let reached = Deployment::url("http://h:1").unwrap();
    assert_eq!(reached.through("/bin/env", ["-i"]).misplaced, ["through"]);
}

#[test]
fn an_empty_fatal_pattern_is_no_pattern() {
    assert_eq!(
        Deployment::command("x").fatal_log(""),
        Deployment::command("x")
    );
}
