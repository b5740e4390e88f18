//! Annotations: their order, their count, and that no text begins one of its own.

use std::path::Path;

use serde_json::json;
use tribunal_render::{annotations_buildkite, annotations_github};

use crate::sample;

#[test]
fn the_most_important_come_first_with_their_places() {
    let text = annotations_github(&sample::mixed(), Some(Path::new("/")));
    let lines: Vec<&str> = text.lines().collect();
    let kinds: Vec<&str> = lines.iter().map(|l| l.split(' ').next().unwrap()).collect();
    let mut sorted = kinds.clone();
    sorted.sort_by_key(|k| {
        ["::error", "::warning", "::notice"]
            .iter()
            .position(|x| x == k)
    });
    assert_eq!(kinds, sorted, "{text}");
    for part in [
        "::error file=project/suites/src/e2e.rs,line=77,col=9,title=failed (quality)%3A e2e%3A%3Achat%3A%3Afails::no text%0A",
        "::error file=project/suites/src/e2e.rs,line=19,col=1,title=cut off%3A e2e%3A%3Ais_cut_off::",
        "::warning file=project/suites/src/e2e.rs,line=15,col=1,title=failed and waived%3A",
        "::warning file=project/suites/src/e2e.rs,line=12,col=1,title=flaky%3A",
        "::notice file=project/suites/src/e2e.rs,line=13,col=1,title=skipped%3A",
    ] {
        assert!(lines.iter().any(|l| l.starts_with(part)), "{part}\n{text}");
    }
    assert!(lines.iter().all(|l| l.starts_with("::")), "{text}");
    assert_eq!(text.matches('\u{1b}').count(), 0);
}

#[test]
fn no_more_than_a_step_shows_and_the_last_counts_the_rest() {
    let text = annotations_github(&sample::many(1000), None);
    assert_eq!(text.matches("::error ").count(), 10);
    let last = text.lines().last().unwrap();
    assert!(last.starts_with("::error title=and 91 more::"), "{last}");
}

#[test]
fn one_reason_of_many_cases_is_one_annotation() {
    let mut lines = vec![sample::begun()];
    lines.extend((0..40).map(|i| sample::case(i, &format!("e2e::c{i}"))));
    for i in 0..40 {
        let end =
            json!({"outcome": "set-up failed", "text": "set-up failed: the server is not ready"});
        lines.extend(sample::attempt(i, 1, i as f64, end));
    }
    lines.push(sample::ended(101));
    let text = annotations_github(&sample::parsed(&lines), None);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("e2e%3A%3Ac0 and 39 other cases"), "{text}");
    assert!(
        text.contains("%0Aalso e2e::c1%0A") && text.contains("%0Aand 19 more"),
        "{text}"
    );
}

#[test]
fn buildkite_gets_one_of_a_run_and_none_of_a_good_one() {
    let all = annotations_buildkite(&sample::mixed());
    assert_eq!(all.len(), 1);
    let arguments = "annotate --style error --context tribunal-tribunal-suites-suites --priority 8";
    assert_eq!(all[0].arguments().join(" "), arguments);
    assert!(all[0].body.contains("e2e::chat::fails"));

    let mut lines = vec![sample::begun(), sample::case(0, "a")];
    lines.extend(sample::attempt(0, 1, 0.0, json!({})));
    lines.push(sample::ended(0));
    assert_eq!(annotations_buildkite(&sample::parsed(&lines)), []);
    lines[0]["shard"] = json!({"index": 2, "count": 3});
    lines.pop();
    let killed = annotations_buildkite(&sample::parsed(&lines));
    assert_eq!(
        (killed[0].style, &*killed[0].context),
        ("error", "tribunal-tribunal-suites-suites-2-of-3")
    );
}
