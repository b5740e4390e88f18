//! What a test run says of the one test: read from the lines of its JSON.

use serde_json::Value;
use tribunal_profiler::Ended;

/// What a run said.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Said {
    /// The event of the test itself, once it has ended.
    pub(crate) test: Option<TestEnd>,
}

/// How the test ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TestEnd {
    /// `ok`, `failed` or `ignored`.
    pub(crate) event: String,
    /// Its outcome in the runner's words: `passed`, `timed out`.
    pub(crate) outcome: String,
    /// Why it failed, or did not run.
    pub(crate) text: String,
    /// Seconds of all its phases.
    pub(crate) seconds: f64,
    pub(crate) set_up: Option<f64>,
    pub(crate) body: Option<f64>,
    /// Where its evidence is.
    pub(crate) evidence: Option<String>,
}

impl Said {
    /// Takes a line in. Lines that are no events, or events of something else, say nothing here.
    pub(crate) fn line(&mut self, line: &str, test: &str) {
        let Ok(event) = serde_json::from_str::<Value>(line) else {
            return;
        };
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        let ended = ["ok", "failed", "ignored"].contains(&text("event").as_str());
        if text("type") != "test" || text("name") != test || !ended {
            return;
        }
        let ours = &event["harness"];
        self.test = Some(TestEnd {
            event: text("event"),
            outcome: ours["outcome"].as_str().unwrap_or_default().to_owned(),
            text: [text("message"), text("stdout")].concat(),
            seconds: event["exec_time"].as_f64().unwrap_or(0.0),
            set_up: ours["set_up"].as_f64(),
            body: ours["body"].as_f64(),
            evidence: ours["evidence"].as_str().map(str::to_owned),
        });
    }

    /// How it ended; `code` and `errors` are of the whole run.
    pub(crate) fn ended(&self, code: Option<i32>, errors: &str) -> Ended {
        let broken = |why: String| Ended::Broken { code, why };
        match &self.test {
            Some(end) if end.event == "ok" && end.outcome != "expected failure" => Ended::Passed,
            Some(end) if end.event == "ok" => {
                broken("it is expected to fail (`xfail`), and did".into())
            }
            Some(end) if end.event == "ignored" => {
                broken(format!("it did not run: {}", end.text.trim()))
            }
            Some(end) => Ended::failed(code, &format!("{errors}\n{}", end.text)),
            None if code == Some(0) => broken("the run had no such test".into()),
            None => Ended::failed(code, errors),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Said {
        let mut said = Said::default();
        for line in lines {
            said.line(line, "a::b");
        }
        said
    }

    #[test]
    fn a_test_that_passed_with_its_phases() {
        let said = said(&[
            r#"{"type":"suite","event":"started","test_count":1}"#,
            "warning: not JSON",
            r#"{"type":"test","event":"started","name":"a::b"}"#,
            r#"{"type":"test","event":"failed","name":"a::c","exec_time":9}"#,
            r#"{"type":"test","event":"ok","name":"a::b","exec_time":41.5,"harness":{"outcome":"passed","set_up":37.0,"body":4.25,"teardown":0.25}}"#,
            r#"{"type":"suite","event":"ok"}"#,
        ]);
        let end = said.test.clone().unwrap();
        assert_eq!(
            (end.seconds, end.set_up, end.body),
            (41.5, Some(37.0), Some(4.25))
        );
        assert_eq!(said.ended(Some(0), ""), Ended::Passed);
    }

    #[test]
    fn failures_by_what_they_say() {
        let failed = said(&[
            r#"{"type":"test","event":"failed","name":"a::b","stdout":"set-up failed\ntorch.OutOfMemoryError: CUDA out of memory.\n","harness":{"outcome":"set-up failed"}}"#,
        ]);
        assert!(matches!(
            failed.ended(Some(101), ""),
            Ended::OutOfMemory(line) if line.starts_with("torch.OutOfMemoryError")
        ));
        let broken =
            said(&[r#"{"type":"test","event":"failed","name":"a::b","stdout":"left != right"}"#]);
        assert_eq!(
            broken.ended(Some(101), "Running…"),
            Ended::Broken {
                code: Some(101),
                why: "left != right".into()
            }
        );
    }

    #[test]
    fn what_did_not_run_did_not_pass() {
        let skipped = said(&[
            r#"{"type":"test","event":"ignored","name":"a::b","message":"needs 1 cuda device"}"#,
        ]);
        let xfail = said(&[
            r#"{"type":"test","event":"ok","name":"a::b","harness":{"outcome":"expected failure"}}"#,
        ]);
        for (said, code, why) in [
            (skipped, 0, "needs 1 cuda device"),
            (xfail, 0, "expected to fail"),
            (Said::default(), 0, "no such test"),
            (Said::default(), 101, "panicked"),
        ] {
            match said.ended(Some(code), "panicked") {
                Ended::Broken { why: told, .. } => assert!(told.contains(why), "{told}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
