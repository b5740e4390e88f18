//! The summary in Markdown: what comes first, and how long it gets.

use pulldown_cmark::{Event, Options, Parser, Tag};

use crate::sample;

#[test]
fn failures_come_first_and_reasons_after() {
    let text = tribunal_render::markdown(&sample::mixed(), tribunal_render::GOOD_LIMIT);
    let mut at = 0;
    for part in [
        "### ❌ tribunal-suites: 4 failed, 1 cut off, 1 failed and waived, 1 flaky, 1 passed, 2 skipped or ignored, 1 not run",
        "level slow",
        "2×H100 (simulated)",
        "commit 0123456789ab ·",
        "#### Failed\n",
        "<code>e2e::chat::fails</code> failed (quality): no text",
        "suites/src/e2e.rs:11",
        "#### Failed and waived",
        "#### Flaky",
        "first time no",
        "#### What did not run, and why",
        "needs a transcriber",
        "#### Figures",
        "p99\\_ttft\\_ms",
        "#### Notes",
        "1 case was slow",
    ] {
        let found = text[at..].find(part);
        let found = found.unwrap_or_else(|| panic!("no `{part}` after byte {at}:\n{text}"));
        at += found;
    }
}

#[test]
fn what_a_model_wrote_is_no_link_no_heading_and_no_tag() {
    let text = tribunal_render::markdown(&sample::mixed(), tribunal_render::GOOD_LIMIT);
    let mut html = String::new();
    for event in Parser::new_ext(&text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                panic!("a link to {dest_url}\n{text}")
            }
            Event::Html(tag) | Event::InlineHtml(tag) => html.push_str(&tag),
            _ => {}
        }
    }
    assert!(
        !html.contains("<script") && !html.contains("<img"),
        "{html}"
    );
    let opened = html.matches("<details>").count();
    assert_eq!(opened, 6, "{html}");
    assert_eq!(html.matches("</details>").count(), opened, "{html}");
}

#[test]
fn it_is_never_longer_than_asked_and_counts_what_is_missing() {
    let run = sample::many(3000);
    for limit in [0, 1024, 4096, 20_000, 100_000, tribunal_render::GOOD_LIMIT] {
        let text = tribunal_render::markdown(&run, limit);
        assert!(text.len() <= limit.max(1024), "{limit}: {}", text.len());
        assert!(text.contains("300 failed, 2700 passed"), "{limit}");
    }
    let text = tribunal_render::markdown(&run, 20_000);
    let told = text.matches("<code>e2e").count();
    let rest = format!("and {} more cases", 300 - told);
    assert!(told > 10 && text.contains(&rest), "{told}: {text}");
    assert_eq!(
        text.matches("<details>").count(),
        text.matches("</details>").count()
    );
}

#[test]
fn a_run_that_was_killed_is_no_good_one() {
    let mut lines = vec![sample::begun(), sample::case(0, "a")];
    lines.extend(sample::attempt(0, 1, 0.0, serde_json::json!({})));
    let killed = tribunal_render::markdown(&sample::parsed(&lines), 10_000);
    assert!(
        killed.starts_with("### ❌") && killed.contains("The log has no end"),
        "{killed}"
    );
    lines.push(sample::ended(0));
    let good = tribunal_render::markdown(&sample::parsed(&lines), 10_000);
    assert!(
        good.starts_with("### ✅ tribunal-suites: 1 passed"),
        "{good}"
    );
}
