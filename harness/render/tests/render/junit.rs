//! JUnit's XML: against its schema, and as a second program reads it.

use std::path::Path;
use std::process::{Command, Output};

use quick_xml::Reader;
use quick_xml::events::Event;

use crate::sample;

const XSD: &str = include_str!("../schemas/junit-10.xsd");

fn skipped(why: &str) {
    eprintln!("not checked here: {why}");
}

/// The lines of the elements `properties` of test cases are left out.
fn without_properties(xml: &str) -> String {
    let mut inside = false;
    let mut depth = 0;
    let mut kept = String::new();
    for line in xml.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with("<testcase") {
            depth = 1;
        }
        if depth == 1 && trimmed == "<properties>" {
            inside = true;
        }
        if !inside {
            kept.push_str(line);
            kept.push('\n');
        }
        if trimmed == "</properties>" {
            inside = false;
        }
        if trimmed == "</testcase>" {
            depth = 0;
        }
    }
    kept
}

fn lint(folder: &Path, xsd: &str, xml: &str) -> Option<Output> {
    let (schema, report) = (folder.join("a.xsd"), folder.join("a.xml"));
    std::fs::write(&schema, xsd).unwrap();
    std::fs::write(&report, xml).unwrap();
    let mut lint = Command::new("xmllint");
    lint.arg("--noout").arg("--nonet").arg("--schema");
    match lint.arg(&schema).arg(&report).output() {
        Ok(output) => Some(output),
        Err(_) => {
            skipped("xmllint is not installed (Debian: libxml2-utils)");
            None
        }
    }
}

#[test]
fn it_is_valid_against_the_published_schema() {
    let folder = tempfile::tempdir().unwrap();
    let xml = tribunal_render::junit(&sample::mixed());
    let marker = "<xs:element ref=\"skipped\"/>";
    assert_eq!(XSD.matches(marker).count(), 1);
    let with = XSD.replace(marker, &format!("{marker}<xs:element ref=\"properties\"/>"));
    for (xsd, xml) in [
        (with.as_str(), xml.clone()),
        (XSD, without_properties(&xml)),
    ] {
        let Some(output) = lint(folder.path(), xsd, &xml) else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}\n{xml}");
    }
    // The check itself can fail.
    let broken = xml.replacen(" type=\"", " kind=\"", 1);
    assert!(
        !lint(folder.path(), &with, &broken)
            .unwrap()
            .status
            .success()
    );
}

#[test]
fn a_second_program_reads_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.xml");
    std::fs::write(&path, tribunal_render::junit(&sample::mixed())).unwrap();
    let script = r#"
import sys
try:
    from junitparser import JUnitXml
except ImportError:
    print("no junitparser"); sys.exit(0)
x = JUnitXml.fromfile(sys.argv[1])
print(x.tests, x.failures, x.errors)
for s in x:
    print(s.skipped)
    for c in s:
        print(c.name, c.classname, ",".join(type(r).__name__ + ":" + str(r.type) for r in c.result), sorted(p.get("name") for p in c._elem.iter("property"))[:2])
"#;
    let run = Command::new("python3")
        .arg("-c")
        .arg(script)
        .arg(&path)
        .output();
    let Ok(output) = run else {
        return skipped("python3 is not installed");
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    if said.contains("no junitparser") {
        return skipped("junitparser is not installed (pip install junitparser)");
    }
    for line in [
        "11 3 2\n4\n",
        "e2e::chat::passes suites.e2e.chat  ['attempts', 'body seconds']",
        "e2e::chat::fails suites.e2e.chat Failure:failed: quality",
        "e2e::speech::is_skipped suites.e2e.speech Skipped:skipped",
        "e2e::speech::is_ignored suites.e2e.speech Skipped:ignored",
        "stability::is_waived suites.stability Skipped:waived",
        "performance::regresses suites.performance Failure:regressed",
        "e2e::set_up_fails_twice suites.e2e Error:set-up failed: port",
        "e2e::never_ran suites.e2e Skipped:not run",
        "e2e::is_cut_off suites.e2e Error:cut off",
        "hostile suites Failure:failed: ",
    ] {
        assert!(said.contains(line), "{line}\n---\n{said}");
    }
}

/// The elements of a report, in order: name and attributes, and texts.
fn elements(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let mut all = Vec::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(e) | Event::Empty(e) => {
                let attributes: Vec<String> = e
                    .attributes()
                    .map(|a| {
                        let a = a.unwrap();
                        let key = String::from_utf8_lossy(a.key.as_ref().as_ref()).into_owned();
                        format!(
                            "{key}={}",
                            String::from_utf8_lossy(a.value.as_ref().as_ref())
                        )
                    })
                    .collect();
                let name = String::from_utf8_lossy(e.name().as_ref().as_ref()).into_owned();
                all.push(format!("{name} {}", attributes.join(" ")));
            }
            Event::Eof => return all,
            _ => {}
        }
    }
}

#[test]
fn attempts_figures_and_evidence_are_there() {
    let xml = tribunal_render::junit(&sample::mixed());
    let all = elements(&xml);
    let has = |part: &str| all.iter().any(|e| e.contains(part));
    for part in [
        "testsuites tests=11 failures=3 errors=2 time=9.000 name=tribunal-suites",
        "testsuite tests=11 failures=3 errors=2 time=9.000 name=tribunal-suites::suites skipped=4 timestamp=2026-11-22T",
        "property name=level value=slow",
        "property name=devices value=0 H100 (simulated), 1 H100 (simulated)",
        "property name=devices value=0,1",
        "property name=markers value=e2e, max_vram_gib(60)",
        "property name=line value=11",
        "property name=not made: transcript value=no transcriber",
        "property name=figure.load 8.p99_ttft_ms value=23.70 ms [22.90, 24.40], baseline 21.70, regressed",
        "property name=quarantine value=drifts (until 2026-12-31, #7)",
        "flakyFailure message=first time no type=failed",
        "rerunError message=set-up failed: port again type=set-up failed",
        "skipped message=needs a transcriber type=skipped",
    ] {
        assert!(has(part), "{part}\n---\n{xml}");
    }
    assert!(
        xml.contains(
            "[[ATTACHMENT|target/tribunal/20261122-044623.250-7/e2e.chat.fails/1/answer.wav]]"
        ),
        "{xml}"
    );
    assert!(
        !xml.contains("]]x"),
        "a name that would end the line early is left out"
    );
    assert!(xml.contains("written by one of a, b:\nwhose?"), "{xml}");
}

#[test]
fn nothing_of_a_model_becomes_markup() {
    let xml = tribunal_render::junit(&sample::mixed());
    assert!(!xml.contains("<script>"));
    let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    assert!(!xml.contains(odd) && !xml.contains('\u{fffe}') && !xml.contains('\u{202e}'));
    assert!(xml.contains("é\u{1F600}"));
}

#[test]
fn many_cases_are_all_there() {
    let xml = tribunal_render::junit(&sample::many(2000));
    assert_eq!(xml.matches("<testcase ").count(), 2000);
    assert_eq!(xml.matches("<failure ").count(), 200);
}
