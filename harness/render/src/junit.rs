//! JUnit's XML, as Jenkins, GitLab and Buildkite read it.
//!
//! Promise: every case is there, under its whole name; every attempt is told; what was not executed is *skipped* with its reason; a waived failure is
//! skipped too, because readers of this format block on every failure. The first attempt that failed is the `failure`, as in Surefire; later ones are
//! reruns.
//!
//! Rejected: a document in memory that is then written (a hundred thousand cases are written as they are read); an `error` for each failure whose fault
//! is not the test's (readers count both, and few show which).

mod properties;

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use tribunal_events::{CaseEnded, CaseLog, Outcome, RunLog};

use crate::standing::{self, Standing, Tally};
use crate::text::{duration, gist, iso, plain, shortened};

/// The most that is told of an attempt's failure, and of its output. The rest lies in its evidence.
const TEXT: usize = 128 * 1024;
/// The most of a reason or of a property.
const LINE: usize = 2000;

type Xml = Writer<Vec<u8>>;

/// The report of a run as JUnit's XML.
pub fn junit(run: &RunLog) -> String {
    let mut xml =
        Writer::new_with_indent(Vec::with_capacity(1024 + run.cases.len() * 640), b' ', 1);
    // Writing to memory cannot fail.
    let _ = document(&mut xml, run);
    let bytes = xml.into_inner();
    let mut text = String::from_utf8(bytes)
        .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
    text.push('\n');
    text
}

fn document(xml: &mut Xml, run: &RunLog) -> io::Result<()> {
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let started = &run.started;
    let tally = Tally::of(run);
    let errors = run.cases.iter().filter(|c| is_error(c)).count();
    let failures = tally.failed + tally.cut_off - errors;
    let skipped = tally.skipped + tally.not_run + tally.waived;
    let seconds = format!("{:.3}", standing::wall_seconds(run));
    let (tests, failures, errors) = (
        run.cases.len().to_string(),
        failures.to_string(),
        errors.to_string(),
    );
    let shared = [
        ("tests", tests.as_str()),
        ("failures", &failures),
        ("errors", &errors),
        ("time", &seconds),
    ];
    let name = plain(&started.package);
    let mut suites = BytesStart::new("testsuites").with_attributes(shared);
    suites.push_attribute(("name", &*name));
    xml.write_event(Event::Start(suites))?;
    let mut suite = BytesStart::new("testsuite").with_attributes(shared);
    suite.push_attribute(("name", &*suite_name(run)));
    suite.push_attribute(("skipped", &*skipped.to_string()));
    suite.push_attribute(("timestamp", &*iso(started.at)));
    suite.push_attribute(("hostname", &*plain(&started.host.name)));
    xml.write_event(Event::Start(suite))?;
    written(xml, &properties::of_run(run))?;
    for case in &run.cases {
        testcase(xml, run, case)?;
    }
    let said = of_end(run);
    if !said.is_empty() {
        element(xml, "system-out", &said)?;
    }
    xml.write_event(Event::End(BytesEnd::new("testsuite")))?;
    xml.write_event(Event::End(BytesEnd::new("testsuites")))
}

fn suite_name(run: &RunLog) -> String {
    let started = &run.started;
    match (started.package.is_empty(), started.target.is_empty()) {
        (false, false) if started.package != started.target => {
            plain(&format!("{}::{}", started.package, started.target)).into_owned()
        }
        (false, _) => plain(&started.package).into_owned(),
        (true, false) => plain(&started.target).into_owned(),
        (true, true) => "tribunal".to_owned(),
    }
}

/// A fixture failed, or nobody knows: JUnit's word for that is *error*.
fn is_error(case: &CaseLog) -> bool {
    match standing::standing(case) {
        Standing::CutOff => true,
        Standing::Failed => outcome_is_error(main(case).map_or(Outcome::Failed, |e| e.outcome)),
        _ => false,
    }
}

fn outcome_is_error(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::SetUpFailed | Outcome::TeardownFailed)
}

