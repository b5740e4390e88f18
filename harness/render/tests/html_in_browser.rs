//! The page in a real browser. Where none is found its tests say so and check nothing.

#[path = "page/browser.rs"]
mod browser;
#[path = "page/demo.rs"]
mod demo;

use std::path::{Path, PathBuf};

use browser::{Browser, found};
use serde_json::json;
use tribunal_events::RunLog;
use tribunal_render::{HtmlOptions, html};

/// A browser; none where this machine has none, which is said.
fn browser() -> Option<Browser> {
    match found() {
        Ok(program) => Some(Browser::start(&program)),
        Err(why) => {
            eprintln!("not made: {why}");
            None
        }
    }
}

fn written(run: &RunLog, folder: &Path) -> PathBuf {
    let mut options = HtmlOptions::default();
    options.beside = Some(folder.to_owned());
    let page = folder.join("report.html");
    std::fs::write(&page, html(run, &options).text).unwrap();
    page.canonicalize().unwrap()
}

/// Where pictures are kept for people.
fn pictures() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("html-report")
}

/// Opens everything that can be opened, again and again until nothing new appears.
const OPEN_ALL: &str = "(async () => { for (let round = 0; round < 8; round += 1) { const closed = [...document.querySelectorAll('details:not([open])')]; if (closed.length === 0) break; \
    closed.forEach((one) => { one.open = true; }); await new Promise((done) => setTimeout(done, 50)); } return document.querySelectorAll('details:not([open])').length; })()";

#[test]
fn what_a_server_says_is_only_shown() {
    let Some(mut browser) = browser() else { return };
    let root = tempfile::tempdir().unwrap();
    let mut run = demo::demo(root.path());
    run.started.gaps = Some(vec![demo::HOSTILE.to_owned()]);
    let page = written(&run, root.path());
    browser.screen(1280, 1000, false);
    browser.open(&page, "");
    assert_eq!(browser.value(OPEN_ALL), 0);
    browser.until("document.querySelectorAll('img').length >= 2");
    browser.until("[...document.querySelectorAll('img')].every((one) => one.complete)");
    assert!(
        browser.value("window.hit").is_null(),
        "something of it was run"
    );
    assert_eq!(
        browser.value("document.querySelectorAll('script:not([type])').length"),
        1
    );
    let all = browser.value("document.body.innerText");
    let all = all.as_str().unwrap();
    assert!(
        all.contains("</script><script>window.hit=1</script>"),
        "it is shown as it is"
    );
    assert!(
        all.contains("‹U+202E›txt.exe‹U+202C›"),
        "what turns a text around is shown"
    );
    assert!(!all.contains('\0') && !all.contains('\u{202e}'));
    assert!(
        all.contains("bytes left out"),
        "what is too long is cut, and says so"
    );
    let links = browser
        .value("[...document.querySelectorAll('a[href]')].map((one) => one.getAttribute('href'))");
    for link in links.as_array().unwrap() {
        let link = link.as_str().unwrap();
        assert!(link.starts_with('#') || link.starts_with("./"), "{link}");
        assert!(
            !link.ends_with(".svg") && !link.ends_with(".html"),
            "{link}"
        );
    }
    assert_eq!(
        browser
            .value("document.querySelectorAll('iframe, object, embed, form, link, base').length"),
        0
    );
    browser.nothing_happened(&page);
}

#[test]
fn its_policy_stops_what_the_page_did_not_bring() {
    let Some(mut browser) = browser() else { return };
    let root = tempfile::tempdir().unwrap();
    let page = written(&demo::demo(root.path()), root.path());
    browser.open(&page, "");
    browser.value("(() => { const one = document.createElement('script'); one.textContent = 'window.hit = 2'; document.body.append(one); const two = document.createElement('img'); two.src = 'https://example.org/x.png'; document.body.append(two); \
        const three = document.createElement('div'); three.innerHTML = '<b onclick=\"window.hit=3\">x</b>'; document.body.append(three); three.firstChild.click(); })()");
    browser.until("fetch('https://example.org/').then(() => false, () => true)");
    assert!(browser.value("window.hit").is_null());
    let asked = browser.events.iter().any(|event| {
        event["method"] == "Network.responseReceived"
            && event["params"]["response"]["url"]
                .as_str()
                .is_some_and(|url| url.contains("example.org"))
    });
    assert!(!asked);
    browser.events.clear();
}

