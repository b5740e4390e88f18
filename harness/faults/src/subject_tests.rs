use std::time::Duration;

use super::*;

const NAMES: SubjectNames<'_> = SubjectNames {
    cases: &["kill-worker", "stop-worker"],
    oracles: &["health-tells", "nothing-hangs"],
    endpoints: &["chat", "speech"],
    payloads: &["text", "heavy-video"],
};

fn parse(text: &str) -> Result<Subject, String> {
    Subject::parse(text, "r.toml", NAMES, |name| {
        (name == "base").then(|| Subject::parse(BASE, "base.toml", NAMES, |_| None))
    })
    .map_err(|mistakes| mistakes.to_string())
}

const BASE: &str = r#"
worker_death = "survived"
since = "1.2"
[bounds]
health = "500ms"
[[request]]
name = "plain"
endpoint = "chat"
[[known]]
case = "kill-worker"
oracle = "health-tells"
does = "stays 200"
link = "https://example.org/1"
"#;

#[test]
fn an_empty_file_is_a_server_that_a_worker_takes_along() {
    let subject = parse("").unwrap();
    assert_eq!(subject, Subject::default());
    assert_eq!(subject.worker_death.name(), "unavailable");
    assert_eq!(subject.bounds.fail_fast, Duration::from_secs(15));
}

#[test]
fn everything_is_read() {
    let subject = parse(BASE).unwrap();
    assert_eq!(subject.worker_death, WorkerDeath::Survived);
    assert_eq!(subject.bounds.health, Duration::from_millis(500));
    assert_eq!(
        subject.requests,
        [Asked {
            name: "plain".into(),
            endpoint: "chat".into(),
            payload: "text".into(),
        }]
    );
    let known = subject.known("kill-worker", "health-tells").unwrap();
    assert_eq!(known.since.as_deref(), Some("1.2"));
    assert!(!known.sometimes);
    assert_eq!(subject.known("stop-worker", "health-tells"), None);
    assert_eq!(subject.known_of("kill-worker").count(), 1);
}

#[test]
fn another_file_is_extended() {
    let subject = parse(
        r#"
extends = "base"
gone = ["kill-worker/health-tells"]
[[request]]
name = "spoken"
endpoint = "speech"
[[known]]
case = "stop-worker"
oracle = "nothing-hangs"
does = "hangs"
link = "https://example.org/2"
sometimes = true
"#,
    )
    .unwrap();
    assert_eq!(subject.worker_death, WorkerDeath::Survived);
    assert_eq!(
        subject.requests.len(),
        1,
        "its own requests replace the others"
    );
    assert_eq!(subject.known.len(), 1);
    assert!(subject.known[0].sometimes);
}

#[test]
fn every_mistake_is_told_with_its_line_and_the_nearest_name() {
    let told = parse(
        r#"
worker_deth = "x"
worker_death = "survives"
worker_pattern = "("
extends = "bse"
[bounds]
helth = "1s"
health = "0s"
recovery = "soon"
[[request]]
name = "a"
endpoint = "chta"
payload = 3
[[request]]
name = "a"
endpoint = "chat"
[[known]]
case = "kill-wroker"
oracle = "helth-tells"
does = ""
sometimes = "often"
"#,
    )
    .unwrap_err();
    for part in [
        "r.toml:2:1",
        "did you mean `worker_death`?",
        "`survives` is no worker_death",
        "did you mean `survived`?",
        "r.toml:4:",
        "there is no file of reliability of `bse`",
        "did you mean `health`?",
        "nothing can hold within `health = \"0s\"`",
        "r.toml:9:",
        "did you mean `chat`?",
        "`payload` must be text, not a number",
        "the request `a` is there twice",
        "did you mean `kill-worker`?",
        "did you mean `health-tells`?",
        "the `does` of a known deviation is empty",
        "a known deviation has no `link`",
        "`sometimes` must be true or false",
    ] {
        assert!(told.contains(part), "{part} is not in:\n{told}");
    }
}

#[test]
fn what_is_gone_must_have_been_there_and_nothing_is_there_twice() {
    let told = parse("extends = \"base\"\ngone = [\"kill-worker/nothing-hangs\"]").unwrap_err();
    assert!(told.contains("is not among what it extends"), "{told}");
    let told = parse(&format!(
        "{BASE}{}",
        &BASE[BASE.find("[[known]]").unwrap()..]
    ))
    .unwrap_err();
    assert!(
        told.contains("`kill-worker/health-tells` is there twice"),
        "{told}"
    );
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*|([a-z_\\[\\]=\"\\n ]{0,60})") {
        let _ = parse(&text);
    }
}
