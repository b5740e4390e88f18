use super::*;

fn class(outcome: Outcome, phase: Option<PhaseName>, text: &str, log: &str) -> Option<String> {
    let failure = Failure {
        outcome,
        phase,
        text,
        log,
        asserted: false,
    };
    Classes::shipped().of(&failure).map(|sorted| sorted.class)
}

#[test]
fn what_failures_say_decides() {
    let body = |text: &str| class(Outcome::Failed, None, text, "");
    let set_up = |text: &str| class(Outcome::SetUpFailed, None, text, "");
    for (found, wanted) in [
        (
            set_up(
                "server `a` did not start: it ended with exit code 1\n | torch.OutOfMemoryError: CUDA out of memory.",
            ),
            "out of memory",
        ),
        (
            set_up("server `a` did not start: its port 8000 is not free: pid 7"),
            "port",
        ),
        (
            set_up("server `a` did not start: not ready after 900s: still waiting"),
            "server never ready",
        ),
        (
            set_up("server `a` did not start: it ended with SIGSEGV (segmentation fault) before"),
            "crash",
        ),
        (
            set_up("server `a` did not start: it ended with exit code 2"),
            "server never ready",
        ),
        (
            set_up("the hub cannot be reached and the model is not in its cache"),
            "infrastructure",
        ),
        (
            body("the process was ended by SIGSEGV (segmentation fault) in the body"),
            "crash",
        ),
        (
            body("Error: POST http://x/v1: failed while judging the answer: fail: keywords"),
            "quality",
        ),
        (
            body("Error: POST http://x/v1: failed while judging the answer: fail: stream_end"),
            "contract",
        ),
        (
            body("Error: POST http://x/v1: failed while waiting for the response headers after 1s"),
            "contract",
        ),
        (
            body("thread 'a' panicked at t.rs:1:2:\nassertion `left == right` failed"),
            "quality",
        ),
        (
            body("thread 'a' panicked at t.rs:1:2:\nindex out of bounds: the len is 3"),
            "own bug",
        ),
        (
            body("thread 'a' panicked at t.rs:1:2:\nattempt to subtract with overflow"),
            "own bug",
        ),
        (
            body("Error: No space left on device (os error 28)"),
            "infrastructure",
        ),
        (
            class(
                Outcome::TimedOut,
                Some(PhaseName::Body),
                "timed out in the body after 5s",
                "",
            ),
            "hang",
        ),
    ] {
        assert_eq!(found.as_deref(), Some(wanted));
    }
    assert_eq!(body("Error: seven is no colour"), None);
    assert_eq!(class(Outcome::Passed, None, "cuda out of memory", ""), None);
    assert_eq!(
        class(Outcome::Skipped, None, "cuda out of memory", ""),
        None
    );
}

#[test]
fn a_log_is_asked_too_and_the_class_says_so() {
    let failure = Failure {
        outcome: Outcome::Failed,
        phase: None,
        text: "Error: failed while reading the body: connection reset",
        log: "INFO ready\nFatal Python error: Segmentation fault\n",
        asserted: false,
    };
    let sorted = Classes::shipped().of(&failure).expect("a class");
    assert_eq!(sorted.class, "crash");
    assert!(
        sorted.because.contains("a server's log"),
        "{}",
        sorted.because
    );
}

#[test]
fn memory_is_infrastructure_only_while_a_server_starts() {
    let of = |outcome| {
        let failure = Failure {
            outcome,
            phase: None,
            text: "CUDA out of memory",
            log: "",
            asserted: false,
        };
        Classes::shipped().of(&failure).expect("a class")
    };
    assert!(of(Outcome::SetUpFailed).is_named_by("infra"));
    assert!(of(Outcome::SetUpFailed).is_named_by("out_of_memory"));
    assert!(!of(Outcome::Failed).is_named_by("infra"));
    assert!(of(Outcome::Failed).is_named_by("out of memory"));
}

#[test]
fn what_a_test_says_in_its_own_words_is_an_assertion_unless_it_says_more() {
    let of = |text: &str| {
        let failure = Failure {
            outcome: Outcome::Failed,
            phase: None,
            text,
            log: "",
            asserted: true,
        };
        Classes::shipped().of(&failure).map(|sorted| sorted.class)
    };
    assert_eq!(of("seven is no colour").as_deref(), Some("quality"));
    assert_eq!(
        of("POST x: failed while decoding the answer").as_deref(),
        Some("contract")
    );
}

#[test]
fn a_project_comes_first_and_extends() {
    let own = "[classes.quality]\nrules = [{ text = [\"Mona Lisa\"] }]\n[classes.licence]\ndoc = \"no licence\"\nrules = [{ log = [\"licence * expired\"], retry = \"infra\" }]\n";
    let all = Classes::parse(own)
        .expect("valid")
        .before(Classes::shipped());
    let of = |text: &str, log: &str| {
        let failure = Failure {
            outcome: Outcome::Failed,
            phase: None,
            text,
            log,
            asserted: false,
        };
        all.of(&failure).map(|sorted| sorted.class)
    };
    assert_eq!(
        of("CUDA out of memory on mona lisa", "").as_deref(),
        Some("quality")
    );
    assert_eq!(
        of("x", "the Licence of today expired").as_deref(),
        Some("licence")
    );
    assert_eq!(of("x", "the licence\nexpired"), None);
    assert!(all.names().contains(&"licence") && all.names().contains(&"infra"));
    let quality = all
        .iter()
        .find(|class| class.name == "quality")
        .expect("there");
    assert!(quality.doc.contains("good enough"));
}

#[test]
fn what_is_no_file_of_classes_says_why() {
    for (text, why) in [
        ("[classes.a]\nrules = [{}]", "asks for nothing"),
        ("[classes.a]\nrules = [{ text = [\"a*\"] }]", "is no phrase"),
        (
            "[classes.a]\nrules = [{ txt = [\"abc\"] }]",
            "unknown field",
        ),
        (
            "[classes.a]\nrules = [{ outcome = [\"lost\"] }]",
            "unknown variant",
        ),
        ("[klasses]", "unknown field"),
        ("[classes", "TOML"),
    ] {
        let error = Classes::parse(text).expect_err(text);
        assert!(error.contains(why), "{text}: {error}");
    }
}

#[test]
fn every_shipped_class_says_what_it_means_and_what_comes_first() {
    assert_eq!(Classes::shipped().iter().count(), 9);
    for class in Classes::shipped().iter() {
        assert!(
            !class.doc.is_empty() && !class.first.is_empty(),
            "{}",
            class.name
        );
    }
}

#[test]
fn a_pass_that_was_not_expected_is_of_no_class() {
    let text = "passed, but is expected to fail: thought to be broken";
    assert_eq!(class(Outcome::UnexpectedPass, None, text, ""), None);
    assert_eq!(
        class(Outcome::Failed, None, text, "").as_deref(),
        Some("quality")
    );
}