#[test]
fn a_failure_has_its_media_its_transcript_and_its_log() {
    let Some(mut browser) = browser() else { return };
    let root = tempfile::tempdir().unwrap();
    let page = written(&demo::demo(root.path()), root.path());
    browser.screen(1280, 1400, false);
    browser.open(&page, "#case-0");
    let inside = "document.querySelector('#failures details.case[data-case=\"0\"]')";
    browser.until(&format!(
        "{inside}?.open === true && {inside}.querySelector('img')?.naturalWidth === 48"
    ));
    browser.until(&format!(
        "{inside}.querySelector('audio')?.duration === 0.5"
    ));
    let text = browser.value(&format!("{inside}.innerText"));
    let text = text.as_str().unwrap();
    for part in [
        "too large for this page",
        "The browser cannot show it",
        "Verdicts: 1 of 1 did not pass",
        "Transcript: 60 exchanges, 40 shown",
        "Checks without an answer",
        "Log of a server",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    browser.picture(&pictures().join("failure.png"));
    browser.nothing_happened(&page);
}

#[test]
fn it_is_used_by_keys_alone() {
    let Some(mut browser) = browser() else { return };
    let root = tempfile::tempdir().unwrap();
    let page = written(&demo::demo(root.path()), root.path());
    browser.screen(1280, 900, false);
    browser.open(&page, "");
    browser.key("Tab");
    assert_eq!(browser.value("document.activeElement.className"), "skip");
    let line = "document.activeElement.closest('details.case')";
    browser.key("j");
    assert_eq!(browser.value(&format!("{line}?.dataset.case")), "0");
    browser.key("o");
    browser.until(&format!(
        "{line}.open && {line}.querySelector('pre.failure') !== null"
    ));
    browser.key("o");
    browser.until(&format!("!{line}.open"));
    browser.key("j");
    assert_ne!(browser.value(&format!("{line}?.dataset.case")), "0");
    browser.key("k");
    assert_eq!(browser.value(&format!("{line}?.dataset.case")), "0");
    browser.key("/");
    assert_eq!(browser.value("document.activeElement.id"), "filter");
    for key in ["f", "l", "a", "k", "y"] {
        browser.key(key);
    }
    browser
        .until("document.querySelector('#cases [role=status]').textContent.startsWith('1 of 10')");
    browser.value("document.querySelector('canvas').focus()");
    browser.key("ArrowRight");
    browser.until("document.querySelector('#timeline [role=status]').textContent.startsWith('chat::hostile: failed')");
    browser.key("+");
    browser.key("Enter");
    browser.until("location.hash === '#case-0' && document.activeElement.closest('details.case')?.dataset.case === '0'");
    browser.key("?");
    browser.until("document.getElementById('help').open");
    browser.key("Escape");
    browser.until("!document.getElementById('help').open");
    browser.key("d");
    assert_eq!(
        browser.value("document.documentElement.dataset.theme"),
        "dark"
    );
    browser.nothing_happened(&page);
}

#[test]
fn every_section_is_there_on_wide_and_narrow_screens() {
    let Some(mut browser) = browser() else { return };
    let root = tempfile::tempdir().unwrap();
    let mut run = demo::demo(root.path());
    let gap = "model `qwen3_omni` has priority high and no test at `full_model`";
    run.started.gaps = Some(vec![gap.to_owned()]);
    let page = written(&run, root.path());
    for (name, width, height, dark) in [
        ("wide-light", 1280, 1000, false),
        ("wide-dark", 1280, 1000, true),
        ("phone-light", 390, 844, false),
        ("phone-dark", 390, 844, true),
    ] {
        browser.screen(width, height, dark);
        browser.open(&page, "");
        let sections =
            browser.value("[...document.querySelectorAll('section')].map((one) => one.id)");
        assert_eq!(
            sections,
            json!([
                "overview",
                "failures",
                "unsure",
                "not-run",
                "timeline",
                "performance",
                "soaks",
                "faults",
                "table-0",
                "coverage",
                "telemetry",
                "cases"
            ])
        );
        let beyond = browser
            .value("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(beyond, 0, "{name}: the page is wider than the screen");
        browser.picture(&pictures().join(format!("{name}-top.png")));
        for section in ["timeline", "performance", "soaks", "faults", "not-run"] {
            browser.value(&format!(
                "document.getElementById('{section}').scrollIntoView()"
            ));
            browser.picture(&pictures().join(format!("{name}-{section}.png")));
        }
    }
    browser.nothing_happened(&page);
}

/// What it costs, said and not judged: this machine may be busy.
#[test]
fn a_thousand_cases_open() {
    let Some(mut browser) = browser() else { return };
    let root = tempfile::tempdir().unwrap();
    let mut log = demo::Log::default();
    log.line("run_started", 0.0, json!({"schema": 1, "package": "p"}));
    for case in 0..1000 {
        log.line("case", 0.0, json!({"case": case, "name": format!("module::of::tests::test_{case}"), "test": "t", "markers": ["core_model"]}));
    }
    for case in 0..1000 {
        let at = f64::from(case);
        log.line(
            "case_started",
            at * 10.0,
            json!({"case": case, "attempt": 1, "devices": [case % 4]}),
        );
        let outcome = if case % 20 == 0 { "failed" } else { "passed" };
        log.line("case_ended", at * 10.0 + 30.0, json!({"case": case, "attempt": 1, "outcome": outcome, "text": "a failure\n".repeat(30), "times": {"set_up": 0.01, "body": 0.015, "teardown": 0.005}}));
    }
    let page = written(&log.run(root.path()), root.path());
    browser.screen(1280, 1000, false);
    browser.open(&page, "");
    let shown = browser.value("performance.getEntriesByName('shown')[0]?.startTime");
    let all = browser.value("performance.getEntriesByName('all shown')[0]?.startTime");
    println!("1,000 cases: first shown after {shown} ms, all after {all} ms");
    assert!(shown.is_number() && all.is_number());
    browser.nothing_happened(&page);
}
