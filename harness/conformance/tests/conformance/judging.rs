//! What is made of a reply, and of what is known: pure functions, tried with literals.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tribunal_client::{Headers, RawAnswer};
use tribunal_conformance::{
    Deviation, Ending, Expected, Fault, Group, Known, Reply, Report, Says, Severity, entries, judge,
};

const OBJECT: &str = r#"{"error":{"message":"Field 'n' must be above 0","type":"invalid_request_error","param":"n","code":null}}"#;

fn expected(statuses: &[u16]) -> Expected {
    Expected {
        statuses: statuses.to_vec(),
        severity: Severity::Must,
        must_with: None,
        says: Says::default(),
    }
}

fn reply(status: u16, kind: &str, body: &str) -> Reply {
    let headers = Headers::from_iter([("content-type".to_owned(), kind.to_owned())]);
    let answer = RawAnswer::recorded(json!(null), status, headers, body.to_owned());
    Reply::Answer(Box::new(answer))
}

fn said(status: u16, body: &str) -> Reply {
    reply(status, "application/json", body)
}

fn claims(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}

/// The one deviation, as fault and severity.
fn one(expected: &Expected, reply: &Reply, names: &[&str]) -> Option<(Fault, Severity)> {
    let found = judge(expected, reply, &claims(names));
    assert!(found.len() <= 1, "{found:?}");
    found.into_iter().next().map(|d| (d.fault, d.severity))
}

#[test]
fn a_right_refusal_holds() {
    let bodies = [
        OBJECT,
        r#"{"error":"n is wrong"}"#,
        r#"{"object":"error","message":"n is wrong"}"#,
        r#"{"detail":[{"loc":["body","n"],"msg":"wrong"}]}"#,
    ];
    for body in bodies {
        assert_eq!(
            one(&expected(&[400, 422]), &said(400, body), &[]),
            None,
            "{body}"
        );
    }
    assert_eq!(one(&expected(&[200, 400]), &said(200, "{}"), &[]), None);
}

#[test]
fn what_no_bad_request_may_cause_is_a_must_whatever_the_row_says() {
    let mut lenient = expected(&[400]);
    lenient.severity = Severity::Should;
    let silence = Reply::Silence(Duration::from_secs(1));
    let dropped = Reply::Dropped("reset".into());
    for (reply, fault) in [
        (said(500, OBJECT), Fault::Status(500)),
        (said(503, OBJECT), Fault::Status(503)),
        (silence, Fault::Hang),
        (dropped, Fault::Dropped),
        (Reply::Failed("closed with 1011".into()), Fault::Status(500)),
    ] {
        assert_eq!(one(&lenient, &reply, &[]), Some((fault, Severity::Must)));
    }
}

#[test]
fn a_wrong_status_is_as_bad_as_the_row_says_or_the_deployment_claims() {
    let mut row = expected(&[400]);
    let accepted = said(200, "{}");
    let found = |row: &Expected, names: &[&str]| one(row, &accepted, names);
    let status = |severity| Some((Fault::Status(200), severity));
    assert_eq!(found(&row, &[]), status(Severity::Must));
    row.severity = Severity::Should;
    assert_eq!(found(&row, &[]), status(Severity::Should));
    row.must_with = Some("strict_validation".into());
    assert_eq!(found(&row, &["strict_validation"]), status(Severity::Must));
    assert_eq!(found(&row, &["model_names"]), status(Severity::Should));
}

#[test]
fn a_refusal_is_an_error_object_with_a_message() {
    for body in [
        "",
        "<html>",
        "[1]",
        r#"{"oops":1}"#,
        r#"{"error":{"message":"  "}}"#,
        r#"{"error":{"code":7}}"#,
    ] {
        let found = one(&expected(&[400, 404]), &said(400, body), &[]);
        assert_eq!(found, Some((Fault::Shape, Severity::Must)), "{body}");
        // What a router below the API says may be poorer.
        let found = one(&expected(&[400, 404]), &said(404, body), &[]);
        assert_eq!(found, Some((Fault::Shape, Severity::Should)), "{body}");
    }
    let broken = said(200, "{\"a\":");
    assert_eq!(
        one(&expected(&[200]), &broken, &[]),
        Some((Fault::Shape, Severity::Must))
    );
    assert_eq!(
        one(&expected(&[200]), &reply(200, "audio/wav", "RIFF"), &[]),
        None
    );
}