/// The end that is the case's own: that of its first attempt where it failed, else the last.
fn main(case: &CaseLog) -> Option<&CaseEnded> {
    match case.attempts.len() {
        0 | 1 => case.end(),
        _ => case.attempts.first().and_then(|a| a.ended.as_ref()),
    }
}

fn testcase(xml: &mut Xml, run: &RunLog, case: &CaseLog) -> io::Result<()> {
    let end = case.end();
    let seconds = end.map_or(0.0, |e| e.times.set_up + e.times.body + e.times.teardown);
    let name = plain(&case.line.name);
    let class = class_name(run, case);
    let seconds = format!("{seconds:.3}");
    let attributes = [("name", &*name), ("classname", &class), ("time", &seconds)];
    xml.write_event(Event::Start(
        BytesStart::new("testcase").with_attributes(attributes),
    ))?;
    written(xml, &properties::of_case(case))?;
    verdict(xml, case)?;
    let said = output(run, case);
    if !said.is_empty() {
        element(xml, "system-out", &said)?;
    }
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}

/// `suites.e2e.chat`: readers make a tree of what stands between dots.
fn class_name(run: &RunLog, case: &CaseLog) -> String {
    let module = standing::module(case).replace("::", ".");
    let target = match run.started.target.is_empty() {
        true => &run.started.package,
        false => &run.started.target,
    };
    let class = match (target.is_empty(), module.is_empty()) {
        (false, false) => format!("{target}.{module}"),
        (false, true) => target.clone(),
        (true, _) => module,
    };
    plain(&class).into_owned()
}

fn verdict(xml: &mut Xml, case: &CaseLog) -> io::Result<()> {
    let word = standing::word(case);
    match standing::standing(case) {
        Standing::Passed => Ok(()),
        Standing::Skipped | Standing::NotRun => {
            let why = shortened(standing::text(case), LINE);
            marked(xml, "skipped", word, &why, None)
        }
        Standing::Waived => {
            let why = end_text(case, |e| e.waived.as_deref().unwrap_or(""));
            let message = format!("waived ({why}): {word}");
            marked(
                xml,
                "skipped",
                "waived",
                &message,
                Some(standing::text(case)),
            )
        }
        Standing::CutOff => marked(xml, "error", word, standing::text(case), None),
        Standing::Flaky => reruns(
            xml,
            case,
            &case.attempts[..case.attempts.len() - 1],
            "flaky",
        ),
        Standing::Failed => {
            let Some(first) = main(case) else {
                return marked(xml, "failure", word, standing::text(case), None);
            };
            let name = match outcome_is_error(first.outcome) {
                true => "error",
                false => "failure",
            };
            let kind = failure_type(first);
            let message = shortened(gist(&first.text), LINE);
            marked(xml, name, &kind, &message, Some(&first.text))?;
            reruns(xml, case, case.attempts.get(1..).unwrap_or(&[]), "rerun")
        }
    }
}

fn end_text<'a>(case: &'a CaseLog, of: impl Fn(&'a CaseEnded) -> &'a str) -> &'a str {
    case.end().map_or("", of)
}

/// The outcome, and the class where a rule knows one.
fn failure_type(end: &CaseEnded) -> String {
    match &end.class {
        Some(class) => format!("{}: {class}", end.outcome.word()),
        None => end.outcome.word().to_owned(),
    }
}

fn reruns(
    xml: &mut Xml,
    case: &CaseLog,
    attempts: &[tribunal_events::AttemptLog],
    prefix: &str,
) -> io::Result<()> {
    for attempt in attempts {
        let Some(end) = &attempt.ended else { continue };
        let kind = match outcome_is_error(end.outcome) {
            true => "Error",
            false => "Failure",
        };
        let times = &end.times;
        let seconds = times.set_up + times.body + times.teardown;
        let text = format!(
            "attempt {} of {}, {}\n{}",
            attempt.started.attempt,
            case.attempts.len(),
            duration(seconds),
            end.text
        );
        let message = shortened(gist(&end.text), LINE);
        let name = format!("{prefix}{kind}");
        let mut start = BytesStart::new(name.as_str());
        start.push_attribute(("message", &*plain(&message)));
        start.push_attribute(("type", &*plain(&failure_type(end))));
        xml.write_event(Event::Start(start))?;
        xml.write_event(Event::Text(BytesText::new(&plain(&shortened(&text, TEXT)))))?;
        if !end.output.is_empty() {
            let said = shortened(&end.output, TEXT);
            element(xml, "system-out", &said)?;
        }
        xml.write_event(Event::End(BytesEnd::new(name.as_str())))?;
    }
    Ok(())
}

