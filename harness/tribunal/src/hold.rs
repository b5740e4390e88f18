//! `--hold`: a deployment is started as for a test, and held open for whoever breaks it by hand.
//!
//! Promise: what is held is the body of one built-in case, so that leases, devices, evidence, keepers, signals and the checks of the teardown are those of
//! every test. Rejected: a start of its own beside the runner: it would have none of these.

use std::sync::Arc;
use std::time::Duration;

use tribunal_faults::{Console, Scene, Script};
use tribunal_runner::registry::{Cases, Place, TestEntry};
use tribunal_runner::{
    Catalog, Cx, Finding, Fixture, KeepEvidence, Options, Selection, TestResult, UsageError, drive,
};
use tribunal_serving::{Offers, Server};
use tribunal_vocabulary::Vocabulary;

use crate::fixtures::{offers, server};

/// Longer than anybody holds a server open.
const LIMIT: Duration = Duration::from_secs(30 * 24 * 3600);

static HOLD: TestEntry = TestEntry {
    name: "hold",
    module: "tribunal",
    place: Place {
        file: file!(),
        line: line!(),
        column: 1,
    },
    doc: "Holds a deployment open until `quit` or Ctrl-C.",
    markers: &[],
    ignore: None,
    should_panic: None,
    fixtures: &[<server as Fixture>::ENTRY, <offers as Fixture>::ENTRY],
    cases: Cases::One,
    is_async: true,
    body,
};

fn body(cx: &Cx<'_>) -> TestResult {
    let (server, offers) = (cx.value::<server>(0), cx.value::<offers>(1));
    drive(std::pin::pin!(hold(&server, &offers)))
}

async fn hold(server: &Server, offers: &Offers) -> TestResult {
    let evidence = crate::evidence()?;
    // The folder of the run, two above that of the attempt: `cargo tribunal faults` looks there.
    let run = evidence.ancestors().nth(2).unwrap_or(&evidence);
    let scene = match Script::scene(server, offers) {
        Ok(scene) => scene,
        Err(why) => {
            crate::log!("{why}");
            Scene::new(server.clone(), offers)
        }
    };
    let model = Script::model(&scene)?;
    let console = Console::open(scene, model, run, &evidence)?;
    // Standard output may be read by a program.
    eprintln!("\n{}", console.banner());
    // What is still broken goes with the server.
    if let Err(left) = console.until_quit().await {
        crate::log!("{left}");
    }
    Ok(())
}

/// What holding makes of the options: everything that selects tests is a mistake here or means nothing.
///
/// # Errors
/// Options that ask for tests.
pub(crate) fn settle(o: &mut Options) -> Result<(), UsageError> {
    let wrong = |why: &str| {
        Err(UsageError(format!(
            "--hold {why}\nhelp: `cargo test -- --hold --deploy NAME` holds one deployment open"
        )))
    };
    if let Some(name) = o.filters.first() {
        return wrong(&format!(
            "starts a deployment and runs no test, so `{name}` selects nothing"
        ));
    }
    if o.deploy.len() > 1 {
        return wrong(&format!("holds one deployment, not {}", o.deploy.len()));
    }
    if o.process_per_test {
        return wrong("is not for a runner that starts one process per test");
    }
    // From the environment these are for the tests of this workspace.
    o.select = None;
    o.stage = None;
    o.keyword = None;
    o.max_vram_gib = None;
    o.shard = None;
    o.changed_since = None;
    o.ignored = false;
    o.bench = false;
    o.skip.clear();
    // What is said about the server must be seen at once.
    o.nocapture = true;
    if o.keep_evidence == KeepEvidence::Failed {
        o.keep_evidence = KeepEvidence::All;
    }
    Ok(())
}

/// The one case there is.
pub(crate) fn catalog(v: &Vocabulary) -> (Catalog, Vec<Finding>) {
    // Rules about tests are for those of the user.
    let (mut catalog, _) = Catalog::build(vec![&HOLD], &[], v);
    for case in &mut catalog.cases {
        let mut marks = (*case.marks).clone();
        // Nobody else's, and it may end: that is what it is held for.
        marks.fresh = true;
        marks.timeout = Some(LIMIT);
        marks.levels.clear();
        case.marks = Arc::new(marks);
    }
    (catalog, vec![])
}

/// It runs at the level that was asked for: overlays of deployments go by it.
pub(crate) fn at_level(selection: &mut Selection) {
    for one in &mut selection.selected {
        one.level = Some(selection.level.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(arguments: &[&str]) -> Result<Options, UsageError> {
        let arguments: Vec<_> = arguments.iter().map(Into::into).collect();
        let mut options = Options::parse(&arguments, &|_| None)?;
        settle(&mut options).map(|()| options)
    }

    #[test]
    fn what_asks_for_tests_is_a_mistake() {
        let options = settled(&["--hold", "--deploy", "embedded", "-m", "slow"]).expect("options");
        assert!(options.nocapture && options.select.is_none());
        assert_eq!(options.keep_evidence, KeepEvidence::All);
        for (arguments, part) in [
            (&["--hold", "chat"][..], "`chat` selects nothing"),
            (&["--hold", "--deploy", "a,b"], "one deployment, not 2"),
        ] {
            let error = settled(arguments).expect_err("a mistake");
            assert!(error.0.contains(part), "{}", error.0);
        }
    }

    #[test]
    fn there_is_one_case_whatever_the_vocabulary() {
        let v = Vocabulary::shipped();
        let (catalog, findings) = catalog(v);
        assert!(findings.is_empty());
        let [case] = &catalog.cases[..] else {
            panic!("one case")
        };
        assert_eq!(case.name, "hold");
        assert!(case.marks.fresh && case.marks.levels.is_empty());
    }
}
