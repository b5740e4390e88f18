//! What is filled in, and what is said where it cannot be.

use super::*;

fn address(first: u16, count: u16) -> Address {
    Address {
        host: "127.0.0.1".into(),
        first,
        count,
        told: None,
    }
}

fn with(model: Option<&str>, text: &OsStr) -> Result<OsString, PlaceholderError> {
    let processes = [
        ("server".to_string(), address(20_001, 3)),
        ("worker-1".to_string(), address(20_100, 1)),
    ];
    let values = Values {
        name: "server",
        own: &processes[0].1,
        model,
        evidence: OsStr::new("/e v"),
        processes: &processes,
    };
    fill(text, &values)
}

fn filled(text: &str) -> Result<String, PlaceholderError> {
    with(Some("tiny"), OsStr::new(text)).map(|s| s.to_string_lossy().into_owned())
}

#[test]
fn known_names_are_filled_in() {
    for (text, expected) in [
        ("--port={port}", "--port=20001"),
        (
            "http://{host}:{port}/{model}",
            "http://127.0.0.1:20001/tiny",
        ),
        ("{ports[0]},{ports[2]}", "20001,20003"),
        ("{evidence}/x", "/e v/x"),
        (
            "{worker-1.url}/{worker-1.port}",
            "http://127.0.0.1:20100/20100",
        ),
        ("{worker-1.ports[0]}{server.host}", "20100127.0.0.1"),
        ("{server.ports[1]}", "20002"),
        ("{{port}} {port}", "{port} 20001"),
        (
            "{{worker-1.port}} {{ports[9]}}",
            "{worker-1.port} {ports[9]}",
        ),
        ("{\"a\":{\"b\":1}}", "{\"a\":{\"b\":1}}"),
        ("{} { } {1} {port", "{} { } {1} {port"),
        (
            "{a-b} {.x} {x.} {x.1} {ports[} {ports[0}",
            "{a-b} {.x} {x.} {x.1} {ports[} {ports[0}",
        ),
        ("{{ messages }} {% if x %}", "{{ messages }} {% if x %}"),
        ("{\"p\":{port}}", "{\"p\":20001}"),
        ("", ""),
    ] {
        assert_eq!(filled(text), Ok(expected.into()), "{text}");
    }
}

#[test]
fn what_cannot_be_filled_in_says_what_can() {
    for (text, expected) in [
        (
            "--p={prot}",
            "`--p={prot}` has the unknown placeholder {prot}; known are {host}, {port}, {ports[i]}, {model}, {evidence}, \
             and {NAME.port} and so on of a process; did you mean {port}?",
        ),
        (
            "{ports[3]}",
            "`{ports[3]}` asks for {ports[3]}, but the block has 3 ports ({ports[0]} to {ports[2]}); `ports` makes it larger",
        ),
        (
            "{worker-1.ports[99999999]}",
            "`{worker-1.ports[99999999]}` asks for {worker-1.ports[99999999]}, but the block has 1 port ({ports[0]}); `ports` makes it larger",
        ),
        (
            "{ports[i]}",
            "`{ports[i]}` has the placeholder {ports[i]}, whose index is no number; the first port is {ports[0]}",
        ),
        (
            "{worker.url}",
            "`{worker.url}` has the placeholder {worker.url}, but no process is called `worker`; there are `server`, `worker-1`; \
             did you mean {worker-1.url}?",
        ),
        (
            "{server.prt}",
            "`{server.prt}` has the unknown placeholder {server.prt}; known are {server.host}, {server.port}, {server.ports[i]}, \
             {server.url}; did you mean {server.port}?",
        ),
    ] {
        assert_eq!(filled(text).unwrap_err().to_string(), expected);
    }
    let error = filled("{zz}").unwrap_err().to_string();
    assert!(error.ends_with("is written {{zz}}"), "{error}");
}

#[test]
fn others_are_told_another_address_and_the_process_itself_is_not() {
    let told = Address {
        told: Some(([127, 0, 0, 2], 40_000).into()),
        ..address(20_100, 2)
    };
    let processes = [
        ("server".to_string(), address(20_001, 3)),
        ("worker".to_string(), told),
    ];
    let text =
        "{worker.url} {worker.host} {worker.port} {worker.ports[0]} {worker.ports[1]} {port}";
    let seen_by = |(name, own): &(String, Address)| {
        let values = Values {
            name,
            own,
            model: None,
            evidence: OsStr::new("/e"),
            processes: &processes,
        };
        fill(OsStr::new(text), &values).unwrap()
    };
    let others = "http://127.0.0.2:40000 127.0.0.2 40000 40000 20101 20001";
    assert_eq!(seen_by(&processes[0]), others);
    let itself = "http://127.0.0.1:20100 127.0.0.1 20100 20100 20101 20100";
    assert_eq!(seen_by(&processes[1]), itself);
}

#[test]
fn a_model_that_is_not_set_is_refused() {
    let error = with(None, OsStr::new("{model}")).unwrap_err();
    assert_eq!(error.why, Why::Unset);
    assert!(error.to_string().contains("has no model"));
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text_stay() {
    use std::os::unix::ffi::OsStrExt;
    let raw = OsStr::from_bytes(b"\xff{x");
    assert_eq!(with(None, raw).unwrap(), raw);
    let error = with(None, OsStr::from_bytes(b"\xff{port}")).unwrap_err();
    assert_eq!(error.why, Why::NotText);
}