/// An element with `type`, `message` and a text.
fn marked(
    xml: &mut Xml,
    name: &str,
    kind: &str,
    message: &str,
    text: Option<&str>,
) -> io::Result<()> {
    let mut start = BytesStart::new(name);
    start.push_attribute(("message", &*plain(message)));
    start.push_attribute(("type", &*plain(kind)));
    match text {
        None | Some("") => xml.write_event(Event::Empty(start)),
        Some(text) => {
            xml.write_event(Event::Start(start))?;
            xml.write_event(Event::Text(BytesText::new(&plain(&shortened(text, TEXT)))))?;
            xml.write_event(Event::End(BytesEnd::new(name)))
        }
    }
}

fn element(xml: &mut Xml, name: &str, text: &str) -> io::Result<()> {
    xml.write_event(Event::Start(BytesStart::new(name)))?;
    xml.write_event(Event::Text(BytesText::new(&plain(text))))?;
    xml.write_event(Event::End(BytesEnd::new(name)))
}

fn written(xml: &mut Xml, all: &[(String, String)]) -> io::Result<()> {
    if all.is_empty() {
        return Ok(());
    }
    xml.write_event(Event::Start(BytesStart::new("properties")))?;
    for (name, value) in all {
        let mut property = BytesStart::new("property");
        property.push_attribute(("name", &*plain(name)));
        property.push_attribute(("value", &*plain(&shortened(value, LINE))));
        xml.write_event(Event::Empty(property))?;
    }
    xml.write_event(Event::End(BytesEnd::new("properties")))
}

/// What it wrote, its notes, and where its evidence lies.
fn output(run: &RunLog, case: &CaseLog) -> String {
    let Some(end) = case.end() else {
        return String::new();
    };
    let mut text = shortened(&end.output, TEXT).into_owned();
    for note in &end.notes {
        line(&mut text, &format!("note: {}", shortened(note, LINE)));
    }
    for shared in &end.shared_output {
        line(
            &mut text,
            &format!("written by one of {}:", shared.by.join(", ")),
        );
        line(&mut text, &shortened(&shared.text, TEXT));
    }
    for end in case.attempts.iter().filter_map(|a| a.ended.as_ref()) {
        let Some(evidence) = &end.evidence else {
            continue;
        };
        for attachment in &end.attachments {
            let path = standing::attachment(run, case, evidence, &attachment.path);
            // Readers look for these lines; a name with such characters would break one.
            if !path.contains(['\n', '\r', ']', '|']) {
                line(&mut text, &format!("[[ATTACHMENT|{path}]]"));
            }
        }
    }
    text
}

fn line(text: &mut String, line: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(line);
}

/// What is worth saying of the whole run.
fn of_end(run: &RunLog) -> String {
    let mut text = String::new();
    for wrong in &run.wrong {
        line(&mut text, &format!("log: {wrong}"));
    }
    if run.ended.is_none() {
        line(
            &mut text,
            "the log has no end: the run was killed, or is still at work",
        );
    }
    if let Some((_, why)) = &run.stopping {
        line(&mut text, &format!("stopped: {why}"));
    }
    for (_, panic) in &run.stray_panics {
        line(
            &mut text,
            &format!("a thread that belongs to no test panicked: {panic}"),
        );
    }
    if let Some(end) = &run.ended {
        for error in &end.late_errors {
            line(&mut text, &format!("teardown: {error}"));
        }
        for note in &end.notes {
            line(&mut text, &format!("note: {note}"));
        }
    }
    shortened(&text, TEXT).into_owned()
}