#[test]
fn an_error_names_what_was_wrong() {
    let mut row = expected(&[400]);
    row.says.names = vec!["temperature".into()];
    let silent = said(400, OBJECT);
    assert_eq!(
        one(&row, &silent, &[]),
        Some((Fault::Message, Severity::Should))
    );
    assert_eq!(
        one(&row, &silent, &["error_params"]),
        Some((Fault::Message, Severity::Must))
    );
    row.says.names.push("N".into());
    assert_eq!(one(&row, &silent, &["error_params"]), None);
    row.says.any = vec!["below".into(), "ABOVE".into()];
    row.says.all = vec!["must".into(), "0".into()];
    assert_eq!(one(&row, &silent, &["error_params"]), None);
    row.says.all.push("9".into());
    assert_eq!(
        one(&row, &silent, &["error_params"]),
        Some((Fault::Message, Severity::Should))
    );
}

#[test]
fn a_socket_says_that_something_is_wrong() {
    let row = expected(&[400]);
    assert_eq!(
        one(&row, &Reply::Event(r#"{"type":"error"}"#.into()), &[]),
        None
    );
    let quiet = Reply::Quiet("session.updated".into());
    assert_eq!(
        one(&row, &quiet, &[]),
        Some((Fault::Status(200), Severity::Must))
    );
}

fn report(row: &str, ending: Ending) -> Report {
    Report {
        route: "chat".into(),
        row: row.into(),
        sent: "n: 0".into(),
        expected: "400".into(),
        ending,
        curl: None,
    }
}

fn deviates(fault: Fault, severity: Severity) -> Ending {
    Ending::Deviates(vec![Deviation {
        fault,
        severity,
        found: "this".into(),
    }])
}

#[test]
fn the_table_tells_new_from_known_and_gone() {
    let text = |row: &str, found: &str| {
        format!(
            "[[known]]\nroute = \"chat\"\nrow = \"{row}\"\nfound = \"{found}\"\ndoes = \"so\"\nlink = \"https://x\"\nsince = \"7\"\n"
        )
    };
    let list = [
        ("known", "200"),
        ("worse", "200"),
        ("gone", "500"),
        ("not_made", "500"),
    ];
    let text: String = list.iter().map(|(row, found)| text(row, found)).collect();
    let known = Known::parse(&text, "known.toml", |_| None).expect("a good file");
    let reports = [
        report("known", deviates(Fault::Status(200), Severity::Must)),
        report("worse", deviates(Fault::Hang, Severity::Must)),
        report("gone", Ending::Held),
        report("new", deviates(Fault::Shape, Severity::Must)),
        report("lenient", deviates(Fault::Status(200), Severity::Should)),
        report("broken", deviates(Fault::Broken, Severity::Must)),
        report("not_made", Ending::NotMade("no such thing".into())),
    ];
    let told: Vec<(Group, String, String)> = entries(&reports, &known)
        .into_iter()
        .map(|e| (e.group, e.row, e.link))
        .collect();
    let line = |group, row: &str, link: &str| (group, row.to_owned(), link.to_owned());
    assert_eq!(
        told,
        [
            line(Group::MustNew, "worse", ""),
            line(Group::MustNew, "new", ""),
            line(Group::MustNew, "broken", ""),
            line(Group::MustKnown, "known", "https://x (since 7)"),
            line(Group::Should, "lenient", ""),
            // What was found instead is worse, and still the old one is gone.
            line(Group::Gone, "worse", "https://x"),
            line(Group::Gone, "gone", "https://x"),
            line(Group::NotMade, "not_made", ""),
            line(Group::Held, "1 of 7", ""),
        ]
    );
}
